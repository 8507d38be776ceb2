package model

import "fmt"

// TaskReason is why a task is in its state: numbers and names are those of
// mesos.v1.TaskStatus.Reason. Zero here means "no reason given"; the wire adds one.
type TaskReason uint8

// The task reasons in use, each the v1 number plus one.
const (
	ReasonNone                  TaskReason = 0
	ReasonCommandExecutorFailed TaskReason = 1
	ReasonExecutorTerminated    TaskReason = 2
	ReasonFrameworkRemoved      TaskReason = 4
	ReasonInvalidOffers         TaskReason = 7
	ReasonMasterDisconnected    TaskReason = 8
	ReasonContainerLimitMemory  TaskReason = 9
	ReasonReconciliation        TaskReason = 10
	ReasonAgentDisconnected     TaskReason = 11
	ReasonAgentRemoved          TaskReason = 12
	ReasonAgentRestarted        TaskReason = 13
	ReasonTaskInvalid           TaskReason = 15
	ReasonTaskUnknown           TaskReason = 17
	ReasonContainerPreempted    TaskReason = 18
	ReasonResourcesUnknown      TaskReason = 19 // of what it was given, something cannot be used any more
	ReasonContainerLaunchFailed TaskReason = 22
	// ReasonTaskHealthCheckStatusUpdated is on updates that repeat a state and bring a new Health.
	ReasonTaskHealthCheckStatusUpdated TaskReason = 30
	ReasonTaskKilledDuringLaunch       TaskReason = 31
	ReasonAgentRemovedByOperator       TaskReason = 32
	ReasonMaxCompletionTimeReached     TaskReason = 34
	ReasonAgentDraining                TaskReason = 35
)

var taskReasonNames = map[TaskReason]string{
	ReasonNone:                         "",
	ReasonCommandExecutorFailed:        "REASON_COMMAND_EXECUTOR_FAILED",
	ReasonExecutorTerminated:           "REASON_EXECUTOR_TERMINATED",
	ReasonFrameworkRemoved:             "REASON_FRAMEWORK_REMOVED",
	ReasonInvalidOffers:                "REASON_INVALID_OFFERS",
	ReasonMasterDisconnected:           "REASON_MASTER_DISCONNECTED",
	ReasonContainerLimitMemory:         "REASON_CONTAINER_LIMITATION_MEMORY",
	ReasonReconciliation:               "REASON_RECONCILIATION",
	ReasonAgentDisconnected:            "REASON_AGENT_DISCONNECTED",
	ReasonAgentRemoved:                 "REASON_AGENT_REMOVED",
	ReasonAgentRestarted:               "REASON_AGENT_RESTARTED",
	ReasonTaskInvalid:                  "REASON_TASK_INVALID",
	ReasonTaskUnknown:                  "REASON_TASK_UNKNOWN",
	ReasonContainerPreempted:           "REASON_CONTAINER_PREEMPTED",
	ReasonResourcesUnknown:             "REASON_RESOURCES_UNKNOWN",
	ReasonContainerLaunchFailed:        "REASON_CONTAINER_LAUNCH_FAILED",
	ReasonTaskHealthCheckStatusUpdated: "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED",
	ReasonTaskKilledDuringLaunch:       "REASON_TASK_KILLED_DURING_LAUNCH",
	ReasonAgentRemovedByOperator:       "REASON_AGENT_REMOVED_BY_OPERATOR",
	ReasonMaxCompletionTimeReached:     "REASON_MAX_COMPLETION_TIME_REACHED",
	ReasonAgentDraining:                "REASON_AGENT_DRAINING",
}

func (r TaskReason) String() string { return taskReasonNames[r] }

// MarshalText writes the v1 name.
func (r TaskReason) MarshalText() ([]byte, error) {
	n, ok := taskReasonNames[r]
	if !ok {
		return nil, fmt.Errorf("marshal task reason %d: no such reason", r)
	}
	return []byte(n), nil
}

// UnmarshalText reads the v1 name.
func (r *TaskReason) UnmarshalText(b []byte) error {
	for k, n := range taskReasonNames {
		if n == string(b) {
			*r = k
			return nil
		}
	}
	return fmt.Errorf("parse task reason %q: no such reason", b)
}

// Reason is a stable code for a refusal or a wait, for scripts to match.
type Reason string

