package service

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
		n := model.JobCounts{}
		for _, j := range f.order {
			n[j.State]++
		}
		return n, nil
	case model.FindJob:
		return f.search(q.Selector), nil
	case model.GetJob:
		j, err := f.selected(q.Selector)
		if err != nil {
			return nil, err
		}
		return f.view(j, true), nil
	case model.ListTasks:
		return sdk.Answer(f.listTasks(&q))
	case model.Why:
		return sdk.Answer(f.why(now, &q))
	case model.PlanJob:
		return sdk.Answer(f.planJob(&q))
	case model.ListDeployments:
		return sdk.Answer(f.listDeployments(&q))
	case model.ListVersions:
		return sdk.Answer(f.listVersions(&q))
	}
	return nil, model.Refuse(model.ReasonUnsupported, "the service framework has no answer to a %T", body)
}

// selected resolves a selector to one job; that of a launch to its job.
func (f *Framework) selected(selector string) (*job, *model.Refusal) {
	found, refusal := f.search(selector).One(selector)
	if refusal != nil {
		return nil, refusal
	}
	if j := f.jobs[found.ID]; j != nil {
		return j, nil
	}
	l, _ := f.launchOf(found.ID)
	return l.job, nil
}

// search says which jobs a selector may mean. The id of a launch is an id too.
func (f *Framework) search(selector string) model.FoundJobs {
	if j := f.names[selector]; j != nil && f.jobs[model.JobID(selector)] == nil {
		v := j.found()
		v.Match = model.MatchName
		return model.FoundJobs{Jobs: []model.FoundJob{v}}
	}
	if l, ok := f.launchOf(model.JobID(selector)); ok && f.jobs[model.JobID(selector)] == nil {
		v := l.job.found()
		v.ID, v.Match = model.JobID(selector), model.MatchID
		return model.FoundJobs{Jobs: []model.FoundJob{v}}
	}
	return sdk.Find(f.order, (*job).found, f.byID, selector)
}

func (f *Framework) byID(id model.JobID) (*job, bool) { j := f.jobs[id]; return j, j != nil }

func (j *job) found() model.FoundJob {
	return model.FoundJob{ID: j.ID, Name: j.spec().Name, State: j.State, Submitted: j.Submitted.Time()}
}

func (f *Framework) listJobs(q *model.ListJobs) (model.JobList, *model.Refusal) {
	l := sdk.Lister[*job]{
		ByID: f.byID, Seq: func(j *job) uint64 { return j.Seq }, Found: (*job).found,
		View: func(j *job) model.JobView { return f.view(j, false) },
	}
	return l.List(f.order, q)
}

const stateWaiting = "waiting"

var taskStates = func() []string {
	s := []string{stateWaiting}
	for t := model.TaskStarting; t <= model.TaskUnknown; t++ {
		s = append(s, strings.ToLower(t.String()))
	}
	return s
}()

func (f *Framework) listTasks(q *model.ListTasks) (l model.TaskList, err *model.Refusal) {
	j, err := f.selected(q.Selector)
	if err != nil {
		return l, err
	}
	if q.State != "" && !slices.Contains(taskStates, q.State) {
		err := model.Refuse(model.ReasonBadRequest, "no such task state %q", q.State)
		err.Details = taskStates
		return l, err
	}
	limit := q.Limit
	if limit <= 0 {
		limit = sdk.DefaultLimit
	}
	only, ofLaunch := f.launchOf(model.JobID(q.Selector))
	ofLaunch = ofLaunch && f.jobs[model.JobID(q.Selector)] == nil
	l = model.TaskList{Job: j.ID, Tasks: []model.TaskView{}}
	known := q.Group == ""
	for _, g := range j.Groups {
		if q.Group != "" && g.Name != q.Group {
			continue
		}
		known = true
		for _, s := range g.Slots {
			if q.Index != nil && s.Index != *q.Index {
				continue
			}
			for _, a := range s.shown() {
				if ofLaunch && (a.Base != only.base || a.Lane != only.lane) {
					continue
				}
				v := j.task(g, s, a)
				if q.State != "" && v.State != q.State {
					continue
				}
				if l.Total >= q.Offset && len(l.Tasks) < limit {
					l.Tasks = append(l.Tasks, v)
				}
				l.Total++
			}
		}
	}
	if !known {
		return l, model.Refuse(model.ReasonNotFound, "job %q (%s) has no group %q", j.spec().Name, j.ID, q.Group)
	}
	return l, nil
}

// shown are a slot's allocations, the one that matters more first: the one that
// stays if it runs.
func (s *slot) shown() []*alloc {
	switch {
	case s.Next == nil:
		return []*alloc{s.Cur}
	case s.Cur == nil:
		return []*alloc{s.Next}
	case s.Cur.Stop != 0 && s.Next.Live:
		return []*alloc{s.Next, s.Cur}
	}
	return []*alloc{s.Cur, s.Next}
}

func (f *Framework) listVersions(q *model.ListVersions) (l model.VersionList, err *model.Refusal) {
	j, err := f.selected(q.Selector)
	if err != nil {
		return l, err
	}
	l = model.VersionList{Job: j.ID, Name: j.spec().Name}
	tasks := map[uint32]int{}
	j.allocs(func(_ *group, _ *slot, a *alloc) {
		if a.Live {
			tasks[a.Base]++
		}
	})
	for _, v := range slices.Backward(j.Versions) {
		l.Versions = append(l.Versions, model.VersionView{
			Version: v.Num, Current: v == j.last(), Stable: v.Stable, Submitted: v.At.Time(), User: v.User, Why: v.Why,
			Tasks: tasks[v.Num], Spec: v.Job,
		})
	}
	return l, nil
}

func (f *Framework) listDeployments(q *model.ListDeployments) (l model.DeploymentList, err *model.Refusal) {
	l.Deployments = []model.DeploymentView{}
	if q.Selector == "" {
		for _, j := range slices.Backward(f.order) {
			if d := j.deployment(); d != nil && (q.Limit <= 0 || len(l.Deployments) < q.Limit) {
				l.Deployments = append(l.Deployments, f.deploymentView(j, d))
			}
		}
		return l, nil
	}
	j, err := f.selected(q.Selector)
	if err != nil {
		return l, err
	}
	for _, d := range slices.Backward(j.Deployments) {
		if q.Limit > 0 && len(l.Deployments) == q.Limit {
			break
		}
		l.Deployments = append(l.Deployments, f.deploymentView(j, d))
	}
	return l, nil
}
