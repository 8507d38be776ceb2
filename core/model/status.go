package model

import "time"

// Cause says in a user's words why a task ended.
type Cause string

// The causes.
const (
	CauseFinished     Cause = "finished"      // exit code 0
	CauseFailed       Cause = "failed"        // another exit code, or a signal nobody here sent
	CauseOOM          Cause = "oom"           // the kernel's OOM killer, for its memory limit
	CauseTimeLimit    Cause = "time_limit"    // ran past its time limit
	CauseKilled       Cause = "killed"        // stopped on request
	CausePreempted    Cause = "preempted"     // stopped for a higher-ranked demand
	CauseDrained      Cause = "drained"       // stopped because its node was drained
	CauseNodeLost     Cause = "node_lost"     // its agent went away
	CauseDeviceLost   Cause = "device_lost"   // a GPU that it had must not be used any more
	CauseExecutorLost Cause = "executor_lost" // its executor died
	CauseUnhealthy    Cause = "unhealthy"     // a check failed too often, see CheckRestart
	CauseLaunchFailed Cause = "launch_failed" // it never ran: no such command, artifact or directory
)

// Usage is what a task really used, read from its cgroups.
type Usage struct {
	CPU             Duration `json:"cpu,omitempty"` // user and system time
	PeakMemoryBytes int64    `json:"peak_memory_bytes,omitempty"`
	// GPUs is what a task did with each of its devices; of a job the next two say
	// what that comes to.
	GPUs               []TaskGPU `json:"gpus,omitempty"`
	GPUTime            Duration  `json:"gpu_time,omitempty"` // that its devices were busy, added up
	PeakGPUMemoryBytes int64     `json:"peak_gpu_memory_bytes,omitempty"`
}

// Zero reports whether nothing was used.
func (u *Usage) Zero() bool {
	return u.CPU == 0 && u.PeakMemoryBytes == 0 && len(u.GPUs) == 0 && u.GPUTime == 0 && u.PeakGPUMemoryBytes == 0
}

// TaskGPU is what a task did with one of its devices, from samples taken while it
// ran. Without samples nothing is known: it ended before the first.
type TaskGPU struct {
	UUID            string `json:"uuid"`
	Samples         int    `json:"samples"`
	PeakMemoryBytes int64  `json:"peak_memory_bytes"` // the most that was seen; -1 = unknown
	// BusyMilli is how much of its time something ran on the device, in
	// thousandths, on average; -1 = unknown.
	BusyMilli int64 `json:"busy_milli"`
	// OfDevice says that a figure is the whole device's, with what others did
	// there: the driver did not tell the task's processes apart.
	OfDevice bool `json:"of_device,omitempty"`
}

// AddGPUs adds what a task that ran for so long did with its devices to a job's usage.
func (u *Usage) AddGPUs(gpus []TaskGPU, ran time.Duration) {
	for _, g := range gpus {
		u.GPUTime += Duration(max(ran, 0)) * Duration(max(g.BusyMilli, 0)) / 1000
		u.PeakGPUMemoryBytes = max(u.PeakGPUMemoryBytes, g.PeakMemoryBytes)
	}
}

// Result is how a terminal task ended. For an allocation of several tasks the
// code is the first failed one's, and Task names it.
type Result struct {
	Cause    Cause  `json:"cause"`
	ExitCode int    `json:"exit_code"`
	Signal   int    `json:"signal,omitempty"` // the signal that ended it, else 0
	Task     string `json:"task,omitempty"`   // which task block, where a group has several
}

// Code returns the exit code a shell would see: 128+signal for a signal.
func (r Result) Code() int {
	if r.Signal != 0 {
		return 128 + r.Signal
	}
	return r.ExitCode
}

// TaskStatus is one status update about a task.
type TaskStatus struct {
	Task     TaskID     `json:"task"`
	Agent    AgentID    `json:"agent"`
	State    TaskState  `json:"state"`
	Reason   TaskReason `json:"reason,omitempty"`
	Message  string     `json:"message,omitempty"`
	At       time.Time  `json:"at"`                // when it happened, on the source's clock
	Started  time.Time  `json:"started,omitzero"`  // when the process started
	Finished time.Time  `json:"finished,omitzero"` // when it ended
	Result   *Result    `json:"result,omitempty"`  // set when State is terminal
	Usage    *Usage     `json:"usage,omitempty"`
	// Health is set on updates about a running task whose group has checks.
	Health *Health `json:"health,omitempty"`
	// UUID is set on updates that are retried until acknowledged; empty on
	// those the master makes itself.
	UUID string `json:"uuid,omitempty"`
}
