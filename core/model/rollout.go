package model

import "time"

// ScaleJob sets the count of a service's group; empty = its only one. It is a new
// version of the job. The reply's body is a JobView.
type ScaleJob struct {
	Selector string `json:"-"`
	Group    string `json:"group,omitempty"`
	Count    int    `json:"count"`
}

// RestartJob replaces all tasks of a service, or of one Group of it, one after
// the other as its update policy says. The reply's body is a JobView.
type RestartJob struct {
	Selector string `json:"-"`
	Group    string `json:"group,omitempty"`
}

// RollbackJob makes an earlier version of a service its newest one. To 0 = the
// latest stable one before the present. The reply's body is a JobView.
type RollbackJob struct {
	Selector string `json:"-"`
	To       uint32 `json:"to,omitempty"`
}

// DeploymentAction is what an operator does to a running deployment.
type DeploymentAction string

// The actions.
const (
	DeploymentPromote DeploymentAction = "promote" // let its canaries take over
	DeploymentPause   DeploymentAction = "pause"   // replace nothing more, until resumed
	DeploymentResume  DeploymentAction = "resume"
	DeploymentFail    DeploymentAction = "fail" // give it up, and revert if its policy says so
	// Of groups with health_check = "manual": a person says that tasks work, or that
	// they do not, which gives a deployment of theirs up.
	DeploymentHealthy   DeploymentAction = "healthy"
	DeploymentUnhealthy DeploymentAction = "unhealthy"
)

// ChangeDeployment acts on the deployment of a service that is under way. The
// reply's body is a DeploymentView.
type ChangeDeployment struct {
	Selector string           `json:"-"`
	Action   DeploymentAction `json:"action"`
	// Group and Tasks say which of healthy and unhealthy: indices of one group; an
	// empty Group means the only one. Of a slot that is being replaced its successor is meant.
	Group string   `json:"group,omitempty"`
	Tasks []uint32 `json:"tasks,omitempty"`
}

// ListDeployments is a query for the deployments of a service, the newest first;
// with an empty Selector for the latest of each service. The answer is a DeploymentList.
type ListDeployments struct {
	Selector string
	Limit    int // 0 = all that are remembered
}

// DeploymentList answers ListDeployments.
type DeploymentList struct {
	Deployments []DeploymentView `json:"deployments"`
}

// ListVersions is a query for the remembered versions of a service, the newest
// first; the answer is a VersionList.
type ListVersions struct{ Selector string }

// VersionList answers ListVersions.
type VersionList struct {
	Job      JobID         `json:"job"`
	Name     string        `json:"name"`
	Versions []VersionView `json:"versions"`
}

// VersionView is one version of a service.
type VersionView struct {
	Version   uint32    `json:"version"`
	Current   bool      `json:"current,omitempty"`
	Stable    bool      `json:"stable,omitempty"` // its deployment succeeded
	Submitted time.Time `json:"submitted"`
	User      string    `json:"user,omitempty"`
	Why       string    `json:"why,omitempty"` // where it came from, if not from a job file
	Tasks     int       `json:"tasks"`         // running now that are of it
	Spec      *Job      `json:"spec,omitempty"`
}

// DeploymentState is where a deployment stands.
type DeploymentState string

// The states of a deployment.
const (
	DeploymentRunning    DeploymentState = "running"
	DeploymentPaused     DeploymentState = "paused"
	DeploymentSuccessful DeploymentState = "successful"
	DeploymentFailed     DeploymentState = "failed"
	DeploymentCancelled  DeploymentState = "cancelled" // a newer version took over, or the job was stopped
)

// Active reports whether the deployment has not ended.
func (s DeploymentState) Active() bool { return s == DeploymentRunning || s == DeploymentPaused }

// The kinds of deployment.
const (
	DeployUpdate   = "update"   // a version's tasks take the place of the ones before
	DeployRestart  = "restart"  // of the same version
	DeployRollback = "rollback" // an operator went back to an earlier version
	DeployRevert   = "revert"   // a failed deployment went back to the last stable version
)

