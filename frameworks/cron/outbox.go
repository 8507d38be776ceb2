package cron

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// outbox gathers the effects of one Step. Its methods may be called on nil, which
// is what folding the journal does: the same transitions, nothing sent.
type outbox struct {
	sdk.Outbox
	spawned int
	touched []*entry // to be looked at again before the step ends
}

// notice tells of a schedule's change.
func (o *outbox) notice(at time.Time, kind string, e *entry, message string) {
	if o != nil {
		o.Notices = append(o.Notices, model.Notice{
			At: at, Kind: kind, Job: e.ID, JobName: e.Job.Name, State: string(e.shown()), Message: message,
		})
	}
}

// touch marks a schedule of which something has changed that others or its waiting
// runs may depend on.
func (o *outbox) touch(e *entry) {
	if o != nil {
		o.touched = append(o.touched, e)
	}
}
