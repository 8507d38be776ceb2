package model

import "time"

// Framework is a scheduler hosted by the master: a pure machine that reads no
// clock and does no IO. The master owns it and calls it from one goroutine.
//
// Its state is a fold over the journal: the events it returns from Step, and
// the master's own about its tasks (Staged, Statuses). A standby and a
// restarting master call Apply; the leader calls Step, which must leave the
// machine in the state that Apply of the same events would.
type Framework interface {
	ID() FrameworkID
	// Step takes one input and returns what should happen, in order.
	Step(now time.Time, in Input) Effects
	// Apply folds one journaled event. An error means the journal and this
	// build do not fit together, and stops the master.
	Apply(e JournalEvent) error
	// Snapshot returns the folded state; equal states give equal bytes.
	Snapshot() ([]byte, error)
	// Restore replaces the state by one that Snapshot returned.
	Restore([]byte) error
}

// Input is one of Leading, Offers, Rescind, InverseOffers, RescindInverse, Staged,
// Statuses, Request, Refused, Spawned, JobChanged, WallClock, AgentRemoved, Hosts and Tick.
type Input interface{ input() }

// Leading tells a framework that its master has just become the leader, with
// all of the journal applied: it must send all its demands.
type Leading struct{}

// Offers are made for the framework's demands. Each must be accepted or
// declined before its timeout, best in the same Step.
type Offers []Offer

// Rescind takes back an offer that was neither accepted nor declined.
type Rescind struct {
	Offer  OfferID
	Reason Reason
}

// InverseOffers ask for tasks back: for another demand, or because their node is
// drained. A framework that agrees stops them itself and says AcceptInverse;
// either way they are stopped at the deadline.
type InverseOffers []InverseOffer

// RescindInverse takes back an inverse offer: the room is not needed any more.
type RescindInverse struct{ Offer OfferID }

// Staged says an ACCEPT passed its check and its tasks are on their way. It is
// also a journal event.
type Staged struct {
	Launches []Launch
	At       time.Time
}

// Refused says a call failed its check; nothing of it took effect. Call is the
// call as it was made.
type Refused struct {
	Call    Call
	Refusal *Refusal
}

// Statuses are updates about the framework's tasks. It is also a journal event.
// Returning from Step acknowledges them.
type Statuses []TaskStatus

// Request is a person's wish that came over the API. ID goes back in the Reply.
type Request struct {
	ID   uint64
	Body any
}

// AgentRemoved says that an agent is gone for good; what ran there has been
// reported. It is not a journal event.
type AgentRemoved struct{ Agent AgentID }

// Tick says that the time asked for by Effects.Wake has come.
type Tick struct{}

// WallClock tells how far the wall clock is ahead of the times that steps are given,
// whenever that has changed by more than a second: those never jump, so that no
// duration shrinks because somebody set the clock. For times of the day add it.
type WallClock struct{ Ahead time.Duration }

func (Leading) input()        {}
func (WallClock) input()      {}
func (Offers) input()         {}
func (Rescind) input()        {}
func (InverseOffers) input()  {}
func (RescindInverse) input() {}
func (Staged) input()         {}
func (Refused) input()        {}
func (Statuses) input()       {}
func (Request) input()        {}
func (Tick) input()           {}
func (AgentRemoved) input()   {}

// JournalEvent is one of Staged, Statuses and OwnEvent.
type JournalEvent interface{ journalEvent() }

// OwnEvent is an event that the framework itself returned from Step, in its own encoding.
type OwnEvent []byte

func (Staged) journalEvent()   {}
func (Statuses) journalEvent() {}
func (OwnEvent) journalEvent() {}

// Effects is what a framework's Step asks for. Events are journaled before any
// Reply, Notice or launch leaves the process.
type Effects struct {
	Events  []OwnEvent
	Calls   []Call
	Replies []Reply
	Notices []Notice
	Wake    time.Time // when to send a Tick; zero = leave the wake-up as it is
}

// Call is one of Demands, Subscribe, Accept, Decline, Suppress, Revive, AcceptInverse,
// DeclineInverse, Kill, Withdraw, JobDone, Spawn, WatchJobs, WatchHosts and Ask.
type Call interface{ call() }

// Demands is the REQUEST call: Set adds or replaces, Drop withdraws by ID.
type Demands struct {
	Set  []Demand
	Drop []string
}

// Subscribe asks for classic offers: of what agents have left once all demands are
// served, for a framework that sends none. It says in which roles, and replaces
// an earlier one; without roles the framework gets none any more.
type Subscribe struct {
	Roles      []string
	Suppressed []string // of Roles: those for which it wants no offers until Revive
	GPUs       bool     // whether it can use GPUs (Mesos' GPU_RESOURCES)
}

// Accept launches tasks on an offer's agents. What is left of the offer returns.
type Accept struct {
	Offer    OfferID
	Launches []Launch
}

// Decline returns an offer; the demand gets no other one for RefuseFor.
type Decline struct {
	Offer     OfferID
	RefuseFor time.Duration
}

// Suppress says that the framework, which sends no demands, wants no classic
// offers for its roles (none named = all) until Revive.
type Suppress struct{ Roles []string }

// Revive undoes Suppress and clears the framework's filters.
type Revive struct{ Roles []string }

// AcceptInverse says that the framework stops the inverse offer's tasks itself.
type AcceptInverse struct{ Offer OfferID }

// DeclineInverse says that it does not; the master does at the deadline.
type DeclineInverse struct{ Offer OfferID }

// Kill stops a task: its kill signal, then after its kill timeout, or Grace if
// that is set, SIGKILL.
type Kill struct {
	Task   TaskID
	Reason TaskReason
	Grace  Duration
}

// JobDone says that no task of the job will be launched any more and all have
// ended: agents may end its executor and let its sandboxes age out.
type JobDone struct{ Job JobID }

func (Demands) call()        {}
func (Subscribe) call()      {}
func (Accept) call()         {}
func (Decline) call()        {}
func (Suppress) call()       {}
func (Revive) call()         {}
func (AcceptInverse) call()  {}
func (DeclineInverse) call() {}
func (Kill) call()           {}
func (JobDone) call()        {}

// Reply answers a Request once the events of its step are durable.
type Reply struct {
	ID   uint64
	Body any
	Err  *Refusal
}

// Notice is one entry of the public event stream.
type Notice struct {
	At      time.Time   `json:"at"`
	Kind    string      `json:"kind"` // "job_submitted", "task_running", …
	Job     JobID       `json:"job,omitempty"`
	JobName string      `json:"job_name,omitempty"`
	Task    *TaskID     `json:"task,omitempty"`
	Group   string      `json:"group,omitempty"`
	Agent   AgentID     `json:"agent,omitempty"`
	Status  *TaskStatus `json:"status,omitempty"`
	State   string      `json:"state,omitempty"` // a job's new state
	Message string      `json:"message,omitempty"`
	Service string      `json:"service,omitempty"` // whose endpoints have changed
}

// Querier answers questions from the committed state. It changes nothing. Body
// is one of the query types of request.go; so is the answer.
type Querier interface {
	Query(now time.Time, body any) (any, *Refusal)
}
