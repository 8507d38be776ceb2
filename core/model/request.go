package model

import "time"

// Submit asks for a new job. The reply's body is a SubmitReply.
type Submit struct {
	ID  JobID  `json:"-"` // made at the API's edge
	Job *Job   `json:"job"`
	Key string `json:"idempotency_key,omitempty"` // a repeat with the same key is the same job
	// User is who submitted, as the client says; for people, not for permission.
	User string `json:"user,omitempty"`
	// Parent is the job that this one is a run of, of those that a framework submits.
	Parent JobID `json:"-"`
	// Keep is how many ended runs of Parent there are to be.
	Keep KeepRuns `json:"-"`
	// CheckIndex refuses the submission with a conflict if the service that it is a
	// new version of has another index by now; 0 = there must be none of that name.
	CheckIndex *uint64 `json:"check_index,omitempty"`
}

// SubmitReply answers Submit.
type SubmitReply struct {
	ID       JobID  `json:"id"`
	Name     string `json:"name"`
	Existing bool   `json:"existing,omitempty"` // the key was seen before
	Version  int    `json:"version,omitempty"`  // of a job that goes on under its id when it is submitted again
	// Next is when a schedule is due first.
	Next time.Time `json:"next,omitzero"`
	// Unchanged says that a service's newest version is the same.
	Unchanged bool `json:"unchanged,omitempty"`
	// Warning says at once what would otherwise be found out by waiting for
	// ever: no agent could run this as written.
	Warning *Explanation `json:"warning,omitempty"`
}

// CancelJob stops a job: waiting slots are dropped, running tasks killed. With
// Indices only those of Group (empty = every group). The reply's body is a JobView.
type CancelJob struct {
	Selector string   `json:"-"`
	Group    string   `json:"group,omitempty"`
	Indices  []uint32 `json:"indices,omitempty"`
	// Runs has the runs of a schedule that go on cancelled with it.
	Runs bool `json:"runs,omitempty"`
}

// RetryJob puts a job's ended slots back in the queue, the failed ones unless
// All is set. The reply's body is a JobView.
type RetryJob struct {
	Selector string `json:"-"`
	All      bool   `json:"all,omitempty"`
}

// ListJobs is a query; the answer is a JobList, newest first.
type ListJobs struct {
	State  string // empty = all
	Name   string // exact; empty = all
	Limit  int    // 0 = 1000
	Before JobID  // start after this job in the list
	// Until and Through bound the list of a framework that Before is not of: jobs
	// submitted before Until, or at it too.
	Until   time.Time
	Through bool
}

// JobList answers ListJobs.
type JobList struct {
	Jobs []JobView `json:"jobs"`
	More bool      `json:"more,omitempty"`
}

// GetJob is a query for one job by id, unique id prefix, name (the latest with
// it) or "last"; the answer is a JobView with Spec set.
type GetJob struct{ Selector string }

// ListTasks is a query for a job's tasks, the latest attempt at each slot in
// slot order; the answer is a TaskList.
type ListTasks struct {
	Selector string
	Group    string
	State    string // a TaskState name in lower case, "waiting", or empty
	Index    *uint32
	Offset   int
	Limit    int // 0 = 1000
}

// TaskList answers ListTasks.
type TaskList struct {
	Job   JobID      `json:"job"`
	Tasks []TaskView `json:"tasks"`
	Total int        `json:"total"` // that match, on all pages
}

// Why is a query; the framework's part of the answer is a WhyView, to which the
// master adds what the allocator says of each demand.
type Why struct {
	Selector string
	// Brief leaves out what costs a look at all others that wait: the job's turn.
	Brief bool
}

// WhyView is why a job is where it is.
type WhyView struct {
	Job          JobView       `json:"job"`
	Explanations []Explanation `json:"explanations"`
	Turn         *TurnView     `json:"turn,omitempty"` // of its first group that waits to start
	Demands      []Demand      `json:"-"`              // still to be explained by the allocator
	Launches     []JobID       `json:"-"`              // under which its tasks run, where that is not its id
}

// TurnView is when a job's turn is among those of its role that wait to start.
type TurnView struct {
	Role     string `json:"role"`
	Priority int    `json:"priority"`
	Policy   string `json:"policy"`
	Place    int    `json:"place"` // 1 goes first
	Of       int    `json:"of"`
	// Overtaken is for how much of its wait later jobs of its role and priority
	// had the cluster. From OvertakeLimit on it goes before all of its priority,
	// once those that came before it have started; Promoted says that it does.
	Overtaken     Duration `json:"overtaken"`
	OvertakeLimit Duration `json:"overtake_limit,omitempty"` // 0 = the policy has none
	Promoted      bool     `json:"promoted,omitempty"`
}

// PlanJob is a query: what Submit of Job would do. The framework answers with a
// PlanView whose Demands the allocator then explains.
type PlanJob struct{ Job *Job }

