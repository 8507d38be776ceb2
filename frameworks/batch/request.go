package batch

import "github.com/tender-scheduler/tender/core/model"

// request carries out a person's wish and answers it.
func (f *Framework) request(r model.Request) {
	var body any
	var err *model.Refusal
	switch b := r.Body.(type) {
	case model.Submit:
		body, err = f.submit(&b)
	case model.CancelJob:
		body, err = f.cancel(&b)
	case model.RetryJob:
		body, err = f.retryJob(&b)
	default:
		err = model.Refuse(model.ReasonUnsupported, "the batch framework cannot do a %T", r.Body)
	}
	f.out.Reply(r.ID, body, err)
}
