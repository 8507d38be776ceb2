package cron

import (
	"fmt"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// The framework's own events; nothing else is folded.
type (
	// submitted enters a schedule, or a new version of the one with this ID.
	submitted struct {
		ID   model.JobID `json:"id"`
		At   time.Time   `json:"at"`
		Job  *model.Job  `json:"job"`
		Key  string      `json:"key,omitempty"`
		User string      `json:"user,omitempty"`
	}

	// decision is what became of a due time (or of a trigger, or of a round of the
	// DAG): the rest of ran, held and skipped.
	decision struct {
		ID    model.JobID    `json:"id"`
		At    time.Time      `json:"at"`
		Due   time.Time      `json:"due"`
		Cause model.RunCause `json:"cause"`
		// Held says that it was the first of those waiting.
		Held bool `json:"held,omitempty"`
		// Joined says that the parents have several roots: all they did up to Due is
		// this round.
		Joined bool `json:"joined,omitempty"`
	}

	// ran makes run N, whose job is submitted in the same turn.
	ran struct {
		decision
		N int `json:"n"`
	}

	// held has a run wait for the one before.
	held struct{ decision }

	// skipped gives up Count due times, from Due up to Until.
	skipped struct {
		decision
		Until time.Time `json:"until,omitzero"`
		Count int       `json:"count"`
		Why   string    `json:"why"`
	}

	// changed is what became of the job of run N.
	changed struct {
		ID      model.JobID    `json:"id"`
		N       int            `json:"n"`
		At      time.Time      `json:"at"`
		State   model.JobState `json:"state"`
		Started time.Time      `json:"started,omitzero"`
		Ended   time.Time      `json:"ended,omitzero"`
		Code    int            `json:"code,omitempty"`
		Message string         `json:"message,omitempty"`
	}

	// paused and resumed say so; what is due up to resumed.At is nobody's any more.
	paused struct {
		ID model.JobID `json:"id"`
		At time.Time   `json:"at"`
	}
	resumed struct {
		ID model.JobID `json:"id"`
		At time.Time   `json:"at"`
	}

	// ended ends a schedule.
	ended struct {
		ID    model.JobID    `json:"id"`
		At    time.Time      `json:"at"`
		State model.JobState `json:"state"`
	}

	// forgotten drops schedules that have ended.
	forgotten struct {
		IDs []model.JobID `json:"ids"`
	}
)

var events = func() *sdk.Events[*Framework] {
	r := &sdk.Events[*Framework]{}
	sdk.On(r, "submitted", 1, (*Framework).foldSubmitted)
	sdk.On(r, "ran", 1, (*Framework).foldRan)
	sdk.On(r, "held", 1, (*Framework).foldHeld)
	sdk.On(r, "skipped", 1, (*Framework).foldSkipped)
	sdk.On(r, "changed", 1, (*Framework).foldChanged)
	sdk.On(r, "paused", 1, (*Framework).foldPaused)
	sdk.On(r, "resumed", 1, (*Framework).foldResumed)
	sdk.On(r, "ended", 1, (*Framework).foldEnded)
	sdk.On(r, "forgotten", 1, (*Framework).foldForgotten)
	return r
}()

// known returns the schedule that an event is about, which it changes.
func (f *Framework) known(id model.JobID) (*entry, error) {
	e := f.entries[id]
	if e == nil {
		return nil, fmt.Errorf("schedule %s: unknown", id)
	}
	e.frozen = nil
	return e, nil
}

// decide folds what the events about a due time have in common.
func (f *Framework) decide(d *decision) (*entry, error) {
	e, err := f.known(d.ID)
	if err != nil {
		return nil, err
	}
	if e.ended() {
		return nil, fmt.Errorf("schedule %s: a due time after its end", d.ID)
	}
	switch {
	case d.Held:
		if len(e.Waiting) == 0 || !e.Waiting[0].Due.Equal(d.Due) {
			return nil, fmt.Errorf("schedule %s: the run due at %s is not the first that waits", d.ID, d.Due)
		}
		e.Waiting = e.Waiting[1:]
	case d.Cause == model.RunDue || d.Cause == model.RunCatchUp:
		if !d.Due.After(e.Decided) {
			return nil, fmt.Errorf("schedule %s: the due time %s has been decided", d.ID, d.Due)
		}
		e.Decided = d.Due
	case d.Cause == model.RunParents:
		e.consume(d.Due, d.Joined)
	}
	return e, nil
}

func (f *Framework) foldRan(ev *ran) error {
	e, err := f.decide(&ev.decision)
	if err != nil {
		return err
	}
	if ev.N != e.Number+1 {
		return fmt.Errorf("schedule %s: run %d after run %d", ev.ID, ev.N, e.Number)
	}
	e.Number = ev.N
	e.remember(&run{N: ev.N, Due: ev.Due, Cause: ev.Cause, State: model.JobQueued, Created: ev.At})
	return nil
}

func (f *Framework) foldHeld(ev *held) error {
	e, err := f.decide(&ev.decision)
	if err != nil {
		return err
	}
	e.Waiting = append(e.Waiting, waiting{Due: ev.Due, Cause: ev.Cause})
	return nil
}

func (f *Framework) foldSkipped(ev *skipped) error {
	e, err := f.decide(&ev.decision)
	if err != nil {
		return err
	}
	if ev.Until.After(e.Decided) && !ev.Held {
		e.Decided = ev.Until
	}
	e.Skipped += ev.Count
	if n := len(e.Runs); n > 0 {
		if l := e.Runs[n-1]; l.State == model.RunSkipped && l.Message == ev.Why && ev.Due.After(l.Due) {
			l.Until, l.Count = ev.Due, l.Count+ev.Count
			if !ev.Until.IsZero() {
				l.Until = ev.Until
			}
			f.tellChildren(e, outcome{Round: ev.Due, End: endSkipped})
			return nil
		}
	}
	e.remember(&run{Due: ev.Due, Until: ev.Until, Count: ev.Count, Cause: ev.Cause, State: model.RunSkipped, Created: ev.At, Message: ev.Why})
	f.tellChildren(e, outcome{Round: ev.Due, End: endSkipped})
	return nil
}

// remember adds a run to the history.
func (e *entry) remember(r *run) {
	e.Runs = append(e.Runs, r)
	e.trim()
}

// trim forgets the oldest runs beyond MaxRuns, but none that goes on.
func (e *entry) trim() {
	over := len(e.Runs) - MaxRuns
	if over <= 0 {
		return
	}
	e.Runs = slices.DeleteFunc(e.Runs, func(r *run) bool {
		if over > 0 && !r.active() {
			over--
			return true
		}
		return false
	})
}

func (f *Framework) foldPaused(ev *paused) error {
	e, err := f.known(ev.ID)
	if err != nil {
		return err
	}
	e.ByHand = true
	f.out.notice(ev.At, "schedule_paused", e, "")
	return nil
}

func (f *Framework) foldResumed(ev *resumed) error {
	e, err := f.known(ev.ID)
	if err != nil {
		return err
	}
	e.Paused, e.ByHand = false, false
	if ev.At.After(e.Decided) {
		e.Decided = ev.At
	}
	f.out.notice(ev.At, "schedule_resumed", e, "")
	return nil
}

func (f *Framework) foldEnded(ev *ended) error {
	e, err := f.known(ev.ID)
	if err != nil {
		return err
	}
	if e.ended() {
		return fmt.Errorf("schedule %s: ended twice", ev.ID)
	}
	e.State, e.Ended = ev.State, ev.At
	e.Waiting, e.Heard, e.next = nil, nil, time.Time{}
	f.children = nil
	f.open--
	f.out.notice(ev.At, "job_ended", e, "")
	return nil
}

func (f *Framework) foldForgotten(ev *forgotten) error {
	for _, id := range ev.IDs {
		if e := f.entries[id]; e == nil || !e.ended() {
			return fmt.Errorf("schedule %s: not among those that have ended", id)
		}
	}
	f.remove(ev.IDs)
	f.children = nil
	return nil
}
