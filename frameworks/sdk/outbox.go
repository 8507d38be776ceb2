package sdk

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Outbox gathers the effects of one Step. A policy has one of its own around it,
// which is nil while the journal is folded: the same transitions, nothing sent.
type Outbox struct {
	Now     time.Time
	Events  []model.OwnEvent
	Calls   []model.Call
	Replies []model.Reply
	Notices []model.Notice
}

// Reply answers a request; a refusal has no body.
func (o *Outbox) Reply(request uint64, body any, err *model.Refusal) {
	if err != nil {
		body = nil
	}
	o.Replies = append(o.Replies, model.Reply{ID: request, Body: body, Err: err})
}

// Call asks the host for something.
func (o *Outbox) Call(c model.Call) { o.Calls = append(o.Calls, c) }

// Decline gives an offer back, and says for how long none like it is wanted.
func (o *Outbox) Decline(offer *model.Offer, refuseFor time.Duration) {
	o.Call(model.Decline{Offer: offer.ID, RefuseFor: refuseFor})
}

// Effects returns what was gathered; wake is when the policy is to be called next.
func (o *Outbox) Effects(wake time.Time) model.Effects {
	return model.Effects{Events: o.Events, Calls: o.Calls, Replies: o.Replies, Notices: o.Notices, Wake: wake}
}
