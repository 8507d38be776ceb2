package model

import "fmt"

// TaskState is a Mesos v1 task state; names and numbers are those of the
// published mesos.v1.TaskState.
type TaskState uint8

// The task states.
const (
	TaskStarting       TaskState = 0
	TaskRunning        TaskState = 1
	TaskFinished       TaskState = 2 // terminal: exited with code 0
	TaskFailed         TaskState = 3 // terminal
	TaskKilled         TaskState = 4 // terminal: stopped on request
	TaskLost           TaskState = 5
	TaskStaging        TaskState = 6 // journaled, on its way to the agent
	TaskError          TaskState = 7 // terminal: the description was refused
	TaskKilling        TaskState = 8
	TaskDropped        TaskState = 9  // terminal: never reached its agent
	TaskUnreachable    TaskState = 10 // its agent is out of contact; it may be running
	TaskGone           TaskState = 11 // terminal: known not to run any more, result unknown
	TaskGoneByOperator TaskState = 12
	TaskUnknown        TaskState = 13
)

var taskStateNames = [...]string{
	"STARTING", "RUNNING", "FINISHED", "FAILED", "KILLED", "LOST", "STAGING",
	"ERROR", "KILLING", "DROPPED", "UNREACHABLE", "GONE", "GONE_BY_OPERATOR", "UNKNOWN",
}

// String returns the v1 name without its TASK_ prefix.
func (s TaskState) String() string {
	if int(s) < len(taskStateNames) {
		return taskStateNames[s]
	}
	return fmt.Sprintf("TaskState(%d)", s)
}

// MarshalText writes the full v1 name, such as TASK_RUNNING.
func (s TaskState) MarshalText() ([]byte, error) {
	if int(s) >= len(taskStateNames) {
		return nil, fmt.Errorf("marshal task state %d: no such state", s)
	}
	return []byte("TASK_" + taskStateNames[s]), nil
}

// UnmarshalText reads the full v1 name.
func (s *TaskState) UnmarshalText(b []byte) error {
	for i, n := range taskStateNames {
		if string(b) == "TASK_"+n {
			*s = TaskState(i)
			return nil
		}
	}
	return fmt.Errorf("parse task state %q: no such state", b)
}

// Terminal reports whether no further state can follow. A built-in framework
// never sees LOST or GONE_BY_OPERATOR, which may revert.
func (s TaskState) Terminal() bool {
	switch s {
	case TaskFinished, TaskFailed, TaskKilled, TaskError, TaskDropped, TaskGone:
		return true
	}
	return false
}

// stateSet is a bit set of task states.
type stateSet uint16

func states(s ...TaskState) (set stateSet) {
	for _, x := range s {
		set |= 1 << x
	}
	return set
}

var anyTerminal = states(TaskFinished, TaskFailed, TaskKilled, TaskError, TaskDropped, TaskGone)

// taskTransitions is the state machine as one table: from each state, the
// states an update may carry it to. A pair that is not listed is an error.
// docs/task-states.md is generated from it.
var taskTransitions = map[TaskState]stateSet{
	TaskStaging:     states(TaskStarting, TaskRunning, TaskKilling, TaskUnreachable) | anyTerminal,
	TaskStarting:    states(TaskRunning, TaskKilling, TaskUnreachable) | anyTerminal&^states(TaskDropped),
	TaskRunning:     states(TaskKilling, TaskUnreachable) | anyTerminal&^states(TaskDropped, TaskError),
	TaskKilling:     states(TaskUnreachable) | anyTerminal&^states(TaskError),
	TaskUnreachable: states(TaskStarting, TaskRunning, TaskKilling) | anyTerminal,
}

// Next returns the state after an update to state to arrives in state from. A
// repeated state is no change and no error; a pair the table lacks is an error
// and leaves the state as it was.
func (from TaskState) Next(to TaskState) (TaskState, error) {
	if from == to {
		return from, nil
	}
	if taskTransitions[from]&(1<<to) == 0 {
		return from, fmt.Errorf("task state %s cannot become %s", from, to)
	}
	return to, nil
}
