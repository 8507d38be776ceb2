package master

import (
	"testing"
	"time"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/model"
)

// guest is a framework that sends no demands: it is offered what is left. What it
// does with offers is set from outside; what it is told it keeps.
type guest struct {
	answer   func(o model.Offer) model.Call // nil = it does not answer
	offered  []model.Offer
	rescinds []model.Rescind
	refused  []*model.Refusal
	staged   int
}

func (g *guest) ID() model.FrameworkID          { return "guest" }
func (g *guest) Apply(model.JournalEvent) error { return nil }
func (g *guest) Snapshot() ([]byte, error)      { return nil, nil }
func (g *guest) Restore([]byte) error           { return nil }

func (g *guest) Step(_ time.Time, in model.Input) (e model.Effects) {
	switch in := in.(type) {
	case model.Leading:
		e.Calls = append(e.Calls, model.Subscribe{Roles: []string{"guests"}})
	case model.Offers:
		g.offered = append(g.offered, in...)
		for _, o := range in {
			if g.answer != nil {
				e.Calls = append(e.Calls, g.answer(o))
			}
		}
	case model.Rescind:
		g.rescinds = append(g.rescinds, in)
	case model.Refused:
		g.refused = append(g.refused, in.Refusal)
	case model.Staged:
		for _, l := range in.Launches {
			g.staged += len(l.Tasks)
		}
	}
	return e
}

// guestRig is a master with a guest and one agent of four cores.
type guestRig struct {
	*script
	g *guest
}

func newGuestRig(t *testing.T, answer func(o model.Offer) model.Call) *guestRig {
	t.Helper()
	g := &guest{answer: answer}
	timing := DefaultTiming()
	timing.PingInterval, timing.SilentAfter = time.Hour, 3*time.Hour
	m, err := NewMachine(timing, g)
	if err != nil {
		t.Fatal(err)
	}
	r := &guestRig{&script{t: t, now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), m: m, sessions: map[string]SessionID{}}, g}
	r.m.Step(r.now, []Input{Lead{Epoch: 1, ClusterID: "c1"}})
	r.m.Step(r.now, []Input{AgentUp{Session: 1, Register: &agentpb.Register{
		AgentId: "a1", Name: "n1", CpuMilli: 4000, MemoryBytes: 1 << 30,
	}}, r.pong(1, 1)})
	return r
}

// later lets time pass, and the timers run.
func (r *guestRig) later(d time.Duration) {
	r.now = r.now.Add(d)
	r.m.Step(r.now, []Input{Tick{}})
}

// TestOfferTimeout: an offer that is not answered is taken back, and made again.
func TestOfferTimeout(t *testing.T) {
	r := newGuestRig(t, nil)
	if len(r.g.offered) != 1 || !r.g.offered[0].Classic {
		t.Fatalf("offered %+v, want all of the agent", r.g.offered)
	}
	r.later(29 * time.Second)
	if len(r.g.rescinds) != 0 {
		t.Fatalf("rescinded %+v before the timeout", r.g.rescinds)
	}
	r.later(time.Second)
	if len(r.g.rescinds) != 1 || r.g.rescinds[0].Offer != r.g.offered[0].ID || r.g.rescinds[0].Reason != model.ReasonStaleOffer {
		t.Fatalf("rescinded %+v, want offer %s", r.g.rescinds, r.g.offered[0].ID)
	}
	if len(r.g.offered) != 2 {
		t.Fatalf("offered %d times, want again after the timeout", len(r.g.offered))
	}
}

// TestDeclineFilters: what is declined is not offered again for the time asked for.
func TestDeclineFilters(t *testing.T) {
	r := newGuestRig(t, func(o model.Offer) model.Call { return model.Decline{Offer: o.ID, RefuseFor: time.Minute} })
	r.later(50 * time.Second)
	if len(r.g.offered) != 1 {
		t.Fatalf("offered %d times within the filter's time, want once", len(r.g.offered))
	}
	r.later(20 * time.Second)
	if len(r.g.offered) != 2 {
		t.Fatalf("offered %d times after the filter's time, want twice", len(r.g.offered))
	}
}

// TestAcceptClassic: part of an offer is taken for tasks of any shape.
func TestAcceptClassic(t *testing.T) {
	next := uint32(0)
	r := newGuestRig(t, func(o model.Offer) model.Call {
		next++
		return model.Accept{Offer: o.ID, Launches: []model.Launch{{
			Agent: o.Parts[0].Agent, Job: "j", Shape: model.Shape{Resources: model.Resources{CPUMilli: 3000}},
			Tasks: []model.Attempt{{Index: next}}, Spec: &model.Job{Name: "j"},
		}}}
	})
	r.later(10 * time.Second) // past the filter on what it left
	if r.g.staged != 1 || len(r.g.refused) != 1 || r.g.refused[0].Reason != model.ReasonBeyondOffer {
		t.Fatalf("%d tasks staged, refused %+v; want the first and then no room", r.g.staged, r.g.refused)
	}
	if u := r.m.nodes().Nodes[0]; u.Allocated.CPUMilli != 3000 || u.Tasks != 1 {
		t.Fatalf("node has %s in use by %d tasks, want cpus=3 by 1", u.Allocated, u.Tasks)
	}
	if err := r.m.Audit(); err != nil {
		t.Fatal(err)
	}
}
