package batch

import (
	"strconv"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// plan says what submitting a job would do: the job it would follow, what would
// block it, and the demands it would make. Asked counts the tasks that no demand
// is for; the allocator adds those that one is for.
func (f *Framework) plan(now time.Time, q *model.PlanJob) (v model.PlanView, err *model.Refusal) {
	if err := checkJob(q.Job); err != nil {
		return v, err
	}
	deps, err := f.resolveDeps(q.Job)
	if err != nil {
		return v, err
	}
	v.Explanations = []model.Explanation{}
	if was := f.latest(q.Job.Name); was != nil {
		v.Previous, v.PreviousID = was.spec, was.id
	}
	j := newJob("", f.lastSeq+1, q.Job)
	j.deps, j.state = deps, model.JobQueued
	j.fillReady()
	f.updateDeps(j)
	if ex := f.explainDeps(j.deps, q.Job.Name, "", j.open, now); ex != nil {
		v.Explanations = append(v.Explanations, *ex)
		v.Asked = j.open
		return v, nil
	}
	for i := range j.groups {
		g := &j.groups[i]
		v.Explanations = append(v.Explanations, g.explain(now)...)
		if g.hosts != nil {
			v.Demands = append(v.Demands, f.anyHost("plan/"+strconv.Itoa(i), g))
			continue
		}
		n := g.startable()
		v.Asked += g.size - n
		if n > 0 {
			v.Demands = append(v.Demands, f.buildDemand("plan/"+strconv.Itoa(i), g, n))
		}
	}
	return v, nil
}
