package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

const (
	streamWindowBytes  = 1 << 20
	connWindowBytes    = 8 << 20
	maxReceivedBytes   = 64 << 20
	keepaliveAfter     = 20 * time.Second // of silence; pings of the master come more often
	keepaliveTimeout   = 5 * time.Second  // also TCP_USER_TIMEOUT
	connectWithin      = 5 * time.Second
	reconnectBaseDelay = 50 * time.Millisecond
	reconnectMaxDelay  = 250 * time.Millisecond
)

// Conns holds one connection per master address. Many agents of one process may
// share it: each has a stream of its own on the same connection. It may be used
// from any goroutine.
type Conns struct {
	credentials credentials.TransportCredentials
	dial        func(context.Context, string) (net.Conn, error) // nil = TCP

	mu    sync.Mutex
	conns map[string]*grpc.ClientConn
}

// NewConns returns an empty set. Credentials nil means plain text.
func NewConns(c credentials.TransportCredentials) *Conns {
	if c == nil {
		c = insecure.NewCredentials()
	}
	return &Conns{credentials: c, conns: map[string]*grpc.ClientConn{}}
}

// Get returns the connection to a master, which connects when it is first used
// and again whenever it is used after a failure.
func (c *Conns) Get(address string) (*grpc.ClientConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cc := c.conns[address]; cc != nil {
		return cc, nil
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(c.credentials),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay: reconnectBaseDelay, Multiplier: 1.5, Jitter: 0.3, MaxDelay: reconnectMaxDelay,
			},
			MinConnectTimeout: connectWithin,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveAfter, Timeout: keepaliveTimeout}),
		grpc.WithInitialWindowSize(streamWindowBytes),
		grpc.WithInitialConnWindowSize(connWindowBytes),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxReceivedBytes)),
		grpc.WithDisableServiceConfig(),
		grpc.WithIdleTimeout(0),
		grpc.WithNoProxy(), // masters are the cluster's own, whatever a site's proxy is for
	}
	if c.dial != nil {
		options = append(options, grpc.WithContextDialer(c.dial))
	}
	cc, err := grpc.NewClient("passthrough:///"+address, options...)
	if err != nil {
		return nil, fmt.Errorf("connect to master %q: %w", address, err)
	}
	c.conns[address] = cc
	return cc, nil
}

// Close closes every connection.
func (c *Conns) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, cc := range c.conns {
		errs = append(errs, cc.Close())
	}
	clear(c.conns)
	return errors.Join(errs...)
}
