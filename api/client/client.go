package client

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// DefaultAddress is where a client looks when nobody says where.
const DefaultAddress = "127.0.0.1:7070"

// DefaultPort completes an address without a port.
const DefaultPort = "7070"

// Client talks to a cluster.
type Client struct {
	bases  []string // "http://host:port"
	pulses []*pulse // of the masters there
	http   *http.Client
	prefer atomic.Int32 // the base that answered last
	// answered is set once any master has answered, with whatever: from then on
	// silence means a failover, before it means that nothing is there.
	answered atomic.Bool
	patience time.Duration
	agent    string
	// A master that has brought no answer for quiet is asked whether it is there, and
	// has within to say so.
	quiet, within time.Duration
}

// Option changes a Client from its defaults.
type Option func(*Client)

// WithPatience sets how long a request that is safe to repeat is repeated while
// no master leads, and how long a broken stream tries to go on. The default is
// 15 s: a dead leader is replaced within its session's time to live, two
// seconds by default, and a second more.
func WithPatience(d time.Duration) Option { return func(c *Client) { c.patience = d } }

// WithPulse sets how long a request may go without an answer before the master is
// asked whether its process works at all, and how long it may take to say so. Then the
// next one is tried. The default is 3 s and 5 s: no healthy master needs that long.
func WithPulse(quiet, within time.Duration) Option {
	return func(c *Client) { c.quiet, c.within = quiet, within }
}

// WithUserAgent sets the User-Agent header.
func WithUserAgent(s string) Option { return func(c *Client) { c.agent = s } }

// New returns a client for the masters at addresses, each "host:port", "host"
// or "http://host:port"; none means DefaultAddress. It does not connect yet.
func New(addresses []string, options ...Option) (*Client, error) {
	if len(addresses) == 0 {
		addresses = []string{DefaultAddress}
	}
	c := &Client{patience: 15 * time.Second, agent: "tender", quiet: 3 * time.Second, within: 5 * time.Second}
	for _, a := range addresses {
		base, err := baseURL(a)
		if err != nil {
			return nil, err
		}
		c.bases = append(c.bases, base)
	}
	for _, o := range options {
		o(c)
	}
	dialer := &net.Dialer{
		Timeout: 3 * time.Second,
		// A master whose machine vanished, or was cut off, sends nothing at all: a
		// long wait or stream finds out within ten seconds, and so does a request
		// that was under way.
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 4 * time.Second, Interval: 2 * time.Second, Count: 3},
		Control:         limitSilence,
	}
	if len(c.bases) > 1 {
		dialer.Timeout = time.Second // there are others to ask
	}
	c.http = &http.Client{
		Transport: &http.Transport{
			// No Proxy: a cluster's address is meant as it is written.
			DialContext:         dialer.DialContext,
			MaxIdleConnsPerHost: 8,
			IdleConnTimeout:     time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for _, base := range c.bases {
		c.pulses = append(c.pulses, &pulse{client: c.http, url: base + "/healthz", quiet: c.quiet, within: c.within})
	}
	return c, nil
}

// Close drops idle connections. The client may be used again.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Addresses returns where the client looks, as host:port.
func (c *Client) Addresses() []string {
	out := make([]string, len(c.bases))
	for i, b := range c.bases {
		out[i] = strings.TrimPrefix(b, "http://")
	}
	return out
}

// ParseAddresses splits a comma-separated list, as TENDER_ADDR holds it.
func ParseAddresses(list string) []string {
	var out []string
	for a := range strings.SplitSeq(list, ",") {
		if a = strings.TrimSpace(a); a != "" {
			out = append(out, a)
		}
	}
	return out
}

func baseURL(address string) (string, error) {
	host := address
	if scheme, rest, ok := strings.Cut(address, "://"); ok {
		if scheme != "http" {
			return "", fmt.Errorf("parse address %q: scheme %q is not supported, want host:port or http://host:port", address, scheme)
		}
		host = strings.TrimSuffix(rest, "/")
	}
	if err := checkHostPort(&host); err != nil {
		return "", fmt.Errorf("parse address %q: %w", address, err)
	}
	return "http://" + host, nil
}

// checkHostPort adds the default port to a host that has none.
func checkHostPort(host *string) error {
	h, port, err := net.SplitHostPort(*host)
	if addrErr, ok := errors.AsType[*net.AddrError](err); ok && addrErr.Err == "missing port in address" {
		h, port = strings.Trim(*host, "[]"), DefaultPort
		err = nil
	}
	switch {
	case err != nil:
		return errors.New("want host:port (an IPv6 address in brackets)")
	case h == "" || strings.ContainsAny(h, " /?#@%"):
		return errors.New("want host:port")
	}
	if n, err := net.LookupPort("tcp", port); err != nil || n == 0 {
		return fmt.Errorf("port %q is not a number from 1 to 65535", port)
	}
	*host = net.JoinHostPort(h, port)
	if _, err := url.Parse("http://" + *host); err != nil {
		return errors.New("want host:port")
	}
	return nil
}
