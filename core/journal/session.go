package journal

import (
	"context"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// attemptTimeout bounds one request to etcd; the request is then repeated.
const attemptTimeout = 3 * time.Second

// revokeTimeout bounds the courtesy of giving a lease back; etcd expires it anyway.
const revokeTimeout = time.Second

// session is a lease that this process keeps alive.
type session struct {
	client *clientv3.Client
	lease  clientv3.LeaseID
	done   <-chan struct{} // closed when the lease can no longer be relied on
	stop   context.CancelFunc
}

// openSession grants a lease and keeps it alive until close or the end of ctx.
func openSession(ctx context.Context, client *clientv3.Client, ttl time.Duration) (*session, error) {
	grantCtx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	grant, err := client.Grant(grantCtx, int64(ttl/time.Second))
	if err != nil {
		return nil, fmt.Errorf("grant a lease: %w", err)
	}
	keepCtx, stop := context.WithCancel(ctx)
	beats, err := client.KeepAlive(keepCtx, grant.ID)
	if err != nil {
		stop()
		return nil, fmt.Errorf("keep lease %x alive: %w", grant.ID, err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range beats {
		}
	}()
	return &session{client, grant.ID, done, stop}, nil
}

// close gives the lease back, and with it every key it holds.
func (s *session) close() error {
	s.stop()
	<-s.done
	ctx, cancel := context.WithTimeout(context.Background(), revokeTimeout)
	defer cancel()
	if _, err := s.client.Revoke(ctx, s.lease); err != nil {
		return fmt.Errorf("revoke lease %x: %w", s.lease, err)
	}
	return nil
}
