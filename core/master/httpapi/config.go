package httpapi

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Config is what New needs. Backend and Check must be set.
type Config struct {
	Backend Backend
	// Check returns one line per fault of a job: what jobspec.Validate finds.
	// Clients have checked already; a job is checked again because not every
	// client is ours.
	Check func(*model.Job) []string
	// Metrics serves GET /metrics; nil = there is none.
	Metrics http.Handler
	// LeaderGone returns a channel that is closed when the master at an address
	// does not lead any more: what was passed on to it is then given up, since it
	// may be cut off and never answer. nil = it is waited for.
	LeaderGone func(address string) <-chan struct{}
	// Lease says for how long this master leads; nil = it tells nobody.
	Lease func() Lease
	// Logger gets a line for each failure that is this side's. nil = discard.
	Logger *slog.Logger
	// Heartbeat is the time between comments on an idle event stream, which
	// keep proxies from closing it. 0 = DefaultHeartbeat.
	Heartbeat time.Duration
	// RequestTimeout bounds Backend.Do. 0 = DefaultRequestTimeout.
	RequestTimeout time.Duration
}

// The defaults of Config, and of the wait endpoint.
const (
	DefaultHeartbeat      = 15 * time.Second
	DefaultRequestTimeout = 30 * time.Second
	DefaultWait           = 30 * time.Second // of GET …/wait without timeout=
	MaxWait               = 10 * time.Minute // longer waits are cut to this
)

// Limits on what a request may carry.
const (
	maxSubmitBytes = 4 << 20 // a job of model.MaxJobBytes, indented and escaped
	maxCancelBytes = 8 << 20 // model.MaxArraySize indices
	maxBodyBytes   = 64 << 10
	maxSelector    = model.MaxNameBytes
	maxKeyBytes    = 128
	maxUserBytes   = 128
)

// Validate reports what is missing or out of range.
func (c Config) Validate() error {
	var errs []error
	if c.Backend == nil {
		errs = append(errs, errors.New("no Backend"))
	}
	if c.Check == nil {
		errs = append(errs, errors.New("no Check for jobs"))
	}
	if c.Heartbeat < 0 {
		errs = append(errs, errors.New("the Heartbeat is negative"))
	}
	if c.RequestTimeout < 0 {
		errs = append(errs, errors.New("the RequestTimeout is negative"))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = DefaultHeartbeat
	}
	if c.RequestTimeout == 0 {
		c.RequestTimeout = DefaultRequestTimeout
	}
	return c
}
