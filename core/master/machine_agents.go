package master

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/model"
)

// session is one connection of an agent.
type session struct {
	id    SessionID
	agent model.AgentID
	specs map[model.JobID]struct{} // job specs that went over it
	// The next ping goes out only after the last one's pong: an agent that gets
	// ping n+1 knows the master has seen it answer ping n, so its lease counts
	// from when it sent that answer (see Timing.FenceAfter).
	pingSeq  uint64
	pinged   time.Time
	answered bool
	heard    time.Time // last message

	// claims is what the agent said of itself, until it has answered; live are
	// the jobs it was then told of. See agentUp.
	claims *agentpb.Register
	live   []string
}

// link is what a leader knows of an agent's connection.
type link struct {
	session     *session  // nil while out of contact
	since       time.Time // of being connected, or not
	lostAt      time.Time // when contact was last certain; the gone timer counts from here
	unreachable bool      // its tasks have been reported so
	// samples are what went on on its GPUs lately, by UUID; for people.
	samples map[string]model.GPUSample
}

// agentUp greets an agent. A Register may come late, from a connection that the
// agent has left, and then lacks the tasks it was given since: nothing follows
// from it until the agent has answered on the same connection. Until then it is
// still where it was, but known to be alive.
func (m *Machine) agentUp(in AgentUp) {
	r := in.Register
	id := model.AgentID(r.AgentId)
	if refusal := m.checkRegister(r); refusal != "" {
		m.out.Closes = append(m.out.Closes, SessionClose{Session: in.Session, Message: refusal})
		return
	}
	s := &session{
		id: in.Session, agent: id, specs: map[model.JobID]struct{}{}, heard: m.now,
		claims: r, live: m.liveJobs(id),
	}
	m.sessions[s.id], m.byAgent[id] = s, append(m.byAgent[id], s)
	if lk := m.links[id]; lk != nil && lk.session == nil {
		lk.lostAt = m.now // its lease may count from this Register
	}
	m.send(s, &agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Registered{Registered: &agentpb.Registered{
		ClusterId: m.state.clusterID, Epoch: m.epoch, PingIntervalNs: int64(m.timing.PingInterval),
		FenceAfterNs: int64(m.timing.FenceAfter), Jobs: s.live,
	}}})
	m.ping(s)
}

// join makes a session that has been answered on the agent's own, and
// reconciles the agent's tasks with the table.
func (m *Machine) join(s *session) {
	r, id := s.claims, s.agent
	s.claims = nil
	for _, old := range slices.Clone(m.byAgent[id]) {
		if old.id < s.id {
			m.forget(old)
			m.out.Closes = append(m.out.Closes, SessionClose{Session: old.id, Message: "the agent has registered on a newer connection"})
		}
	}
	m.links[id] = &link{session: s, since: m.now}
	m.storeAgent(m.agentInfo(r))
	m.book.SetAvailable(id, true)
	m.sayDone(s)
	m.reconcile(s, r.Tasks)
	m.withdraw(id)
	m.notice(model.Notice{Kind: "node_ready", Agent: id, Message: "node " + m.state.agents[id].info.Name + " is ready"})
}

// sayDone tells of the jobs that have ended since the agent was greeted.
func (m *Machine) sayDone(s *session) {
	for _, j := range s.live {
		if _, ok := m.state.agents[s.agent].jobs[model.JobID(j)]; !ok {
			m.send(s, &agentpb.MasterMessage{Kind: &agentpb.MasterMessage_JobDone{JobDone: &agentpb.JobDone{Job: j}}})
		}
	}
	s.live = nil
}

// forget drops a session.
func (m *Machine) forget(s *session) {
	delete(m.sessions, s.id)
	rest := slices.DeleteFunc(m.byAgent[s.agent], func(x *session) bool { return x == s })
	if len(rest) == 0 {
		delete(m.byAgent, s.agent)
	} else {
		m.byAgent[s.agent] = rest
	}
}

// checkRegister returns why an agent may not join, or "".
func (m *Machine) checkRegister(r *agentpb.Register) string {
	switch {
	case r.AgentId == "" || len(r.AgentId) > model.MaxNameBytes:
		return "the agent sent no usable id"
	case r.ClusterId != "" && r.ClusterId != m.state.clusterID:
		return fmt.Sprintf("this agent belongs to cluster %s, this master leads %s: point the agent at its own cluster, or give it an empty data directory to join this one",
			r.ClusterId, m.state.clusterID)
	case len(r.Gpus) > maxDevices || len(r.Ports) > maxDevices:
		return fmt.Sprintf("the agent has more than %d devices or port ranges", maxDevices)
	case r.LastEpoch > m.epoch:
		return fmt.Sprintf("this master leads epoch %d, the agent has already seen %d", m.epoch, r.LastEpoch)
	}
	return ""
}

// agentInfo makes the node's name unique among the other agents: a machine
// whose data directory was wiped comes back as a new agent with an old name.
func (m *Machine) agentInfo(r *agentpb.Register) model.AgentInfo {
	info := model.AgentInfo{
		ID: model.AgentID(r.AgentId), Name: cmp.Or(r.Name, r.AgentId), Version: r.Version, Attributes: r.Attributes,
		Capacity: model.Resources{CPUMilli: r.CpuMilli, MemoryBytes: r.MemoryBytes, DiskBytes: r.DiskBytes},
		GPUs:     agentpb.ToGPUs(r.Gpus), Ports: agentpb.ToPorts(r.Ports),
	}
	info.Capacity.GPUMilli = model.GPUMilli(info.GPUs)
	for id, a := range m.state.agents {
		if id != info.ID && a.info.Name == info.Name {
			info.Name += "-" + r.AgentId[:min(4, len(r.AgentId))]
			break
		}
	}
	return info
}

