package apitest

import (
	"slices"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Start makes the slots of a job that wait run, those with the given indices or all.
func (m *Master) Start(sel, agent string, indices ...uint32) {
	m.update(func() {
		j := m.must(sel)
		for i := range j.tasks {
			t := &j.tasks[i]
			if t.State != "waiting" || len(indices) > 0 && !slices.Contains(indices, t.ID.Index) {
				continue
			}
			t.State, t.Agent, t.AgentName, t.Staged, t.Started = "running", model.AgentID("id-"+agent), agent, m.now, m.now
			m.notifyTask(j, t, "task_running", model.TaskRunning)
		}
		m.settle(j)
	})
}

// End ends the slots of a job that run, those with the given indices or all.
func (m *Master) End(sel string, r model.Result, indices ...uint32) {
	m.update(func() {
		j := m.must(sel)
		for i := range j.tasks {
			t := &j.tasks[i]
			if t.State == "running" && (len(indices) == 0 || slices.Contains(indices, t.ID.Index)) {
				m.end(j, t, r)
			}
		}
		m.settle(j)
	})
}

func (m *Master) end(j *job, t *model.TaskView, r model.Result) {
	state := model.TaskFailed
	switch r.Cause {
	case model.CauseFinished:
		state = model.TaskFinished
	case model.CauseKilled:
		state = model.TaskKilled
	case model.CauseNodeLost, model.CauseExecutorLost:
		state = model.TaskGone
	}
	t.State, t.Finished, t.Result = strings.ToLower(state.String()), m.now, &r
	if !t.Started.IsZero() {
		t.Usage = &model.Usage{CPU: model.Duration(m.now.Sub(t.Started) / 2), PeakMemoryBytes: 48 << 20}
		j.view.Usage.CPU += t.Usage.CPU
		j.view.Usage.PeakMemoryBytes = max(j.view.Usage.PeakMemoryBytes, t.Usage.PeakMemoryBytes)
	}
	if r.Cause != model.CauseFinished && r.Cause != model.CauseKilled {
		if f := j.view.Failure; f == nil || f.Result.Code() < r.Code() {
			failure := *t
			j.view.Failure = &failure
		}
	}
	m.notifyTask(j, t, "task_"+t.State, state)
}

// settle brings the job's counts and state in line with its tasks.
func (m *Master) settle(j *job) {
	before := j.view.State
	j.count()
	v := &j.view
	s := v.Slots
	running := s.Staging + s.Running
	if running > 0 && v.Started.IsZero() {
		v.Started = m.now
	}
	switch {
	case running > 0 || s.Waiting > 0 && s.Waiting < s.Total:
		if v.State != model.JobStopping {
			v.State = model.JobRunning
		}
	case s.Waiting == s.Total:
		v.State = model.JobQueued
	default:
		j.finish(m)
	}
	if v.State != before {
		m.notify(model.Notice{Kind: "job_" + string(v.State), Job: v.ID, JobName: v.Name, State: string(v.State)})
	}
}

// finish gives the ended job its state and exit code.
func (j *job) finish(m *Master) {
	v := &j.view
	code := 0
	switch {
	case v.State == model.JobStopping:
		v.State, v.Cause, code = model.JobCancelled, model.CauseKilled, model.ExitCancelled
	case v.Slots.Failed > 0:
		v.State, v.Cause, code = model.JobFailed, v.Failure.Result.Cause, v.Failure.Result.Code()
	case v.Slots.Lost > 0:
		v.State, v.Cause, code = model.JobFailed, v.Failure.Result.Cause, model.ExitLost
	default:
		v.State, v.Cause = model.JobSucceeded, model.CauseFinished
	}
	v.Ended, v.ExitCode = m.now, &code
}

func (j *job) count() {
	c := model.SlotCounts{Total: len(j.tasks)}
	for _, t := range j.tasks {
		switch t.State {
		case "waiting":
			c.Waiting++
		case "running":
			c.Running++
		case "finished":
			c.Succeeded++
		case "killed":
			c.Killed++
		case "gone":
			c.Lost++
		default:
			c.Failed++
		}
	}
	j.view.Slots = c
}

func (m *Master) cancel(j *job, r model.CancelJob) (any, *model.Refusal) {
	if j.view.State.Ended() {
		return nil, model.Refuse(model.ReasonTerminalJob, "job %s has already ended: it %s", j.view.ID, j.view.State)
	}
	if len(r.Indices) == 0 && r.Group == "" {
		j.view.State = model.JobStopping
	}
	for i := range j.tasks {
		t := &j.tasks[i]
		if r.Group != "" && t.Group != r.Group || len(r.Indices) > 0 && !slices.Contains(r.Indices, t.ID.Index) {
			continue
		}
		if t.State == "waiting" || t.State == "running" {
			m.end(j, t, model.Result{Cause: model.CauseKilled})
		}
	}
	m.settle(j)
	return withoutSpec(j.view), nil
}

func (m *Master) retry(j *job, r model.RetryJob) (any, *model.Refusal) {
	if !j.view.State.Ended() {
		return nil, model.Refuse(model.ReasonNotTerminal, "job %s has not ended: it is %s", j.view.ID, j.view.State)
	}
	for i := range j.tasks {
		if t := &j.tasks[i]; r.All || t.State != "finished" {
			id := t.ID
			id.Attempt++
			*t = model.TaskView{ID: id, Group: t.Group, State: "waiting"}
		}
	}
	j.view.Ended, j.view.ExitCode, j.view.Cause, j.view.Failure = time.Time{}, nil, "", nil
	m.settle(j)
	return withoutSpec(j.view), nil
}
