package agent

import (
	"time"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/model"
)

// fenceKillWithin is how long executors may take to kill their tasks once the
// agent is fenced, before the agent kills the executors as well.
const fenceKillWithin = 5 * time.Second

// checkTimers does what is due. It runs in every step: deadlines hold whatever
// input comes after them.
func (m *Machine) checkTimers() {
	if !m.recovered {
		return
	}
	m.checkLease()
	if at := m.silentAt(); !at.IsZero() && !m.now.Before(at) {
		m.redial("", "the master is silent")
	}
	m.checkPatience()
	m.killDoomed()
	m.keepCheck()
}

// checkLease fences the agent when its time is over. That goes before any input:
// what comes late to an agent that was stopped for a while, such as a launch,
// was meant for the time before.
func (m *Machine) checkLease() {
	fence := m.meta.FenceAfter.Std()
	if !m.recovered || fence <= 0 || m.now.Before(m.contact.Add(fence)) || m.leaving != nil {
		return
	}
	if m.stream == streamRegistered {
		m.redial("", "out of contact with the master for too long")
	}
	if m.live > 0 && !m.fenced {
		m.fence()
	}
}

// fenceAt is when the tasks must be killed unless a leading master is heard of
// before; zero if there is no such time.
func (m *Machine) fenceAt() time.Time {
	if m.live == 0 || m.fenced || m.meta.FenceAfter <= 0 || m.leaving != nil {
		return time.Time{}
	}
	return m.contact.Add(m.meta.FenceAfter.Std())
}

const fencedMessage = "the agent lost contact with the master for too long and killed its tasks"

var fencedEnding = ending{
	state: model.TaskGone, reason: model.ReasonAgentDisconnected, cause: model.CauseNodeLost,
	message: fencedMessage,
}

// fence kills all tasks, without grace: the master counts on it that after
// FenceAfter they do not run any more, and may start them elsewhere.
func (m *Machine) fence() {
	m.fenced = true
	for _, j := range m.sortedJobs() {
		m.endWaiting(j, fencedEnding)
		x := j.current()
		if x == nil || x.live == 0 {
			continue
		}
		x.fenced = true
		if x.state != execLost {
			m.tell(x, killAll(model.ReasonAgentDisconnected, -1))
			m.doom(x, fenceKillWithin)
		}
	}
}

// patienceSteps is in how many steps executors are told of a fence that comes
// nearer. Should the agent die as well, their tasks end at most one step after it.
const patienceSteps = 16

// patience is how long an executor may go on without this agent. In contact that
// is as configured, but not longer than the fence allows; out of contact what is
// left until the fence.
func (m *Machine) patience() time.Duration {
	fence := m.meta.FenceAfter.Std()
	if fence <= 0 {
		return m.recovery
	}
	left := fence
	if m.stream != streamRegistered {
		step := fence / patienceSteps
		left = max(fence-m.now.Sub(m.contact).Truncate(step), step)
	}
	if m.recovery > 0 {
		left = min(left, m.recovery)
	}
	return left
}

// patienceAt is when executors are to be told of less patience; zero if not.
func (m *Machine) patienceAt() time.Time {
	fence := m.meta.FenceAfter.Std()
	if m.live == 0 || m.fenced || fence <= 0 || m.stream == streamRegistered {
		return time.Time{}
	}
	step := fence / patienceSteps
	return m.contact.Add(m.now.Sub(m.contact).Truncate(step) + step)
}

func (m *Machine) checkPatience() {
	p := m.patience()
	if p == m.told {
		return
	}
	m.told = p
	for _, j := range m.sortedJobs() {
		if x := j.current(); x != nil && x.state == execUp {
			m.setPatience(x)
		}
	}
}

func (m *Machine) setPatience(x *process) {
	p := m.patience()
	if x.patience == p {
		return
	}
	x.patience = p
	m.do(SendExecutor{x.id, &execpb.ToExecutor{Kind: &execpb.ToExecutor_Hello{Hello: &execpb.Hello{
		AgentId: string(m.meta.AgentID), RecoveryTimeoutNs: int64(p),
	}}}})
}

// silentAt is when the present stream is given up.
func (m *Machine) silentAt() time.Time {
	switch {
	case m.stream == streamUp:
		return m.heard.Add(handshakeWithin)
	case m.stream == streamRegistered && m.pingInterval > 0:
		return m.heard.Add(silentPings * m.pingInterval)
	}
	return time.Time{}
}

// killDoomed kills the trees of executors that did not do in time what they
// were told to.
func (m *Machine) killDoomed() {
	n := 0
	for _, x := range m.doomed {
		switch {
		case x.killBy.IsZero() || x.state == execLost || x.state == execOver:
			continue
		case !x.exiting && x.live == 0:
			x.killBy = time.Time{}
			continue
		case !m.now.Before(x.killBy):
			m.killTree(x)
			continue
		}
		m.doomed[n] = x
		n++
	}
	clear(m.doomed[n:])
	m.doomed = m.doomed[:n]
}

// arm asks for a Tick at the next deadline. It leaves an earlier wake-up alone,
// which then finds nothing to do: a deadline that moves with every ping should
// not cost an effect each time.
func (m *Machine) arm() {
	var next time.Time
	earliest := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	earliest(m.fenceAt())
	earliest(m.silentAt())
	earliest(m.patienceAt())
	for _, x := range m.doomed {
		earliest(x.killBy)
	}
	earliest(m.keepAt())
	if next.IsZero() || !m.armed.IsZero() && !next.Before(m.armed) {
		return
	}
	m.armed = next
	m.do(Wake{next})
}
