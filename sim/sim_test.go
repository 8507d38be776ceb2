package sim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/sim"
)

// run carries a run out and fails the test with the way to replay it.
func run(t *testing.T, o sim.Options) sim.Result {
	t.Helper()
	r, err := sim.Run(o)
	if err != nil {
		t.Fatal(err)
	}
	if f := r.Failure; f != nil {
		t.Fatalf("broke %q after %s: %s\n%s\nreplay it: %s", f.Invariant, f.At, f.Message,
			strings.Join(f.Trace[max(len(f.Trace)-40, 0):], "\n"), o.Command())
	}
	return r
}

// The first seeds; `make sim` runs many more.
func TestSeeds(t *testing.T) {
	n := uint64(25)
	if testing.Short() {
		n = 10
	}
	for seed := range n {
		t.Run(fmt.Sprint(seed+1), func(t *testing.T) {
			t.Parallel()
			r := run(t, sim.Options{Seed: seed + 1})
			if r.Stats.Jobs == 0 || r.Stats.Tasks == 0 {
				t.Errorf("%d jobs and %d processes: the run did nothing", r.Stats.Jobs, r.Stats.Tasks)
			}
		})
	}
}

// Each of these broke something once; the words say what.
func TestOnceBroken(t *testing.T) {
	for _, c := range []struct {
		what string
		o    sim.Options
	}{
		{"a Register from a connection that was left undid a newer one", sim.Options{Seed: 14}},
		{"likewise, on a slow link", sim.Options{Seed: 54}},
		{"an agent fenced while registered was never fenced again", sim.Options{Seed: 117}},
		{"why compared roles of different parents by their own shares", sim.Options{Seed: 195}},
		{"a job waited for a gang that the agents were too few for", sim.Options{Seed: 214}},
	} {
		t.Run(fmt.Sprint(c.o.Seed), func(t *testing.T) {
			t.Parallel()
			run(t, c.o)
		})
	}
}

// One agent, and many: the edges of what the options allow.
func TestSizes(t *testing.T) {
	for _, agents := range []int{1, 2, 100} {
		t.Run(fmt.Sprint(agents), func(t *testing.T) {
			t.Parallel()
			run(t, sim.Options{Seed: 5, Agents: agents, Flavour: sim.All, Length: 2 * time.Minute})
		})
	}
}

// Equal options are the same run, event for event.
func TestDeterministic(t *testing.T) {
	for _, f := range sim.Flavours() {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			o := sim.Options{Seed: 7, Flavour: f, Length: 2 * time.Minute}
			a, b := run(t, o), run(t, o)
			if a.Hash != b.Hash || a.Stats.Events != b.Stats.Events {
				t.Errorf("two runs differ: trace %016x of %d events and %016x of %d", a.Hash, a.Stats.Events, b.Hash, b.Stats.Events)
			}
		})
	}
}

// Leaving out jobs or faults leaves the others as they were.
func TestSubset(t *testing.T) {
	r := run(t, sim.Options{Seed: 9, Length: time.Minute, Jobs: []int{0, 2}, Faults: []int{}})
	if r.Stats.Jobs != 2 || len(r.Stats.Faults) != 0 {
		t.Errorf("%d jobs and faults %v, want 2 jobs and none", r.Stats.Jobs, r.Stats.Faults)
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []sim.Options{{Agents: -1}, {Length: -1}, {Flavour: "stormy"}} {
		if _, err := sim.Run(o); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
	o := sim.Options{Seed: 3, Agents: 4, Flavour: sim.Churn, Jobs: []int{1, 4}, Faults: []int{}}
	const want = "go run ./sim/cmd/simulate -seed 3 -agents 4 -flavour churn -jobs 1,4 -faults none -v"
	if got := o.Command(); got != want {
		t.Errorf("replayed with %q, want %q", got, want)
	}
}
