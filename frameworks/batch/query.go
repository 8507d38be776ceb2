package batch

import (
	"slices"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// Query answers questions from the folded state.
func (f *Framework) Query(now time.Time, body any) (any, *model.Refusal) {
	switch q := body.(type) {
	case model.ListJobs:
		return sdk.Answer(f.listJobs(&q))
	case model.CountJobs:
		return f.countJobs(), nil
	case model.FindJob:
		return f.search(q.Selector), nil
	case model.GetJob:
		j, err := f.find(q.Selector)
		if err != nil {
			return nil, err
		}
		return f.view(j, true), nil
	case model.ListTasks:
		return sdk.Answer(f.listTasks(&q))
	case model.Why:
		return sdk.Answer(f.why(now, &q))
	case model.PlanJob:
		return sdk.Answer(f.plan(now, &q))
	}
	return nil, model.Refuse(model.ReasonUnsupported, "the batch framework has no answer to a %T", body)
}

func (f *Framework) countJobs() model.JobCounts {
	n := model.JobCounts{}
	for _, j := range f.jobs {
		n[j.state]++
	}
	return n
}

var jobStates = []model.JobState{
	model.JobBlocked, model.JobQueued, model.JobRunning, model.JobStopping,
	model.JobSucceeded, model.JobFailed, model.JobCancelled,
}

func (f *Framework) listJobs(q *model.ListJobs) (model.JobList, *model.Refusal) {
	from := f.order
	if q.Name != "" {
		from = f.names[q.Name]
	}
	l := sdk.Lister[*job]{
		ByID: f.byID, Seq: func(j *job) uint64 { return j.seq }, Found: (*job).found,
		View: func(j *job) model.JobView { return f.view(j, false) },
	}
	return l.List(from, q)
}

func (f *Framework) listTasks(q *model.ListTasks) (l model.TaskList, err *model.Refusal) {
	j, err := f.find(q.Selector)
	if err != nil {
		return l, err
	}
	if q.State != "" && q.State != stateWaiting && !slices.Contains(taskStateNames[:], q.State) {
		err := model.Refuse(model.ReasonBadRequest, "no such task state %q", q.State)
		err.Details = append([]string{stateWaiting}, slices.DeleteFunc(slices.Clone(taskStateNames[:]), func(n string) bool {
			return strings.Contains(n, "(")
		})...)
		return l, err
	}
	l = model.TaskList{Job: j.id, Tasks: []model.TaskView{}}
	p := &taskPage{q: q, l: &l, limit: q.Limit}
	if p.limit <= 0 {
		p.limit = sdk.DefaultLimit
	}
	known := false
	for i := range j.groups {
		g := &j.groups[i]
		if q.Group != "" && g.spec.Name != q.Group {
			continue
		}
		known = true
		if q.Index != nil {
			if n, ok := g.slotOf(*q.Index); ok {
				p.add(g, n)
			}
			continue
		}
		p.addAll(g)
	}
	if !known {
		return l, model.Refuse(model.ReasonNotFound, "job %q (%s) has no group %q", j.spec.Name, j.id, q.Group)
	}
	return l, nil
}

// taskPage gathers one page of the tasks that match.
type taskPage struct {
	q     *model.ListTasks
	l     *model.TaskList
	limit int
}

func (p *taskPage) addAll(g *group) {
	if p.q.State != "" || g.hosts != nil {
		for n := range g.size {
			if !g.isVacant(n) {
				p.add(g, n)
			}
		}
		return
	}
	// Every slot matches, so those before and behind the page need no look.
	from := min(max(p.q.Offset-p.l.Total, 0), g.size)
	to := min(from+p.limit-len(p.l.Tasks), g.size)
	for n := from; n < to; n++ {
		p.l.Tasks = append(p.l.Tasks, g.task(n))
	}
	p.l.Total += g.size
}

func (p *taskPage) add(g *group, n int) {
	if p.q.State != "" && g.stateName(g.peek(n).state) != p.q.State {
		return
	}
	if p.l.Total >= p.q.Offset && len(p.l.Tasks) < p.limit {
		p.l.Tasks = append(p.l.Tasks, g.task(n))
	}
	p.l.Total++
}
