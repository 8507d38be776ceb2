package model

import "time"

// The states of a schedule, beside those in which it has ended: cancelled, or
// succeeded or failed as its last run, once a repetition with an end is through.
const (
	JobScheduled JobState = "scheduled" // its next run is due some time
	JobPaused    JobState = "paused"    // no run is due until it is resumed
)

// RunCause says why there is a run of a schedule.
type RunCause string

// The causes of a run.
const (
	RunDue     RunCause = "due"      // it was due, and on time
	RunCatchUp RunCause = "catch_up" // it was missed, and made up for
	RunTrigger RunCause = "trigger"  // somebody asked for it
	RunParents RunCause = "parents"  // the runs before it in the DAG ended
)

// States of a run that has no job; one with a job has the job's.
const (
	RunWaiting JobState = "waiting" // for the run before it
	RunSkipped JobState = "skipped" // never ran; Message says why
	RunRefused JobState = "refused" // its job could not be submitted
)

// RunView is one run of a schedule, or several in a row that were skipped for one reason.
type RunView struct {
	Number  int       `json:"number,omitempty"` // of those with a job
	Job     JobID     `json:"job,omitempty"`
	Due     time.Time `json:"due"`
	Until   time.Time `json:"until,omitzero"`  // the last due time of several
	Count   int       `json:"count,omitempty"` // of several
	Cause   RunCause  `json:"cause,omitempty"`
	State   JobState  `json:"state"`
	Created time.Time `json:"created,omitzero"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	// ExitCode is set when the job has ended.
	ExitCode *int   `json:"exit_code,omitempty"`
	Message  string `json:"message,omitempty"`
}

// ScheduleView is what a schedule's JobView has beyond other jobs'.
type ScheduleView struct {
	Version int       `json:"version"` // counts the submissions under this name
	When    string    `json:"when"`    // its expressions, or whose runs it follows
	Zone    string    `json:"time_zone"`
	Overlap Overlap   `json:"overlap"`
	CatchUp CatchUp   `json:"catch_up"`
	Next    time.Time `json:"next,omitzero"` // when it is due next
	// Parents are the schedules that it follows in a DAG, Children those that follow it.
	Parents  []string `json:"parents,omitempty"`
	Children []string `json:"children,omitempty"`
	Active   []JobID  `json:"active,omitempty"`  // runs that have not ended
	Waiting  int      `json:"waiting,omitempty"` // runs that are due and wait for the one before
	Last     *RunView `json:"last,omitempty"`    // the latest with a job
	Runs     int      `json:"runs"`              // ever created
	Failed   int      `json:"failed"`            // of them
	Skipped  int      `json:"skipped"`           // due times without a run
}

// PauseJob keeps a schedule from coming due. The reply's body is a JobView.
type PauseJob struct{ Selector string }

// ResumeJob undoes PauseJob; what was due meanwhile is not made up for. The reply's
// body is a JobView.
type ResumeJob struct{ Selector string }

// TriggerJob makes a run of a schedule now. The reply's body is a RunView.
type TriggerJob struct{ Selector string }

// ListRuns is a query for a schedule's runs; the answer is a RunList.
type ListRuns struct {
	Selector string
	Limit    int // 0 = all that are remembered
}

// RunList answers ListRuns.
type RunList struct {
	Job  JobView   `json:"job"`
	Runs []RunView `json:"runs"` // newest first
}

// NextRuns is a query for when a schedule is due next; the answer is a DueList.
type NextRuns struct {
	Selector string
	Count    int // 0 = 5
}

// DueList answers NextRuns.
type DueList struct {
	Job  JobView     `json:"job"`
	Due  []time.Time `json:"due"`
	Zone string      `json:"time_zone"`
}

// OfSchedule is a request or query that is about schedules only.
type OfSchedule interface {
	Selecting
	ofSchedule()
}

func (PauseJob) ofSchedule()   {}
func (ResumeJob) ofSchedule()  {}
func (TriggerJob) ofSchedule() {}
func (ListRuns) ofSchedule()   {}
func (NextRuns) ofSchedule()   {}

// JobSelector and ForJob implement Selecting.
func (r PauseJob) JobSelector() string { return r.Selector }

// ForJob implements Selecting.
func (r PauseJob) ForJob(id JobID) any { r.Selector = string(id); return r }

// JobSelector implements Selecting.
func (r ResumeJob) JobSelector() string { return r.Selector }

// ForJob implements Selecting.
func (r ResumeJob) ForJob(id JobID) any { r.Selector = string(id); return r }

// JobSelector implements Selecting.
func (r TriggerJob) JobSelector() string { return r.Selector }

// ForJob implements Selecting.
func (r TriggerJob) ForJob(id JobID) any { r.Selector = string(id); return r }

// JobSelector implements Selecting.
func (q ListRuns) JobSelector() string { return q.Selector }

// ForJob implements Selecting.
func (q ListRuns) ForJob(id JobID) any { q.Selector = string(id); return q }

// JobSelector implements Selecting.
func (q NextRuns) JobSelector() string { return q.Selector }

// ForJob implements Selecting.
func (q NextRuns) ForJob(id JobID) any { q.Selector = string(id); return q }
