package agent

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/gpu"
)

// Input is what happens to a Machine: one of Recovered, StreamUp, StreamDown,
// FromMaster, ExecutorUp, FromExecutor, ExecutorSays, RemoteWanted, ExecutorDied,
// ExecutorFailed, TreeKilled, Measured, GPUHealth, GPUUsage, GPUWanted, StopTasks and Tick.
type Input interface{ agentInput() }

// Recovered is the first input, once per Machine: what an earlier run of the
// agent left behind. It is empty for a new data directory.
type Recovered struct {
	// LastContact is when a leading master was last heard of, by the host's
	// clock; zero if never.
	LastContact time.Time
	Executors   []RecoveredExecutor
}

// RecoveredExecutor is an executor's directory as found on disk, with what its
// log says. If Alive its process still runs and an ExecutorUp or ExecutorDied
// follows; otherwise the Machine asks for its tree to be killed.
type RecoveredExecutor struct {
	Exec  ExecID
	Alive bool
	// Settled means that every task of it has ended and been acknowledged: only
	// its sandboxes are left.
	Settled bool
	Log     ExecutorLog
	// Sandboxes are the directories of ended tasks, oldest first.
	Sandboxes []EndedSandbox
}

// EndedSandbox is a task's directory that is kept for people to look into.
type EndedSandbox struct {
	Task  *execpb.Task
	Ended time.Time
}

// ExecutorLog is what an executor has written down: its state.log.
type ExecutorLog struct {
	Live    []*execpb.Task   // started and not ended, by the log
	Unacked []*execpb.Update // in order
	Ended   []*execpb.Task   // ended and acknowledged; they must not run again
}

// StreamUp says that a stream to some master is open.
type StreamUp struct{}

// StreamDown says that it has ended. Messages of an ended stream must not follow.
type StreamDown struct{}

// FromMaster is a message that came over the stream.
type FromMaster struct{ Message *agentpb.MasterMessage }

// ExecutorUp says that an executor answered with its State: it can be sent to.
type ExecutorUp struct {
	Exec  ExecID
	State *execpb.State
}

// FromExecutor is updates from an executor, in order.
type FromExecutor struct {
	Exec    ExecID
	Updates []*execpb.Update
}

// RemoteWanted says that a task asks for a session in another allocation of its gang.
type RemoteWanted struct {
	Exec    ExecID
	Message *execpb.RemoteWanted
}

// ExecutorSays is a message of an executor for another one of its job.
type ExecutorSays struct {
	Exec    ExecID
	Message *execpb.JobMessage
}

// ExecutorDied says that an executor's process has ended, or that the
// connection to it was lost.
type ExecutorDied struct{ Exec ExecID }

// ExecutorFailed answers StartExecutor: it could not be started, and nothing of it runs.
type ExecutorFailed struct {
	Exec    ExecID
	Message string
}

// TreeKilled answers KillTree: no process of the executor or its tasks is left.
// Log was read after that.
type TreeKilled struct {
	Exec ExecID
	Log  ExecutorLog
}

// Measured answers Measure.
type Measured struct {
	DiskUsedPercent float64          // of the file system that holds the data directory
	Bytes           map[ExecID]int64 // allocated under each executor's directory
}

// GPUHealth names all devices that must not be used, by UUID, and why. Of a MIG
// instance the name may be its device's.
type GPUHealth struct{ Unhealthy map[string]string }

// GPUUsage is what goes on on the devices, and for the master's people the same by UUID.
type GPUUsage struct {
	At      time.Time
	Devices []gpu.Usage
	Samples map[string]model.GPUSample
}

// GPUWanted says whether an executor wants to be told of that: tasks with devices
// run there. It comes again for each that starts.
type GPUWanted struct {
	Exec ExecID
	On   bool
}

// StopTasks asks the machine to kill all tasks and then to Stop.
type StopTasks struct{ Grace time.Duration }

// Tick says that the time asked for by Wake has come.
type Tick struct{}

func (Recovered) agentInput()      {}
func (StreamUp) agentInput()       {}
func (StreamDown) agentInput()     {}
func (FromMaster) agentInput()     {}
func (ExecutorUp) agentInput()     {}
func (FromExecutor) agentInput()   {}
func (ExecutorSays) agentInput()   {}
func (RemoteWanted) agentInput()   {}
func (ExecutorDied) agentInput()   {}
func (ExecutorFailed) agentInput() {}
func (TreeKilled) agentInput()     {}
func (Measured) agentInput()       {}
func (GPUHealth) agentInput()      {}
func (GPUUsage) agentInput()       {}
func (GPUWanted) agentInput()      {}
func (StopTasks) agentInput()      {}
func (Tick) agentInput()           {}

// ExecID names an executor: the Gen-th of a job on this agent, from 1. Another
// generation is needed when one died and tasks of the job come again.
type ExecID struct {
	Job model.JobID
	Gen uint16
}

// String returns the job's id, for a later generation than the first followed
// by ~GEN. It serves as the name of the executor's directory and cgroup.
func (id ExecID) String() string {
	if id.Gen <= 1 {
		return string(id.Job)
	}
	return string(id.Job) + "~" + strconv.Itoa(int(id.Gen))
}

// parseExecID reads what String writes.
func parseExecID(s string) (ExecID, error) {
	job, gen, later := strings.Cut(s, "~")
	id := ExecID{model.JobID(job), 1}
	if later {
		n, err := strconv.ParseUint(gen, 10, 16)
		if err != nil || n < 2 {
			return ExecID{}, fmt.Errorf("parse executor name %q: want JOB or JOB~N with N from 2", s)
		}
		id.Gen = uint16(n)
	}
	if !validJob(id.Job) {
		return ExecID{}, fmt.Errorf("parse executor name %q: not a job id", s)
	}
	return id, nil
}

// validJob reports whether a job id can be part of a file name.
func validJob(id model.JobID) bool {
	ok := len(id) > 0 && len(id) <= model.MaxNameBytes && id[0] != '.'
	for _, c := range []byte(id) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.')
	}
	return ok
}
