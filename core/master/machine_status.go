package master

import (
	"slices"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/model"
)

func (m *Machine) agentSaid(in AgentSaid) {
	s := m.sessions[in.Session]
	if s == nil {
		return // an older session's last words
	}
	s.heard = m.now
	if s.claims != nil {
		m.join(s)
	}
	switch k := in.Message.Kind.(type) {
	case *agentpb.AgentMessage_Updates:
		m.updates(s, k.Updates.Updates)
	case *agentpb.AgentMessage_Pong:
		s.answered = s.answered || k.Pong.Seq == s.pingSeq
	case *agentpb.AgentMessage_LaunchRefused:
		m.launchRefused(s, k.LaunchRefused)
	case *agentpb.AgentMessage_JobMessage:
		m.jobMessage(s, k.JobMessage)
	case *agentpb.AgentMessage_Devices:
		m.devices(s, k.Devices)
	case *agentpb.AgentMessage_GpuUsage:
		if lk := m.links[s.agent]; lk != nil && lk.session == s && len(k.GpuUsage.Samples) <= maxDevices {
			lk.samples = agentpb.ToGPUSamples(k.GpuUsage)
		}
	}
}

// updates takes an agent's status updates in, and acknowledges all of them:
// also those about tasks that are no longer in the table, or that say nothing
// new, since repeating them would never help.
func (m *Machine) updates(s *session, us []*agentpb.Update) {
	ack := &agentpb.Acknowledge{Seqs: make([]uint64, 0, len(us))}
	sts := make([]model.TaskStatus, 0, len(us))
	for _, u := range us {
		ack.Seqs = append(ack.Seqs, u.Seq)
		st, err := statusFromWire(s.agent, u)
		if err != nil {
			continue
		}
		if t := m.state.tasks[st.Task]; t != nil && t.batch.agent == s.agent {
			sts = append(sts, st)
		}
	}
	m.applyStatuses(s.agent, sts)
	m.send(s, &agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Acknowledge{Acknowledge: ack}})
}

// applyStatuses journals and folds statuses of tasks on one agent and tells the
// frameworks. Those that the state table does not allow, or that say nothing
// new, are left out.
func (m *Machine) applyStatuses(agent model.AgentID, sts []model.TaskStatus) {
	kept, owners := sts[:0], make([]model.FrameworkID, 0, len(sts))
	for i := range sts {
		t := m.state.tasks[sts[i].Task]
		if t == nil {
			continue // ended by an earlier one of this batch
		}
		next, err := t.state.Next(sts[i].State)
		news := err == nil && (next != t.state || sts[i].Health != nil && !sts[i].Health.Equal(t.health))
		if !news {
			continue
		}
		if sts[i].State.Terminal() {
			m.nameDevice(t, &sts[i])
		}
		m.tally.status(m.now, t, t.state, &sts[i])
		if err := m.state.update(&sts[i]); err != nil {
			panic("master: " + err.Error()) // it was looked up and checked just now
		}
		m.services.touch(t)
		if sts[i].Health != nil {
			m.noticeHealth(t, &sts[i])
		}
		if sts[i].State.Terminal() {
			m.book.Release(sts[i].Task)
			delete(m.kills, sts[i].Task)
		}
		if sts[i].State.Terminal() {
			m.nameDemand(&sts[i])
			m.nameDrain(&sts[i])
		}
		sts[i].UUID = ""
		kept, owners = append(kept, sts[i]), append(owners, t.batch.claim.Framework)
	}
	if len(kept) == 0 {
		return
	}
	m.record(statusesRecord(agent, kept))
	for _, p := range portions(m.order, kept, owners) {
		m.stepFramework(p.framework, p.statuses)
	}
	m.startGangs(kept)
}

// portion is the statuses of one framework's tasks.
type portion struct {
	framework model.FrameworkID
	statuses  model.Statuses
}

// portions splits statuses by the framework each task belongs to, in the order
// of the frameworks; a replay splits the same record alike.
func portions(order []model.FrameworkID, sts []model.TaskStatus, owners []model.FrameworkID) []portion {
	out := make([]portion, 0, len(order))
	for _, id := range order {
		var mine model.Statuses
		for i, st := range sts {
			if owners[i] == id {
				mine = append(mine, st)
			}
		}
		if len(mine) > 0 {
			out = append(out, portion{id, mine})
		}
	}
	return out
}

// launchRefused says a launch never became tasks.
func (m *Machine) launchRefused(s *session, r *agentpb.LaunchRefused) {
	l := r.Launch
	if l == nil {
		return
	}
	delete(s.specs, model.JobID(l.Job)) // what the agent lacks is the spec
	var sts []model.TaskStatus
	for i, index := range l.Indices {
		id := model.TaskID{Job: model.JobID(l.Job), Group: uint16(l.Group), Index: index}
		if i < len(l.Attempts) {
			id.Attempt = uint16(l.Attempts[i])
		}
		if t := m.state.tasks[id]; t != nil && t.batch.agent == s.agent && t.state == model.TaskStaging {
			sts = append(sts, model.TaskStatus{Task: id, Agent: s.agent, State: model.TaskDropped, At: m.now, Finished: m.now,
				Reason: model.ReasonContainerLaunchFailed, Message: r.Message, Result: &model.Result{Cause: model.CauseLaunchFailed}})
		}
	}
	slices.SortFunc(sts, func(x, y model.TaskStatus) int { return x.Task.Compare(y.Task) })
	m.applyStatuses(s.agent, sts)
}