func (m *Machine) storeAgent(info model.AgentInfo) {
	old := m.state.agents[info.ID]
	if old == nil || !sameInfo(old.info, info) {
		m.record(jsonRecord(recAgent, agentRecordJSON{Info: info, At: m.now}))
		m.state.setAgent(info, m.now)
		m.book.SetAgent(info)
		m.bar(info.ID)
	}
}

func sameInfo(a, b model.AgentInfo) bool {
	return a.Name == b.Name && a.Version == b.Version && a.Capacity == b.Capacity && maps.Equal(a.Attributes, b.Attributes) &&
		slices.Equal(a.GPUs, b.GPUs) && slices.Equal(a.Ports, b.Ports)
}

func (m *Machine) liveJobs(id model.AgentID) []string {
	a := m.state.agents[id]
	if a == nil {
		return nil
	}
	var jobs []string
	for j := range a.jobs {
		jobs = append(jobs, string(j))
	}
	slices.Sort(jobs)
	return jobs
}

// reconcile compares what the agent knows with the table. A task the agent
// lacks never arrived (still STAGING) or is gone; its epoch fence makes sure an
// old launch cannot arrive any more. A task the table lacks is stopped.
func (m *Machine) reconcile(s *session, refs []*agentpb.TaskRef) {
	known := make(map[model.TaskID]model.TaskState, len(refs))
	var orphans []model.TaskID
	for _, r := range refs {
		id, err := taskIDFromWire(r.Id)
		if err != nil {
			continue
		}
		st := model.TaskState(r.State)
		known[id] = st
		if m.state.tasks[id] == nil && !st.Terminal() {
			orphans = append(orphans, id)
		}
	}
	var sts []model.TaskStatus
	for _, t := range m.agentTasks(s.agent) {
		st, ok := known[t.id]
		switch {
		case !ok:
			sts = append(sts, m.missing(t))
		case t.batch.gang > 0 && st == model.TaskStaging:
			// It is not prepared yet, and says so itself when it is.
		case t.state == model.TaskUnreachable && !st.Terminal() && st != model.TaskUnreachable:
			sts = append(sts, model.TaskStatus{Task: t.id, Agent: s.agent, State: backState(st), At: m.now,
				Reason: model.ReasonReconciliation, Message: "the agent is back"})
		}
	}
	m.applyStatuses(s.agent, sts)
	for _, id := range orphans {
		m.sendKill(s, model.Kill{Task: id, Reason: model.ReasonTaskUnknown})
	}
	for _, t := range m.agentTasks(s.agent) {
		if k, wanted := m.kills[t.id]; wanted {
			m.sendKill(s, k)
		}
	}
	m.restartGangs(s.agent)
}

// backState is the state of a task whose agent has come back with it.
func backState(st model.TaskState) model.TaskState {
	if st == model.TaskStaging {
		return model.TaskStarting
	}
	return st
}

func (m *Machine) missing(t *task) model.TaskStatus {
	st := model.TaskStatus{Task: t.id, Agent: t.batch.agent, At: m.now, Finished: m.now, Reason: model.ReasonReconciliation}
	if t.state == model.TaskStaging {
		st.State, st.Message = model.TaskDropped, "the launch did not reach the agent"
		st.Result = &model.Result{Cause: model.CauseNodeLost}
		return st
	}
	st.State, st.Reason, st.Message = model.TaskGone, model.ReasonAgentRestarted, "the agent has come back without the task"
	st.Result = &model.Result{Cause: model.CauseNodeLost}
	return st
}

func (m *Machine) agentTasks(id model.AgentID) []*task {
	a := m.state.agents[id]
	if a == nil {
		return nil
	}
	ts := make([]*task, 0, len(a.tasks))
	for _, t := range a.tasks {
		ts = append(ts, t)
	}
	slices.SortFunc(ts, func(x, y *task) int { return x.id.Compare(y.id) })
	return ts
}

func (m *Machine) agentDown(id SessionID) {
	s := m.sessions[id]
	if s == nil {
		return
	}
	m.forget(s)
	if s.claims != nil {
		return
	}
	m.lose(s.agent)
	m.book.SetAvailable(s.agent, false)
	m.notice(model.Notice{Kind: "node_disconnected", Agent: s.agent,
		Message: fmt.Sprintf("node %s is out of contact", m.state.agents[s.agent].info.Name)})
}

func (m *Machine) rescind(o model.Offer, why model.Reason) {
	m.tally.of(o.Framework).Rescinded++
	m.book.Decline(o.ID)
	m.stepFramework(o.Framework, model.Rescind{Offer: o.ID, Reason: why})
}

func (m *Machine) ping(s *session) {
	s.pingSeq++
	s.pinged, s.answered = m.now, false
	m.send(s, &agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Ping{Ping: &agentpb.Ping{Seq: s.pingSeq}}})
}

func (m *Machine) notice(n model.Notice) {
	n.At = m.now
	m.out.Notices = append(m.out.Notices, n)
}
