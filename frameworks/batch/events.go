package batch

import (
	"fmt"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// The framework's own events. What happens to tasks needs none: it follows from
// the master's Staged and Statuses. Times are microseconds since 1970.
type (
	submitted struct {
		ID     model.JobID  `json:"id"`
		At     sdk.Micros   `json:"at"`
		Job    *model.Job   `json:"job"`
		Deps   []dependency `json:"deps,omitempty"` // names resolved
		Key    string       `json:"key,omitempty"`
		User   string       `json:"user,omitempty"`
		Parent model.JobID  `json:"parent,omitempty"`
		// Keep is how many ended runs of Parent there are to be.
		Keep model.KeepRuns `json:"keep,omitzero"`
	}

	// cancelled gives up a whole job, or whole Groups of it, or Indices of those.
	cancelled struct {
		ID      model.JobID `json:"id"`
		At      sdk.Micros  `json:"at"`
		Groups  []uint16    `json:"groups,omitempty"`
		Indices []uint32    `json:"indices,omitempty"`
	}

	// retried puts slots that ended back in the queue: the unsuccessful, or all.
	retried struct {
		ID  model.JobID `json:"id"`
		At  sdk.Micros  `json:"at"`
		All bool        `json:"all,omitempty"`
	}

	// forgotten drops jobs from the history.
	forgotten struct {
		IDs []model.JobID `json:"ids"`
	}
)

var events = func() *sdk.Events[*Framework] {
	r := &sdk.Events[*Framework]{}
	sdk.On(r, "submitted", 1, (*Framework).foldSubmitted)
	sdk.On(r, "cancelled", 1, (*Framework).foldCancelled)
	sdk.On(r, "retried", 1, (*Framework).foldRetried)
	sdk.On(r, "forgotten", 1, (*Framework).foldForgotten)
	sdk.On(r, "hosts", 1, (*Framework).foldHosts)
	return r
}()

func (f *Framework) foldSubmitted(e *submitted) error {
	if e.Job == nil || f.jobs[e.ID] != nil {
		return fmt.Errorf("job %s: submitted without a job, or twice", e.ID)
	}
	f.tick(e.At)
	f.lastSeq++
	j := newJob(e.ID, f.lastSeq, e.Job)
	j.key, j.user, j.parent, j.keep, j.submitted, j.deps = e.Key, e.User, e.Parent, e.Keep, e.At, e.Deps
	j.state = model.JobQueued
	j.fillReady()
	if f.updateDeps(j); j.blocked() {
		j.state = model.JobBlocked
	}
	f.add(j)
	f.wait(j)
	f.out.notice(e.At, "job_submitted", j, "")
	f.touchAll(j)
	return nil
}

func (f *Framework) foldForgotten(e *forgotten) error {
	for _, id := range e.IDs {
		if j := f.jobs[id]; j == nil || !j.state.Ended() {
			return fmt.Errorf("job %s: not in the history", id)
		}
	}
	f.remove(e.IDs)
	f.recent = nil
	return nil
}

// known returns the job that an event is about.
func (f *Framework) known(id model.JobID) (*job, error) {
	if j := f.jobs[id]; j != nil {
		return j, nil
	}
	return nil, fmt.Errorf("job %s: unknown", id)
}
