package sdktest

import (
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// spawn plays the other framework that takes a submission.
func (m *Master) spawn(s model.Submit) {
	if m.jobs[s.ID] != nil {
		m.fail("job %s was spawned twice", s.ID)
	}
	if m.RefuseSpawn != nil {
		if r := m.RefuseSpawn(s); r != nil {
			m.step(model.Spawned{Job: s.ID, Refusal: r})
			return
		}
	}
	if m.jobs == nil {
		m.jobs = map[model.JobID]*model.JobView{}
	}
	v := &model.JobView{ID: s.ID, Name: s.Job.Name, Parent: s.Parent, State: model.JobQueued, Submitted: m.Now}
	m.jobs[s.ID] = v
	m.watched = append(m.watched, s.ID)
	m.step(model.Spawned{Job: s.ID})
	m.step(model.JobChanged{Job: *v})
}

// watchJobs tells where jobs stand that were spawned in an earlier term.
func (m *Master) watchJobs(ids []model.JobID) {
	for _, id := range ids {
		if v := m.jobs[id]; v == nil {
			m.step(model.JobChanged{Job: model.JobView{ID: id}, Gone: true})
		} else {
			m.watched = append(m.watched, id)
			m.step(model.JobChanged{Job: *v})
		}
	}
}

// ask plays the framework that is asked to cancel a job: it begins to stop.
func (m *Master) ask(body any) {
	c, ok := body.(model.CancelJob)
	v := m.jobs[model.JobID(c.Selector)]
	if !ok || v == nil || v.State.Ended() {
		return
	}
	m.setJob(model.JobID(c.Selector), model.JobStopping, nil)
}

// SetJob moves a spawned job to a state, with its exit code if it has ended, and
// tells who spawned it.
func (m *Master) SetJob(id model.JobID, state model.JobState, code *int) {
	if m.jobs[id] == nil {
		m.fail("there is no spawned job %s", id)
		return
	}
	m.setJob(id, state, code)
	m.carryOut()
	m.check()
}

func (m *Master) setJob(id model.JobID, state model.JobState, code *int) {
	v := m.jobs[id]
	if v.State = state; state == model.JobRunning && v.Started.IsZero() {
		v.Started = m.Now
	}
	if state.Ended() {
		v.Ended, v.ExitCode = m.Now, code
	}
	if slices.Contains(m.watched, id) {
		m.step(model.JobChanged{Job: *v})
	}
}

// ForgetJob has a spawned job leave the history of whoever took it.
func (m *Master) ForgetJob(id model.JobID) { delete(m.jobs, id) }

// Spawned returns the spawned jobs that have not ended, in no order.
func (m *Master) Spawned() (out []model.JobView) {
	for _, v := range m.jobs {
		if !v.State.Ended() {
			out = append(out, *v)
		}
	}
	return out
}

// SetWallClock sets the wall clock to be ahead of the master's, and tells the framework.
func (m *Master) SetWallClock(ahead time.Duration) { m.turn(model.WallClock{Ahead: ahead}) }
