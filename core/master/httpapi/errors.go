package httpapi

import (
	"encoding/json"
	"net/http"

	"github.com/tender-scheduler/tender/core/model"
)

// statusOf is the HTTP status of a refusal. Scripts should match the Reason in
// the body, which says more.
func statusOf(r model.Reason) int {
	switch r {
	case model.ReasonBadRequest:
		return http.StatusBadRequest
	case model.ReasonInvalidJob, model.ReasonUnsupported:
		return http.StatusUnprocessableEntity
	case model.ReasonTooLarge:
		return http.StatusRequestEntityTooLarge
	case model.ReasonNotFound:
		return http.StatusNotFound
	case model.ReasonAmbiguous, model.ReasonConflict, model.ReasonTerminalJob, model.ReasonNotTerminal,
		model.ReasonNotRunning, model.ReasonStarting:
		return http.StatusConflict
	case model.ReasonQueueFull:
		return http.StatusTooManyRequests
	case model.ReasonNotLeader, model.ReasonUnavailable:
		return http.StatusServiceUnavailable
	case model.ReasonAgentGone:
		return http.StatusBadGateway
	}
	return http.StatusInternalServerError
}

// retryAfterSeconds is what a client is told to wait while there is no leader:
// an election takes milliseconds, a dead leader's session a second or two.
const retryAfterSeconds = "1"

func writeRefusal(w http.ResponseWriter, r *model.Refusal) {
	writeStatus(w, statusOf(r.Reason), r)
}

func writeStatus(w http.ResponseWriter, status int, r *model.Refusal) {
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", retryAfterSeconds)
	}
	writeJSON(w, status, r)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(body) // the client has gone; nobody is left to be told
}
