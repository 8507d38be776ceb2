package batch

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
	done    []model.Call // JobDone, after all else
	replies []model.Reply
	notices []model.Notice
	dirty   []*group
}

func (o *outbox) kill(id model.TaskID, grace model.Duration) {
	if o != nil {
		o.calls = append(o.calls, model.Kill{Task: id, Grace: grace})
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
			At: at.time(), Kind: kind, Job: j.id, JobName: j.spec.Name, State: string(j.state), Message: message,
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
		o.calls = append(o.calls, d)
	}
	if o.calls == nil {
		o.calls, o.done = o.done, nil
	}
	e := model.Effects{
		Events:  o.events,
		Calls:   append(o.calls, o.done...),
		Replies: o.replies,
		Notices: o.notices,
		Wake:    f.timers.Next(),
	}
	*o = outbox{dirty: o.dirty} // the effects are the caller's
	return e
}
