package master

import (
	"math"

	"github.com/tender-scheduler/tender/core/model"
)

// inner is the id of requests that frameworks make of each other; people's are
// counted up from one.
const inner = math.MaxUint64

// askInner makes a request on behalf of a framework and returns its answer.
// What it records follows what the framework recorded, in the same group.
func (m *Machine) askInner(body any) (any, *model.Refusal) {
	id, body, refusal := m.route(m.now, body)
	if refusal != nil {
		return nil, refusal
	}
	before := len(m.out.Replies)
	m.stepFramework(id, model.Request{ID: inner, Body: body})
	for i := before; i < len(m.out.Replies); i++ {
		if r := m.out.Replies[i]; r.ID == inner {
			m.out.Replies = append(m.out.Replies[:i], m.out.Replies[i+1:]...)
			return r.Body, r.Err
		}
	}
	return nil, model.Refuse(model.ReasonInternal, "the %s framework did not answer", id)
}

// spawn passes a framework's submission on and watches what becomes of it.
func (m *Machine) spawn(fw model.FrameworkID, c model.Spawn) {
	_, watched := m.watch[c.Submit.ID]
	m.watch[c.Submit.ID] = fw // before, as the job may be told of while it is entered
	_, refusal := m.askInner(c.Submit)
	if refusal != nil && !watched {
		delete(m.watch, c.Submit.ID)
	}
	m.stepFramework(fw, model.Spawned{Job: c.Submit.ID, Refusal: refusal})
}

// watchJobs tells a framework where the jobs it spawned stand.
func (m *Machine) watchJobs(fw model.FrameworkID, jobs []model.JobID) {
	for _, id := range jobs {
		m.watch[id] = fw
		m.tellWatcher(id)
	}
}

// tellWatcher tells who spawned a job where it stands.
func (m *Machine) tellWatcher(id model.JobID) {
	fw, ok := m.watch[id]
	if !ok {
		return
	}
	in := model.JobChanged{Job: model.JobView{ID: id}, Gone: true}
	if answer, refusal := m.queryFramework(m.now, model.GetJob{Selector: string(id)}); refusal == nil && answer.(model.JobView).ID == id {
		in.Job, in.Gone = answer.(model.JobView), false
	}
	if in.Gone || in.Job.State.Ended() {
		// A job that is put back in the queue is its user's affair from then on.
		delete(m.watch, id)
	}
	m.stepFramework(fw, in)
}

// tellWatchers does so for all jobs that the notices say have changed.
func (m *Machine) tellWatchers(ns []model.Notice) {
	if len(m.watch) == 0 {
		return
	}
	for i := range ns {
		if ns[i].State != "" && ns[i].Task == nil {
			if _, ok := m.watch[ns[i].Job]; ok {
				m.calls = append(m.calls, pendingCall{call: changedCall{ns[i].Job}})
			}
		}
	}
}

// changedCall has a job's watcher told once the calls before it are carried out,
// as a framework is not stepped while it is being stepped.
type changedCall struct{ job model.JobID }
