package agent

import (
	"time"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/model"
)

// Effect is what a Machine asks for: one of Persist, Contact, Send, Redial,
// StartExecutor, SendExecutor, KillTree, Settle, RemoveSandbox, RemoveExecutor,
// Measure, OpenLog, CloseLog, OpenSession, OpenRemote, SampleGPUs, Wake and Stop.
type Effect interface{ agentEffect() }

// Persist replaces the stored Meta, durably, before any later effect.
type Persist struct{ Meta Meta }

// Contact stores when a leading master was last heard of. It need not survive
// the host, only the agent's process: tasks do not survive the host either.
type Contact struct{ At time.Time }

// Send puts a message on the stream.
type Send struct{ Message *agentpb.AgentMessage }

// Redial closes the stream and opens one to another master, to Address first
// if it is not empty.
type Redial struct {
	Address string
	Reason  string
}

// StartExecutor starts a job's executor. ExecutorUp or ExecutorFailed answers it.
type StartExecutor struct {
	Exec ExecID
	Spec []byte // model.Job as JSON
}

// SendExecutor sends a message to an executor that is up.
type SendExecutor struct {
	Exec    ExecID
	Message *execpb.ToExecutor
}

// KillTree kills an executor and everything it started. TreeKilled answers it
// once nothing is left; the effect is retried until then.
type KillTree struct{ Exec ExecID }

// Settle notes durably that every update of a dead executor is acknowledged, so
// that its log is not reported again after a restart.
type Settle struct{ Exec ExecID }

// RemoveSandbox removes one ended task's directory.
type RemoveSandbox struct {
	Exec ExecID
	Task *execpb.Task
}

// RemoveExecutor removes a dead executor's directory with all that is in it.
type RemoveExecutor struct{ Exec ExecID }

// Measure asks for a Measured.
type Measure struct{}

// OpenLog asks for a log stream to the master.
type OpenLog struct{ Request *agentpb.OpenLog }

// CloseLog ends it.
type CloseLog struct{ Request string }

// OpenSession asks for an Attach stream to the master, coupled with a session at
// the executor that has the task. A zero Exec means that none has.
type OpenSession struct {
	Request *agentpb.OpenSession
	Exec    ExecID
	Fence   time.Duration // how long tasks go on without a master
}

// OpenRemote asks for a session with another node's task for one of an executor's,
// which knows it by its request.
type OpenRemote struct {
	Exec    ExecID
	Request string
	Task    *agentpb.TaskId
	Session string // the session's id
	Resume  bool   // it exists already
}

// SampleGPUs asks for a GPUUsage within a second, and then, with Often, for one
// every few seconds until it comes without.
type SampleGPUs struct{ Often bool }

// Wake asks for a Tick at a time. The latest Wake counts.
type Wake struct{ At time.Time }

// Stop ends the agent. Removed means the master has removed it: all its state
// is to be forgotten.
type Stop struct {
	Removed bool
	Message string
}

func (Persist) agentEffect()        {}
func (Contact) agentEffect()        {}
func (Send) agentEffect()           {}
func (Redial) agentEffect()         {}
func (StartExecutor) agentEffect()  {}
func (SendExecutor) agentEffect()   {}
func (KillTree) agentEffect()       {}
func (Settle) agentEffect()         {}
func (RemoveSandbox) agentEffect()  {}
func (RemoveExecutor) agentEffect() {}
func (Measure) agentEffect()        {}
func (OpenLog) agentEffect()        {}
func (CloseLog) agentEffect()       {}
func (OpenSession) agentEffect()    {}
func (OpenRemote) agentEffect()     {}
func (SampleGPUs) agentEffect()     {}
func (Wake) agentEffect()           {}
func (Stop) agentEffect()           {}

// Meta is what an agent remembers about itself.
type Meta struct {
	AgentID    model.AgentID  `json:"agent_id"`
	ClusterID  string         `json:"cluster_id,omitempty"`
	Epoch      int64          `json:"epoch,omitempty"`       // the highest seen in that cluster
	FenceAfter model.Duration `json:"fence_after,omitempty"` // as last agreed
	// Boot counts the starts of the agent on this data directory. The owner of
	// the machine raises and stores it before it makes a Machine: sequence
	// numbers are derived from it.
	Boot uint64 `json:"boot"`
}