// PlanView answers PlanJob.
type PlanView struct {
	Previous     *Job          `json:"previous,omitempty"` // the latest job of the same name
	PreviousID   JobID         `json:"previous_id,omitempty"`
	StartsNow    int           `json:"starts_now"` // tasks
	Asked        int           `json:"asked"`
	Explanations []Explanation `json:"explanations"` // of what would wait
	Demands      []Demand      `json:"-"`
	// Of a service: what would become of each group's tasks, and the index to
	// submit with so that nothing else happens.
	Groups     []GroupPlan `json:"groups,omitempty"`
	CheckIndex uint64      `json:"check_index,omitempty"`
	// Due are the next times at which a scheduled job would be due.
	Due []time.Time `json:"due,omitempty"`
}

// Attach asks for a session beside a running task; what it runs comes as the
// session's first frame (api/sessionpb).
type Attach struct {
	Selector string
	Group    string // empty = the first
	Index    uint32
	Task     string // a task block's name; empty = the group's first main task
	User     string // who asks, as the client says; for the record, not for permission
	// Session is the session's id, a secret of its caller's; without it the session
	// ends with its connection. Resume says that it exists already.
	Session string
	Resume  bool
}

// JobState is where a job stands.
type JobState string

// The job states.
const (
	JobBlocked   JobState = "blocked"  // waits for another job
	JobQueued    JobState = "queued"   // nothing of it runs yet
	JobRunning   JobState = "running"  // something runs, or has run and more is to come
	JobStopping  JobState = "stopping" // cancelled, tasks are being stopped
	JobSucceeded JobState = "succeeded"
	JobFailed    JobState = "failed"
	JobCancelled JobState = "cancelled"
)

// JobStates are all states in which a job of any framework is shown.
var JobStates = []JobState{
	JobScheduled, JobPaused, JobBlocked, JobQueued, JobRunning, JobStopping, JobSucceeded, JobFailed, JobCancelled,
}

// Ended reports whether the job will not change any more, but for a retry.
func (s JobState) Ended() bool {
	return s == JobSucceeded || s == JobFailed || s == JobCancelled
}

// SlotCounts counts a job's slots by what became of them.
type SlotCounts struct {
	Total     int `json:"total"`
	Waiting   int `json:"waiting"`
	Staging   int `json:"staging"`
	Running   int `json:"running"`
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
	Killed    int `json:"killed"`
	Lost      int `json:"lost"`
}

// JobView is a job as shown to people.
type JobView struct {
	ID        JobID      `json:"id"`
	Name      string     `json:"name"`
	Type      JobType    `json:"type"`
	Role      string     `json:"role"`
	Priority  int        `json:"priority"`
	User      string     `json:"user,omitempty"`
	Parent    JobID      `json:"parent,omitempty"` // the job that this is a run of
	State     JobState   `json:"state"`
	Submitted time.Time  `json:"submitted"`
	Started   time.Time  `json:"started,omitzero"` // first task
	Ended     time.Time  `json:"ended,omitzero"`
	Slots     SlotCounts `json:"slots"`
	// ExitCode is set when the job has ended: 0, or that of the first failed
	// task (the largest for arrays; for gangs that which stopped the others); 253 cancelled, 254 lost.
	ExitCode *int   `json:"exit_code,omitempty"`
	Cause    Cause  `json:"cause,omitempty"`
	Message  string `json:"message,omitempty"`
	// Failure is the task that gave the exit code.
	Failure   *TaskView    `json:"failure,omitempty"`
	DependsOn []Dependency `json:"depends_on,omitempty"` // names resolved to ids
	Usage     Usage        `json:"usage"`                // CPU summed, peak memory the largest of one task
	Spec      *Job         `json:"spec,omitempty"`
	// Service is set of services and system jobs.
	Service *ServiceStatus `json:"service,omitempty"`
	// Schedule is set for a periodic job.
	Schedule *ScheduleView `json:"schedule,omitempty"`
}

// TaskView is the latest attempt at one slot, as shown to people.
type TaskView struct {
	ID        TaskID     `json:"id"`
	Group     string     `json:"group"`
	State     string     `json:"state"` // "waiting", or a TaskState in lower case
	Agent     AgentID    `json:"agent,omitempty"`
	AgentName string     `json:"agent_name,omitempty"` // filled in by the master
	Staged    time.Time  `json:"staged,omitzero"`
	Started   time.Time  `json:"started,omitzero"`
	Finished  time.Time  `json:"finished,omitzero"`
	Reason    TaskReason `json:"reason,omitempty"`
	Message   string     `json:"message,omitempty"`
	Result    *Result    `json:"result,omitempty"`
	Usage     *Usage     `json:"usage,omitempty"`
	Health    *Health    `json:"health,omitempty"` // filled in by the master, of a task that runs
	// Of a service's task: its version, and what is to become of it.
	Version  uint32 `json:"version,omitempty"`
	Healthy  bool   `json:"healthy,omitempty"`
	Canary   bool   `json:"canary,omitempty"`
	Draining bool   `json:"draining,omitempty"` // it is to stop
}

// Exit codes of the tool itself, from 250 up so that they stay clear of a job's own.
const (
	ExitUnreachable = 250
	ExitRejected    = 251
	ExitPending     = 252
	ExitCancelled   = 253
	ExitLost        = 254
)
