package sim

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Flavour is what kind of trouble a run has.
type Flavour string

// The flavours. A run without one draws it from its seed.
const (
	Calm       Flavour = "calm"       // none, but delays
	Crashes    Flavour = "crashes"    // processes and hosts die
	Partitions Flavour = "partitions" // the network breaks, stalls and crawls
	Churn      Flavour = "churn"      // leadership changes hands
	All        Flavour = "all"
)

// Flavours are all of them.
func Flavours() []Flavour { return []Flavour{Calm, Crashes, Partitions, Churn, All} }

// Options are what a run follows from.
type Options struct {
	Seed    uint64
	Agents  int           // default 20
	Length  time.Duration // virtual, of the part with submissions and faults; default 6 m
	Flavour Flavour       // empty = drawn from the seed
	// Jobs and Faults keep only those of the seed's with these numbers; nil = all.
	// Shrink finds the few that matter.
	Jobs, Faults []int
	Log          io.Writer // gets every trace line; nil = none
}

// The defaults of Options.
const (
	DefaultAgents = 20
	DefaultLength = 6 * time.Minute
)

// Validate reports what makes no sense.
func (o Options) Validate() error {
	switch {
	case o.Agents < 0 || o.Agents > 10_000:
		return fmt.Errorf("check options: %d agents, want 1 to 10000", o.Agents)
	case o.Length < 0 || o.Length > 2*time.Hour:
		return fmt.Errorf("check options: a length of %s, want up to 2h", o.Length)
	case o.Flavour != "" && !slices.Contains(Flavours(), o.Flavour):
		return fmt.Errorf("check options: no flavour %q, want one of %v", o.Flavour, Flavours())
	}
	return nil
}

func (o Options) withDefaults() Options {
	if o.Agents == 0 {
		o.Agents = DefaultAgents
	}
	if o.Length == 0 {
		o.Length = DefaultLength
	}
	if o.Flavour == "" {
		all := Flavours()
		o.Flavour = all[int(o.Seed%uint64(len(all)))]
	}
	return o
}

// Command is what replays a run with o.
func (o Options) Command() string {
	var b strings.Builder
	fmt.Fprintf(&b, "go run ./sim/cmd/simulate -seed %d", o.Seed)
	if o.Agents != 0 && o.Agents != DefaultAgents {
		fmt.Fprintf(&b, " -agents %d", o.Agents)
	}
	if o.Length != 0 && o.Length != DefaultLength {
		fmt.Fprintf(&b, " -minutes %g", o.Length.Minutes())
	}
	if o.Flavour != "" {
		fmt.Fprintf(&b, " -flavour %s", o.Flavour)
	}
	list := func(name string, keep []int) {
		if keep != nil {
			fmt.Fprintf(&b, " -%s %s", name, strings.Trim(strings.Join(strings.Fields(fmt.Sprint(keep)), ","), "[]"))
			if len(keep) == 0 {
				b.WriteString("none")
			}
		}
	}
	list("jobs", o.Jobs)
	list("faults", o.Faults)
	b.WriteString(" -v")
	return b.String()
}

// Result is what came of a run.
type Result struct {
	Options Options
	Hash    uint64        // of the trace: equal for equal Options
	Virtual time.Duration // how long the run was, on its own clock
	Stats   Stats
	Failure *Failure // nil if everything held
}

// Failure is the first thing that did not hold.
type Failure struct {
	Invariant string // a short name
	Message   string
	At        time.Duration
	Trace     []string // the last lines before it
}

func (f *Failure) Error() string { return f.Invariant + ": " + f.Message }

// Stats count what a run did.
type Stats struct {
	Events    int // on the virtual clock
	Commits   int
	Terms     int // leaderships
	Jobs      int // acknowledged submissions
	Tasks     int // processes started
	Attempts  int // tasks staged
	Preempted int
	Drains    int // acknowledged
	Runs      int // of schedules
	Spread    int // jobs that ran once on every agent
	Replays   int // states compared byte for byte
	Faults    map[string]int
}

// Add adds o to s.
func (s *Stats) Add(o Stats) {
	s.Events += o.Events
	s.Commits += o.Commits
	s.Terms += o.Terms
	s.Jobs += o.Jobs
	s.Tasks += o.Tasks
	s.Attempts += o.Attempts
	s.Preempted += o.Preempted
	s.Drains += o.Drains
	s.Runs += o.Runs
	s.Spread += o.Spread
	s.Replays += o.Replays
	if s.Faults == nil {
		s.Faults = map[string]int{}
	}
	for k, n := range o.Faults {
		s.Faults[k] += n
	}
}
