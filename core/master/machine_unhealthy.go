package master

import (
	"fmt"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/model"
)

// maxDevices bounds what one agent may tell of.
const maxDevices = 1024

// devices takes in that the health of an agent's GPUs has changed.
func (m *Machine) devices(s *session, d *agentpb.Devices) {
	a := m.state.agents[s.agent]
	if a == nil || len(d.Gpus) > maxDevices {
		return
	}
	info := a.info
	info.GPUs = agentpb.ToGPUs(d.Gpus)
	info.Capacity.GPUMilli = model.GPUMilli(info.GPUs)
	m.tellHealth(&a.info, &info)
	m.storeAgent(info)
	m.withdraw(s.agent)
}

// tellHealth puts on the event stream which devices may be used no longer, and
// which may again.
func (m *Machine) tellHealth(before, after *model.AgentInfo) {
	was := make(map[string]string, len(before.GPUs))
	for i := range before.GPUs {
		was[before.GPUs[i].UUID] = before.GPUs[i].Unhealthy
	}
	for i := range after.GPUs {
		g := &after.GPUs[i]
		switch g.Unhealthy {
		case was[g.UUID]: // nothing new
		case "":
			m.notice(model.Notice{Kind: "gpu_ok", Agent: after.ID, Message: fmt.Sprintf("GPU %d (%s) may be used again", g.Index, g.UUID)})
		default:
			m.notice(model.Notice{Kind: "gpu_unhealthy", Agent: after.ID,
				Message: fmt.Sprintf("GPU %d (%s) must not be used: %s", g.Index, g.UUID, g.Unhealthy)})
		}
	}
}

// withdraw stops an agent's tasks that have a device which must not be used any
// more. The allocator gives nothing out of it and takes back the offers that have
// it (offers.Book.SetAgent); what runs on it would compute wrongly or not at all.
//
// Devices that the agent tells of no longer are left to their tasks: an agent
// that was started without its driver would otherwise end everything.
func (m *Machine) withdraw(id model.AgentID) {
	for _, t := range m.agentTasks(id) {
		if _, killed := m.kills[t.id]; killed || t.grant == nil {
			continue
		}
		if m.unhealthy(t) != nil {
			m.kill(model.Kill{Task: t.id, Reason: model.ReasonResourcesUnknown})
		}
	}
}

// unhealthy returns the first of a task's devices that must not be used.
func (m *Machine) unhealthy(t *task) *model.GPU {
	a := m.state.agents[t.batch.agent]
	if a == nil || t.grant == nil {
		return nil
	}
	for _, share := range t.grant.GPUs {
		for i := range a.info.GPUs {
			if g := &a.info.GPUs[i]; g.UUID == share.UUID && g.Unhealthy != "" {
				return g
			}
		}
	}
	return nil
}

// nameDevice says in a task's last status which device failed it. That is part
// of the journal, as nobody could tell later. A task that failed by itself may
// have noticed before anybody else did; if it was to be stopped for another
// reason, that one stands.
func (m *Machine) nameDevice(t *task, st *model.TaskStatus) {
	kill, killed := m.kills[t.id]
	reason := kill.Reason
	stopped := killed && reason == model.ReasonResourcesUnknown && st.State == model.TaskKilled
	crashed := st.State == model.TaskFailed && st.Result != nil && st.Result.Cause == model.CauseFailed
	if !stopped && (!crashed || killed && reason != model.ReasonResourcesUnknown) {
		return
	}
	g := m.unhealthy(t)
	if g == nil {
		return
	}
	text := fmt.Sprintf("GPU %d (%s) must not be used any more: %s", g.Index, g.UUID, g.Unhealthy)
	if crashed && st.Message != "" {
		text += "; " + st.Message
	}
	result := model.Result{}
	if st.Result != nil {
		result = *st.Result
	}
	result.Cause = model.CauseDeviceLost
	st.Reason, st.Result, st.Message = model.ReasonResourcesUnknown, &result, text
}
