package service

import (
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// outbox gathers the effects of one Step. All its methods may be called on nil,
// which is what folding the journal does: the same transitions, nothing sent.
type outbox struct {
	sdk.Outbox
	done  []model.JobID // launch jobs of which nothing may be left
	dirty []*job
	taken []placed
}

// touch marks a job that the planner is to look at.
func (o *outbox) touch(j *job) {
	if o != nil && !j.dirty {
		j.dirty = true
		o.dirty = append(o.dirty, j)
	}
}

// mayBeDone notes that an allocation of a launch job is gone.
func (o *outbox) mayBeDone(id model.JobID) {
	if o != nil {
		o.done = append(o.done, id)
	}
}

// notice tells of a job's change.
func (o *outbox) notice(at sdk.Micros, kind string, j *job, message string) {
	if o != nil {
		o.Notices = append(o.Notices, model.Notice{
			At: at.Time(), Kind: kind, Job: j.ID, JobName: j.spec().Name, State: string(j.State), Message: message,
		})
	}
}

// finish turns what the step gathered into its effects.
func (f *Framework) finish() model.Effects {
	o := f.out
	if d, ok := f.book.Call(); ok {
		o.Calls = append(o.Calls, d)
	}
	said := map[model.JobID]bool{}
	for _, id := range o.done {
		if !said[id] && !f.inUse(id) {
			o.Calls = append(o.Calls, model.JobDone{Job: id})
		}
		said[id] = true
	}
	return o.Effects(f.timers.Next())
}

// inUse reports whether an allocation is launched, or to be launched, as a launch job.
func (f *Framework) inUse(id model.JobID) (yes bool) {
	l, ok := f.launchOf(id)
	if !ok {
		return false
	}
	l.job.allocs(func(_ *group, _ *slot, a *alloc) { yes = yes || a.Base == l.base && a.Lane == l.lane })
	return yes
}
