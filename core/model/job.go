package model

// JobType says which framework runs a job.
type JobType string

// The job types of the job file.
const (
	JobBatch    JobType = "batch"
	JobService  JobType = "service"
	JobSystem   JobType = "system"
	JobSysBatch JobType = "sysbatch"
)

// Limits on a job. Beyond them a submission is refused with ReasonTooLarge.
const (
	MaxJobFileBytes  = 1 << 20   // a job file
	MaxJobBytes      = 768 << 10 // a job's canonical JSON; an etcd value holds it whole
	MaxArraySize     = 1_000_000 // indices of one array
	MaxCount         = 1_000_000 // allocations of one group
	MaxGroups        = 256
	MaxTasksPerGroup = 64
	MaxNameBytes     = 128
	MaxAttempts      = 1000
	MaxPriority      = 100
)

// Defaults a job gets where its file is silent.
const (
	DefaultPriority    = 50
	DefaultCPUMilli    = 1000
	DefaultMemoryBytes = 256 << 20
	DefaultRole        = "default"
)

// Job is a job as declared, after defaults, in canonical form: what the job
// file becomes, what POST /v1/jobs takes and what the journal keeps.
type Job struct {
	Name        string            `json:"name"`
	Type        JobType           `json:"type"`
	Role        string            `json:"role"`
	Priority    int               `json:"priority"`
	TimeLimit   Duration          `json:"time_limit,omitempty"`  // of each attempt; 0 = unbounded
	Preemptible bool              `json:"preemptible,omitempty"` // may be stopped for others and queued again
	Placement   Placement         `json:"placement,omitempty"`
	DependsOn   []Dependency      `json:"depends_on,omitempty"` // sorted by Job
	Constraints []Constraint      `json:"constraints,omitempty"`
	Affinities  []Affinity        `json:"affinities,omitempty"`
	Spreads     []Spread          `json:"spreads,omitempty"`
	Meta        map[string]string `json:"meta,omitempty"`
	Periodic    *Periodic         `json:"periodic,omitempty"` // a schedule; the job itself is its runs' form
	Groups      []Group           `json:"groups"`
	Source      string            `json:"source,omitempty"` // the job file's text, for `tender job --hcl`
}

// DependencyKind is the condition of a dependency, after Slurm's --dependency.
type DependencyKind string

// The dependency kinds, with Slurm's names for them.
const (
	DependOK      DependencyKind = "ok"      // afterok: the other job succeeded
	DependFailed  DependencyKind = "failed"  // afternotok: the other job failed
	DependAny     DependencyKind = "any"     // afterany: the other job ended
	DependStarted DependencyKind = "started" // after: the other job's first task started
)

// Dependency holds a job back until another one has reached a state. Job is a
// job id or a name; a name means the latest submission with that name at the
// time this job is submitted.
type Dependency struct {
	Job  string         `json:"job"`
	Kind DependencyKind `json:"kind"`
}

// Group is a set of tasks placed together on one agent, Count times, or once
// per index of Array.
type Group struct {
	Name        string            `json:"name"`
	Count       int               `json:"count"`
	Array       *Array            `json:"array,omitempty"`
	Gang        *Gang             `json:"gang,omitempty"`
	Constraints []Constraint      `json:"constraints,omitempty"`
	Affinities  []Affinity        `json:"affinities,omitempty"`
	Spreads     []Spread          `json:"spreads,omitempty"`
	Network     *Network          `json:"network,omitempty"`
	Exclusive   bool              `json:"exclusive,omitempty"` // whole agents
	Restart     RestartPolicy     `json:"restart"`
	Update      *UpdatePolicy     `json:"update,omitempty"`     // of services and system jobs
	Reschedule  *ReschedulePolicy `json:"reschedule,omitempty"` // of services
	Migrate     *MigratePolicy    `json:"migrate,omitempty"`    // of services
	Services    []Service         `json:"services,omitempty"`
	// ShutdownDelay is between an allocation's services being taken off the list
	// and its tasks being told to stop.
	ShutdownDelay Duration          `json:"shutdown_delay,omitempty"`
	DiskBytes     int64             `json:"disk_bytes,omitempty"` // ephemeral_disk size
	Meta          map[string]string `json:"meta,omitempty"`
	Tasks         []TaskSpec        `json:"tasks"`
}

