package httpapi

import (
	"net"
	"net/http"

	"github.com/tender-scheduler/tender/core/model"
)

// masters is answered by every master; one that is asked by another one answers
// from what it knows itself.
func (a *api) masters(w http.ResponseWriter, r *http.Request) {
	q := readQuery(r.URL.RawQuery)
	body := model.ListMasters{Here: q.flag("here")}
	if refusal := q.done(); refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	answer[model.MasterList](a, w, r, body)
}

// stepDown asks the leader to let another master lead.
func (a *api) stepDown(w http.ResponseWriter, r *http.Request) {
	var body model.StepDown
	refusal := readQuery(r.URL.RawQuery).done()
	if refusal == nil {
		refusal = readBody(w, r, maxBodyBytes, &body)
	}
	if refusal == nil {
		refusal = plain("user's name", body.By, maxUserBytes)
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	answer[model.StepDownReply](a, w, r, body)
}

// join lets another master keep the journal with this one.
func (a *api) join(w http.ResponseWriter, r *http.Request) {
	var body model.JoinMasters
	refusal := readQuery(r.URL.RawQuery).done()
	if refusal == nil {
		refusal = readBody(w, r, maxBodyBytes, &body)
	}
	if refusal == nil {
		refusal = plain("address", body.Address, maxSelector)
	}
	if _, _, err := net.SplitHostPort(body.Address); refusal == nil && err != nil {
		refusal = model.Refuse(model.ReasonBadRequest, "address %q: want host:port", body.Address)
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	answer[model.JoinReply](a, w, r, body)
}
