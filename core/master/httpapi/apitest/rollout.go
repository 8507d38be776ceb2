package apitest

import "github.com/tender-scheduler/tender/core/model"

// SetRollout says where a service stands, and which versions of it there are.
func (m *Master) SetRollout(sel string, s model.ServiceStatus, versions ...model.VersionView) {
	m.update(func() {
		j := m.must(sel)
		j.view.Service, j.versions = &s, versions
		j.view.State = model.JobRunning
	})
}

// onRollout answers what is asked of services. Nothing is rolled out: a request is
// answered as if it had been, and what there is stays as SetRollout said.
func (m *Master) onRollout(body any) (answer any, refusal *model.Refusal, ok bool) {
	view := func(sel string) (any, *model.Refusal, bool) {
		answer, refusal := m.onJob(sel, func(j *job) (any, *model.Refusal) { return withoutSpec(j.view), nil })
		return answer, refusal, true
	}
	switch r := body.(type) {
	case model.ScaleJob:
		return view(r.Selector)
	case model.RestartJob:
		return view(r.Selector)
	case model.RollbackJob:
		return view(r.Selector)
	case model.ChangeDeployment:
		answer, refusal = m.onJob(r.Selector, func(j *job) (any, *model.Refusal) {
			if j.view.Service == nil || j.view.Service.Deployment == nil {
				return nil, model.Refuse(model.ReasonTerminalJob, "%s a deployment of job %q (%s): it has none under way", r.Action, j.view.Name, j.view.ID)
			}
			d := *j.view.Service.Deployment
			if r.Action == model.DeploymentPause {
				d.State = model.DeploymentPaused
			}
			return d, nil
		})
	case model.ListVersions:
		answer, refusal = m.onJob(r.Selector, func(j *job) (any, *model.Refusal) {
			return model.VersionList{Job: j.view.ID, Name: j.view.Name, Versions: j.versions}, nil
		})
	case model.ListDeployments:
		l := model.DeploymentList{Deployments: []model.DeploymentView{}}
		for _, j := range m.jobs {
			if s := j.view.Service; s != nil && s.Deployment != nil && (r.Selector == "" || r.Selector == j.view.Name || r.Selector == string(j.view.ID)) {
				l.Deployments = append(l.Deployments, *s.Deployment)
			}
		}
		answer = l
	default:
		return nil, nil, false
	}
	return answer, refusal, true
}