// Network is a group's network block: the ports that its tasks share.
type Network struct {
	Ports []Port `json:"ports,omitempty"` // sorted by label
}

// Port is one port of the agent's that the group gets. To is the port inside the
// task's own network, where it has one; it is kept for the environment.
type Port struct {
	Label  string `json:"label"`
	Static uint16 `json:"static,omitempty"`
	To     uint16 `json:"to,omitempty"`
}

// Array runs one allocation per index, as Slurm's --array.
type Array struct {
	Ranges []IndexRange `json:"ranges"`          // ascending, not overlapping
	Limit  int          `json:"limit,omitempty"` // at most this many at once; 0 = no limit
}

// IndexRange is First, First+Step, … up to and including Last.
type IndexRange struct {
	First uint32 `json:"first"`
	Last  uint32 `json:"last"`
	Step  uint32 `json:"step"`
}

// Len returns the number of indices in r.
func (r IndexRange) Len() int { return int((r.Last-r.First)/r.Step) + 1 }

// Size returns how many allocations the group has.
func (g *Group) Size() int {
	if g.Array == nil {
		return g.Count
	}
	n := 0
	for _, r := range g.Array.Ranges {
		n += r.Len()
	}
	return n
}

// IndexAt returns the allocation index of the n-th slot, 0 ≤ n < Size().
func (g *Group) IndexAt(n int) uint32 {
	if g.Array == nil {
		return uint32(n)
	}
	for _, r := range g.Array.Ranges {
		if n < r.Len() {
			return r.First + uint32(n)*r.Step
		}
		n -= r.Len()
	}
	panic("model: slot number beyond the group's size")
}

// SlotOf is the inverse of IndexAt; ok is false for an index the group lacks.
func (g *Group) SlotOf(index uint32) (slot int, ok bool) {
	if g.Array == nil {
		return int(index), int64(index) < int64(g.Count)
	}
	for _, r := range g.Array.Ranges {
		if index >= r.First && index <= r.Last && (index-r.First)%r.Step == 0 {
			return slot + int((index-r.First)/r.Step), true
		}
		slot += r.Len()
	}
	return 0, false
}

// Shape returns what one allocation of the group needs: the sum over its tasks.
func (g *Group) Shape() Shape {
	s := Shape{Resources: Resources{DiskBytes: g.DiskBytes}}
	if g.Network != nil {
		for _, p := range g.Network.Ports {
			s.Ports = append(s.Ports, PortRequest{Label: p.Label, Static: p.Static})
		}
	}
	if g.meets() {
		s.Ports = append(s.Ports, PortRequest{Label: LeaderPortLabel})
	}
	for i := range g.Tasks {
		r := g.Tasks[i].Resources
		s.CPUMilli += r.CPUMilli
		s.MemoryBytes += r.MemoryBytes
		s.DiskBytes += r.DiskBytes
		if r.GPU != nil {
			s.GPUs = append(s.GPUs, *r.GPU)
			s.GPUMilli += r.GPU.Milli()
		}
	}
	return s
}

// Gang makes a group's allocations start together or not at all.
type Gang struct {
	Launch   string `json:"launch,omitempty"`   // none | pmi | torchrun | mpirun
	Ranks    int    `json:"ranks,omitempty"`    // ranks in each allocation
	Topology string `json:"topology,omitempty"` // the level to stay inside, if it can be had
}

// RestartMode says what happens when the attempts of an interval are used up.
type RestartMode string

// The restart modes, as Nomad's.
const (
	RestartFail  RestartMode = "fail"  // the slot has failed
	RestartDelay RestartMode = "delay" // wait for the interval to end, then go on
)

// RestartPolicy says how often a slot whose attempt failed is tried again. The
// default is never: a failed task of a batch job is a result.
type RestartPolicy struct {
	Attempts int         `json:"attempts"` // retries within Interval, 0 ≤ Attempts ≤ MaxAttempts
	Interval Duration    `json:"interval"` // 0 = the whole life of the job
	Delay    Duration    `json:"delay"`
	Mode     RestartMode `json:"mode"`
}

// The task drivers.
const (
	DriverExec    = "exec"     // isolated: cgroup limits, own pid and mount namespace
	DriverRawExec = "raw_exec" // as the agent's user, in a cgroup for accounting and killing only
)

