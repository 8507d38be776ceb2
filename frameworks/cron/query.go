package cron

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

const (
	defaultNext = 5
	maxNext     = 1000
)

// Query answers questions from the folded state.
func (f *Framework) Query(now time.Time, body any) (any, *model.Refusal) {
	now = now.Add(f.ahead)
	switch q := body.(type) {
	case model.ListJobs:
		return sdk.Answer(f.listJobs(&q))
	case model.CountJobs:
		n := model.JobCounts{}
		for _, e := range f.entries {
			n[e.shown()]++
		}
		return n, nil
	case model.FindJob:
		return f.search(q.Selector), nil
	case model.PlanJob:
		return f.plan(now, q.Job)
	case model.Selecting:
		e, err := f.find(q.JobSelector())
		if err != nil {
			return nil, err
		}
		return f.answer(now, e, body)
	}
	return nil, model.Refuse(model.ReasonUnsupported, "the cron framework has no answer to a %T", body)
}

// answer answers a question about one schedule.
func (f *Framework) answer(now time.Time, e *entry, body any) (any, *model.Refusal) {
	switch q := body.(type) {
	case model.GetJob:
		return f.view(e, true), nil
	case model.ListTasks: // its runs have them
		return model.TaskList{Job: e.ID, Tasks: []model.TaskView{}}, nil
	case model.Why:
		return model.WhyView{Job: f.view(e, false), Explanations: f.explain(e, now)}, nil
	case model.ListRuns:
		return model.RunList{Job: f.view(e, false), Runs: e.runViews(q.Limit)}, nil
	case model.NextRuns:
		l := model.DueList{Job: f.view(e, false), Due: []time.Time{}, Zone: zoneOf(e.Job)}
		if e.when != nil && !e.ended() {
			n := q.Count
			if n <= 0 {
				n = defaultNext
			}
			l.Due = e.when.Upcoming(laterOf(e.Decided, now), min(n, maxNext))
		}
		return l, nil
	}
	return nil, model.Refuse(model.ReasonUnsupported, "the cron framework has no answer to a %T", body)
}

func (f *Framework) listJobs(q *model.ListJobs) (model.JobList, *model.Refusal) {
	l := sdk.Lister[*entry]{
		ByID: f.byID, Seq: func(e *entry) uint64 { return e.Seq }, Found: (*entry).found,
		View: func(e *entry) model.JobView { return f.view(e, false) },
	}
	return l.List(f.order, q)
}

// plan says what submitting a job would do: the version before, and when it would be due.
func (f *Framework) plan(now time.Time, job *model.Job) (any, *model.Refusal) {
	if err := f.check(job, now); err != nil {
		return nil, err
	}
	v := model.PlanView{Explanations: []model.Explanation{}}
	anchor := now
	if was := f.live(job.Name); was != nil {
		v.Previous, v.PreviousID = was.Job, was.ID
		if sameTimes(was.Job.Periodic, job.Periodic) {
			anchor = was.Anchor
		}
	}
	s, err := f.when(job, anchor)
	if err != nil {
		return nil, err
	}
	v.Due = s.Upcoming(now, defaultNext)
	return v, nil
}
