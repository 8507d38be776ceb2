package httpapi

import (
	"net/http"

	"github.com/tender-scheduler/tender/core/model"
)

func (a *api) shares(w http.ResponseWriter, r *http.Request) {
	q := readQuery(r.URL.RawQuery)
	body := model.ListShares{Role: q.text("role")}
	refusal := q.done()
	if refusal == nil {
		refusal = plain("role", body.Role, maxSelector)
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	answer[model.ShareList](a, w, r, body)
}

// setRole takes a RoleConfig; its role may be left out, as the path has it.
func (a *api) setRole(w http.ResponseWriter, r *http.Request) {
	var c model.RoleConfig
	role, refusal := rolePath(r)
	if refusal == nil {
		refusal = readBody(w, r, maxBodyBytes, &c)
	}
	if refusal == nil && c.Role != "" && c.Role != role {
		refusal = model.Refuse(model.ReasonBadRequest, "the path names role %q, the body %q", role, c.Role)
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	c.Role = role
	answer[model.RoleConfig](a, w, r, model.SetRole{RoleConfig: c})
}

func (a *api) removeRole(w http.ResponseWriter, r *http.Request) {
	role, refusal := rolePath(r)
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	answer[model.RoleConfig](a, w, r, model.RemoveRole{Role: role})
}

// rolePath returns the rest of the path: the slashes of a role are the path's own.
func rolePath(r *http.Request) (string, *model.Refusal) {
	role := r.PathValue("role")
	if refusal := readQuery(r.URL.RawQuery).done(); refusal != nil {
		return "", refusal
	}
	return role, plain("role", role, maxSelector)
}

func (a *api) setReservation(w http.ResponseWriter, r *http.Request) {
	var v model.Reservation
	refusal := readQuery(r.URL.RawQuery).done()
	if refusal == nil {
		refusal = readBody(w, r, maxBodyBytes, &v)
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	answer[model.Reservation](a, w, r, model.SetReservation{Reservation: v})
}
