package batch

import (
	"slices"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// dependency is one condition of a job on another, with the name resolved.
type dependency struct {
	Job  model.JobID          `json:"job"`
	Name string               `json:"name,omitempty"` // the other job's, for people
	Kind model.DependencyKind `json:"kind"`
	Met  bool                 `json:"met,omitempty"` // once met, for good
}

// standing is how a condition stands with the other job as it is.
type standing uint8

const (
	standingOpen  standing = iota // may still come true
	standingMet                   // is true
	standingNever                 // cannot come true, but by a retry of the other job
)

// stands evaluates a condition; other is nil if that job has left the history.
// The kinds are Slurm's (sbatch(1), --dependency): afternotok is met by any end
// but success, so also by a cancellation, and after also by the end of a job
// that never started.
func stands(kind model.DependencyKind, other *job) standing {
	if other == nil {
		return standingNever
	}
	met := false
	switch kind {
	case model.DependOK:
		met = other.state == model.JobSucceeded
	case model.DependFailed:
		met = other.state == model.JobFailed || other.state == model.JobCancelled
	case model.DependAny:
		met = other.state.Ended()
	case model.DependStarted:
		met = other.started != 0 || other.state.Ended()
	}
	switch {
	case met:
		return standingMet
	case other.state.Ended():
		return standingNever
	}
	return standingOpen
}

// blocked reports whether a condition of the job has not come true.
func (j *job) blocked() bool {
	for i := range j.deps {
		if !j.deps[i].Met {
			return true
		}
	}
	return false
}

// updateDeps marks the conditions of j that have come true.
func (f *Framework) updateDeps(j *job) {
	for i := range j.deps {
		d := &j.deps[i]
		d.Met = d.Met || stands(d.Kind, f.jobs[d.Job]) == standingMet
	}
}

// wait enters j among the waiters for what its open conditions name, so that
// those jobs stay known and j hears of their changes; unwait takes that back. They
// are in the order of submission, as after a snapshot, however late j began to wait.
func (s *state) wait(j *job) {
	for i := range j.deps {
		if d := &j.deps[i]; !d.Met {
			w := s.waiters[d.Job]
			if w == nil {
				w = &waiters{}
				s.waiters[d.Job] = w
			}
			w.jobs = slices.Insert(w.jobs, before(w.jobs, j.seq), j)
			w.pins++
		}
	}
}

func (s *state) unwait(d *dependency) {
	w := s.waiters[d.Job]
	if w == nil {
		return
	}
	if w.pins--; w.pins == 0 {
		delete(s.waiters, d.Job)
		if j := s.jobs[d.Job]; j != nil && j.parent != "" {
			s.crowd(j.parent) // which may have been left for that alone
		}
	}
}

// wakeWaiters looks again at the jobs that wait for other, which has started or
// ended, and releases those with no open condition left.
func (f *Framework) wakeWaiters(other *job, at sdk.Micros) {
	w := f.waiters[other.id]
	if w == nil {
		return
	}
	for _, j := range w.jobs {
		if j.state.Ended() {
			continue
		}
		for i := range j.deps {
			if d := &j.deps[i]; d.Job == other.id && !d.Met && stands(d.Kind, other) == standingMet {
				d.Met = true
				f.unwait(d)
			}
		}
		if j.state == model.JobBlocked && !j.blocked() {
			j.state = model.JobQueued
			f.out.notice(at, "job_released", j, "its dependencies are met")
			f.touchAll(j)
		}
	}
}

// stopWaiting takes an ended job's open conditions out of the books.
func (f *Framework) stopWaiting(j *job) {
	for i := range j.deps {
		if d := &j.deps[i]; !d.Met {
			f.unwait(d)
		}
	}
}
