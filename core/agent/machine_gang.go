package agent

import (
	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/model"
)

// execGang passes on what a gang's members are told of each other.
func execGang(g *agentpb.Gang) *execpb.Gang {
	if g == nil {
		return nil
	}
	return &execpb.Gang{Size: g.Size, Nodes: g.Nodes, Runs: g.Runs, LeaderAddress: g.LeaderAddress, LeaderPort: g.LeaderPort}
}

// start lets prepared tasks of gangs run. Executors know which of them have
// been told already; a task that is not here any more needs no answer.
func (m *Machine) start(in *agentpb.Start) {
	byExec := map[*process]*execpb.Start{}
	var executors []*process
	for _, id := range in.Tasks {
		x, k, ok := m.executorOf(id)
		if !ok {
			continue
		}
		if byExec[x] == nil {
			byExec[x] = &execpb.Start{}
			executors = append(executors, x)
		}
		byExec[x].Tasks = append(byExec[x].Tasks, k.exec(x.job.tasks[k].state))
	}
	for _, x := range executors {
		m.tell(x, &execpb.ToExecutor{Kind: &execpb.ToExecutor_Start{Start: byExec[x]}})
	}
}

// executorOf finds the executor that a task lives in.
func (m *Machine) executorOf(id *agentpb.TaskId) (*process, taskKey, bool) {
	k, ok := newKey(id.GetGroup(), id.GetIndex(), id.GetAttempt())
	j := m.jobs[model.JobID(id.GetJob())]
	if !ok || j == nil {
		return nil, k, false
	}
	t, known := j.tasks[k]
	if !known || t.gen == 0 || t.state.Terminal() {
		return nil, k, false
	}
	x := j.byGen(t.gen)
	return x, k, x != nil
}

// jobMessage hands a message from another executor of a job over. One that is
// not connected misses it; the sender tries again.
func (m *Machine) jobMessage(in *agentpb.JobMessage) {
	x, to, ok := m.executorOf(in.To)
	if !ok || x.state != execUp {
		return
	}
	from, ok := newKey(in.From.GetGroup(), in.From.GetIndex(), in.From.GetAttempt())
	if !ok || in.From.GetJob() != in.To.GetJob() {
		return
	}
	m.do(SendExecutor{x.id, &execpb.ToExecutor{Kind: &execpb.ToExecutor_JobMessage{JobMessage: &execpb.JobMessage{
		From: from.exec(0), To: to.exec(0), Data: in.Data,
	}}}})
}

// executorSays passes a message of an executor on to the master.
func (m *Machine) executorSays(in ExecutorSays) {
	x := m.process(in.Exec)
	if x == nil || m.stream != streamRegistered {
		return
	}
	m.send(&agentpb.AgentMessage{Kind: &agentpb.AgentMessage_JobMessage{JobMessage: &agentpb.JobMessage{
		From: keyOf(in.Message.From).wire(x.id.Job), To: keyOf(in.Message.To).wire(x.id.Job), Data: in.Message.Data,
	}}})
}
