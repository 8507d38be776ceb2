package service

import (
	"fmt"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// With health_check = "manual" a person says which tasks work. It holds for an
// allocation: one that is started again, or that a drain moves, is taken to be what
// was looked at, and so is what a failed deployment goes back to; a new version, or a
// task more, is not.

// manual reports whether a person says what of the group's tasks works.
func (g *group) manual() bool {
	w := g.want()
	return w != nil && w.Update != nil && w.Update.HealthCheck == model.HealthManual
}

// say takes a person's word for tasks of a group.
func (f *Framework) say(j *job, r *model.ChangeDeployment) (any, *model.Refusal) {
	if err := running(j); err != nil {
		return nil, err
	}
	spec, err := oneGroup(j, r.Group)
	if err != nil {
		return nil, err
	}
	g := j.group(spec.Name)
	switch {
	case g == nil || !g.manual():
		return nil, model.Refuse(model.ReasonBadRequest, "group %q of job %q says health_check = %q: with \"manual\" in its update block a person says which tasks are healthy",
			spec.Name, j.spec().Name, spec.Update.HealthCheck)
	case len(r.Tasks) == 0:
		return nil, model.Refuse(model.ReasonBadRequest, "say which tasks of group %q are %s", spec.Name, r.Action)
	case j.deployment() == nil:
		return nil, model.Refuse(model.ReasonBadRequest, "job %q (%s) has had no deployment", j.spec().Name, j.ID)
	}
	e := &said{ID: j.ID, At: sdk.MicrosOf(f.out.Now), Healthy: r.Action == model.DeploymentHealthy}
	for _, index := range r.Tasks {
		s := g.slot(index)
		if s == nil || s.Drop || s.target() == nil {
			return nil, model.Refuse(model.ReasonNotFound, "job %q (%s) has no task %s[%d]", j.spec().Name, j.ID, g.Name, index)
		}
		a := s.target()
		if e.Healthy && (!a.Live || a.State != model.TaskRunning || a.Stop != 0) {
			return nil, model.Refuse(model.ReasonConflict, "task %s[%d] of job %q (%s) does not run, so it cannot be healthy", g.Name, index, j.spec().Name, j.ID)
		}
		e.Slots = append(e.Slots, place{Group: g.Name, Index: index, Next: a == s.Next})
	}
	f.emit(e)
	if d := j.rolling(); d != nil && !e.Healthy && d.part(g.Name) != nil {
		p := &planner{Framework: f, j: j, now: f.out.Now, at: e.At}
		p.fail(d, fmt.Sprintf("an operator says that task %s[%d] is not healthy", g.Name, r.Tasks[0]))
	}
	f.planDirty()
	return f.deploymentView(j, j.deployment()), nil
}

// foldSaid notes what a person says.
func (f *Framework) foldSaid(e *said) error {
	j, err := f.known(e.ID)
	if err != nil {
		return err
	}
	f.out.touch(j)
	for _, p := range e.Slots {
		g, s, a := j.at(p)
		if a == nil {
			continue
		}
		a.Said = e.Healthy
		if !e.Healthy {
			a.Marked, a.Late = false, true
		}
		f.reassess(g, s, a, e.At)
	}
	return nil
}
