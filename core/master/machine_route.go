package master

import (
	"cmp"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// frameworkOf says which framework runs jobs of a type. A periodic job is its
// schedule's, whatever its runs are.
func frameworkOf(j *model.Job) model.FrameworkID {
	if j.Periodic != nil {
		return "cron"
	}
	switch j.Type {
	case model.JobService, model.JobSystem:
		return "service"
	case model.JobSysBatch:
		return "batch"
	}
	return model.FrameworkID(j.Type)
}

// route says which framework a request or query is for, and gives it in the form
// that the framework is to get: one job named by its id.
func (m *Machine) route(now time.Time, body any) (model.FrameworkID, any, *model.Refusal) {
	switch b := body.(type) {
	case model.Submit:
		return m.hosted(frameworkOf(b.Job), b)
	case model.PlanJob:
		return m.hosted(frameworkOf(b.Job), b)
	case model.ListDeployments:
		if b.Selector == "" {
			return m.hosted("service", b)
		}
		return m.routeJob(now, b)
	case model.OfSchedule:
		return m.hosted("cron", b) // which knows best what it has of that name
	case model.Selecting:
		return m.routeJob(now, b)
	}
	return "", nil, model.Refuse(model.ReasonUnsupported, "no framework here serves a request of type %T", body)
}

func (m *Machine) hosted(id model.FrameworkID, body any) (model.FrameworkID, any, *model.Refusal) {
	if m.frameworks[id] == nil {
		return "", nil, model.Refuse(model.ReasonUnsupported, "this master has no %s framework", id)
	}
	return id, body, nil
}

func (m *Machine) routeJob(now time.Time, body model.Selecting) (model.FrameworkID, any, *model.Refusal) {
	if len(m.order) == 1 {
		return m.order[0], body, nil // it has a better answer than ours if there is no such job
	}
	fw, id, refusal := m.findJob(now, body.JobSelector())
	if refusal != nil {
		return "", nil, refusal
	}
	if _, ok := body.(model.ListTasks); ok && fw == "cron" {
		if run := m.lastRun(now, id); run != "" {
			return m.routeJob(now, body.ForJob(run).(model.Selecting))
		}
	}
	return fw, body.ForJob(id), nil
}

// lastRun is the latest run of a schedule, whose tasks are meant by who asks for the
// schedule's; empty if there is none any more.
func (m *Machine) lastRun(now time.Time, schedule model.JobID) model.JobID {
	answer, refusal := m.askFramework(now, "cron", model.GetJob{Selector: string(schedule)})
	if refusal != nil {
		return ""
	}
	s := answer.(model.JobView).Schedule
	if s == nil || s.Last == nil {
		return ""
	}
	if _, id, refusal := m.findJob(now, string(s.Last.Job)); refusal != nil || id != s.Last.Job {
		return ""
	}
	return s.Last.Job
}

// candidate is a job that a selector may mean.
type candidate struct {
	model.FoundJob
	framework model.FrameworkID
}

// findJob resolves a selector over all frameworks: an id, a name (the latest
// submission with it, of whatever type), "last", or a prefix of exactly one id.
func (m *Machine) findJob(now time.Time, selector string) (model.FrameworkID, model.JobID, *model.Refusal) {
	var all []candidate
	for _, id := range m.order {
		q, ok := m.frameworks[id].(model.Querier)
		if !ok {
			continue
		}
		answer, refusal := q.Query(now, model.FindJob{Selector: selector})
		if refusal != nil {
			continue
		}
		for _, j := range answer.(model.FoundJobs).Jobs {
			if j.Match == model.MatchID {
				return id, j.ID, nil // nothing is better, and the others would look for what is like it
			}
			all = append(all, candidate{j, id})
		}
	}
	slices.SortStableFunc(all, func(x, y candidate) int {
		return cmp.Or(cmp.Compare(x.Match, y.Match), runsLast(all, x, y), y.Submitted.Compare(x.Submitted))
	})
	found := model.FoundJobs{}
	for _, c := range all {
		found.Jobs = append(found.Jobs, c.FoundJob)
	}
	if _, refusal := found.One(selector); refusal != nil {
		return "", "", refusal
	}
	return all[0].framework, all[0].ID, nil
}

// runsLast puts a schedule before its runs, which have its name: whoever wants one
// of those says its id.
func runsLast(all []candidate, x, y candidate) int {
	ranked := func(c candidate) int {
		if c.Match == model.MatchName && slices.ContainsFunc(all, func(o candidate) bool { return o.ID == c.Parent }) {
			return 1
		}
		return 0
	}
	return cmp.Compare(ranked(x), ranked(y))
}

// queryFramework asks the framework that a query is for.
func (m *Machine) queryFramework(now time.Time, body any) (any, *model.Refusal) {
	if l, ok := body.(model.ListJobs); ok {
		return m.listJobs(now, l)
	}
	id, body, refusal := m.route(now, body)
	if refusal != nil {
		return nil, refusal
	}
	return m.askFramework(now, id, body)
}

func (m *Machine) askFramework(now time.Time, id model.FrameworkID, body any) (any, *model.Refusal) {
	q, can := m.frameworks[id].(model.Querier)
	if !can {
		return nil, model.Refuse(model.ReasonUnsupported, "the %s framework answers no questions", id)
	}
	return q.Query(now, body)
}

// listJobs merges the frameworks' lists, newest first.
func (m *Machine) listJobs(now time.Time, q model.ListJobs) (any, *model.Refusal) {
	if len(m.order) == 1 {
		return m.askFramework(now, m.order[0], q)
	}
	var owner model.FrameworkID
	before := q.Before
	if before != "" {
		fw, id, refusal := m.findJob(now, string(before))
		if refusal != nil || id != before {
			return nil, model.Refuse(model.ReasonNotFound, "job %q, which the list was to go on from, is not known any more; start again", before)
		}
		v, refusal := m.askFramework(now, fw, model.GetJob{Selector: string(id)})
		if refusal != nil {
			return nil, refusal
		}
		owner, q.Until = fw, v.(model.JobView).Submitted
	}
	const page = 1000
	if q.Limit <= 0 {
		q.Limit = page
	}
	lists := make([][]model.JobView, 0, len(m.order))
	var out model.JobList
	passed := false // frameworks behind the owner's still have those of the same time to come
	for _, id := range m.order {
		part := q
		if part.Before = ""; id == owner {
			part.Before, part.Until, passed = before, time.Time{}, true
		} else {
			part.Through = passed && before != ""
		}
		answer, refusal := m.askFramework(now, id, part)
		if refusal != nil {
			return nil, refusal
		}
		l := answer.(model.JobList)
		out.More = out.More || l.More
		lists = append(lists, l.Jobs)
	}
	out.Jobs = mergeJobs(lists, q.Limit)
	out.More = out.More || slices.ContainsFunc(lists, func(l []model.JobView) bool { return len(l) > 0 })
	return out, nil
}

// mergeJobs takes from lists that are newest first; of the same time the earlier
// list's go first. What is left over stays in lists.
func mergeJobs(lists [][]model.JobView, limit int) []model.JobView {
	out := []model.JobView{}
	for len(out) < limit {
		best := -1
		for i, l := range lists {
			if len(l) > 0 && (best < 0 || l[0].Submitted.After(lists[best][0].Submitted)) {
				best = i
			}
		}
		if best < 0 {
			break
		}
		out = append(out, lists[best][0])
		lists[best] = lists[best][1:]
	}
	return out
}
