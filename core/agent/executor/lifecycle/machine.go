package lifecycle

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Key names an attempt at an allocation of the job.
type Key struct {
	Group   uint16
	Index   uint32
	Attempt uint16
}

// String returns GROUP/INDEX/ATTEMPT.
func (k Key) String() string { return fmt.Sprintf("%d/%d/%d", k.Group, k.Index, k.Attempt) }

// Compare orders keys by group, index and attempt.
func (k Key) Compare(o Key) int {
	return cmp.Or(cmp.Compare(k.Group, o.Group), cmp.Compare(k.Index, o.Index), cmp.Compare(k.Attempt, o.Attempt))
}

// Input is what happened: a Launch, Release, Kill, Preparing, Prepared, Started,
// Ended, Checked, Unhealthy or TimeUp.
type Input interface{ input() }

// Launch asks for an attempt. TimeLimit 0 means none.
type Launch struct {
	Key       Key
	TimeLimit time.Duration
	// Together holds the main tasks back: they are prepared and run when a
	// Release comes, as the allocations of a gang do.
	Together bool
}

// Release lets the main tasks of an attempt run. It may come more than once.
type Release struct{ Key Key }

// Kill asks for an attempt's end. Grace 0 means each task's own kill timeout,
// a negative one none at all.
type Kill struct {
	Key    Key
	Reason model.TaskReason
	Grace  time.Duration
}

// Preparing says that a task has something to fetch before it starts.
type Preparing struct {
	Key  Key
	Task int // position in the group
}

// Prepared answers a Start with Hold: the task could run at once.
type Prepared struct {
	Key  Key
	Task int
}

// Started says that a task's process runs.
type Started struct {
	Key  Key
	Task int
	At   time.Time
}

// Ended says that nothing of a task runs any more, or that it never ran.
type Ended struct {
	Key  Key
	Task int
	Exit Exit
}

// Checked says that an attempt's health has changed.
type Checked struct {
	Key    Key
	Health model.Health
}

// Unhealthy says that a check has failed too often: the attempt has failed.
type Unhealthy struct {
	Key     Key
	Message string
}

// TimeUp says that the time asked for by Wake has come.
type TimeUp struct{ Key Key }

func (Launch) input()    {}
func (Release) input()   {}
func (Kill) input()      {}
func (Preparing) input() {}
func (Prepared) input()  {}
func (Started) input()   {}
func (Ended) input()     {}
func (Checked) input()   {}
func (Unhealthy) input() {}
func (TimeUp) input()    {}

// Exit is how a task ended.
type Exit struct {
	At      time.Time
	Code    int
	Signal  int
	OOM     bool   // the kernel's OOM killer struck
	Failure string // why it could not be started, in full; empty if it ran
	// Who is which rank on which node it is about, for a gang's main tasks.
	Who string
	// Fault says that it failed although its processes ended well, or why it did.
	Fault string
	Note  string // for the user, e.g. that output was lost
	Usage model.Usage
}

func (e Exit) ok() bool { return e.Failure == "" && e.Fault == "" && e.Code == 0 && e.Signal == 0 }

// Effect is what to do: a Start, Go, Stop, Report, Wake or Forget.
type Effect interface{ effect() }

// Start asks for a task to be started. Ended answers it, mostly after Started.
// With Hold all is to be made ready for its processes, and Prepared answered;
// they are to run when Go comes.
type Start struct {
	Key  Key
	Task int
	Hold bool
}

// Go asks for the processes of a task that was prepared.
type Go struct {
	Key  Key
	Task int
}

// Stop asks for a task's end: its kill signal, then after Grace the end of
// everything it started. A negative Grace means at once. Ended answers it.
type Stop struct {
	Key   Key
	Task  int
	Grace time.Duration
}

// Report is a status update about an attempt. Task.Job and Agent are not set.
type Report struct{ Status model.TaskStatus }

// Wake asks for a TimeUp. The latest one of a key counts.
type Wake struct {
	Key Key
	At  time.Time
}

// Forget says that an attempt is over; it follows the terminal Report.
type Forget struct{ Key Key }

func (Start) effect()  {}
func (Go) effect()     {}
func (Stop) effect()   {}
func (Report) effect() {}
func (Wake) effect()   {}
func (Forget) effect() {}

// Machine runs a job's attempts. The zero value is not usable, see New.
type Machine struct {
	job     *model.Job
	live    map[Key]*alloc
	ran     map[attempts]bitmap
	now     time.Time
	effects []Effect
}

