package master

import (
	"time"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/model"
)

// SessionID names one connection of one agent, unique within a leader's term.
type SessionID uint64

// Input is one of Lead, AgentUp, AgentSaid, AgentDown, Asked and Tick.
type Input interface{ masterInput() }

// Lead says this master has been elected and has applied all of the journal.
type Lead struct {
	Epoch     int64
	ClusterID string // used if the journal holds none yet
}

// AgentUp is an agent's registration on a new session.
type AgentUp struct {
	Session  SessionID
	Register *agentpb.Register
}

// AgentSaid is any later message on a session.
type AgentSaid struct {
	Session SessionID
	Message *agentpb.AgentMessage
}

// AgentDown says a session has ended.
type AgentDown struct{ Session SessionID }

// Asked is a request over the API, for the framework that serves it. ID comes
// back in a model.Reply.
type Asked struct {
	ID   uint64
	Body any
}

// Tick says that Effects.Wake has come.
type Tick struct{}

// WallClock says how far the wall clock is ahead of the times of the steps; see clock.
type WallClock struct{ Ahead time.Duration }

func (Lead) masterInput()      {}
func (AgentUp) masterInput()   {}
func (AgentSaid) masterInput() {}
func (AgentDown) masterInput() {}
func (Asked) masterInput()     {}
func (Tick) masterInput()      {}
func (WallClock) masterInput() {}

// Effects is what one turn asks for, to be carried out in the order of the fields.
type Effects struct {
	Records [][]byte       // to the journal, as one group; nothing below happens before it is durable
	Sends   []Send         // to agents, in order
	Closes  []SessionClose // sessions to end, after the sends
	Replies []model.Reply
	Notices []model.Notice
	Wake    time.Time // next Tick; zero = none
}

// Send is one message to one session.
type Send struct {
	Session SessionID
	Message *agentpb.MasterMessage
}

// SessionClose ends a session, with what to tell the agent.
type SessionClose struct {
	Session SessionID
	Message string
}
