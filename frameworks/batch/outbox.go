package batch

import (
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// outbox gathers the effects of one Step. All its methods may be called on nil,
// which is what folding the journal does: the same transitions, nothing sent.
type outbox struct {
	sdk.Outbox
	done  []model.Call // JobDone, after all else
	dirty []*group
}

func (o *outbox) kill(id model.TaskID, grace model.Duration) {
	if o != nil {
		o.Calls = append(o.Calls, model.Kill{Task: id, Grace: grace})
	}
}

func (o *outbox) jobDone(id model.JobID) {
	if o != nil {
		o.done = append(o.done, model.JobDone{Job: id})
	}
}

// touch marks a group whose demand may have changed.
func (o *outbox) touch(g *group) {
	if o != nil && !g.dirty {
		g.dirty = true
		o.dirty = append(o.dirty, g)
	}
}

// notice tells of a job's change.
func (o *outbox) notice(at sdk.Micros, kind string, j *job, message string) {
	if o != nil {
		o.Notices = append(o.Notices, model.Notice{
			At: at.Time(), Kind: kind, Job: j.id, JobName: j.spec.Name, State: string(j.state), Message: message,
		})
	}
}

// finish turns what the step gathered into its effects.
func (f *Framework) finish() model.Effects {
	o := f.out
	f.promote()
	for _, g := range o.dirty {
		g.dirty = false
		f.wantDemand(g)
	}
	clear(o.dirty)
	if d, ok := f.book.Call(); ok {
		o.Calls = append(o.Calls, d)
	}
	if o.Calls == nil {
		o.Calls, o.done = o.done, nil
	}
	o.Calls = append(o.Calls, o.done...)
	e := o.Effects(f.timers.Next())
	*o = outbox{dirty: o.dirty} // the effects are the caller's
	return e
}