// TaskSpec is one `task` block: a process to run in every allocation of its group.
type TaskSpec struct {
	Name        string            `json:"name"`
	Driver      string            `json:"driver"`
	User        string            `json:"user,omitempty"`
	Config      TaskConfig        `json:"config"`
	Env         map[string]string `json:"env,omitempty"`
	Resources   TaskResources     `json:"resources"`
	Constraints []Constraint      `json:"constraints,omitempty"`
	Affinities  []Affinity        `json:"affinities,omitempty"`
	Artifacts   []Artifact        `json:"artifacts,omitempty"`
	Templates   []Template        `json:"templates,omitempty"`
	KillTimeout Duration          `json:"kill_timeout"`
	KillSignal  string            `json:"kill_signal,omitempty"` // default SIGTERM
	// ShutdownDelay is as the group's, for this task; an allocation waits for its
	// group's and then for the longest of its tasks'.
	ShutdownDelay Duration          `json:"shutdown_delay,omitempty"`
	Logs          LogConfig         `json:"logs"`
	Leader        bool              `json:"leader,omitempty"`
	Lifecycle     *Lifecycle        `json:"lifecycle,omitempty"`
	Meta          map[string]string `json:"meta,omitempty"`
}

// TaskConfig is the config block of the exec and raw_exec drivers. Exactly one
// of Command and Script is set. WorkDir is relative to the task's directory or absolute.
type TaskConfig struct {
	Command string   `json:"command,omitempty"`
	Args    []string `json:"args,omitempty"`
	Script  string   `json:"script,omitempty"` // run by its #! line, else by /bin/sh
	WorkDir string   `json:"work_dir,omitempty"`
}

// TaskResources is the resources block of one task. Zero is a value here;
// defaults are filled in by jobspec.
type TaskResources struct {
	CPUMilli       int64       `json:"cpu_milli"`
	MemoryBytes    int64       `json:"memory_bytes"`
	MemoryMaxBytes int64       `json:"memory_max_bytes,omitempty"` // hard limit if above MemoryBytes
	DiskBytes      int64       `json:"disk_bytes,omitempty"`
	PidsMax        int64       `json:"pids_max,omitempty"` // 0 = the agent's default
	GPU            *GPURequest `json:"gpu,omitempty"`
}

// Artifact is fetched into the task's directory before it starts.
type Artifact struct {
	Source      string            `json:"source"`             // file:///…, http://… or https://…
	Destination string            `json:"destination"`        // relative to the task's directory, default "local/"
	Checksum    string            `json:"checksum,omitempty"` // "sha256:HEX" (also md5, sha1, sha512)
	Mode        string            `json:"mode,omitempty"`     // any | file | dir: whether archives are unpacked
	Headers     map[string]string `json:"headers,omitempty"`
}

// Template is rendered into the task's directory before it starts (text/template).
type Template struct {
	Data        string `json:"data,omitempty"`
	Source      string `json:"source,omitempty"` // a file in the task's directory instead of Data
	Destination string `json:"destination"`
	Perms       string `json:"perms,omitempty"` // octal, default 0644
	Env         bool   `json:"env,omitempty"`   // NAME=VALUE lines, added to the environment
	LeftDelim   string `json:"left_delimiter,omitempty"`
	RightDelim  string `json:"right_delimiter,omitempty"`
	ErrMissing  bool   `json:"error_on_missing_key,omitempty"`
}

// LogConfig bounds a task's standard output and standard error, each.
type LogConfig struct {
	MaxFiles     int   `json:"max_files"`
	MaxFileBytes int64 `json:"max_file_bytes"`
	Disabled     bool  `json:"disabled,omitempty"`
}

// Lifecycle orders a task within its allocation, as Nomad's lifecycle block.
type Lifecycle struct {
	Hook    string `json:"hook"` // prestart | poststart | poststop
	Sidecar bool   `json:"sidecar,omitempty"`
}

// Constraint is a condition on an agent's attributes. Attribute and Value may
// hold ${attr.…}, ${node.…} and ${meta.…} references.
type Constraint struct {
	Attribute string `json:"attribute,omitempty"`
	Operator  string `json:"operator"`
	Value     string `json:"value,omitempty"`
}
