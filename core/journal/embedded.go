package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"

	"github.com/tender-scheduler/tender/core/model"
)

// Limits of an embedded etcd.
const (
	DefaultQuotaBytes   = 4 << 30
	DefaultStartTimeout = 30 * time.Second
)

// EmbeddedConfig says where an etcd inside this process keeps its data.
type EmbeddedConfig struct {
	DataDir string // made if absent; one process at a time

	// Listen, host:port, serves etcd clients over TCP, without authentication:
	// for a second master on a trusted network. Empty: no port is opened at all.
	Listen string

	// Peers makes this etcd one member of several; nil: it is the only one. Its
	// start then takes until most members are up.
	Peers *PeersConfig

	QuotaBytes   int64         // of the database; 0: DefaultQuotaBytes
	StartTimeout time.Duration // 0: DefaultStartTimeout
	Logger       *slog.Logger  // nil discards
}

// Validate reports the first fault.
func (c EmbeddedConfig) Validate() error {
	switch {
	case c.DataDir == "":
		return errors.New("embedded etcd: the data directory must be given")
	case c.QuotaBytes < 0:
		return fmt.Errorf("embedded etcd: quota of %d bytes must not be negative", c.QuotaBytes)
	case c.StartTimeout < 0:
		return fmt.Errorf("embedded etcd: start timeout %v must not be negative", c.StartTimeout)
	}
	if c.Listen != "" {
		if _, _, err := net.SplitHostPort(c.Listen); err != nil {
			return fmt.Errorf("embedded etcd: listen address %q: want host:port: %w", c.Listen, err)
		}
	}
	if c.Peers != nil {
		return c.Peers.validate()
	}
	return nil
}

// Embedded is an etcd inside this process: the only member, or one of several.
type Embedded struct {
	cfg    EmbeddedConfig
	rename bool // its member has no address yet that others could reach
	etcd   *embed.Etcd
	client *clientv3.Client
	lock   *dirLock
	logs   *etcdLogs
	close  sync.Once
}

