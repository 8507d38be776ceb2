package service

import (
	"fmt"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// The framework's own events. What happens to tasks needs none: it follows from
// the master's Staged and Statuses.
type (
	// versioned makes a new version, of a new job or of one that there is: Job as
	// submitted, or that of version From, with the Counts of some groups changed.
	versioned struct {
		ID     model.JobID    `json:"id"`
		At     sdk.Micros     `json:"at"`
		Job    *model.Job     `json:"job,omitempty"`
		From   uint32         `json:"from,omitempty"`
		Counts map[string]int `json:"counts,omitempty"`
		Kind   string         `json:"kind,omitempty"` // of its deployment, if not an update
		Why    string         `json:"why,omitempty"`
		Key    string         `json:"key,omitempty"`
		User   string         `json:"user,omitempty"`
		Parent model.JobID    `json:"parent,omitempty"`
	}

	// stopped ends a job.
	stopped struct {
		ID model.JobID `json:"id"`
		At sdk.Micros  `json:"at"`
	}

	// restarted begins a deployment that replaces tasks by others of the same
	// version: of Groups, or of all.
	restarted struct {
		ID     model.JobID `json:"id"`
		At     sdk.Micros  `json:"at"`
		Groups []string    `json:"groups,omitempty"`
	}

	// replaced gives slots successors.
	replaced struct {
		ID      model.JobID `json:"id"`
		At      sdk.Micros  `json:"at"`
		Group   string      `json:"group"`
		Slots   []uint32    `json:"slots"`
		InPlace bool        `json:"in_place,omitempty"` // what they have ends first
		Canary  bool        `json:"canary,omitempty"`
		Moving  bool        `json:"moving,omitempty"` // for a drain, not a deployment
	}

	// yielded has slots end what they have, as there is no room for the successor
	// beside it.
	yielded struct {
		ID    model.JobID `json:"id"`
		At    sdk.Micros  `json:"at"`
		Group string      `json:"group"`
		Slots []uint32    `json:"slots"`
	}

	// marked says which allocations have been healthy for min_healthy_time, and
	// which have not become so by their healthy_deadline.
	marked struct {
		ID      model.JobID `json:"id"`
		At      sdk.Micros  `json:"at"`
		Healthy []place     `json:"healthy,omitempty"`
		Late    []place     `json:"late,omitempty"`
	}

	// said is what a person says of tasks whose health is manual.
	said struct {
		ID      model.JobID `json:"id"`
		At      sdk.Micros  `json:"at"`
		Healthy bool        `json:"healthy,omitempty"`
		Slots   []place     `json:"slots"`
	}

	// judged changes a deployment's state.
	judged struct {
		ID      model.JobID           `json:"id"`
		At      sdk.Micros            `json:"at"`
		Number  uint32                `json:"number"`
		State   model.DeploymentState `json:"state"`
		Promote bool                  `json:"promote,omitempty"`
		Revert  bool                  `json:"revert,omitempty"` // an earlier version follows
		Message string                `json:"message,omitempty"`
	}

	// leaving says that slots are to move away from their agents, which are drained;
	// or that they may Stay after all.
	leaving struct {
		ID    model.JobID `json:"id"`
		At    sdk.Micros  `json:"at"`
		Stay  bool        `json:"stay,omitempty"`
		Slots []place     `json:"slots"`
	}

	// dismissed drops slots of a system job whose agents are gone.
	dismissed struct {
		ID    model.JobID `json:"id"`
		At    sdk.Micros  `json:"at"`
		Slots []place     `json:"slots"`
	}

	// forgotten drops jobs from the history.
	forgotten struct {
		IDs []model.JobID `json:"ids"`
	}
)

// place names a slot's allocation, or its successor.
type place struct {
	Group string `json:"g"`
	Index uint32 `json:"i"`
	Next  bool   `json:"next,omitempty"`
}

var events = func() *sdk.Events[*Framework] {
	r := &sdk.Events[*Framework]{}
	sdk.On(r, "versioned", 1, (*Framework).foldVersioned)
	sdk.On(r, "stopped", 1, (*Framework).foldStopped)
	sdk.On(r, "restarted", 1, (*Framework).foldRestarted)
	sdk.On(r, "replaced", 1, (*Framework).foldReplaced)
	sdk.On(r, "yielded", 1, (*Framework).foldYielded)
	sdk.On(r, "marked", 1, (*Framework).foldMarked)
	sdk.On(r, "judged", 1, (*Framework).foldJudged)
	sdk.On(r, "said", 1, (*Framework).foldSaid)
	sdk.On(r, "leaving", 1, (*Framework).foldLeaving)
	sdk.On(r, "dismissed", 1, (*Framework).foldDismissed)
	sdk.On(r, "forgotten", 1, (*Framework).foldForgotten)
	return r
}()

// known returns the job that an event is about.
func (f *Framework) known(id model.JobID) (*job, error) {
	if j := f.jobs[id]; j != nil {
		return j, nil
	}
	return nil, fmt.Errorf("job %s: unknown", id)
}

// slots calls do for the slots that an event names.
func (j *job) slots(group string, indexes []uint32, do func(g *group, s *slot)) error {
	g := j.group(group)
	if g == nil {
		return fmt.Errorf("job %s: no group %q", j.ID, group)
	}
	for _, i := range indexes {
		s := g.slot(i)
		if s == nil {
			return fmt.Errorf("job %s: no slot %d in group %q", j.ID, i, group)
		}
		do(g, s)
	}
	return nil
}

// at returns the allocation that a place names, nil if it is gone.
func (j *job) at(p place) (*group, *slot, *alloc) {
	g := j.group(p.Group)
	if g == nil {
		return nil, nil, nil
	}
	s := g.slot(p.Index)
	switch {
	case s == nil:
		return g, nil, nil
	case p.Next:
		return g, s, s.Next
	}
	return g, s, s.Cur
}
