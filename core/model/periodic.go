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
}
