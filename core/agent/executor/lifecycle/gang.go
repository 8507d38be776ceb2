package lifecycle

import (
	"fmt"

	"github.com/tender-scheduler/tender/core/model"
)

// The main tasks of a gang's allocation are prepared, then wait for the signal
// that all allocations of the gang are. TASK_STARTING says that they wait: from
// the launch until then the attempt is TASK_STAGING, whatever it fetches.

// holds reports whether a task is to wait once it is prepared.
func (a *alloc) holds(i int) bool {
	return a.together && !a.released && a.tasks[i].kind == kindMain
}

// prepared notes that a task could run.
func (m *Machine) prepared(a *alloc, i int) {
	t := &a.tasks[i]
	if t.phase != phaseStarting || t.stopped {
		return
	}
	if a.released {
		m.do(Go{a.key, i})
		return
	}
	t.phase = phaseReady
	m.advance(a)
}

// release lets the prepared tasks run.
func (m *Machine) release(a *alloc) {
	if a.released || !a.together {
		return
	}
	a.released = true
	if a.outcome != nil {
		return // it is ending
	}
	for i := range a.tasks {
		if a.tasks[i].phase == phaseReady {
			a.tasks[i].phase = phaseStarting
			m.do(Go{a.key, i})
		}
	}
}

// reportPrepared tells that all main tasks wait for the signal.
func (m *Machine) reportPrepared(a *alloc) {
	ready := func(t *task) bool { return t.phase == phaseReady }
	unready := func(t *task) bool { return t.phase == phaseWaiting || t.phase == phaseStarting }
	if a.together && a.state == model.TaskStaging && a.any(ready, kindMain) && !a.any(unready, kindMain) {
		m.report(a, model.TaskStarting)
	}
}

// explainRank says how a rank of a gang failed.
func (e Exit) explainRank(spec *model.TaskSpec) string {
	switch {
	case e.Failure != "":
		return "could not be started: " + e.Failure
	case e.Fault != "":
		return e.Fault
	case e.OOM:
		limit := max(spec.Resources.MemoryBytes, spec.Resources.MemoryMaxBytes)
		return fmt.Sprintf("ran out of memory: the limit of its allocation is %s. Raise memory or memory_max in its resources",
			model.FormatBytes(limit))
	case e.Signal != 0:
		return fmt.Sprintf("was ended by signal %d%s", e.Signal, signalName(e.Signal))
	}
	return fmt.Sprintf("exited with code %d", e.Code)
}
