package service

import (
	"fmt"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// view is a job as shown to people.
func (f *Framework) view(j *job, withSpec bool) model.JobView {
	spec := j.spec()
	v := model.JobView{
		ID: j.ID, Name: spec.Name, Type: spec.Type, Role: spec.Role, Priority: spec.Priority, User: j.User, Parent: j.Parent,
		State: j.State, Submitted: j.Submitted.Time(), Started: j.Started.Time(), Ended: j.Ended.Time(),
		Usage: model.Usage{CPU: j.CPU, PeakMemoryBytes: j.PeakBytes, GPUTime: j.GPUTime, PeakGPUMemoryBytes: j.PeakGPU},
	}
	v.Service = f.status(j, &v.Slots)
	switch j.State {
	case model.JobCancelled:
		code := model.ExitCancelled
		v.ExitCode, v.Cause = &code, model.CauseKilled
	case model.JobFailed:
		code := 1
		v.ExitCode, v.Cause, v.Message = &code, model.CauseFailed, "all of its tasks have failed for good"
		j.allocs(func(g *group, s *slot, a *alloc) {
			if v.Failure == nil && a.Failed {
				t := j.task(g, s, a)
				v.Failure = &t
				if t.Result != nil && t.Result.Code() != 0 {
					*v.ExitCode, v.Cause = t.Result.Code(), t.Result.Cause
				}
			}
		})
	}
	if withSpec {
		v.Spec = spec
	}
	return v
}

// status counts a job's slots: each once, as what is best of it.
func (f *Framework) status(j *job, c *model.SlotCounts) *model.ServiceStatus {
	v := &model.ServiceStatus{Version: j.last().Num, Stable: j.last().Stable, CheckIndex: j.Index, Groups: []model.ServiceGroupStatus{}}
	for _, g := range j.Groups {
		x := model.ServiceGroupStatus{Group: g.Name}
		if spec := g.want(); spec != nil && !j.stopping() {
			x.Desired = spec.Count
			if j.system() {
				x.Desired = len(g.Slots)
			}
		}
		for _, s := range g.Slots {
			for _, a := range s.shown() {
				if a.Live && a.Stop != 0 {
					x.Stopping++
				}
			}
			s.count(c, &x)
		}
		c.Total += max(x.Desired, len(g.Slots))
		v.Desired += x.Desired
		v.Healthy += x.Healthy
		v.Groups = append(v.Groups, x)
	}
	if d := j.deployment(); d != nil {
		view := f.deploymentView(j, d)
		v.Deployment = &view
	}
	return v
}

func (s *slot) count(c *model.SlotCounts, x *model.ServiceGroupStatus) {
	running, staging, healthy := false, false, false
	for _, a := range s.shown() {
		running = running || a.Live && a.State == model.TaskRunning
		staging = staging || a.Live
		healthy = healthy || a.works()
	}
	if healthy {
		x.Healthy++
	}
	switch {
	case running:
		c.Running++
		x.Running++
	case staging:
		c.Staging++
	case s.Cur != nil && s.Cur.Failed:
		c.Failed++
		x.Failed++
	default:
		c.Waiting++
	}
}

// task is an allocation as shown to people: its task, or while it waits the one
// to come, with what became of the last as the message.
func (j *job) task(g *group, s *slot, a *alloc) model.TaskView {
	v := model.TaskView{
		ID: a.taskID(g, s), Group: g.Name, State: stateWaiting, Version: a.Base, Health: a.Checks, Healthy: a.healthy(),
		Draining: a.Live && a.Stop != 0 || s.Leave != 0 && a == s.Cur,
	}
	if d := j.rolling(); d != nil && s.Canary && a == s.target() {
		p := d.part(g.Name)
		v.Canary = p != nil && p.Canaries > 0 && !p.Promoted
	}
	if a.Live {
		v.State = strings.ToLower(a.State.String())
		v.Agent, v.Staged, v.Started = a.Agent, a.Staged.Time(), a.Started.Time()
		v.Message = a.Why
		if s.Leave != 0 && a == s.Cur && a.Stop == 0 {
			v.Message = "its node is drained"
		}
		if t := a.trouble(); t != "" && a.Well == 0 && a.State == model.TaskRunning && a.Stop == 0 {
			v.Message = strings.TrimPrefix(t, ": ")
		}
		return v
	}
	e := a.End
	if v.Agent = s.Agent; e != nil {
		v.Agent = a.Agent // where the output of its last attempt is
	}
	if a.Failed && e != nil {
		v.ID.Attempt = e.Attempt
		v.State, v.Agent, v.Staged, v.Started, v.Finished = strings.ToLower(e.State.String()), a.Agent, a.Staged.Time(), a.Started.Time(), e.At.Time()
		v.Result, v.Reason, v.Message = e.Result, e.Reason, e.Message
		return v
	}
	switch {
	case a == s.Next && s.After:
		v.Message = "starts when the one it replaces has ended"
	case e != nil:
		v.Message = fmt.Sprintf("attempt %d: %s", e.Attempt, e.text())
		if a.Since != 0 {
			v.Message += ", tried again at " + a.dueTime().Format(time.RFC3339)
		}
	}
	return v
}

// dueTime is when the present delay ends.
func (a *alloc) dueTime() time.Time {
	if !a.due.IsZero() {
		return a.due.UTC()
	}
	return a.Since.Time().Add(a.Wait.Std())
}

// deploymentView is a deployment as shown to people. Of one that has ended, the
// groups are as they were left only if it is the job's latest.
func (f *Framework) deploymentView(j *job, d *deployment) model.DeploymentView {
	v := model.DeploymentView{
		Job: j.ID, JobName: j.spec().Name, Number: d.Number, Version: d.Version, Kind: d.Kind, State: d.State,
		Message: d.Message, Started: d.At.Time(), Ended: d.Ended.Time(), Groups: []model.DeploymentGroupView{},
	}
	deadline := model.Duration(0)
	for i := range d.Groups {
		x := &d.Groups[i]
		gv := model.DeploymentGroupView{Group: x.Name, Canaries: x.Canaries, Promoted: x.Promoted}
		g := j.group(x.Name)
		if g != nil && d == j.deployment() && d.Version == j.last().Num {
			if spec := g.want(); spec != nil {
				gv.Desired = spec.Count
				if j.system() {
					gv.Desired = len(g.Slots)
				}
				if spec.Update != nil {
					deadline = max(deadline, spec.Update.ProgressDeadline)
				}
			}
			d.count(g, &gv)
		}
		v.Groups = append(v.Groups, gv)
	}
	if d.State.Active() {
		p := &planner{Framework: f, j: j}
		if canaries, ready := p.canaries(d); canaries && ready {
			v.NeedsPromotion = true
			if v.Message == "" {
				v.Message = "all canaries are healthy; tender deployment promote " + j.spec().Name + " lets them take over"
			}
		} else if deadline > 0 && d.State == model.DeploymentRunning {
			v.Deadline = d.Progress.Add(deadline.Std()).Time()
		}
	}
	return v
}

// count counts how far a deployment is with a group.
func (d *deployment) count(g *group, v *model.DeploymentGroupView) {
	for _, s := range g.Slots {
		t := s.target()
		if t == nil || s.Drop {
			continue
		}
		if d.stale(g, s) || s.Next != nil && s.Cur != nil && s.Cur.Live {
			v.Old++
		}
		if d.stale(g, s) {
			continue
		}
		if t.First != 0 {
			v.Placed++
		}
		switch {
		case t.Marked && t.works():
			v.Healthy++
		case t.Failed || t.Late:
			v.Unhealthy++
		}
	}
}
