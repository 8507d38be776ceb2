package httpapi

import (
	"context"
	"net/http"
	"strings"
	"unicode"

	"github.com/tender-scheduler/tender/core/model"
)

// ask carries out body on the backend; the answer must be a T.
func ask[T any](a *api, ctx context.Context, body any) (T, *model.Refusal) {
	ctx, cancel := context.WithTimeout(ctx, a.RequestTimeout)
	defer cancel()
	var none T
	got, refusal := a.Backend.Do(ctx, body)
	if refusal != nil {
		return none, refusal
	}
	t, ok := got.(T)
	if !ok {
		a.Logger.Error("backend answered with the wrong type", "request", body, "answer", got)
		return none, model.Refuse(model.ReasonInternal, "the master answered a %T with a %T", body, got)
	}
	return t, nil
}

// answer asks and writes what comes back.
func answer[T any](a *api, w http.ResponseWriter, r *http.Request, body any) {
	t, refusal := ask[T](a, r.Context(), body)
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	writeJSON(w, http.StatusOK, withLists(t))
}

// withLists turns the nil lists of an answer into empty ones: a client should
// never meet null where a list belongs.
func withLists(answer any) any {
	switch v := answer.(type) {
	case model.JobList:
		v.Jobs = list(v.Jobs)
		return v
	case model.TaskList:
		v.Tasks = list(v.Tasks)
		return v
	case model.NodeList:
		v.Nodes = list(v.Nodes)
		return v
	case model.OfferList:
		v.Offers, v.Demands = list(v.Offers), list(v.Demands)
		return v
	case model.ServiceList:
		v.Services = list(v.Services)
		return v
	case model.MasterList:
		v.Masters, v.Etcd = list(v.Masters), list(v.Etcd)
		return v
	case model.ShareList:
		v.Roles = list(v.Roles)
		return v
	case model.WhyView:
		v.Explanations = list(v.Explanations)
		return v
	case model.PlanView:
		v.Explanations = list(v.Explanations)
		return v
	}
	return answer
}

func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// selector returns the path's {sel}.
func selector(r *http.Request) (string, *model.Refusal) {
	s := r.PathValue("sel")
	if len(s) > maxSelector || strings.ContainsFunc(s, unicode.IsControl) {
		return "", model.Refuse(model.ReasonBadRequest,
			"the job selector is longer than %d bytes or holds control characters: want an id, a unique prefix of one, a name or \"last\"", maxSelector)
	}
	return s, nil
}

// plain refuses text that does not belong on one line of a terminal.
func plain(what, s string, maxBytes int) *model.Refusal {
	if len(s) > maxBytes {
		return model.Refuse(model.ReasonTooLarge, "the %s is longer than %d bytes", what, maxBytes)
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return model.Refuse(model.ReasonBadRequest, "the %s holds control characters", what)
	}
	return nil
}
