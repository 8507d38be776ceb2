package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// Folder is the state that the log describes. Its methods are called from the
// goroutine that called Lead or Follow; an error ends that call.
type Folder interface {
	// Restore replaces the whole state by a snapshot. It comes first if there is
	// a snapshot, and again if the log was compacted under a slow follower.
	Restore(snapshot []byte) error
	// Apply folds one committed group: the records of one Append. The slices are
	// the Folder's to keep, but not to change.
	Apply(index uint64, records [][]byte) error
}

// Journal is one process's access to the log of one cluster.
type Journal struct {
	cfg    Config
	keys   keyspace
	client *clientv3.Client
	log    *slog.Logger
	stats  stats

	lastWord time.Duration // the constant, but for tests that wait it out

	// Every call lives no longer than the Journal.
	life   context.Context
	end    context.CancelFunc
	work   sync.WaitGroup // goroutines that outlive the call that began them
	mu     sync.Mutex
	closed bool // guarded by mu; no goroutine is begun after it is set
}

// Open connects to etcd and waits until it answers. It returns an error if etcd
// has not answered within Config.DialTimeout.
func Open(ctx context.Context, cfg Config) (*Journal, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	j := &Journal{cfg: cfg, keys: newKeyspace(cfg.Cluster), log: cfg.Logger, lastWord: lastWord}
	switch {
	case cfg.Embedded != nil:
		j.client = cfg.Embedded.Client()
	case cfg.Client != nil:
		j.client = cfg.Client
	default:
		client, err := dial(cfg)
		if err != nil {
			return nil, err
		}
		j.client = client
	}
	j.life, j.end = context.WithCancel(context.Background())
	if err := j.ping(ctx); err != nil {
		return nil, errors.Join(err, j.Close())
	}
	return j, nil
}

func dial(cfg Config) (*clientv3.Client, error) {
	client, err := clientv3.New(clientv3.Config{
		Endpoints:   cfg.Endpoints,
		DialTimeout: cfg.DialTimeout,
		TLS:         cfg.TLS,
		Username:    cfg.Username,
		Password:    cfg.Password,
		// etcd closes connections that ping more often than every 5 s, and gRPC
		// clients never do more often than every 10 s.
		DialKeepAliveTime:    10 * time.Second,
		DialKeepAliveTimeout: attemptTimeout,
		// Each failure comes back as an error, which the caller reports.
		Logger: zap.NewNop(),
	})
	if err != nil {
		return nil, fmt.Errorf("connect to etcd at %s: %w", strings.Join(cfg.Endpoints, ","), err)
	}
	return client, nil
}

// ping reads one key through the quorum, which proves that etcd serves.
func (j *Journal) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, j.cfg.DialTimeout)
	defer cancel()
	if _, err := j.client.Get(ctx, j.keys.head()); err != nil {
		if len(j.cfg.Endpoints) == 0 {
			return fmt.Errorf("reach the etcd of this process: %w", err)
		}
		return fmt.Errorf("reach etcd within %v: %w; %s", j.cfg.DialTimeout, err, diagnose(j.cfg.Endpoints))
	}
	return nil
}

// diagnose says what is the matter with each endpoint, which a client that goes on
// trying until its time is over does not.
func diagnose(endpoints []string) string {
	said := make([]string, len(endpoints))
	for i, endpoint := range endpoints {
		_, host, found := strings.Cut(endpoint, "://")
		if !found {
			host = endpoint
		}
		conn, err := net.DialTimeout("tcp", host, 500*time.Millisecond)
		if err != nil {
			said[i] = fmt.Sprintf("%s: %v", endpoint, err)
			continue
		}
		conn.Close()
		said[i] = endpoint + ": accepts connections, but does not answer: is it an etcd, with a quorum, and with the same use of TLS?"
	}
	return strings.Join(said, "; ")
}

// Close ends every call, campaign and term of this Journal, and resigns if it
// leads. A client given in Config.Client stays open.
func (j *Journal) Close() error {
	j.mu.Lock()
	first := !j.closed
	j.closed = true
	j.mu.Unlock()
	j.end()
	j.work.Wait()
	if first && len(j.cfg.Endpoints) > 0 {
		return j.client.Close()
	}
	return nil
}

// spawn begins a goroutine that Close waits for, unless Close was called.
func (j *Journal) spawn(f func()) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return false
	}
	j.work.Go(f)
	return true
}

// within derives a context that also ends with the Journal.
func (j *Journal) within(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(j.life, func() { cancel(ErrClosed) })
	return ctx, func() { stop(); cancel(nil) }
}
