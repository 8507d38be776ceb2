package service

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// outbox gathers the effects of one Step. All its methods may be called on nil,
// which is what folding the journal does: the same transitions, nothing sent.
type outbox struct {
	now     time.Time
	events  []model.OwnEvent
	calls   []model.Call
	done    []model.JobID // launch jobs of which nothing may be left
	replies []model.Reply
	notices []model.Notice
	dirty   []*job
	taken   []placed
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

func (o *outbox) reply(id uint64, body any, err *model.Refusal) {
	if err != nil {
		body = nil
	}
	o.replies = append(o.replies, model.Reply{ID: id, Body: body, Err: err})
}

// notice tells of a job's change.
func (o *outbox) notice(at micros, kind string, j *job, message string) {
	if o != nil {
		o.notices = append(o.notices, model.Notice{
			At: at.time(), Kind: kind, Job: j.ID, JobName: j.spec().Name, State: string(j.State), Message: message,
		})
	}
}

// finish turns what the step gathered into its effects.
func (f *Framework) finish() model.Effects {
	o := f.out
	if d, ok := f.book.Call(); ok {
		o.calls = append(o.calls, d)
	}
	said := map[model.JobID]bool{}
	for _, id := range o.done {
		if !said[id] && !f.inUse(id) {
			o.calls = append(o.calls, model.JobDone{Job: id})
		}
		said[id] = true
	}
	return model.Effects{Events: o.events, Calls: o.calls, Replies: o.replies, Notices: o.notices, Wake: f.timers.Next()}
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
