package agent

import "github.com/tender-scheduler/tender/api/agentpb"

// openSession looks where the task is beside which a command is to run.
func (m *Machine) openSession(in *agentpb.OpenSession) {
	e := OpenSession{Request: in, Fence: m.meta.FenceAfter.Std()}
	if x, _, ok := m.executorOf(in.GetTask()); ok {
		e.Exec = x.id
	}
	m.do(e)
}

// remoteWanted passes on what a task of a gang asks for. Whether there is a
// master to ask is seen when it is carried out.
func (m *Machine) remoteWanted(in RemoteWanted) {
	if x := m.process(in.Exec); x != nil {
		m.do(OpenRemote{
			Exec: x.id, Request: in.Message.GetRequest(), Task: keyOf(in.Message.GetTask()).wire(x.id.Job),
			Session: in.Message.GetSession(), Resume: in.Message.GetResume(),
		})
	}
}
