package offers

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
)

// holding drives a book in which every task has a time limit and ends by it, and
// demands only come behind those there are.
type holding struct {
	b      *Book
	now    time.Time
	next   int
	tasks  map[model.TaskID]time.Time // when their limits end them
	claims map[string]claim           // what each waiting demand was last told
	gangs  map[string]bool
}

// claim is a hold as last seen, for a demand that wanted so many tasks.
type claim struct {
	from   time.Time
	wanted int
}

func (h *holding) demand(t *rapid.T) {
	h.next++
	id := fmt.Sprintf("d%d", h.next)
	d := model.Demand{
		Framework: "batch", ID: id, Rank: int64(1000 - h.next), Seq: uint64(h.next),
		AllOrNothing: rapid.Bool().Draw(t, "gang"),
		TimeLimit:    model.Duration(time.Duration(rapid.IntRange(1, 9).Draw(t, "limit")) * time.Minute),
	}
	// Where to place several groups is a heuristic, and so it is for several groups
	// behind others' holds: a start may be missed there.
	most := 1
	if d.AllOrNothing && h.b.settings.Holds == 1 {
		most = 2
	}
	for range rapid.IntRange(1, most).Draw(t, "groups") {
		d.Groups = append(d.Groups, model.DemandGroup{
			// The further tasks of an array go before who is behind it, and may delay them.
			Count: rapid.IntRange(1, map[bool]int{true: 4, false: 1}[d.AllOrNothing]).Draw(t, "count"),
			Shape: model.Shape{Resources: model.Resources{
				CPUMilli:    rapid.Int64Range(1, 3).Draw(t, "cpu"),
				MemoryBytes: rapid.Int64Range(0, 2).Draw(t, "memory"),
			}},
			Exclusive:   rapid.IntRange(0, 9).Draw(t, "exclusive") == 0,
			MaxPerAgent: max(rapid.IntRange(-5, 2).Draw(t, "max_per_agent"), 0),
		})
	}
	h.gangs[id] = d.AllOrNothing
	h.b.SetDemand(d)
}

// end lets a task end before its limit.
func (h *holding) end(t *rapid.T) {
	var ids []model.TaskID
	h.b.tasks.all(func(id model.TaskID, _ *stake) { ids = append(ids, id) })
	if len(ids) == 0 {
		return
	}
	id := ids[0]
	for _, x := range ids {
		if x.Compare(id) < 0 {
			id = x
		}
	}
	h.release(id)
}

func (h *holding) release(id model.TaskID) {
	h.b.Release(id)
	delete(h.tasks, id)
}

// tick moves on, and ends what its limit ends until then; a pass follows each end.
func (h *holding) tick(t *rapid.T) {
	h.onTime(t)
	to := h.now.Add(time.Duration(rapid.IntRange(1, 200).Draw(t, "seconds")) * time.Second)
	for {
		first := to
		if at := h.b.NextWake(); at.After(h.now) && at.Before(first) {
			first = at
		}
		for _, end := range h.tasks {
			if end.Before(first) {
				first = end
			}
		}
		h.now = first
		for id, end := range h.tasks {
			if !end.After(first) {
				h.release(id)
			}
		}
		h.onTime(t)
		if !first.Before(to) {
			return
		}
	}
}

// plan takes all offers, and compares what is held with what was.
func (h *holding) plan(t *rapid.T) {
	started := map[string]bool{}
	moved := false // somebody further ahead, to an earlier time, which may push those behind
	for _, o := range h.b.Plan(h.now) {
		d, _ := h.b.Demand(o.Framework, o.Demand)
		a := model.Accept{Offer: o.ID}
		for _, p := range o.Parts {
			l := model.Launch{Agent: p.Agent, Job: model.JobID(o.Demand), Group: uint16(p.Group), Shape: d.Groups[p.Group].Shape, TimeLimit: d.TimeLimit}
			for range p.Count {
				h.next++
				l.Tasks = append(l.Tasks, model.Attempt{Index: uint32(h.next)})
			}
			a.Launches = append(a.Launches, l)
		}
		if _, r := h.b.Accept(h.now, o.Framework, a); r != nil {
			t.Fatalf("accept %+v: %v", o, r)
		}
		for i := range a.Launches {
			for n := range a.Launches[i].Tasks {
				h.tasks[a.Launches[i].ID(n)] = h.now.Add(d.TimeLimit.Std())
			}
		}
		started[o.Demand] = true
		if c, ok := h.claims[o.Demand]; ok && c.from.After(h.now) {
			moved = true
		}
	}
	seen := map[string]claim{}
	for _, v := range h.b.Holds(h.now) {
		d, _ := h.b.Demand("batch", v.Demand)
		c := claim{from: v.From}
		for _, g := range d.Groups {
			c.wanted += g.Count
		}
		if c.from.IsZero() {
			t.Fatalf("hold for %s has no start", v.Demand)
		}
		old, ok := h.claims[v.Demand]
		if ok && old.wanted == c.wanted && c.from.After(old.from) && !moved {
			t.Fatalf("hold for %s moved from %s to %s", v.Demand, old.from.Format(time.TimeOnly), c.from.Format(time.TimeOnly))
		}
		moved = moved || ok && c.from.Before(old.from)
		seen[v.Demand] = c
	}
	for id, c := range h.claims {
		if _, ok := seen[id]; !ok && !started[id] && !moved {
			if _, waits := h.b.Demand("batch", id); waits {
				t.Fatalf("%s waits and has lost its hold from %s", id, c.from.Format(time.TimeOnly))
			}
		}
	}
	h.claims = seen
}

// check holds that no gang waits longer than it was told.
func (h *holding) check(t *rapid.T) {
	if err := h.b.Audit(); err != nil {
		t.Fatal(err)
	}
}

// onTime plans, and holds that nobody waits past the time they were told.
func (h *holding) onTime(t *rapid.T) {
	h.plan(t)
	for id, c := range h.claims {
		if !c.from.After(h.now) {
			t.Fatalf("%s was to start at %s, and waits at %s", id, c.from.Format(time.TimeOnly), h.now.Format(time.TimeOnly))
		}
	}
}

// TestHoldsAreKept holds design invariant 7: a hold once given never moves later
// because of a demand behind it, and who has one starts by then.
func TestHoldsAreKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &holding{b: NewBook(), now: epoch, tasks: map[model.TaskID]time.Time{}, claims: map[string]claim{}, gangs: map[string]bool{}}
		s := DefaultSettings()
		s.Holds = rapid.SampledFrom([]int{1, 2, 3, -1}).Draw(t, "holds")
		h.b.Configure(s)
		for n := range rapid.IntRange(1, 4).Draw(t, "agents") {
			h.b.SetAgent(model.AgentInfo{ID: model.AgentID(fmt.Sprintf("a%d", n)), Name: fmt.Sprintf("a%d", n), Capacity: model.Resources{
				CPUMilli: rapid.Int64Range(1, 4).Draw(t, "cpus"), MemoryBytes: rapid.Int64Range(0, 4).Draw(t, "memory"),
			}})
		}
		t.Repeat(map[string]func(*rapid.T){
			"demand": h.demand, "demand2": h.demand, "end": h.end, "tick": h.tick, "plan": h.onTime, "plan2": h.onTime, "": h.check,
		})
	})
}
