package model

import "slices"

// UpdatePolicy is a group's update block: how a new version of a service
// replaces the old one. The words and defaults are Nomad's.
type UpdatePolicy struct {
	MaxParallel      int      `json:"max_parallel"`                // replaced at once; 0 = all at once, without a deployment
	HealthCheck      string   `json:"health_check,omitempty"`      // HealthByChecks, HealthByTaskStates or HealthManual
	MinHealthyTime   Duration `json:"min_healthy_time"`            // healthy this long before it counts
	HealthyDeadline  Duration `json:"healthy_deadline"`            // from its start; later it counts as unhealthy
	ProgressDeadline Duration `json:"progress_deadline,omitempty"` // without another healthy one the deployment fails; 0 = at the first unhealthy one
	Stagger          Duration `json:"stagger,omitempty"`           // between two migrations or system updates
	Canary           int      `json:"canary,omitempty"`            // new ones beside the old, before a promotion
	AutoRevert       bool     `json:"auto_revert,omitempty"`       // to the last stable version when it fails
	AutoPromote      bool     `json:"auto_promote,omitempty"`      // once all canaries are healthy
}

// The values of UpdatePolicy.HealthCheck and MigratePolicy.HealthCheck.
const (
	HealthByChecks     = "checks"      // running and every check passing
	HealthByTaskStates = "task_states" // running
	HealthManual       = "manual"      // an operator says so
)

// MigratePolicy is a group's migrate block: how its allocations leave a node
// that is drained.
type MigratePolicy struct {
	MaxParallel     int      `json:"max_parallel"`
	HealthCheck     string   `json:"health_check,omitempty"`
	MinHealthyTime  Duration `json:"min_healthy_time"`
	HealthyDeadline Duration `json:"healthy_deadline"`
}

// ReschedulePolicy is a group's reschedule block: on another node, once the
// restart policy has given up or the node is lost.
type ReschedulePolicy struct {
	Attempts      int      `json:"attempts,omitempty"` // within Interval
	Interval      Duration `json:"interval,omitempty"`
	Delay         Duration `json:"delay"`
	DelayFunction string   `json:"delay_function"` // constant, exponential or fibonacci
	MaxDelay      Duration `json:"max_delay,omitempty"`
	Unlimited     bool     `json:"unlimited,omitempty"`
}

// Service is a group's service block: an address that others look up by name,
// and the checks that say whether it may be used.
type Service struct {
	Name   string            `json:"name"`
	Port   string            `json:"port,omitempty"` // label of a port of the group's network, or a number
	Task   string            `json:"task,omitempty"` // whose script checks run in its sandbox; empty = the group's main task
	Tags   []string          `json:"tags,omitempty"`
	Meta   map[string]string `json:"meta,omitempty"`
	Checks []Check           `json:"checks,omitempty"`
}

// The types of a check.
const (
	CheckHTTP   = "http"   // passes on a 2xx answer
	CheckTCP    = "tcp"    // passes when the connection is taken
	CheckScript = "script" // passes when the command exits with 0
)

// Check is a check block: the agent asks this often whether a service works.
type Check struct {
	Name                   string              `json:"name"`
	Type                   string              `json:"type"`
	Port                   string              `json:"port,omitempty"` // empty = the service's
	Protocol               string              `json:"protocol,omitempty"`
	Method                 string              `json:"method,omitempty"`
	Path                   string              `json:"path,omitempty"`
	Header                 map[string][]string `json:"header,omitempty"`
	Body                   string              `json:"body,omitempty"`
	TLSSkipVerify          bool                `json:"tls_skip_verify,omitempty"`
	Command                string              `json:"command,omitempty"`
	Args                   []string            `json:"args,omitempty"`
	Task                   string              `json:"task,omitempty"`
	Interval               Duration            `json:"interval"`
	Timeout                Duration            `json:"timeout"`
	SuccessBeforePassing   int                 `json:"success_before_passing,omitempty"`   // in a row, beyond the first
	FailuresBeforeCritical int                 `json:"failures_before_critical,omitempty"` // in a row, beyond the first
	Restart                *CheckRestart       `json:"check_restart,omitempty"`
}

// CheckRestart is a check_restart block: a task whose check has failed Limit
// times in a row is ended as failed, and its restart policy goes on from there.
// Nothing counts in the first Grace of a task.
type CheckRestart struct {
	Limit int      `json:"limit"`
	Grace Duration `json:"grace"`
}

// Health is what an allocation's checks say of it. An update about a running
// task carries it whenever Healthy or the summary of a check has changed.
type Health struct {
	Healthy bool          `json:"healthy"` // every check passes
	Checks  []CheckStatus `json:"checks,omitempty"`
}

// Equal compares by value; nil equals nil only.
func (h *Health) Equal(o *Health) bool {
	if h == nil || o == nil {
		return h == o
	}
	return h.Healthy == o.Healthy && slices.Equal(h.Checks, o.Checks)
}

// Why says what is wrong, in a line: the checks that do not pass. It is empty for
// a healthy one.
func (h *Health) Why() string {
	why := ""
	for _, c := range h.Checks {
		if c.Passing {
			continue
		}
		if why != "" {
			why += "; "
		}
		why += "check " + c.Check
		if c.Output != "" {
			why += ": " + c.Output
		}
	}
	return why
}

// CheckStatus is where one check stands.
type CheckStatus struct {
	Service string `json:"service"`
	Check   string `json:"check"`
	Passing bool   `json:"passing"`
	Output  string `json:"output,omitempty"` // why not, at most MaxCheckOutput bytes
}

// MaxCheckOutput bounds CheckStatus.Output.
const MaxCheckOutput = 512
