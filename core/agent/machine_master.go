package agent

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/model"
)

const (
	// handshakeWithin is how long a master may take to answer Register.
	handshakeWithin = 3 * time.Second
	// silentPings is how many pings in a row may be missed before the agent
	// looks for another master.
	silentPings = 3
)

func (m *Machine) streamOpened() {
	m.stream = streamUp
	m.heard = m.now
	if m.recovered {
		m.register()
	}
}

// register says who the agent is. It waits for Recovered: a task left out here
// is lost for the master.
func (m *Machine) register() {
	r := &agentpb.Register{
		AgentId:     string(m.meta.AgentID),
		ClusterId:   m.meta.ClusterID,
		Name:        m.info.Name,
		Version:     m.info.Version,
		CpuMilli:    m.info.Capacity.CPUMilli,
		MemoryBytes: m.info.Capacity.MemoryBytes,
		DiskBytes:   m.info.Capacity.DiskBytes,
		Attributes:  m.info.Attributes,
		Gpus:        agentpb.FromGPUs(m.info.GPUs),
		Ports:       agentpb.FromPorts(m.info.Ports),
		LastEpoch:   m.meta.Epoch,
		Incarnation: strconv.FormatUint(m.meta.Boot, 10),
	}
	for id, state := range m.Tasks() {
		r.Tasks = append(r.Tasks, &agentpb.TaskRef{
			Id:    &agentpb.TaskId{Job: string(id.Job), Group: uint32(id.Group), Index: id.Index, Attempt: uint32(id.Attempt)},
			State: uint32(state),
		})
	}
	m.askedAt = m.now
	m.gpusTold = true
	m.send(&agentpb.AgentMessage{Kind: &agentpb.AgentMessage_Register{Register: r}})
}

func (m *Machine) fromMaster(msg *agentpb.MasterMessage) {
	if m.stream == streamDown || !m.recovered {
		return
	}
	m.heard = m.now
	switch k := msg.GetKind().(type) {
	case *agentpb.MasterMessage_Registered:
		m.registered(k.Registered)
		return
	case *agentpb.MasterMessage_Redirect:
		m.redial(k.Redirect.GetLeader(), "the master does not lead")
		return
	}
	if m.stream != streamRegistered {
		return // only a leading master is obeyed
	}
	switch k := msg.GetKind().(type) {
	case *agentpb.MasterMessage_JobSpec:
		if id := model.JobID(k.JobSpec.GetJob()); validJob(id) {
			m.job(id).spec = k.JobSpec.GetSpec()
		}
	case *agentpb.MasterMessage_Launch:
		m.launch(k.Launch)
	case *agentpb.MasterMessage_Kill:
		m.kill(k.Kill)
	case *agentpb.MasterMessage_Start:
		m.start(k.Start)
	case *agentpb.MasterMessage_JobMessage:
		m.jobMessage(k.JobMessage)
	case *agentpb.MasterMessage_Acknowledge:
		m.acknowledged(k.Acknowledge)
	case *agentpb.MasterMessage_JobDone:
		m.jobDone(m.jobs[model.JobID(k.JobDone.GetJob())])
	case *agentpb.MasterMessage_Ping:
		m.noteContact()
		m.askedAt = m.now
		m.send(&agentpb.AgentMessage{Kind: &agentpb.AgentMessage_Pong{Pong: &agentpb.Pong{Seq: k.Ping.GetSeq()}}})
	case *agentpb.MasterMessage_OpenLog:
		m.do(OpenLog{k.OpenLog})
	case *agentpb.MasterMessage_CloseLog:
		m.do(CloseLog{k.CloseLog.GetRequest()})
	case *agentpb.MasterMessage_OpenSession:
		m.openSession(k.OpenSession)
	case *agentpb.MasterMessage_Shutdown:
		m.shutdown(k.Shutdown.GetMessage())
	}
}

func (m *Machine) redial(address, reason string) {
	m.stream = streamDown
	m.do(Redial{address, reason})
}

// registered begins a term with a leading master, unless it is a deposed one or
// another cluster's.
func (m *Machine) registered(r *agentpb.Registered) {
	switch {
	case m.stream == streamRegistered:
		return
	case m.meta.ClusterID != "" && m.meta.ClusterID != r.ClusterId:
		m.redial("", fmt.Sprintf("the master is one of cluster %s, this agent belongs to %s: give the agent an empty data directory to let it join another cluster", r.ClusterId, m.meta.ClusterID))
		return
	case r.Epoch < m.meta.Epoch:
		m.redial("", fmt.Sprintf("the master leads epoch %d, but epoch %d has begun", r.Epoch, m.meta.Epoch))
		return
	}
	m.stream = streamRegistered
	m.pingInterval = time.Duration(r.PingIntervalNs)
	meta := m.meta
	meta.ClusterID, meta.Epoch, meta.FenceAfter = r.ClusterId, r.Epoch, model.Duration(r.FenceAfterNs)
	if meta != m.meta {
		m.meta = meta
		m.do(Persist{meta})
	}
	m.contactNoted = time.Time{}
	m.noteContact()
	m.updates.resend()
	m.reconcileJobs(r.Jobs)
}

// reconcileJobs treats jobs that the master does not list as done. Their tasks,
// if any still live, are the master's to kill: it has seen them in Register.
func (m *Machine) reconcileJobs(listed []string) {
	for _, j := range m.sortedJobs() {
		if slices.Contains(listed, string(j.id)) {
			j.done = false
			continue
		}
		m.jobDone(j)
	}
}

func (m *Machine) jobDone(j *job) {
	if j == nil {
		return
	}
	j.done = true
	j.spec = nil
	for _, x := range j.execs {
		m.touch(x)
	}
	m.maybeForget(j)
}

// noteContact counts contact from the last message of the agent that the master
// is known to have had: Registered proves Register, a ping the pong before it.
// Counting from what was received would let the fence lag behind the master,
// which counts from what it received. The time is stored now and then, so that
// the fence goes on counting over a restart of the agent.
func (m *Machine) noteContact() {
	m.contact = m.askedAt
	m.fenced = false
	every := max(m.meta.FenceAfter.Std()/16, time.Second)
	if m.contact.Sub(m.contactNoted) >= every {
		m.contactNoted = m.contact
		m.do(Contact{m.contact})
	}
}
