package agent

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// leaveSlack is how long after their grace tasks may take to be reported ended
// before their trees are killed.
const leaveSlack = 2 * time.Second

// leaving is an agent on its way out.
type leaving struct {
	removed bool // by the master: nothing is reported, all state is forgotten
	message string
	stopped bool // Stop was asked for
}

// shutdown follows the master's word that the agent has been removed.
func (m *Machine) shutdown(message string) {
	m.leaving = &leaving{removed: true, message: message}
	for _, j := range m.sortedJobs() {
		j.waiting = nil
		if x := j.current(); x != nil && x.state != execLost {
			m.killTree(x)
		}
	}
}

// stopTasks kills all tasks because their agent ends for good.
func (m *Machine) stopTasks(in StopTasks) {
	if m.leaving != nil {
		return
	}
	m.leaving = &leaving{}
	for _, j := range m.sortedJobs() {
		m.endWaiting(j, ending{
			state: model.TaskKilled, reason: model.ReasonAgentDraining, cause: model.CauseKilled,
			message: "the agent is stopping",
		})
		grace := in.Grace
		if grace == 0 {
			grace = -1
		}
		if x := j.current(); x != nil && x.live > 0 && x.state != execLost {
			m.tell(x, killAll(model.ReasonAgentDraining, grace))
			m.doom(x, max(in.Grace, 0)+leaveSlack)
		}
	}
}

// leaveIfEmpty ends what is left once no task lives, and stops when nothing is.
func (m *Machine) leaveIfEmpty() {
	l := m.leaving
	if l == nil || l.stopped || m.live > 0 && !l.removed {
		return
	}
	over := true
	for _, j := range m.sortedJobs() {
		x := j.current()
		if x == nil {
			continue
		}
		over = false
		if x.state != execLost {
			m.killTree(x)
		}
	}
	if over {
		l.stopped = true
		m.do(Stop{l.removed, l.message})
	}
}
