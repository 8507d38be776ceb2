package cron

import (
	"slices"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/schedule"
)

// entry is one schedule. The fields with JSON names are folded and make up the
// snapshot.
type entry struct {
	ID        model.JobID    `json:"id"`
	Seq       uint64         `json:"seq"`
	Version   int            `json:"version"`
	Job       *model.Job     `json:"job"`
	Key       string         `json:"key,omitempty"`
	User      string         `json:"user,omitempty"`
	Submitted time.Time      `json:"submitted"`         // first
	Anchor    time.Time      `json:"anchor"`            // from when the present expressions are counted
	Decided   time.Time      `json:"decided"`           // no due time up to here is to be looked at again
	Paused    bool           `json:"paused,omitempty"`  // by its file
	ByHand    bool           `json:"by_hand,omitempty"` // paused, by an operator
	State     model.JobState `json:"state,omitempty"`   // how it ended; empty = it has not
	Ended     time.Time      `json:"ended,omitzero"`
	Number    int            `json:"number,omitempty"` // of the last run
	Failed    int            `json:"failed,omitempty"`
	Skipped   int            `json:"skipped,omitempty"`
	Runs      []*run         `json:"runs,omitempty"`    // oldest first
	Waiting   []waiting      `json:"waiting,omitempty"` // in the order in which they go
	Heard     []outcome      `json:"heard,omitempty"`   // of parents, until a round is complete

	// Derived.
	when   *schedule.Schedule // nil until it is needed, or if its zone is not known
	fault  string             // why when cannot be made
	next   time.Time          // when it is due next
	turn   uint64             // of the timer that counts
	madeUp time.Time          // up to here all that is missed is made up for
	frozen []byte             // its record in a snapshot, while nothing has changed
}

// run is one run, or several in a row that were skipped for one reason.
type run struct {
	N       int            `json:"n,omitempty"`
	Due     time.Time      `json:"due"`
	Until   time.Time      `json:"until,omitzero"`
	Count   int            `json:"count,omitempty"`
	Cause   model.RunCause `json:"cause,omitempty"`
	State   model.JobState `json:"state"`
	Created time.Time      `json:"created,omitzero"`
	Started time.Time      `json:"started,omitzero"`
	Ended   time.Time      `json:"ended,omitzero"`
	Code    int            `json:"code,omitempty"`
	Message string         `json:"message,omitempty"`
}

// waiting is a run that is due and has no job yet.
type waiting struct {
	Due   time.Time      `json:"due"`
	Cause model.RunCause `json:"cause"`
}

// active reports whether the run has a job that has not ended.
func (r *run) active() bool {
	return r.N > 0 && !r.State.Ended() && r.State != model.RunRefused
}

// state is the folded state and what is derived from it.
type state struct {
	lastSeq uint64
	entries map[model.JobID]*entry

	order []*entry          // by seq
	names map[string]*entry // those that have not ended, and of the others the latest
	keys  map[string]*entry
	open  int
	// children are the chained schedules by what they depend on; nil until needed.
	children map[string][]*entry
}

func (s *state) init() {
	*s = state{entries: map[model.JobID]*entry{}, names: map[string]*entry{}, keys: map[string]*entry{}}
}

// add enters a schedule; they come in the order of their seq.
func (s *state) add(e *entry) {
	s.entries[e.ID] = e
	s.order = append(s.order, e)
	s.names[e.Job.Name] = e
	if e.Key != "" {
		s.keys[e.Key] = e
	}
	if !e.ended() {
		s.open++
	}
}

// remove drops schedules that have ended.
func (s *state) remove(ids []model.JobID) {
	for _, id := range ids {
		e := s.entries[id]
		if e == nil {
			continue
		}
		delete(s.entries, id)
		if s.names[e.Job.Name] == e {
			delete(s.names, e.Job.Name)
		}
		if s.keys[e.Key] == e {
			delete(s.keys, e.Key)
		}
	}
	s.order = slices.DeleteFunc(s.order, func(e *entry) bool { return s.entries[e.ID] == nil })
}

// live returns the schedule of that name that has not ended, nil if there is none.
func (s *state) live(name string) *entry {
	if e := s.names[name]; e != nil && !e.ended() {
		return e
	}
	return nil
}

// runOf finds the run whose job has this id.
func (s *state) runOf(job model.JobID) (*entry, *run) {
	i := strings.LastIndexByte(string(job), '.')
	if i < 0 {
		return nil, nil
	}
	e := s.entries[job[:i]]
	if e == nil {
		return nil, nil
	}
	for k := len(e.Runs) - 1; k >= 0; k-- {
		if e.Runs[k].N > 0 && e.jobOf(e.Runs[k].N) == job {
			return e, e.Runs[k]
		}
	}
	return nil, nil
}

func (e *entry) ended() bool   { return e.State != "" }
func (e *entry) paused() bool  { return e.Paused || e.ByHand }
func (e *entry) chained() bool { return e.Job.Periodic.Chained }

// shown is the state as people see it.
func (e *entry) shown() model.JobState {
	switch {
	case e.ended():
		return e.State
	case e.paused():
		return model.JobPaused
	}
	return model.JobScheduled
}

// running returns the runs whose jobs have not ended, oldest first.
func (e *entry) running() (out []*run) {
	for _, r := range e.Runs {
		if r.active() {
			out = append(out, r)
		}
	}
	return out
}

// last returns the latest run with a job.
func (e *entry) last() *run {
	for i := len(e.Runs) - 1; i >= 0; i-- {
		if e.Runs[i].N > 0 {
			return e.Runs[i]
		}
	}
	return nil
}
