package lifecycle

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// kind is a task's place in the order of its allocation.
type kind uint8

const (
	kindMain kind = iota
	kindPrestart
	kindPrestartSidecar
	kindPoststart
	kindPoststartSidecar
	kindPoststop
)

func kindOf(t *model.TaskSpec) kind {
	if t.Lifecycle == nil {
		return kindMain
	}
	switch t.Lifecycle.Hook {
	case "prestart":
		if t.Lifecycle.Sidecar {
			return kindPrestartSidecar
		}
		return kindPrestart
	case "poststart":
		if t.Lifecycle.Sidecar {
			return kindPoststartSidecar
		}
		return kindPoststart
	case "poststop":
		return kindPoststop
	}
	return kindMain
}

// phase is how far a task has come.
type phase uint8

const (
	phaseWaiting phase = iota
	phaseStarting
	phaseReady // prepared, and waits for the others of its gang
	phaseRunning
	phaseEnded
)

type task struct {
	kind    kind
	phase   phase
	ran     bool // its process ran
	stopped bool // it was told to stop
	exit    Exit
}

func (t *task) active() bool {
	return t.phase == phaseStarting || t.phase == phaseReady || t.phase == phaseRunning
}

// poststopLimit bounds the poststop tasks of an attempt that was stopped from
// outside: whoever waits for its resources must not wait for ever.
const poststopLimit = time.Minute

// alloc is one attempt at an allocation.
type alloc struct {
	key      Key
	group    *model.Group
	tasks    []task
	state    model.TaskState // as last reported
	launched time.Time
	started  time.Time // of the first process
	limit    time.Duration
	together bool // its main tasks wait until released
	released bool

	outcome *outcome // why it is ending; nil while it is not
	force   bool     // ends without poststop
	// leaves is when an attempt that was told to end begins to; see shutdownDelay.
	leaves time.Time
	// bounded is set once the end may no longer be delayed by poststop tasks.
	bounded bool
}

// outcome is what will be reported at the end.
type outcome struct {
	state   model.TaskState
	reason  model.TaskReason
	cause   model.Cause
	message string
	task    int // whose exit is the attempt's, -1 = the first main task's
}

// fromOutside reports whether the attempt was made to end.
func (o *outcome) fromOutside() bool {
	return o.state == model.TaskKilled || o.cause == model.CauseTimeLimit
}

// any reports whether a task of the kinds is in a state that f accepts.
func (a *alloc) any(f func(*task) bool, kinds ...kind) bool {
	for i := range a.tasks {
		t := &a.tasks[i]
		for _, k := range kinds {
			if t.kind == k && f(t) {
				return true
			}
		}
	}
	return false
}

func active(t *task) bool   { return t.active() }
func notEnded(t *task) bool { return t.phase != phaseEnded }
func ran(t *task) bool      { return t.ran }
func notStarted(t *task) bool {
	return t.phase == phaseWaiting || t.phase == phaseStarting || t.phase == phaseReady
}

// advance starts and stops what the allocation's state calls for.
func (m *Machine) advance(a *alloc) {
	if a.outcome == nil {
		m.advanceUp(a)
	}
	if a.outcome != nil && !(m.leaving(a) && a.any(active, kindMain)) {
		m.advanceDown(a)
	}
}

// advanceUp goes on towards the end of the main tasks.
func (m *Machine) advanceUp(a *alloc) {
	m.startAll(a, kindPrestartSidecar)
	if a.any(active, kindPrestart) {
		return
	}
	for i := range a.tasks {
		if a.tasks[i].kind == kindPrestart && a.tasks[i].phase == phaseWaiting {
			m.start(a, i)
			return
		}
	}
	m.startAll(a, kindMain)
	if a.any(notStarted, kindMain) {
		m.reportPrepared(a)
		return
	}
	m.reportRunning(a)
	m.startAll(a, kindPoststart)
	m.startAll(a, kindPoststartSidecar)
	if !a.any(notEnded, kindMain) && !a.any(notEnded, kindPoststart) {
		a.outcome = &outcome{state: model.TaskFinished, cause: model.CauseFinished, task: -1}
	}
}

// advanceDown stops what still runs, then runs poststop tasks, then reports.
func (m *Machine) advanceDown(a *alloc) {
	for i := range a.tasks {
		switch t := &a.tasks[i]; {
		case t.kind == kindPoststop && !a.force:
		case t.phase == phaseWaiting:
			t.phase = phaseEnded
		case t.active():
			m.stop(a, i, 0)
		}
	}
	if a.any(active, kindMain, kindPrestart, kindPrestartSidecar, kindPoststart, kindPoststartSidecar) {
		return
	}
	if a.any(ran, kindMain, kindPrestart, kindPrestartSidecar) {
		m.startPoststop(a)
	}
	if !a.any(active, kindPoststop) {
		m.end(a)
	}
}

func (m *Machine) startPoststop(a *alloc) {
	if !a.any(func(t *task) bool { return t.phase == phaseWaiting }, kindPoststop) {
		return
	}
	if a.outcome.fromOutside() && !a.bounded {
		a.bounded = true
		m.do(Wake{a.key, m.now.Add(poststopLimit)})
	}
	m.startAll(a, kindPoststop)
}

func (m *Machine) startAll(a *alloc, k kind) {
	for i := range a.tasks {
		if a.tasks[i].kind == k && a.tasks[i].phase == phaseWaiting {
			m.start(a, i)
		}
	}
}

func (m *Machine) start(a *alloc, i int) {
	a.tasks[i].phase = phaseStarting
	m.do(Start{Key: a.key, Task: i, Hold: a.holds(i)})
}

// stop stops a task once, or again when it must end at once.
func (m *Machine) stop(a *alloc, i int, grace time.Duration) {
	t := &a.tasks[i]
	if t.stopped && grace >= 0 {
		return
	}
	t.stopped = true
	if grace == 0 {
		grace = a.group.Tasks[i].KillTimeout.Std()
	}
	if grace == 0 {
		grace = -1
	}
	m.do(Stop{a.key, i, grace})
}
