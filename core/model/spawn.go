package model

import "time"

// Spawn has another hosted framework take a submission in the same turn, and so
// in the same commit as the events of the step that asked for it. Spawned
// answers it, and from then on JobChanged tells of every new state of the job.
// Submit.ID is the spawner's to choose and must never be used twice; Submit.Key
// makes a repeat harmless.
type Spawn struct{ Submit Submit }

// WatchJobs asks for JobChanged about jobs spawned in an earlier term: at once
// for where each stands, then for every new state.
type WatchJobs struct{ Jobs []JobID }

// Ask makes a request of another framework for which this one is answerable,
// such as the cancelling of a job it spawned. A refusal is dropped: the job has ended.
type Ask struct{ Body any }

func (Spawn) call()     {}
func (WatchJobs) call() {}
func (Ask) call()       {}

// Spawned answers Spawn. With a Refusal there is no such job and never will be.
type Spawned struct {
	Job     JobID // that took the submission
	Refusal *Refusal
}

// JobChanged tells a spawner where a job stands. Gone says that nobody knows the
// job any more; Job then has its ID only.
type JobChanged struct {
	Job  JobView
	Gone bool
}

func (Spawned) input()    {}
func (JobChanged) input() {}

// FindJob is a query that every hosted framework answers with a FoundJobs: which
// of its jobs a selector means.
type FindJob struct{ Selector string }

// JobMatch says how a selector means a job; a lower one goes first.
type JobMatch int

// The matches.
const (
	MatchID     JobMatch = iota // the whole id
	MatchName                   // the name; the latest submission with it, or "last"
	MatchPrefix                 // the beginning of the id
	MatchNear                   // a name or id like it, for "did you mean"
)

// FoundJob is one job that a selector may mean.
type FoundJob struct {
	ID        JobID
	Name      string
	State     JobState
	Submitted time.Time
	Match     JobMatch
	Parent    JobID // the schedule that it is a run of
}

// FoundJobs answers FindJob: at most MaxFound, best first.
type FoundJobs struct{ Jobs []FoundJob }

// MaxFound bounds FoundJobs.
const MaxFound = 10

// Selecting is a request or query about one job that a person named.
type Selecting interface {
	JobSelector() string
	// ForJob returns the same for the job with this id.
	ForJob(JobID) any
}

// JobSelector and ForJob implement Selecting.
func (r CancelJob) JobSelector() string { return r.Selector }

// ForJob implements Selecting.
func (r CancelJob) ForJob(id JobID) any { r.Selector = string(id); return r }

// JobSelector implements Selecting.
func (r RetryJob) JobSelector() string { return r.Selector }

// ForJob implements Selecting.
func (r RetryJob) ForJob(id JobID) any { r.Selector = string(id); return r }

// JobSelector implements Selecting.
func (q GetJob) JobSelector() string { return q.Selector }

// ForJob implements Selecting.
func (q GetJob) ForJob(id JobID) any { q.Selector = string(id); return q }

// JobSelector implements Selecting.
func (q ListTasks) JobSelector() string { return q.Selector }

// ForJob implements Selecting.
func (q ListTasks) ForJob(id JobID) any { q.Selector = string(id); return q }

// JobSelector implements Selecting.
func (q Why) JobSelector() string { return q.Selector }

// ForJob implements Selecting.
func (q Why) ForJob(id JobID) any { q.Selector = string(id); return q }