// Reasons a request is refused.
const (
	ReasonBadRequest    Reason = "bad_request"
	ReasonInvalidJob    Reason = "invalid_job"
	ReasonTooLarge      Reason = "too_large"
	ReasonNotFound      Reason = "not_found"
	ReasonAmbiguous     Reason = "ambiguous"
	ReasonConflict      Reason = "conflict"    // an idempotency key used for a different job
	ReasonNotRunning    Reason = "not_running" // a task beside which nothing can run: not yet, or not any more
	ReasonStarting      Reason = "starting"    // the same, but it is about to
	ReasonTerminalJob   Reason = "job_ended"
	ReasonNotTerminal   Reason = "job_not_ended"
	ReasonUnsupported   Reason = "unsupported"
	ReasonNotLeader     Reason = "not_leader"
	ReasonUnavailable   Reason = "unavailable" // no leader yet, or leadership was lost before the commit
	ReasonQueueFull     Reason = "queue_full"
	ReasonAgentGone     Reason = "agent_gone" // logs wanted from an agent that is not connected
	ReasonInternal      Reason = "internal"
	ReasonStaleOffer    Reason = "stale_offer"   // the offer was rescinded, used or never made
	ReasonBeyondOffer   Reason = "beyond_offer"  // tasks that need more than the offer holds
	ReasonPartialGang   Reason = "partial_gang"  // a gang offer accepted in part
	ReasonUnknownAgent  Reason = "unknown_agent" // the offer's agent has gone
	ReasonDuplicateTask Reason = "duplicate_task"
	ReasonPastDeadline  Reason = "past_unavailability" // would outlast the offer's unavailability
)

// Reasons a demand waits.
const (
	WaitNoAgents     Reason = "no_agents"           // no agent is registered
	WaitConstraint   Reason = "constraint"          // no agent meets a constraint
	WaitTooBig       Reason = "too_big"             // no agent is large enough, even empty
	WaitNoGPU        Reason = "no_gpu"              // no agent has such a GPU
	WaitBusy         Reason = "busy"                // resources are in use
	WaitGang         Reason = "gang"                // not enough agents at once
	WaitBehind       Reason = "behind"              // a higher-ranked demand goes first
	WaitDependency   Reason = "dependency"          // another job first
	WaitNeverDepends Reason = "dependency_never"    // the condition can no longer come true
	WaitArrayLimit   Reason = "array_limit"         // as many run as the array allows
	WaitNodeContact  Reason = "node_out_of_contact" // tasks may still run on a node that does not answer
	WaitRetryDelay   Reason = "retry_delay"         // backing off after a failure
	WaitDistinct     Reason = "distinct_hosts"      // every fitting agent already runs one
	WaitNotBefore    Reason = "earliest_start"      // it wants to start later
	WaitDeclined     Reason = "declined"            // its framework declined an offer and wants no other yet
	WaitHeld         Reason = "held"                // free, but held for a demand that goes first
	WaitRoleLimit    Reason = "role_limit"          // its role, or one above, may use no more
	WaitGuarantee    Reason = "guarantee"           // a role below its guarantee goes first
	WaitShare        Reason = "share"               // a role with less of its fair share goes first
	WaitReserved     Reason = "reserved"            // free, but reserved for another role
	WaitPorts        Reason = "ports"               // a port asked for is taken
	WaitIneligible   Reason = "node_ineligible"     // an operator wants nothing placed on the node: it is drained, or ineligible
	WaitPreempting   Reason = "preempting"          // tasks are being stopped to make room for it
	WaitDeployment   Reason = "deployment"          // a deployment waits for an operator, or has failed
	WaitScheduled    Reason = "scheduled"           // it is not due yet
	WaitPaused       Reason = "paused"              // its schedule is paused
	WaitOverlap      Reason = "overlap"             // the run before it still goes on
	WaitParents      Reason = "parents"             // runs before it in the DAG have not ended
	WaitLasting      Reason = "lasting"             // services, whose tasks do not end by themselves, have the room
)

// Refusal is an error with a Reason; what a loop, the API and the CLI pass on.
type Refusal struct {
	Reason  Reason   `json:"reason"`
	Message string   `json:"message"`           // what went wrong, where, what to do
	Details []string `json:"details,omitempty"` // candidates, or one line per fault
}

func (r *Refusal) Error() string { return r.Message }

// Refuse makes a Refusal.
func Refuse(reason Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Message: fmt.Sprintf(format, args...)}
}