// StartEmbedded locks the data directory, starts etcd in it and waits until it
// serves. Every commit is synced to disk. It returns a *model.Refusal if another
// process has the directory, and a plain error if the directory cannot be used.
func StartEmbedded(ctx context.Context, cfg EmbeddedConfig) (*Embedded, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.QuotaBytes == 0 {
		cfg.QuotaBytes = DefaultQuotaBytes
	}
	if cfg.StartTimeout == 0 {
		cfg.StartTimeout = DefaultStartTimeout
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	dir, err := filepath.Abs(cfg.DataDir)
	if err != nil {
		return nil, fmt.Errorf("find data directory %q: %w", cfg.DataDir, err)
	}
	cfg.DataDir = dir
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	e := &Embedded{cfg: cfg, lock: lock}
	if err := e.start(ctx); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

func (e *Embedded) start(ctx context.Context) error {
	listen, err := listenURL(ctx, e.cfg.Listen)
	if err != nil {
		return err
	}
	if e.logs, err = openEtcdLogs(filepath.Join(e.cfg.DataDir, "etcd.log"), e.cfg.Logger); err != nil {
		return fmt.Errorf("use data directory %q: %w", e.cfg.DataDir, err)
	}
	if err := checkMember(filepath.Join(e.cfg.DataDir, "etcd", "member")); err != nil {
		return fmt.Errorf("start etcd in data directory %q: %w", e.cfg.DataDir, err)
	}
	if e.etcd, err = launch(etcdConfig(e.cfg, listen, e.logs), e.logs); err != nil {
		if e.cfg.Listen != "" && isListenError(err) {
			return model.Refuse(model.ReasonConflict, "embedded etcd cannot listen on %s: %v; choose another address", e.cfg.Listen, err)
		}
		if said := e.startFailed(err); said != err { //nolint:errorlint // the same error, not the same kind
			return said
		}
		return fmt.Errorf("start etcd in data directory %q: %w; the directory may be damaged or not writable: see %s",
			e.cfg.DataDir, err, e.logs.path)
	}
	if err := e.checkMembers(); err != nil {
		return err
	}
	if err := e.awaitReady(ctx); err != nil {
		return fmt.Errorf("start etcd in data directory %q: %w: see %s", e.cfg.DataDir, err, e.logs.path)
	}
	e.logs.started()
	e.client = v3client.New(e.etcd.Server)
	if err := cmp.Or(e.takeVote(ctx), e.regainSpace(ctx), e.takeAddress(ctx)); err != nil {
		return fmt.Errorf("start etcd in data directory %q: %w", e.cfg.DataDir, err)
	}
	if e.Sole() {
		return e.dropStaleLeases(ctx)
	}
	return nil
}

func (e *Embedded) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var late <-chan time.Time
	if e.cfg.Peers != nil { // the others come when they come
		go e.complainUnready(ctx)
	} else {
		limit := time.NewTimer(e.cfg.StartTimeout)
		defer limit.Stop()
		late = limit.C
	}
	select {
	case <-e.etcd.Server.ReadyNotify():
		return nil
	case err := <-e.etcd.Err():
		return err
	case <-e.etcd.Server.StopNotify():
		return errors.New("it stopped at once")
	case <-e.logs.gaveUp:
		e.etcd = nil // a goroutine of it is gone: closing could wait for ever
		return e.logs.fatal()
	case <-late:
		return fmt.Errorf("not ready after %v", e.cfg.StartTimeout)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// launch calls embed.StartEtcd, which answers a damaged directory by a panic or by
// zap's Fatal, in its own goroutine or in one it waits for; all of it comes back
// as an error. What it had begun by then cannot be stopped: it stays behind.
func launch(cfg *embed.Config, logs *etcdLogs) (*embed.Etcd, error) {
	type result struct {
		etcd *embed.Etcd
		err  error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() { done <- r }()
		defer func() {
			if p := recover(); p != nil {
				r = result{nil, fmt.Errorf("etcd panicked: %v", p)}
			}
		}()
		r.err = errGaveUp // unless StartEtcd returns
		r.etcd, r.err = embed.StartEtcd(cfg)
	}()
	select {
	case r := <-done:
		if errors.Is(r.err, errGaveUp) {
			return nil, logs.fatal()
		}
		return r.etcd, r.err
	case <-logs.gaveUp:
		return nil, logs.fatal()
	}
}

var errGaveUp = errors.New("etcd gave up")

// dropStaleLeases revokes what a previous process left. Nobody else can hold a
// lease of an etcd that does not listen, so its leader key need not be waited out.
func (e *Embedded) dropStaleLeases(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, e.cfg.StartTimeout)
	defer cancel()
	leases, err := e.client.Leases(ctx)
	if err != nil {
		return fmt.Errorf("list the leases of the previous run: %w", err)
	}
	for _, l := range leases.Leases {
		if _, err := e.client.Revoke(ctx, l.ID); err != nil {
			return fmt.Errorf("revoke lease %x of the previous run: %w", l.ID, err)
		}
	}
	return nil
}

// Client calls etcd inside this process, without a socket. Close the Embedded,
// not the client.
func (e *Embedded) Client() *clientv3.Client { return e.client }

// Sole says that no other process can reach this etcd.
func (e *Embedded) Sole() bool { return e.cfg.Listen == "" && e.cfg.Peers == nil }

// Addr is where etcd clients can connect, "" if nowhere. A port 0 in
// EmbeddedConfig.Listen is resolved.
func (e *Embedded) Addr() string {
	if len(e.etcd.Clients) == 0 {
		return ""
	}
	return e.etcd.Clients[0].Addr().String()
}

// Stopped is closed when etcd has stopped, by Close or by itself.
func (e *Embedded) Stopped() <-chan struct{} { return e.etcd.Server.StopNotify() }

// Close stops etcd and releases the data directory. Close Journals first.
func (e *Embedded) Close() {
	e.close.Do(func() {
		if e.client != nil {
			e.client.Close()
		}
		if e.etcd != nil {
			e.etcd.Close()
		}
		if e.logs != nil {
			e.logs.close()
		}
		e.lock.release()
	})
}

func listenURL(ctx context.Context, address string) (*url.URL, error) {
	if address == "" {
		return nil, nil
	}
	// etcd binds to IP addresses only.
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen address %q: %w", address, err)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	ips, err := net.DefaultResolver.LookupIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("listen address %q: %w", address, err)
	}
	return &url.URL{Scheme: "http", Host: net.JoinHostPort(ips[0].String(), port)}, nil
}

func isListenError(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "listen"
}

// checkMember finds a database whose log is gone. etcd would take it for a new
// member, and then take new commits for old ones.
func checkMember(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "snap", "db")); err != nil {
		return nil // new, or etcd will say what it lacks
	}
	logs, err := filepath.Glob(filepath.Join(dir, "wal", "*.wal"))
	if err != nil || len(logs) == 0 {
		return fmt.Errorf("the directory is damaged: %s is there, but no log in %s; restore both from a backup, or choose another directory",
			filepath.Join(dir, "snap", "db"), filepath.Join(dir, "wal"))
	}
	return nil
}

// makeDir is os.MkdirAll with an error for people.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make data directory %q: %w", dir, err)
	}
	return nil
}
