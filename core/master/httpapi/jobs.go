package httpapi

import (
	"context"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// maxPage is the most jobs or tasks in one answer.
const maxPage = 10_000

// jobStates and taskStates are what the state= parameters take.
var jobStates = func() (s []string) {
	for _, state := range model.JobStates {
		s = append(s, string(state))
	}
	return s
}()

var taskStates = func() []string {
	s := []string{"waiting"}
	for t := model.TaskStarting; t <= model.TaskUnknown; t++ {
		s = append(s, strings.ToLower(t.String()))
	}
	return s
}()

func (a *api) listJobs(w http.ResponseWriter, r *http.Request) {
	q := readQuery(r.URL.RawQuery)
	list := model.ListJobs{
		State:  q.oneOf("state", jobStates),
		Name:   q.text("name"),
		Limit:  int(q.integer("limit", 0, maxPage, 0)),
		Before: model.JobID(q.text("before")),
	}
	if refusal := q.done(); refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	answer[model.JobList](a, w, r, list)
}

// simple serves a GET on one job that has no parameters.
func simple[T any](a *api, w http.ResponseWriter, r *http.Request, body func(sel string) any) {
	sel, refusal := selector(r)
	if refusal == nil {
		refusal = readQuery(r.URL.RawQuery).done()
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	answer[T](a, w, r, body(sel))
}

func (a *api) getJob(w http.ResponseWriter, r *http.Request) {
	simple[model.JobView](a, w, r, func(sel string) any { return model.GetJob{Selector: sel} })
}

func (a *api) why(w http.ResponseWriter, r *http.Request) {
	simple[model.WhyView](a, w, r, func(sel string) any { return model.Why{Selector: sel} })
}

func (a *api) listTasks(w http.ResponseWriter, r *http.Request) {
	sel, refusal := selector(r)
	q := readQuery(r.URL.RawQuery)
	list := model.ListTasks{
		Selector: sel,
		Group:    q.text("group"),
		State:    q.oneOf("state", taskStates),
		Offset:   int(q.integer("offset", 0, math.MaxInt32, 0)),
		Limit:    int(q.integer("limit", 0, maxPage, 0)),
	}
	index := uint32(q.integer("index", 0, math.MaxUint32, 0))
	if q.has("index") {
		list.Index = &index
	}
	if refusal == nil {
		refusal = q.done()
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	answer[model.TaskList](a, w, r, list)
}

// wait answers 200 once the job has ended and 202 when the time is up first.
func (a *api) wait(w http.ResponseWriter, r *http.Request) {
	sel, refusal := selector(r)
	q := readQuery(r.URL.RawQuery)
	timeout := min(q.duration("timeout", DefaultWait), MaxWait)
	if refusal == nil {
		refusal = q.done()
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), max(timeout, time.Millisecond))
	defer cancel()
	view, ended, refusal := a.Backend.Wait(ctx, sel)
	switch {
	case refusal != nil:
		writeRefusal(w, refusal)
	case ended:
		writeJSON(w, http.StatusOK, view)
	default:
		writeJSON(w, http.StatusAccepted, view)
	}
}

func (a *api) cancel(w http.ResponseWriter, r *http.Request) {
	var c model.CancelJob
	a.change(w, r, maxCancelBytes, &c, func(sel string) any { c.Selector = sel; return c })
}

func (a *api) retry(w http.ResponseWriter, r *http.Request) {
	var c model.RetryJob
	a.change(w, r, maxBodyBytes, &c, func(sel string) any { c.Selector = sel; return c })
}

// change serves a POST on one job: body is read into v, then request makes the call.
func (a *api) change(w http.ResponseWriter, r *http.Request, limit int64, v any, request func(sel string) any) {
	sel, refusal := selector(r)
	if refusal == nil {
		refusal = readQuery(r.URL.RawQuery).done()
	}
	if refusal == nil {
		refusal = readBody(w, r, limit, v)
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	answer[model.JobView](a, w, r, request(sel))
}
