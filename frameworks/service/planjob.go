package service

import (
	"github.com/tender-scheduler/tender/core/model"
)

// planJob says what submitting a job would do: what becomes of each group's tasks,
// and the demands that those make which are new or replaced.
func (f *Framework) planJob(q *model.PlanJob) (v model.PlanView, err *model.Refusal) {
	if err := checkJob(q.Job); err != nil {
		return v, err
	}
	v.Explanations = []model.Explanation{}
	j := f.names[q.Job.Name]
	if j != nil {
		if err := f.sameKind(j, q.Job); err != nil {
			return v, err
		}
		v.Previous, v.PreviousID = j.spec(), j.ID
		if !j.State.Ended() {
			v.CheckIndex = j.Index
		}
	}
	for i := range q.Job.Groups {
		spec := &q.Job.Groups[i]
		p := planGroup(j, q.Job, spec)
		v.Groups = append(v.Groups, p)
		if n := p.Create + p.Replace; n > 0 && q.Job.Type != model.JobSystem {
			v.Demands = append(v.Demands, f.planDemand(q.Job, i, n))
		}
	}
	if j == nil || j.State.Ended() {
		return v, nil
	}
	for _, g := range j.Groups {
		if groupOf(q.Job, g.Name) == nil && g.want() != nil {
			v.Groups = append(v.Groups, model.GroupPlan{Group: g.Name, Stop: len(g.Slots)})
		}
	}
	return v, nil
}

func planGroup(j *job, spec *model.Job, g *model.Group) model.GroupPlan {
	p := model.GroupPlan{Group: g.Name}
	var old *group
	if j != nil && !j.State.Ended() {
		old = j.group(g.Name)
	}
	if old == nil {
		if spec.Type != model.JobSystem {
			p.Create = g.Count
		}
		return p
	}
	want := g.Count
	if spec.Type == model.JobSystem {
		want = len(old.Slots)
	}
	for _, s := range old.Slots {
		if int(s.Index) >= want && spec.Type != model.JobSystem {
			p.Stop++
			continue
		}
		run, num := old.runs(s.target().Base)
		if num >= 0 && sameTasks(run, &run.Groups[num], spec, g) {
			p.InPlace++
		} else {
			p.Replace++
		}
	}
	p.Create = max(want-p.InPlace-p.Replace, 0)
	if g.Update != nil && p.Replace > 0 {
		p.Canaries = min(g.Update.Canary, p.Replace)
	}
	return p
}

// planDemand is the demand that a job would make for tasks of one of its groups.
func (f *Framework) planDemand(spec *model.Job, num, count int) model.Demand {
	j := &job{ID: "plan", Seq: f.lastSeq + 1, Versions: []*version{{Num: 1, Job: spec}}}
	g := &group{Name: spec.Groups[num].Name, Base: 1, job: j}
	return f.buildDemand(&bucket{id: "plan/" + g.Name, g: g, base: 1}, count)
}
