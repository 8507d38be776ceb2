package httpapi

import (
	"io"
	"net/http"

	"github.com/tender-scheduler/tender/core/model"
)

func (a *api) status(w http.ResponseWriter, r *http.Request) {
	plainGet[model.MasterStatus](a, w, r, model.GetStatus{})
}

func (a *api) nodes(w http.ResponseWriter, r *http.Request) {
	plainGet[model.NodeList](a, w, r, model.ListNodes{})
}

func (a *api) offers(w http.ResponseWriter, r *http.Request) {
	plainGet[model.OfferList](a, w, r, model.ListOffers{})
}

// plainGet serves a GET that has no parameters.
func plainGet[T any](a *api, w http.ResponseWriter, r *http.Request, body any) {
	if refusal := readQuery(r.URL.RawQuery).done(); refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	answer[T](a, w, r, body)
}

// healthy says that the process serves; a supervisor restarts it if not.
func (a *api) healthy(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok\n")
}

// ready says that requests sent here reach a leader; a load balancer asks it.
func (a *api) ready(w http.ResponseWriter, r *http.Request) {
	if leader, self := a.Backend.Leader(); leader == "" && !self {
		writeRefusal(w, noLeader())
		return
	}
	a.healthy(w, r)
}
