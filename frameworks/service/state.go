package service

import (
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// state is what follows from the journal. Its types are their own JSON form.
type state struct {
	jobs    map[model.JobID]*job
	order   []*job // of submission
	names   map[string]*job
	keys    map[string]keyed
	lastSeq uint64
	index   uint64 // counts the changes that people make, for CheckIndex
	open    int    // jobs that have not ended
	slots   int    // of all jobs
	ended   []*job // the others, in the order in which they ended
}

// keyed is what a submission with an idempotency key came to.
type keyed struct {
	job     *job
	version *version
}

func (s *state) init() {
	*s = state{jobs: map[model.JobID]*job{}, names: map[string]*job{}, keys: map[string]keyed{}}
}

// job is a service or system job in all its versions.
type job struct {
	ID          model.JobID    `json:"id"`
	Seq         uint64         `json:"seq"`
	State       model.JobState `json:"state"`
	Submitted   sdk.Micros     `json:"submitted"`
	Started     sdk.Micros     `json:"started,omitempty"`
	Ended       sdk.Micros     `json:"ended,omitempty"`
	Index       uint64         `json:"index"`
	User        string         `json:"user,omitempty"`
	Parent      model.JobID    `json:"parent,omitempty"`
	Versions    []*version     `json:"versions"` // ascending; the last is in force
	Groups      []*group       `json:"groups"`   // those of the version in force, in its order, then those that are leaving
	Left        []left         `json:"left,omitempty"`
	Deployments []*deployment  `json:"deployments,omitempty"`
	CPU         model.Duration `json:"cpu,omitempty"` // of tasks that have ended
	PeakBytes   int64          `json:"peak_bytes,omitempty"`
	GPUTime     model.Duration `json:"gpu_time,omitempty"` // that devices were busy, of all that ended
	PeakGPU     int64          `json:"peak_gpu,omitempty"` // bytes of one device

	// Transient.
	dirty   bool
	look    time.Time // when the planner is to look again; zero = when something happens
	armed   time.Time // when its timer is due; zero = it has none
	buckets map[string]*bucket
}

// version is one submission of a job.
type version struct {
	Num    uint32     `json:"n"`
	At     sdk.Micros `json:"at"`
	Job    *model.Job `json:"job"`
	Key    string     `json:"key,omitempty"`
	User   string     `json:"user,omitempty"`
	Stable bool       `json:"stable,omitempty"`
	Why    string     `json:"why,omitempty"`

	run *model.Job // see toRun
}

// toRun is the version as agents get it: the shutdown delay is waited for here, so
// that another one holds for tasks that run already, and not there once more.
func (v *version) toRun() *model.Job {
	if v.run == nil {
		j := *v.Job
		j.Groups = slices.Clone(j.Groups)
		for i := range j.Groups {
			j.Groups[i].ShutdownDelay = 0
		}
		v.run = &j
	}
	return v.run
}

// group is a group over all versions that have one of its name.
type group struct {
	Name  string  `json:"name"`
	Base  uint32  `json:"base"` // the version whose description its tasks are to run
	Slots []*slot `json:"slots,omitempty"`
	Used  []used  `json:"used,omitempty"`

	job      *job
	refusals sdk.Refusals
}

// used says from which attempt on a slot goes on in a base and lane of which it
// has no allocation any more: a task id is never used twice.
type used struct {
	Base    uint32 `json:"v"`
	Lane    uint16 `json:"l,omitempty"`
	Index   uint32 `json:"i"`
	Attempt uint16 `json:"a"`
}

// left is what a group used that is no more, should one of its name come back.
type left struct {
	Name string `json:"name"`
	Used []used `json:"used"`
}

// slot is one of a group's places.
type slot struct {
	Index uint32        `json:"i"`
	Agent model.AgentID `json:"agent,omitempty"` // of a system job's
	Cur   *alloc        `json:"cur,omitempty"`
	Next  *alloc        `json:"next,omitempty"`
	// After says that Next starts only once Cur has ended.
	After  bool   `json:"after,omitempty"`
	Drop   bool   `json:"drop,omitempty"` // it goes when its allocations have ended
	Roll   uint32 `json:"roll,omitempty"` // the deployment that replaced it last
	Canary bool   `json:"canary,omitempty"`
	// Leave is when a drain asked for it to move away from its agent; Moving says
	// that its successor is under way.
	Leave  sdk.Micros `json:"leave,omitempty"`
	Moving bool       `json:"moving,omitempty"`
}

// last is the version in force.
func (j *job) last() *version { return j.Versions[len(j.Versions)-1] }

func (j *job) spec() *model.Job { return j.last().Job }

func (j *job) system() bool { return j.spec().Type == model.JobSystem }

// version returns one of the remembered versions, nil if it is not.
func (j *job) version(n uint32) *version {
	for _, v := range j.Versions {
		if v.Num == n {
			return v
		}
	}
	return nil
}

func (j *job) group(name string) *group {
	for _, g := range j.Groups {
		if g.Name == name {
			return g
		}
	}
	return nil
}

// want is how the version in force describes the group; nil if it has none such.
func (g *group) want() *model.Group { return groupOf(g.job.spec(), g.Name) }

// runs is the description of the group that tasks of a base run, and its position.
func (g *group) runs(base uint32) (spec *model.Job, num int) {
	v := g.job.version(base)
	if v == nil {
		return nil, -1
	}
	num = slices.IndexFunc(v.Job.Groups, func(x model.Group) bool { return x.Name == g.Name })
	return v.Job, num
}

func groupOf(spec *model.Job, name string) *model.Group {
	for i := range spec.Groups {
		if spec.Groups[i].Name == name {
			return &spec.Groups[i]
		}
	}
	return nil
}

func (g *group) slot(index uint32) *slot {
	if n := int(index); n < len(g.Slots) && g.Slots[n].Index == index {
		return g.Slots[n]
	}
	n, ok := g.at(index)
	if !ok {
		return nil
	}
	return g.Slots[n]
}

// at returns where the slot of an index is, or is to be.
func (g *group) at(index uint32) (n int, found bool) {
	return slices.BinarySearchFunc(g.Slots, index, func(s *slot, i uint32) int { return int(int64(s.Index) - int64(i)) })
}

// insert adds a slot of a group in its place.
func (s *state) insert(g *group, x *slot) {
	n, _ := g.at(x.Index)
	g.Slots = slices.Insert(g.Slots, n, x)
	s.slots++
}

func (s *state) remove(g *group, x *slot) {
	if n, found := g.at(x.Index); found && g.Slots[n] == x {
		g.Slots = slices.Delete(g.Slots, n, n+1)
		s.slots--
	}
}

// slotCount returns how many slots all groups have.
func (j *job) slotCount() (n int) {
	for _, g := range j.Groups {
		n += len(g.Slots)
	}
	return n
}

// allocs calls f for every allocation of the job.
func (j *job) allocs(f func(g *group, s *slot, a *alloc)) {
	for _, g := range j.Groups {
		for _, s := range g.Slots {
			if s.Cur != nil {
				f(g, s, s.Cur)
			}
			if s.Next != nil {
				f(g, s, s.Next)
			}
		}
	}
}

// stopping reports whether the job is to come to an end, or has.
func (j *job) stopping() bool { return j.State == model.JobStopping || j.State.Ended() }
