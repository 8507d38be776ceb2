package journal

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/tender-scheduler/tender/internal/pattern"
)

// Limits and defaults of a Config.
const (
	// DefaultSessionTTL is the lease of a leader that others stand by for: after
	// kill -9 etcd waits this long, plus at most half a second, before it
	// deletes the leader key.
	DefaultSessionTTL = 2 * time.Second
	// SoleSessionTTL is the lease when no other process can reach the etcd: there
	// is nobody to hand over to, and a stalled disk must not end a term.
	SoleSessionTTL = time.Minute
	// DefaultMaxEntryBytes is the size of one part of a group. etcd refuses
	// requests beyond 1.5 MiB; half a MiB keeps one part from holding up the
	// small commits of others for long.
	DefaultMaxEntryBytes = 512 << 10
	// MaxEntryBytesLimit is the largest part allowed: the house keeps every etcd
	// value below 1 MiB.
	MaxEntryBytesLimit = 1<<20 - 1<<10
	// MinEntryBytes is the smallest part allowed; tests use it to split small groups.
	MinEntryBytes = 16
	// MaxGroupBytes bounds one Append, and MaxSnapshotBytes one snapshot, both
	// before compression.
	MaxGroupBytes    = 256 << 20
	MaxSnapshotBytes = 1 << 30
	// DefaultDialTimeout bounds how long Open waits for etcd to answer.
	DefaultDialTimeout = 5 * time.Second
)

// Config says where the log is and who this process is.
//
// Exactly one of Endpoints, Client and Embedded says which etcd: an external
// cluster (the Journal makes and closes its own client), a client the caller
// owns, or an etcd embedded in this process.
type Config struct {
	Endpoints []string
	Client    *clientv3.Client
	Embedded  *Embedded

	// TLS, Username and Password are for Endpoints; TLS nil: plain TCP.
	TLS      *tls.Config
	Username string
	Password string

	Cluster  string // the key prefix is /tender/<Cluster>/; letters, digits, "-", "_" and "."
	Address  string // what this process advertises when it leads, host:port
	Identity string // unique per process

	// SessionTTL is how long etcd keeps the leader key of a leader it no longer
	// hears; whole seconds, at least 1 s. etcd raises it to 1.5 election
	// timeouts (2 s with etcd's defaults). Zero: DefaultSessionTTL, or
	// SoleSessionTTL with an Embedded that does not listen.
	SessionTTL time.Duration
	// MaxEntryBytes is the size beyond which a group or snapshot is split.
	MaxEntryBytes int
	// DialTimeout bounds Open.
	DialTimeout time.Duration
	// KeepHistory leaves etcd's history alone. Set it for an etcd that other
	// programs share and that is compacted by someone else; without it the
	// history before the last snapshot but one is compacted away.
	KeepHistory bool

	Logger *slog.Logger // nil discards
}

var clusterName = pattern.New(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// Validate reports every fault of the configuration at once.
func (c Config) Validate() error {
	var errs []error
	sources := 0
	for _, given := range []bool{len(c.Endpoints) > 0, c.Client != nil, c.Embedded != nil} {
		if given {
			sources++
		}
	}
	if sources != 1 {
		errs = append(errs, fmt.Errorf("exactly one of endpoints, client and embedded must be set, not %d of them", sources))
	}
	if !clusterName().MatchString(c.Cluster) {
		errs = append(errs, fmt.Errorf("cluster name %q: want 1 to 63 letters, digits, dots, dashes or underscores", c.Cluster))
	}
	if c.Identity == "" {
		errs = append(errs, errors.New("identity must not be empty"))
	}
	if c.SessionTTL != 0 && (c.SessionTTL < time.Second || c.SessionTTL%time.Second != 0) {
		errs = append(errs, fmt.Errorf("session TTL %v: want whole seconds, at least 1s", c.SessionTTL))
	}
	if c.MaxEntryBytes != 0 && (c.MaxEntryBytes < MinEntryBytes || c.MaxEntryBytes > MaxEntryBytesLimit) {
		errs = append(errs, fmt.Errorf("max entry bytes %d: want %d to %d", c.MaxEntryBytes, MinEntryBytes, MaxEntryBytesLimit))
	}
	if c.DialTimeout < 0 {
		errs = append(errs, fmt.Errorf("dial timeout %v must not be negative", c.DialTimeout))
	}
	if len(errs) > 0 {
		return fmt.Errorf("journal configuration: %w", errors.Join(errs...))
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.SessionTTL == 0 {
		c.SessionTTL = DefaultSessionTTL
		if c.Embedded != nil && c.Embedded.Sole() {
			c.SessionTTL = SoleSessionTTL
		}
	}
	if c.MaxEntryBytes == 0 {
		c.MaxEntryBytes = DefaultMaxEntryBytes
	}
	if c.DialTimeout == 0 {
		c.DialTimeout = DefaultDialTimeout
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}
