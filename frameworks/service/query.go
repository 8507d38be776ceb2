package service

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

const defaultLimit = 1000

// Query answers questions from the folded state.
func (f *Framework) Query(now time.Time, body any) (any, *model.Refusal) {
	switch q := body.(type) {
	case model.ListJobs:
		return answer(f.listJobs(&q))
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
		return answer(f.listTasks(&q))
	case model.Why:
		return answer(f.why(now, &q))
	case model.PlanJob:
		return answer(f.planJob(&q))
	case model.ListDeployments:
		return answer(f.listDeployments(&q))
	case model.ListVersions:
		return answer(f.listVersions(&q))
	}
	return nil, model.Refuse(model.ReasonUnsupported, "the service framework has no answer to a %T", body)
}

// answer keeps a refused query's body out of the reply.
func answer[T any](body T, err *model.Refusal) (any, *model.Refusal) {
	if err != nil {
		return nil, err
	}
	return body, nil
}

// selected resolves a selector to one job; that of a launch to its job.
func (f *Framework) selected(selector string) (*job, *model.Refusal) {
	found := f.search(selector)
	if len(found.Jobs) > 0 && found.Jobs[0].Match != model.MatchNear {
		if len(found.Jobs) == 1 || found.Jobs[0].Match != model.MatchPrefix {
			if j := f.jobs[found.Jobs[0].ID]; j != nil {
				return j, nil
			}
			l, _ := f.launchOf(found.Jobs[0].ID)
			return l.job, nil
		}
		r := model.Refuse(model.ReasonAmbiguous, "%q is the beginning of several job ids; give more of it", selector)
		for _, j := range found.Jobs {
			r.Details = append(r.Details, fmt.Sprintf("%s %s (%s)", j.ID, j.Name, j.State))
		}
		return nil, r
	}
	r := model.Refuse(model.ReasonNotFound, "no job has the id or the name %q", selector)
	for _, j := range found.Jobs {
		r.Details = append(r.Details, fmt.Sprintf("%s %s (%s)", j.ID, j.Name, j.State))
	}
	return nil, r
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
	byID := func(id model.JobID) (*job, bool) { j := f.jobs[id]; return j, j != nil }
	return sdk.Find(f.order, (*job).found, byID, selector)
}

func (j *job) found() model.FoundJob {
	return model.FoundJob{ID: j.ID, Name: j.spec().Name, State: j.State, Submitted: j.Submitted.time()}
}

func (f *Framework) listJobs(q *model.ListJobs) (l model.JobList, err *model.Refusal) {
	if q.State != "" && !slices.Contains(model.JobStates, model.JobState(q.State)) {
		return l, model.Refuse(model.ReasonBadRequest, "no such job state %q", q.State)
	}
	end := len(f.order)
	if q.Before != "" {
		b := f.jobs[q.Before]
		if b == nil {
			return l, model.Refuse(model.ReasonNotFound, "job %q, which the list was to go on from, is not known any more; start again", q.Before)
		}
		end, _ = slices.BinarySearchFunc(f.order, b.Seq, func(j *job, seq uint64) int { return compare(j.Seq, seq) })
	}
	if !q.Until.IsZero() {
		end, _ = slices.BinarySearchFunc(f.order, q.Until, func(j *job, at time.Time) int {
			if c := j.Submitted.time().Compare(at); c != 0 || !q.Through {
				return c
			}
			return -1
		})
	}
	limit := q.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	l.Jobs = make([]model.JobView, 0, min(limit, end))
	for i := end - 1; i >= 0; i-- {
		j := f.order[i]
		if q.State != "" && string(j.State) != q.State || q.Name != "" && j.spec().Name != q.Name {
			continue
		}
		if l.More = len(l.Jobs) == limit; l.More {
			break
		}
		l.Jobs = append(l.Jobs, f.view(j, false))
	}
	return l, nil
}

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
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
		limit = defaultLimit
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
			Version: v.Num, Current: v == j.last(), Stable: v.Stable, Submitted: v.At.time(), User: v.User, Why: v.Why,
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
