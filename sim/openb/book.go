package openb

import (
	"fmt"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/offers"
)

// allocator is the nodes in the book of the real allocator: a task is a demand,
// accepted if there is an offer for it and dropped if not. The policies that the
// allocator has are replayed with it; cluster has those that it is compared with.
type allocator struct {
	book      *offers.Book
	tasks     []model.Shape
	placement model.Placement
	capacity  model.Resources
	allocated model.Resources
	serial    uint64
}

// placements are the policies that the allocator has.
var placements = map[string]model.Placement{"fgd": model.PlaceFGD, "spread": model.PlaceSpread}

func newAllocator(w *Workload, placement model.Placement) *allocator {
	a := &allocator{book: offers.NewBook(), tasks: w.Tasks, placement: placement}
	s := offers.DefaultSettings()
	s.Holds = 0 // what does not fit is dropped at once
	a.book.Configure(s)
	for _, n := range w.Nodes {
		a.book.SetAgent(n)
		a.capacity = a.capacity.Add(n.Capacity)
	}
	return a
}

// start is when all tasks come: nothing of a replay depends on the time.
var start = time.Unix(0, 0).UTC()

const framework = "replay"

// place puts task t somewhere, if there is room.
func (a *allocator) place(t int) bool {
	a.serial++
	d := model.Demand{
		Framework: framework, ID: fmt.Sprint(a.serial), Seq: a.serial, Placement: a.placement,
		Groups: []model.DemandGroup{{Count: 1, Shape: a.tasks[t]}},
	}
	a.book.SetDemand(d)
	made := a.book.Plan(start)
	if len(made) == 0 {
		a.book.DropDemand(framework, d.ID)
		return false
	}
	l := model.Launch{Agent: made[0].Parts[0].Agent, Job: model.JobID(d.ID), Shape: a.tasks[t], Tasks: []model.Attempt{{}}}
	if _, refusal := a.book.Accept(start, framework, model.Accept{Offer: made[0].ID, Launches: []model.Launch{l}}); refusal != nil {
		panic("openb: " + refusal.Message) // it was offered just now
	}
	a.allocated = a.allocated.Add(a.tasks[t].Resources)
	return true
}

func (a *allocator) totals() (capacity, allocated model.Resources) { return a.capacity, a.allocated }
