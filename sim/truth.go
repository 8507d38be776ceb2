package sim

import (
	"github.com/tender-scheduler/tender/core/model"
)

// truth is what really runs, whatever masters and agents believe.
type truth struct {
	w         *world
	processes map[model.TaskID]*process // every one there ever was
	slots     map[model.TaskID]*process // running, by slot
	used      []model.Resources         // per host
	running   int
}

func newTruth(w *world) *truth {
	return &truth{
		w: w, processes: map[model.TaskID]*process{}, slots: map[model.TaskID]*process{},
		used: make([]model.Resources, w.options.Agents),
	}
}

// launched is called when an executor takes a task over.
func (t *truth) launched(p *process) {
	if old := t.processes[p.id]; old != nil {
		t.w.fail("a task starts at most once", "task %s was handed to an executor on %s and before to one on %s", p.id, p.host.name, old.host.name)
	}
	t.processes[p.id] = p
}

// start is called when a task's process begins.
func (t *truth) start(p *process) {
	w := t.w
	w.stats.Tasks++
	t.running++
	shape := p.exec.dir.spec.Groups[p.id.Group].Shape().Resources
	if old := t.slots[p.id.Slot()]; old != nil {
		w.fail("one live attempt per slot", "task %s starts on %s while task %s runs on %s", p.id, p.host.name, old.id, old.host.name)
	}
	t.slots[p.id.Slot()] = p
	switch a := w.auditor.attempts[p.id]; {
	case a == nil:
		w.fail("launches are committed first", "task %s starts on %s, but no commit holds its launch", p.id, p.host.name)
	case a.agent != p.host.info.ID:
		w.fail("launches are committed first", "task %s starts on %s, but was launched on %s", p.id, p.host.info.ID, a.agent)
	case a.state.Terminal():
		w.fail("no start after the end", "task %s starts on %s, but is committed as %s", p.id, p.host.name, a.state)
	}
	t.checkTogether(p)
	used := &t.used[p.host.num]
	*used = used.Add(shape)
	if !used.Fits(p.host.info.Capacity) {
		w.fail("never more than there is", "%s runs %s, but has %s", p.host.name, used, p.host.info.Capacity)
	}
}

// checkTogether looks, when a process of a gang begins, whether the journal has
// every member of it as prepared.
func (t *truth) checkTogether(p *process) {
	g := &p.exec.dir.spec.Groups[p.id.Group]
	if g.Gang == nil {
		return
	}
	for n := range g.Size() {
		id := p.id
		id.Index = g.IndexAt(n)
		if a := t.w.auditor.attempts[id]; a == nil || !a.ready {
			t.w.fail("gangs start together", "task %s starts on %s, but no commit has task %s as prepared", p.id, p.host.name, id)
		}
	}
}

// end is called when it has ended.
func (t *truth) end(p *process) {
	t.running--
	if t.slots[p.id.Slot()] == p {
		delete(t.slots, p.id.Slot())
	}
	shape := p.exec.dir.spec.Groups[p.id.Group].Shape().Resources
	t.used[p.host.num] = t.used[p.host.num].Sub(shape)
}

// check compares the end of a task as it is committed with how it really ended.
func (t *truth) check(st *model.TaskStatus) {
	p := t.processes[st.Task]
	if p != nil && p.running {
		t.w.fail("ended means ended", "task %s is committed as %s, but runs on %s", st.Task, st.State, p.host.name)
		return
	}
	wrong := func(what string) {
		t.w.fail("results are true", "task %s is committed as %s, %+v: %s", st.Task, st.State, st.Result, what)
	}
	switch st.State {
	case model.TaskFinished:
		switch {
		case p == nil || p.started.IsZero():
			wrong("it never ran")
		case p.ending.killed || p.ending.result().Code() != 0:
			wrong("it ended otherwise: " + p.ending.why)
		}
	case model.TaskFailed:
		t.checkFailed(p, st, wrong)
	case model.TaskGone:
		if st.Reason == model.ReasonExecutorTerminated && p != nil && p.written && (p.host.crashed == 0 || p.host.crashed < p.endedAt) {
			wrong("its executor had written down that it ended " + p.ending.why)
		}
	case model.TaskKilled:
		if p != nil && !p.killed && !p.ending.killed {
			wrong("nobody killed it, it ended " + p.ending.why)
		}
	}
}

func (t *truth) checkFailed(p *process, st *model.TaskStatus, wrong func(string)) {
	switch {
	case st.Result == nil:
		wrong("there is no result")
	case st.Result.Cause == model.CauseLaunchFailed:
		if p != nil && !p.ending.neverRan {
			wrong("it ran")
		}
	case p == nil || p.started.IsZero():
		wrong("it never ran")
	case st.Result.Code() != p.ending.result().Code():
		wrong("it ended otherwise: " + p.ending.why)
	case (st.Result.Cause == model.CauseOOM) != p.ending.oom || (st.Result.Cause == model.CauseTimeLimit) != p.ending.timeLimit:
		wrong("it ended " + p.ending.why)
	}
}
