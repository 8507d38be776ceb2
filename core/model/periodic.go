package model

// CatchUp says which runs are made up for that fell due while nobody could
// start them: the masters were down, or the schedule was paused by its clock's jump.
type CatchUp string

// The ways to catch up.
const (
	CatchUpNone   CatchUp = "none"
	CatchUpLatest CatchUp = "latest"
	CatchUpAll    CatchUp = "all"
)

// Overlap says what becomes of a run that is due while the one before is still going.
type Overlap string

// The ways to overlap.
const (
	OverlapAllow   Overlap = "allow"   // both run
	OverlapForbid  Overlap = "forbid"  // the due one is skipped: Nomad's prohibit_overlap
	OverlapQueue   Overlap = "queue"   // the due one waits for the other's end
	OverlapReplace Overlap = "replace" // the other is cancelled
)

// Periodic is a job's periodic block: when a run of it is due.
type Periodic struct {
	Crons    []string `json:"crons,omitempty"`     // cron expressions of five or six fields, or @daily and its like
	Schedule string   `json:"schedule,omitempty"`  // an ISO 8601 repetition, R[n]/START/PERIOD, instead of Crons
	TimeZone string   `json:"time_zone,omitempty"` // IANA name; empty = UTC
	Overlap  Overlap  `json:"overlap,omitempty"`
	CatchUp  CatchUp  `json:"catch_up,omitempty"`
	Epsilon  Duration `json:"epsilon,omitempty"` // a run may start this late before it counts as missed
	Disabled bool     `json:"disabled,omitempty"`
	// Chained says that the runs follow those of the jobs in DependsOn, in a DAG,
	// as Chronos' parents; then there is no schedule of its own.
	Chained bool `json:"chained,omitempty"`
	// Keep says how many ended runs stay in the history.
	Keep KeepRuns `json:"keep,omitzero"`
}

// KeepRuns is how many of a schedule's ended runs are kept, the latest ones;
// 0 = as many as DefaultKeepRuns says.
type KeepRuns struct {
	Successful int `json:"successful,omitempty"`
	Failed     int `json:"failed,omitempty"` // and cancelled ones
}

// DefaultKeepRuns are the runs kept of a schedule that says nothing.
var DefaultKeepRuns = KeepRuns{Successful: 10, Failed: 10}

// MaxKeepRuns bounds both: the runs of one schedule are not to take the history.
const MaxKeepRuns = 1000

// Or returns k with other's number where k has none.
func (k KeepRuns) Or(other KeepRuns) KeepRuns {
	if k.Successful == 0 {
		k.Successful = other.Successful
	}
	if k.Failed == 0 {
		k.Failed = other.Failed
	}
	return k
}
