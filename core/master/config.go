package master

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/offers"
)

// Config is how a master runs.
type Config struct {
	Listen string // host:port for agents and people, one port for both
	// Listener, if set, is used instead of listening on Listen. Run closes it.
	Listener  net.Listener
	Advertise string // how others reach it; default Listen
	// Journal: either the embedded etcd in DataDir, or an external cluster.
	DataDir string
	Etcd    []string
	// Peers, with DataDir: the addresses of all masters, this one's Advertise
	// included. Each has a member of one etcd embedded. Empty: this is the only one.
	Peers []string
	// Join: the other Peers run already, and this one is to become one of them.
	Join    bool
	Cluster string // name; keys live below it; default "tender"
	// SessionTTL is how long a silent leader stays leader. A takeover after a
	// crash takes this long. Default 2 s.
	SessionTTL time.Duration
	// FenceAfter out of contact, an agent kills its tasks. Default 2 m.
	FenceAfter time.Duration
	Version    string
	Logger     *slog.Logger
	// Metrics are others of this process, served with the master's; nil = none.
	Metrics prometheus.Gatherer
	// Frameworks makes the hosted frameworks, anew for each term.
	Frameworks func() []model.Framework
	// Holds is for how many waiting demands room may be held: 0 = the allocator's
	// default, negative = all, NoHolds = none.
	Holds int
	// Check returns one line per fault of a submitted job.
	Check func(*model.Job) []string
	// Ready is called once, when this master first takes jobs: it leads, or knows
	// who does and passes them on.
	Ready func()
	// Timing is for tests; zero = DefaultTiming with FenceAfter.
	Timing Timing
}

// NoHolds says to hold room for nobody: whoever fits goes first.
const NoHolds = math.MinInt

// allocator returns the allocator's settings.
func (c Config) allocator() offers.Settings {
	s := offers.DefaultSettings()
	switch {
	case c.Holds == NoHolds:
		s.Holds = 0
	case c.Holds != 0:
		s.Holds = c.Holds
	}
	return s
}

// Validate reports what is missing or does not go together.
func (c Config) Validate() error {
	var errs []error
	if _, _, err := net.SplitHostPort(c.Listen); err != nil && c.Listener == nil {
		errs = append(errs, fmt.Errorf("listen address %q: want host:port", c.Listen))
	}
	if c.Advertise != "" {
		if host, _, err := net.SplitHostPort(c.Advertise); err != nil || host == "" {
			errs = append(errs, fmt.Errorf("advertise address %q: want host:port", c.Advertise))
		}
	}
	switch {
	case c.DataDir == "" && len(c.Etcd) == 0:
		errs = append(errs, errors.New("no place for the journal: give a data directory for the embedded etcd, or the addresses of an etcd cluster"))
	case c.DataDir != "" && len(c.Etcd) > 0:
		errs = append(errs, errors.New("both a data directory and an etcd cluster are given: choose one"))
	case len(c.Peers) > 0 && len(c.Etcd) > 0:
		errs = append(errs, errors.New("both other masters to keep the journal with and an etcd cluster are given: choose one"))
	case c.Join && len(c.Peers) < 2:
		errs = append(errs, errors.New("no masters are named to join"))
	}
	if c.Frameworks == nil || c.Check == nil {
		errs = append(errs, errors.New("no frameworks or no job check are wired in"))
	}
	if c.SessionTTL < 0 || c.FenceAfter < 0 {
		errs = append(errs, errors.New("session TTL and fence-after cannot be negative"))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.Cluster == "" {
		c.Cluster = "tender"
	}
	if c.SessionTTL == 0 {
		c.SessionTTL = 2 * time.Second
	}
	if c.Timing == (Timing{}) {
		c.Timing = DefaultTiming()
	}
	if c.FenceAfter != 0 {
		c.Timing.FenceAfter = c.FenceAfter
		// Executors whose agent has gone learn of the fence in sixteenths of it,
		// and have five seconds to kill.
		c.Timing.FenceSlack = max(c.Timing.FenceSlack, c.FenceAfter/8+5*time.Second)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}
