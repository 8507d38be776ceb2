package httpapi

import (
	"crypto/rand"
	"fmt"
	"net/http"

	"github.com/tender-scheduler/tender/core/model"
)

func (a *api) submit(w http.ResponseWriter, r *http.Request) {
	var s model.Submit
	refusal := readQuery(r.URL.RawQuery).done()
	if refusal == nil {
		refusal = readBody(w, r, maxSubmitBytes, &s)
	}
	if refusal == nil {
		refusal = plain("idempotency key", s.Key, maxKeyBytes)
	}
	if refusal == nil {
		refusal = plain("user's name", s.User, maxUserBytes)
	}
	if refusal == nil {
		refusal = a.checkJob(s.Job)
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	var random [5]byte
	rand.Read(random[:]) // never fails (crypto/rand)
	s.ID = model.NewJobID(random)
	reply, refusal := ask[model.SubmitReply](a, r.Context(), s)
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	w.Header().Set("Location", "/v1/jobs/"+string(reply.ID))
	status := http.StatusCreated
	if reply.Existing {
		status = http.StatusOK
	}
	writeJSON(w, status, reply)
}

func (a *api) plan(w http.ResponseWriter, r *http.Request) {
	var p struct {
		Job *model.Job `json:"job"`
	}
	refusal := readQuery(r.URL.RawQuery).done()
	if refusal == nil {
		refusal = readBody(w, r, maxSubmitBytes, &p)
	}
	if refusal == nil {
		refusal = a.checkJob(p.Job)
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	answer[model.PlanView](a, w, r, model.PlanJob{Job: p.Job})
}

// checkJob refuses a job that is absent or faulty, which its size is too.
func (a *api) checkJob(job *model.Job) *model.Refusal {
	if job == nil {
		return model.Refuse(model.ReasonBadRequest, `the request has no job: want {"job": {…}}`)
	}
	if faults := a.Check(job); len(faults) > 0 {
		r := model.Refuse(model.ReasonInvalidJob, "job %q is not valid: %s", job.Name, faults[0])
		if len(faults) > 1 {
			r.Message = fmt.Sprintf("job %q is not valid: %d faults", job.Name, len(faults))
		}
		r.Details = faults
		return r
	}
	return nil
}