// DeploymentView is a deployment as shown to people.
type DeploymentView struct {
	Job      JobID           `json:"job"`
	JobName  string          `json:"job_name"`
	Number   uint32          `json:"number"` // counts the job's deployments
	Version  uint32          `json:"version"`
	Kind     string          `json:"kind"`
	State    DeploymentState `json:"state"`
	Message  string          `json:"message,omitempty"` // what it waits for, or how it ended
	Started  time.Time       `json:"started"`
	Ended    time.Time       `json:"ended,omitzero"`
	Deadline time.Time       `json:"progress_deadline,omitzero"` // it fails then unless another task is healthy before
	// NeedsPromotion says that all canaries are healthy and wait for an operator.
	NeedsPromotion bool                  `json:"needs_promotion,omitempty"`
	Groups         []DeploymentGroupView `json:"groups"`
}

// DeploymentGroupView is how far a deployment is with one group.
type DeploymentGroupView struct {
	Group     string `json:"group"`
	Desired   int    `json:"desired"`
	Canaries  int    `json:"canaries,omitempty"`
	Promoted  bool   `json:"promoted,omitempty"`
	Placed    int    `json:"placed"`    // of the new tasks, launched
	Healthy   int    `json:"healthy"`   // for min_healthy_time
	Unhealthy int    `json:"unhealthy"` // not by their healthy_deadline, or failed for good
	Old       int    `json:"old"`       // tasks that still are to be replaced or stopped
}

// ServiceStatus is what a JobView has of a service or system job beyond its slots.
type ServiceStatus struct {
	Version uint32 `json:"version"`
	Stable  bool   `json:"stable"`
	// CheckIndex changes with every change of the job; Submit.CheckIndex refuses a
	// submission that was made with an older one in mind.
	CheckIndex uint64               `json:"check_index"`
	Desired    int                  `json:"desired"` // tasks; of a system job, nodes that have one
	Healthy    int                  `json:"healthy"`
	Groups     []ServiceGroupStatus `json:"groups"`
	Deployment *DeploymentView      `json:"deployment,omitempty"` // the latest
}

// ServiceGroupStatus is the same for one group.
type ServiceGroupStatus struct {
	Group    string `json:"group"`
	Desired  int    `json:"desired"`
	Running  int    `json:"running"`
	Healthy  int    `json:"healthy"`
	Failed   int    `json:"failed,omitempty"`   // given up for good
	Stopping int    `json:"stopping,omitempty"` // of an older version, or superfluous
}

// GroupPlan is what a submission would do to one group's tasks.
type GroupPlan struct {
	Group    string `json:"group"`
	Create   int    `json:"create,omitempty"`
	InPlace  int    `json:"in_place,omitempty"` // go on as they are
	Replace  int    `json:"replace,omitempty"`
	Stop     int    `json:"stop,omitempty"`
	Canaries int    `json:"canaries,omitempty"` // of Replace, made first and beside the old ones
}

// JobSelector and ForJob implement Selecting.
func (r ScaleJob) JobSelector() string { return r.Selector }

// ForJob implements Selecting.
func (r ScaleJob) ForJob(id JobID) any { r.Selector = string(id); return r }

// JobSelector implements Selecting.
func (r RestartJob) JobSelector() string { return r.Selector }

// ForJob implements Selecting.
func (r RestartJob) ForJob(id JobID) any { r.Selector = string(id); return r }

// JobSelector implements Selecting.
func (r RollbackJob) JobSelector() string { return r.Selector }

// ForJob implements Selecting.
func (r RollbackJob) ForJob(id JobID) any { r.Selector = string(id); return r }

// JobSelector implements Selecting.
func (r ChangeDeployment) JobSelector() string { return r.Selector }

// ForJob implements Selecting.
func (r ChangeDeployment) ForJob(id JobID) any { r.Selector = string(id); return r }

// JobSelector implements Selecting.
func (q ListDeployments) JobSelector() string { return q.Selector }

// ForJob implements Selecting.
func (q ListDeployments) ForJob(id JobID) any { q.Selector = string(id); return q }

// JobSelector implements Selecting.
func (q ListVersions) JobSelector() string { return q.Selector }

// ForJob implements Selecting.
func (q ListVersions) ForJob(id JobID) any { q.Selector = string(id); return q }