// attempts is all allocations of a group at one attempt number.
type attempts struct{ group, attempt uint16 }

// New returns a machine for job.
func New(job *model.Job) *Machine {
	return &Machine{job: job, live: map[Key]*alloc{}, ran: map[attempts]bitmap{}}
}

// Step takes one input. The effects are to be carried out in order.
func (m *Machine) Step(now time.Time, in Input) []Effect {
	m.now, m.effects = now, nil
	switch in := in.(type) {
	case Launch:
		m.launch(in)
	case Release:
		if a := m.live[in.Key]; a != nil {
			m.release(a)
		}
	case Prepared:
		if a := m.live[in.Key]; a != nil {
			m.prepared(a, in.Task)
		}
	case Kill:
		if a := m.live[in.Key]; a != nil {
			m.kill(a, in)
		}
	case Preparing:
		if a := m.live[in.Key]; a != nil {
			m.preparing(a)
		}
	case Started:
		if a := m.live[in.Key]; a != nil {
			m.started(a, in)
		}
	case Ended:
		if a := m.live[in.Key]; a != nil {
			m.ended(a, in)
		}
	case Checked:
		if a := m.live[in.Key]; a != nil {
			m.checked(a, in)
		}
	case Unhealthy:
		if a := m.live[in.Key]; a != nil {
			m.unhealthy(a, in)
		}
	case TimeUp:
		if a := m.live[in.Key]; a != nil {
			m.timeUp(a)
		}
	}
	return m.effects
}

func (m *Machine) do(e Effect) { m.effects = append(m.effects, e) }

// Live returns the attempts that have not ended with their states, in order.
func (m *Machine) Live() []model.TaskStatus {
	out := make([]model.TaskStatus, 0, len(m.live))
	for k, a := range m.live {
		out = append(out, model.TaskStatus{Task: k.task(), State: a.state})
	}
	slices.SortFunc(out, func(a, b model.TaskStatus) int { return a.Task.Compare(b.Task) })
	return out
}

// Len returns how many attempts have not ended.
func (m *Machine) Len() int { return len(m.live) }

func (k Key) task() model.TaskID {
	return model.TaskID{Group: k.Group, Index: k.Index, Attempt: k.Attempt}
}

func (m *Machine) launch(in Launch) {
	k := in.Key
	if !m.first(k) {
		return // repeated after a reconnect
	}
	a := &alloc{key: k, launched: m.now, state: model.TaskStaging, together: in.Together}
	m.live[k] = a
	if int(k.Group) >= len(m.job.Groups) || len(m.job.Groups[k.Group].Tasks) == 0 {
		m.refuse(a)
		return
	}
	a.group = &m.job.Groups[k.Group]
	a.tasks = make([]task, len(a.group.Tasks))
	for i := range a.tasks {
		a.tasks[i].kind = kindOf(&a.group.Tasks[i])
	}
	if in.TimeLimit > 0 {
		a.limit = in.TimeLimit
		m.do(Wake{k, m.now.Add(in.TimeLimit)})
	}
	m.advance(a)
}

// refuse ends an attempt at a group that is not there to be run.
func (m *Machine) refuse(a *alloc) {
	a.state = model.TaskError
	m.do(Report{model.TaskStatus{
		Task: a.key.task(), State: a.state, Reason: model.ReasonTaskInvalid, At: m.now, Finished: m.now,
		Message: fmt.Sprintf("the job has no group number %d, or it has no tasks", a.key.Group),
		Result:  &model.Result{Cause: model.CauseLaunchFailed, ExitCode: launchFailedCode},
	}})
	m.forget(a)
}

// first notes that an attempt was launched and reports whether it is new.
func (m *Machine) first(k Key) bool {
	at := attempts{k.Group, k.Attempt}
	b := m.ran[at]
	was := b.has(k.Index)
	m.ran[at] = b.with(k.Index)
	return !was
}

func (m *Machine) forget(a *alloc) {
	delete(m.live, a.key)
	m.do(Forget{a.key})
}

// bitmap is a set of allocation indices.
type bitmap []uint64

func (b bitmap) has(i uint32) bool { return int(i/64) < len(b) && b[i/64]&(1<<(i%64)) != 0 }

func (b bitmap) with(i uint32) bitmap {
	if n := int(i/64) + 1; n > len(b) {
		b = append(b, make(bitmap, n-len(b))...)
	}
	b[i/64] |= 1 << (i % 64)
	return b
}
