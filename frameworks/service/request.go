package service

import (
	"fmt"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// request carries out a person's wish and answers it.
func (f *Framework) request(r model.Request) {
	var body any
	var err *model.Refusal
	switch b := r.Body.(type) {
	case model.Submit:
		body, err = f.submit(&b)
	case model.CancelJob:
		body, err = f.changed(b.Selector, func(j *job) *model.Refusal { return f.cancel(j, &b) })
	case model.ScaleJob:
		body, err = f.changed(b.Selector, func(j *job) *model.Refusal { return f.scale(j, &b) })
	case model.RestartJob:
		body, err = f.changed(b.Selector, func(j *job) *model.Refusal { return f.restart(j, &b) })
	case model.RollbackJob:
		body, err = f.changed(b.Selector, func(j *job) *model.Refusal { return f.rollback(j, &b) })
	case model.ChangeDeployment:
		body, err = f.steer(&b)
	case model.RetryJob:
		body, err = f.changed(b.Selector, func(j *job) *model.Refusal {
			return model.Refuse(model.ReasonUnsupported,
				"job %q is a service, which starts again by itself; tender restart %s replaces its tasks, and submitting it starts one that was stopped", j.spec().Name, j.spec().Name)
		})
	default:
		err = model.Refuse(model.ReasonUnsupported, "the service framework cannot do a %T", r.Body)
	}
	f.out.Reply(r.ID, body, err)
}

// changed makes a change to a job and returns its view afterwards.
func (f *Framework) changed(selector string, change func(*job) *model.Refusal) (any, *model.Refusal) {
	j, err := f.selected(selector)
	if err != nil {
		return nil, err
	}
	if err := change(j); err != nil {
		return nil, err
	}
	f.planDirty()
	return f.view(j, false), nil
}

func (f *Framework) cancel(j *job, r *model.CancelJob) *model.Refusal {
	if r.Group != "" || len(r.Indices) > 0 {
		return model.Refuse(model.ReasonUnsupported,
			"job %q is a service and stops as a whole; tender scale %s GROUP COUNT changes how many tasks a group has", j.spec().Name, j.spec().Name)
	}
	if j.State.Ended() {
		return model.Refuse(model.ReasonTerminalJob, "job %q (%s) has ended already: %s", j.spec().Name, j.ID, j.State)
	}
	if j.State != model.JobStopping {
		f.emit(&stopped{ID: j.ID, At: sdk.MicrosOf(f.out.Now)})
		return nil
	}
	j.allocs(func(_ *group, _ *slot, a *alloc) { a.killed = false })
	f.out.touch(j)
	return nil
}

// running refuses what can only be done to a job that was not stopped.
func running(j *job) *model.Refusal {
	if j.stopping() {
		return model.Refuse(model.ReasonTerminalJob, "job %q (%s) is %s; submit it again to start it", j.spec().Name, j.ID, j.State)
	}
	return nil
}

// oneGroup finds the group that a request is about; empty = the only one.
func oneGroup(j *job, name string) (*model.Group, *model.Refusal) {
	spec := j.spec()
	if name == "" && len(spec.Groups) == 1 {
		return &spec.Groups[0], nil
	}
	if g := groupOf(spec, name); g != nil {
		return g, nil
	}
	r := model.Refuse(model.ReasonNotFound, "job %q (%s) has no group %q", spec.Name, j.ID, name)
	if name == "" {
		r = model.Refuse(model.ReasonBadRequest, "job %q (%s) has %d groups; say which", spec.Name, j.ID, len(spec.Groups))
	}
	for i := range spec.Groups {
		r.Details = append(r.Details, spec.Groups[i].Name)
	}
	return nil, r
}

func (f *Framework) scale(j *job, r *model.ScaleJob) *model.Refusal {
	if err := running(j); err != nil {
		return err
	}
	g, err := oneGroup(j, r.Group)
	switch {
	case err != nil:
		return err
	case j.system():
		return model.Refuse(model.ReasonBadRequest, "job %q runs on every agent that fits and has no count", j.spec().Name)
	case r.Count < 0 || r.Count > model.MaxCount:
		return model.Refuse(model.ReasonTooLarge, "scale group %q to %d: a count is 0 to %d", g.Name, r.Count, model.MaxCount)
	case r.Count == g.Count:
		return nil
	}
	if err := f.checkRoom(r.Count - g.Count); err != nil {
		return err
	}
	f.emit(&versioned{ID: j.ID, At: sdk.MicrosOf(f.out.Now), From: j.last().Num, Counts: map[string]int{g.Name: r.Count},
		Why: fmt.Sprintf("group %s scaled from %d to %d", g.Name, g.Count, r.Count)})
	return nil
}

func (f *Framework) restart(j *job, r *model.RestartJob) *model.Refusal {
	if err := running(j); err != nil {
		return err
	}
	if d := j.rolling(); d != nil {
		return model.Refuse(model.ReasonConflict, "job %q (%s) has a deployment that is %s; wait for its end, or end it: tender deployment fail %s", j.spec().Name, j.ID, d.State, j.spec().Name)
	}
	e := &restarted{ID: j.ID, At: sdk.MicrosOf(f.out.Now)}
	if r.Group != "" {
		g, err := oneGroup(j, r.Group)
		if err != nil {
			return err
		}
		e.Groups = []string{g.Name}
	}
	f.emit(e)
	return nil
}

func (f *Framework) rollback(j *job, r *model.RollbackJob) *model.Refusal {
	to := j.version(r.To)
	if r.To == 0 {
		to = j.stable(j.last().Num)
	}
	switch {
	case r.To == 0 && to == nil:
		return model.Refuse(model.ReasonNotFound, "job %q (%s) has no stable version before version %d; tender versions %s lists them, --to chooses one", j.spec().Name, j.ID, j.last().Num, j.spec().Name)
	case to == nil:
		err := model.Refuse(model.ReasonNotFound, "job %q (%s) has no version %d, or it is not remembered any more", j.spec().Name, j.ID, r.To)
		for _, v := range slices.Backward(j.Versions) {
			err.Details = append(err.Details, fmt.Sprintf("version %d", v.Num))
		}
		return err
	case to == j.last():
		return model.Refuse(model.ReasonBadRequest, "job %q (%s): version %d is the one in force", j.spec().Name, j.ID, to.Num)
	}
	f.emit(&versioned{ID: j.ID, At: sdk.MicrosOf(f.out.Now), From: to.Num, Kind: model.DeployRollback, Why: fmt.Sprintf("version %d again", to.Num)})
	return nil
}

// steer acts on a deployment.
func (f *Framework) steer(r *model.ChangeDeployment) (any, *model.Refusal) {
	j, err := f.selected(r.Selector)
	if err != nil {
		return nil, err
	}
	if r.Action == model.DeploymentHealthy || r.Action == model.DeploymentUnhealthy {
		return f.say(j, r)
	}
	d := j.rolling()
	if d == nil {
		text := "has none"
		if d := j.deployment(); d != nil {
			text = fmt.Sprintf("has none: deployment %d is %s", d.Number, d.State)
		}
		return nil, model.Refuse(model.ReasonTerminalJob, "%s a deployment of job %q (%s): it %s under way", r.Action, j.spec().Name, j.ID, text)
	}
	e := &judged{ID: j.ID, At: sdk.MicrosOf(f.out.Now), Number: d.Number}
	p := &planner{Framework: f, j: j, now: f.out.Now, at: e.At}
	switch r.Action {
	case model.DeploymentPromote:
		canaries, ready := p.canaries(d)
		switch {
		case !canaries:
			return nil, model.Refuse(model.ReasonBadRequest, "promote deployment %d of job %q: it has no canaries to promote", d.Number, j.spec().Name)
		case !ready:
			return nil, model.Refuse(model.ReasonConflict, "promote deployment %d of job %q: not all of its canaries are healthy yet", d.Number, j.spec().Name)
		}
		e.Promote = true
	case model.DeploymentPause, model.DeploymentResume:
		e.State = model.DeploymentPaused
		if r.Action == model.DeploymentResume {
			e.State = model.DeploymentRunning
		}
		if e.State == d.State {
			return f.deploymentView(j, d), nil
		}
	case model.DeploymentFail:
		p.fail(d, "an operator gave it up")
		f.planDirty()
		return f.deploymentView(j, d), nil
	default:
		return nil, model.Refuse(model.ReasonBadRequest, "there is nothing like %q to do to a deployment", r.Action)
	}
	f.emit(e)
	f.planDirty()
	return f.deploymentView(j, d), nil
}
