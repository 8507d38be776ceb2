package httpapi

import (
	"net/http"

	"github.com/tender-scheduler/tender/core/model"
)

// maxNextRuns is the most due times in one answer.
const maxNextRuns = 1000

func (a *api) pause(w http.ResponseWriter, r *http.Request) {
	act[model.JobView](a, w, r, func(sel string) any { return model.PauseJob{Selector: sel} })
}

func (a *api) resume(w http.ResponseWriter, r *http.Request) {
	act[model.JobView](a, w, r, func(sel string) any { return model.ResumeJob{Selector: sel} })
}

func (a *api) trigger(w http.ResponseWriter, r *http.Request) {
	act[model.RunView](a, w, r, func(sel string) any { return model.TriggerJob{Selector: sel} })
}

// act serves a POST on one job that needs no body.
func act[T any](a *api, w http.ResponseWriter, r *http.Request, request func(sel string) any) {
	sel, refusal := selector(r)
	if refusal == nil {
		refusal = readQuery(r.URL.RawQuery).done()
	}
	if refusal == nil {
		refusal = readBody(w, r, maxBodyBytes, &struct{}{})
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	answer[T](a, w, r, request(sel))
}

func (a *api) runs(w http.ResponseWriter, r *http.Request) {
	sel, refusal := selector(r)
	q := readQuery(r.URL.RawQuery)
	limit := int(q.integer("limit", 0, maxPage, 0))
	if refusal == nil {
		refusal = q.done()
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	answer[model.RunList](a, w, r, model.ListRuns{Selector: sel, Limit: limit})
}

func (a *api) nextRuns(w http.ResponseWriter, r *http.Request) {
	sel, refusal := selector(r)
	q := readQuery(r.URL.RawQuery)
	n := int(q.integer("n", 1, maxNextRuns, 0))
	if refusal == nil {
		refusal = q.done()
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	answer[model.DueList](a, w, r, model.NextRuns{Selector: sel, Count: n})
}
