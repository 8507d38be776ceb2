package lifecycle

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// checked reports the health of an attempt that runs. What comes while it is
// ending is of no use to anybody.
func (m *Machine) checked(a *alloc, in Checked) {
	if a.state != model.TaskRunning || a.outcome != nil {
		return
	}
	h := in.Health
	m.do(Report{model.TaskStatus{
		Task: a.key.task(), State: a.state, Reason: model.ReasonTaskHealthCheckStatusUpdated, At: m.now, Started: a.started, Health: &h,
	}})
}

// unhealthy ends an attempt as failed. It is off the lists of services already,
// so there is no shutdown delay.
func (m *Machine) unhealthy(a *alloc, in Unhealthy) {
	if a.outcome != nil {
		return
	}
	a.outcome = &outcome{
		state: model.TaskFailed, reason: model.ReasonTaskHealthCheckStatusUpdated, cause: model.CauseUnhealthy, message: in.Message, task: -1,
	}
	m.advance(a)
}

// shutdownDelay is how long an attempt goes on after it was told to end, for those
// who use its services to hear of it.
func (a *alloc) shutdownDelay() time.Duration {
	var longest model.Duration
	for i := range a.tasks {
		if a.tasks[i].active() {
			longest = max(longest, a.group.Tasks[i].ShutdownDelay)
		}
	}
	return (a.group.ShutdownDelay + longest).Std()
}

// delay puts off the end of an attempt that runs, unless it is to end within a
// grace that somebody has chosen.
func (m *Machine) delay(a *alloc, grace time.Duration) {
	d := a.shutdownDelay()
	if d <= 0 || grace != 0 || a.state != model.TaskRunning {
		return
	}
	a.leaves = m.now.Add(d)
	m.do(Wake{a.key, a.leaves})
}

// leaving reports whether the attempt's shutdown delay is not over.
func (m *Machine) leaving(a *alloc) bool { return !a.leaves.IsZero() && m.now.Before(a.leaves) }
