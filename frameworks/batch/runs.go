package batch

import (
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// A schedule makes a job for each of its runs. They are kept by schedule, the latest
// few that succeeded and the latest few that did not, and bounded apart from the jobs
// that people submit: a schedule of every second would have those out of the history
// within hours.

// held is how much of the history some jobs are.
type held struct{ jobs, slots int }

func (h *held) count(j *job, n int) {
	h.jobs += n
	h.slots += n * j.slots()
}

// held returns the count that j belongs to once it has ended.
func (s *state) held(j *job) *held {
	if j.parent != "" {
		return &s.counts.runs
	}
	return &s.counts.ended
}

// runs are the ended runs of one schedule, in the order in which they ended.
type runs struct{ successful, failed []*job }

func (r *runs) of(j *job) *[]*job {
	if j.state == model.JobSucceeded {
		return &r.successful
	}
	return &r.failed
}

// passed enters a run that has ended. A run that was submitted before one that ended
// before it takes over what that one says of how many are kept: so the last one that
// ended, which always stays, says what the latest one said.
func (s *state) passed(j *job) {
	if j.parent == "" {
		return
	}
	r := s.runs[j.parent]
	if r == nil {
		r = &runs{}
		s.runs[j.parent] = r
	}
	if l := r.last(); l != nil && l.keepSeq > j.keepSeq {
		j.keep, j.keepSeq = l.keep, l.keepSeq
	}
	l := r.of(j)
	*l = append(*l, j)
	s.crowd(j.parent)
}

// crowd notes a schedule with more ended runs than it keeps.
func (s *state) crowd(parent model.JobID) {
	r := s.runs[parent]
	if r == nil {
		return
	}
	if keep := r.keep(); len(r.successful) > keep.Successful || len(r.failed) > keep.Failed {
		s.crowded[parent] = true
	}
}

// unpassed takes out a run that goes on again, or is forgotten.
func (s *state) unpassed(j *job) {
	r := s.runs[j.parent]
	if r == nil {
		return
	}
	for _, l := range []*[]*job{&r.successful, &r.failed} {
		if i := slices.Index(*l, j); i >= 0 {
			*l = slices.Delete(*l, i, i+1)
		}
	}
	if len(r.successful)+len(r.failed) == 0 {
		delete(s.runs, j.parent)
		delete(s.crowded, j.parent)
	}
}

// surplus returns the ended runs that their schedules do not keep, and who of them
// may go: as many at most as fit one event.
func (f *Framework) surplus() (ids []model.JobID) {
	parents := make([]model.JobID, 0, len(f.crowded))
	for p := range f.crowded {
		parents = append(parents, p)
	}
	slices.Sort(parents)
	for _, p := range parents {
		r := f.runs[p]
		keep := r.keep()
		ids = f.beyond(ids, r.successful, keep.Successful)
		ids = f.beyond(ids, r.failed, keep.Failed)
		if len(ids) >= maxForgetAtOnce {
			return ids[:maxForgetAtOnce] // the rest at the next step
		}
		delete(f.crowded, p)
	}
	return ids
}

// last returns the run that ended last, nil if there is none.
func (r *runs) last() (last *job) {
	for _, l := range [][]*job{r.successful, r.failed} {
		if n := len(l); n > 0 && (last == nil || l[n-1].endSeq > last.endSeq) {
			last = l[n-1]
		}
	}
	return last
}

// keep is how many are kept.
func (r *runs) keep() model.KeepRuns { return r.last().keep.Or(model.DefaultKeepRuns) }

// beyond appends the runs of l, the oldest first, that are more than are kept.
func (f *Framework) beyond(ids []model.JobID, l []*job, keep int) []model.JobID {
	for i := 0; i < len(l)-keep; i++ {
		if f.mayForget(l[i]) {
			ids = append(ids, l[i].id)
		}
	}
	return ids
}

// mayForget reports whether nobody needs to know any more how j ended: no waiting job
// names it, and it is not the last one that ended, which somebody may wait for.
func (f *Framework) mayForget(j *job) bool {
	return f.waiters[j.id] == nil && j != f.ended[len(f.ended)-1]
}
