package model

import (
	"fmt"
	"slices"
	"time"
)

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

func (j FoundJob) String() string { return fmt.Sprintf("%s %s (%s)", j.ID, j.Name, j.State) }

// One returns the job that a selector means, the first of found, or says why it
// means none: nothing is called so, with what is called alike, or it is the
// beginning of several ids.
func (found FoundJobs) One(selector string) (FoundJob, *Refusal) {
	jobs := found.Jobs[:min(len(found.Jobs), MaxFound)]
	var r *Refusal
	switch {
	case len(jobs) == 0 && selector == "last":
		return FoundJob{}, Refuse(ReasonNotFound, "there is no last job: none has been submitted, or none is remembered")
	case len(jobs) == 0 || jobs[0].Match == MatchNear:
		r = Refuse(ReasonNotFound, "no job has the id or the name %q", selector)
		if len(jobs) > 0 {
			r.Message += "; did you mean " + jobs[0].String() + "?"
		}
	case jobs[0].Match == MatchPrefix && len(jobs) > 1 && jobs[1].Match == MatchPrefix:
		jobs = slices.DeleteFunc(slices.Clone(jobs), func(j FoundJob) bool { return j.Match != MatchPrefix })
		n := fmt.Sprint(len(jobs))
		if len(jobs) == MaxFound {
			n += " or more"
		}
		r = Refuse(ReasonAmbiguous, "%q is the beginning of %s job ids; give more of it", selector, n)
	default:
		return jobs[0], nil
	}
	for _, j := range jobs {
		r.Details = append(r.Details, j.String())
	}
	return FoundJob{}, r
}

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
