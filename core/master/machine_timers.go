package master

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// runTimers does what has come due: pings, silent sessions, lost agents,
// offers that nobody answered, frameworks that asked to be woken.
func (m *Machine) runTimers() {
	m.runSessions()
	m.runLostAgents()
	m.runInverse()
	m.runDrains()
	for _, o := range m.book.Expired(m.now.Add(-m.timing.OfferTimeout)) {
		m.rescind(o, model.ReasonStaleOffer)
	}
	for _, id := range m.order {
		if w := m.wakes[id]; !w.IsZero() && !w.After(m.now) {
			delete(m.wakes, id)
			m.stepFramework(id, model.Tick{})
		}
	}
	m.carryOut()
}

func (m *Machine) runSessions() {
	if m.now.Before(m.nextPing) {
		return
	}
	m.nextPing = m.now.Add(m.timing.PingInterval)
	for _, id := range slices.Sorted(maps.Keys(m.sessions)) {
		s := m.sessions[id]
		switch {
		case !s.answered && m.now.Sub(s.pinged) >= m.timing.SilentAfter && m.now.Sub(s.heard) >= m.timing.SilentAfter:
			m.out.Closes = append(m.out.Closes, SessionClose{Session: s.id, Message: "no answer to pings"})
			m.agentDown(s.id)
		case s.answered && m.now.Sub(s.pinged) >= m.timing.PingInterval:
			m.ping(s)
		}
	}
}

// runLostAgents looks at the agents out of contact when one of them is due.
func (m *Machine) runLostAgents() {
	if m.lostDue.IsZero() || m.now.Before(m.lostDue) {
		return
	}
	for _, id := range m.agentIDs() {
		if lk := m.links[id]; lk != nil && lk.session == nil {
			m.runLost(id, lk)
		}
	}
	m.lostDue = time.Time{}
	for _, lk := range m.links {
		if lk.session == nil {
			m.lostDue = sooner(m.lostDue, m.lostNext(lk))
		}
	}
}

// lostNext is when there is something to do about an absent agent.
func (m *Machine) lostNext(lk *link) time.Time {
	if !lk.unreachable {
		return lk.lostAt.Add(m.timing.UnreachableAfter)
	}
	return m.goneAt(lk)
}

// lose marks an agent as out of contact from now on.
func (m *Machine) lose(id model.AgentID) {
	lk := &link{since: m.now, lostAt: m.now}
	m.links[id] = lk
	m.lostDue = sooner(m.lostDue, m.lostNext(lk))
}

// sooner returns the earlier of two times; a zero one does not count.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// runLost reports an absent agent's tasks unreachable, and at last gone: by
// then the agent, or without it each executor, has killed them.
func (m *Machine) runLost(id model.AgentID, lk *link) {
	a := m.state.agents[id]
	if !lk.unreachable && !m.now.Before(lk.lostAt.Add(m.timing.UnreachableAfter)) {
		lk.unreachable = true
		m.notice(model.Notice{Kind: "node_unreachable", Agent: id, Message: fmt.Sprintf(
			"node %s has been out of contact for %s, its tasks may still run", a.info.Name, m.timing.UnreachableAfter)})
		m.applyStatuses(id, m.lostStatuses(id, model.TaskUnreachable, model.ReasonAgentDisconnected, "the agent is out of contact"))
	}
	if m.now.Before(m.goneAt(lk)) {
		return
	}
	m.applyStatuses(id, m.lostStatuses(id, model.TaskGone, model.ReasonAgentRemoved, "the agent did not come back"))
	m.carryOut()
	m.record(jsonRecord(recAgentRemoved, removedRecord{Agent: id}))
	if err := m.state.removeAgent(id); err != nil {
		panic("master: " + err.Error()) // all its tasks were just ended
	}
	m.book.RemoveAgent(id)
	delete(m.links, id)
	for _, fw := range m.order {
		m.stepFramework(fw, model.AgentRemoved{Agent: id})
	}
	m.notice(model.Notice{Kind: "node_gone", Agent: id, Message: fmt.Sprintf("node %s is gone", a.info.Name)})
}

func (m *Machine) lostStatuses(id model.AgentID, st model.TaskState, why model.TaskReason, msg string) []model.TaskStatus {
	var out []model.TaskStatus
	for _, t := range m.agentTasks(id) {
		s := model.TaskStatus{Task: t.id, Agent: id, State: st, Reason: why, Message: msg, At: m.now}
		if st.Terminal() {
			s.Finished, s.Result = m.now, &model.Result{Cause: model.CauseNodeLost}
		}
		out = append(out, s)
	}
	return out
}

// goneAt is when an absent agent's tasks have certainly ended.
func (m *Machine) goneAt(lk *link) time.Time {
	return lk.lostAt.Add(m.timing.FenceAfter + m.timing.FenceSlack)
}

// nextWake is the earliest time at which runTimers has something to do.
func (m *Machine) nextWake() time.Time {
	next := m.lostDue
	if len(m.sessions) > 0 {
		next = sooner(next, m.nextPing)
	}
	for _, w := range m.wakes {
		next = sooner(next, w)
	}
	next = sooner(sooner(sooner(next, m.book.NextWake()), m.inverseNext()), m.drainsNext())
	if oldest := m.book.OldestOffer(); !oldest.IsZero() {
		next = sooner(next, oldest.Add(m.timing.OfferTimeout))
	}
	return next
}
