package sim

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/agent"
	"github.com/tender-scheduler/tender/core/master"
)

// stream is one control stream between an agent and a master. Each end may hold
// it for open while the other one does not any more.
type stream struct {
	w      *world
	agent  *agentProc
	master *masterNode
	boot   int // of the master

	up, down   pipe
	agentOpen  bool
	masterOpen bool

	term    *term // once the agent is registered with a leader
	session master.SessionID
}

// newStream connects an agent's process to a master's.
func newStream(a *agentProc, m *masterNode) *stream {
	w := a.w
	s := &stream{w: w, agent: a, master: m, boot: m.boot, agentOpen: true, masterOpen: true}
	way := func(d direction) pipe {
		return pipe{
			w: w, delay: w.latency,
			blocked: func() bool { return w.network.blocked(a.host, m, d) },
			slow:    func() time.Duration { return w.network.slow[a.host.num][d].delay(w) },
		}
	}
	s.up, s.down = way(toMaster), way(toAgent)
	w.network.streams = append(w.network.streams, s)
	return s
}

func (s *stream) over() bool { return !s.agentOpen && !s.masterOpen }

// flow goes on after a partition.
func (s *stream) flow() {
	s.up.pump()
	s.down.pump()
}

// toMaster sends an agent's message. It is copied: the ends share no memory.
func (s *stream) toMaster(msg *agentpb.AgentMessage) {
	if s.agentOpen {
		c := proto.CloneOf(msg)
		s.up.put(func() { s.master.enter(s.boot, func() { s.fromAgent(c) }) })
	}
}

// toAgent sends a master's message.
func (s *stream) toAgent(msg *agentpb.MasterMessage) {
	if s.masterOpen {
		c := proto.CloneOf(msg)
		s.down.put(func() { s.agent.enter(func() { s.fromMaster(c) }) })
	}
}

func (s *stream) fromMaster(msg *agentpb.MasterMessage) {
	if s.agentOpen {
		s.agent.put(s, agent.FromMaster{Message: msg})
	}
}

// fromAgent is core/master's agent server: a leader makes the stream a session,
// anybody else says who leads.
func (s *stream) fromAgent(msg *agentpb.AgentMessage) {
	if !s.masterOpen {
		return
	}
	if s.term != nil {
		s.term.put(master.AgentSaid{Session: s.session, Message: msg})
		return
	}
	t := s.master.leading()
	if t == nil {
		s.toAgent(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Redirect{
			Redirect: &agentpb.Redirect{Leader: s.master.leaderName()}}})
		s.masterCloses()
		return
	}
	t.nextID++
	s.term, s.session = t, master.SessionID(t.nextID)
	t.sessions[s.session] = s
	t.put(master.AgentUp{Session: s.session, Register: msg.GetRegister()})
}

// agentCloses ends the stream from the agent's side. What it has sent may still
// arrive, and then the end.
func (s *stream) agentCloses() {
	if !s.agentOpen {
		return
	}
	s.agentOpen = false
	if s.w.random.chance(0.3) {
		s.up.truncate()
	}
	s.up.put(func() { s.master.enter(s.boot, s.masterSeesEnd) })
}

// agentDied ends the stream because the agent's process or its host is gone.
// A host tells nobody.
func (s *stream) agentDied(silent bool) {
	if silent {
		s.agentOpen = false
		s.up.drop()
		s.down.drop()
		return
	}
	s.agentCloses()
}

func (s *stream) masterCloses() {
	if !s.masterOpen {
		return
	}
	s.masterSeesEnd()
	s.down.put(func() { s.agent.enter(s.agentSeesEnd) })
}

func (s *stream) masterDied(silent bool) {
	s.masterOpen = false
	s.up.drop()
	if silent {
		s.down.drop()
		return
	}
	if s.w.random.chance(0.3) {
		s.down.truncate()
	}
	s.down.put(func() { s.agent.enter(s.agentSeesEnd) })
}

func (s *stream) masterSeesEnd() {
	if !s.masterOpen {
		return
	}
	s.masterOpen = false
	if t := s.term; t != nil {
		delete(t.sessions, s.session)
		t.put(master.AgentDown{Session: s.session})
	}
}

func (s *stream) agentSeesEnd() {
	if !s.agentOpen {
		return
	}
	s.agentOpen = false
	s.agent.streamEnded(s, "")
}

// reset breaks the connection: each end loses some of what is on its way to it
// and finds out at its own time.
func (s *stream) reset() {
	for _, p := range []*pipe{&s.up, &s.down} {
		p.truncate()
	}
	s.w.after(s.w.random.between(0, 2*time.Second), func() { s.master.enter(s.boot, s.masterSeesEnd) })
	s.w.after(s.w.random.between(0, 2*time.Second), func() { s.agent.enter(s.agentSeesEnd) })
}
