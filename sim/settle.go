package sim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// settleWithin is how long everything may take to come to rest once nothing goes
// wrong any more: the fence, the retries' delays, and the work that is left.
const settleWithin = 40 * time.Minute

// settle mends everything and waits until all work has come to its end.
func (w *world) settle() {
	w.say("world", "the quiet time begins")
	w.mend()
	until := w.now + settleWithin
	quiet := w.now
	for w.failure == nil {
		quiet += lookEvery
		for w.failure == nil && w.next(quiet) {
		}
		left := w.unsettled()
		switch {
		case w.failure != nil:
			return
		case len(left) == 0:
			w.finalChecks()
			return
		case w.now > until:
			w.fail("everything settles", "%s after the last fault:\n  %s", settleWithin, strings.Join(left, "\n  "))
		}
	}
}

// mend ends every fault that still lasts, at once or when its time has come.
func (w *world) mend() {
	w.rough = false
	w.operator.mend()
	w.steward.mend()
	for _, m := range w.masters {
		m.dying = crashNot
		if !m.up {
			m.start()
		}
	}
	for _, h := range w.hosts {
		if h.agent != nil {
			h.agent.dieIn = 0
		}
		if !h.up {
			h.boot(false)
		}
		h.startAgent()
	}
}

// unsettled says what is not at rest yet.
func (w *world) unsettled() []string {
	var left []string
	add := func(format string, args ...any) {
		if len(left) < 20 {
			left = append(left, fmt.Sprintf(format, args...))
		}
	}
	t := w.leader()
	if t == nil || t.busy {
		return []string{"nobody leads, or a turn is under way"}
	}
	for _, o := range w.people.owners {
		if !o.refused && (o.id == "" || o.busy > 0) {
			add("%s waits for the answer to a request", o.name)
		}
	}
	if w.operator.person.busy > 0 {
		add("the operator waits for the answer to a request")
	}
	if w.steward.person.busy > 0 {
		add("the steward waits for the answer to a request")
	}
	w.unsettledSchedules(t, add)
	w.unsettledServices(add)
	w.unsettledJobs(t, add)
	for _, n := range w.nodes(t) {
		if n.State != model.NodeReady { // one whose disk was wiped stays until it is given up
			add("node %s is %s", n.ID, n.State)
		}
	}
	if w.truth.running > 0 {
		for _, p := range w.runningProcesses() {
			add("task %s runs on %s", p.id, p.host.name)
		}
	}
	for _, h := range w.hosts {
		a := h.agent
		switch {
		case a == nil:
			h.startAgent()
			add("%s has no agent", h.name)
		case !a.machine.Registered():
			add("%s is not registered", h.name)
		case a.machine.LiveTasks() > 0 || a.machine.Unacknowledged() > 0:
			add("%s has %d live tasks and %d updates not acknowledged", h.name, a.machine.LiveTasks(), a.machine.Unacknowledged())
		}
		for _, d := range h.sortedDirs() {
			add("%s still has executor %s: alive=%t settled=%t %d sandboxes", h.name, d.id, d.proc != nil, d.settled, len(d.sandboxes))
		}
	}
	return left
}

// unsettledJobs adds the jobs that have not ended, but for those that cannot: they
// wait for what cannot come true, and Why must say so.
func (w *world) unsettledJobs(t *term, add func(string, ...any)) {
	open, why := w.openJobs(t)
	stuck := stuckJobs(open, why)
	for _, j := range open {
		if !stuck[j.ID] {
			add("job %s (%s) is %s: %+v, %+v", j.Name, j.ID, j.State, j.Slots, why[j.ID])
		}
	}
}

// openJobs returns the jobs that have not ended, and why they wait.
func (w *world) openJobs(t *term) (open []model.JobView, why map[model.JobID][]model.Explanation) {
	answer, refusal := t.m.machine.Query(t.m.time(), model.ListJobs{})
	if refusal != nil {
		w.fail("queries", "ListJobs: %s", refusal.Message)
		return nil, nil
	}
	why = map[model.JobID][]model.Explanation{}
	for _, j := range answer.(model.JobList).Jobs {
		if j.State.Ended() || j.Schedule != nil {
			continue
		}
		answer, refusal := t.m.machine.Query(t.m.time(), model.Why{Selector: string(j.ID)})
		if refusal != nil {
			w.fail("queries", "Why %s: %s", j.ID, refusal.Message)
			return nil, nil
		}
		open = append(open, j)
		why[j.ID] = answer.(model.WhyView).Explanations
	}
	return open, why
}

// stuckJobs returns the jobs that cannot end, as Why says: all that they have left
// can never start, such as a gang for which the agents are too few, or waits for
// jobs of which the same is true.
func stuckJobs(open []model.JobView, why map[model.JobID][]model.Explanation) map[model.JobID]bool {
	stuck := map[model.JobID]bool{}
	waits := func(j *model.JobView) bool { // for one that is stuck
		return j.State == model.JobBlocked && slices.ContainsFunc(j.DependsOn, func(d model.Dependency) bool { return stuck[model.JobID(d.Job)] })
	}
	for found := true; found; {
		found = false
		for i := range open {
			j := &open[i]
			if stuck[j.ID] || j.Slots.Staging+j.Slots.Running > 0 || len(why[j.ID]) == 0 {
				continue
			}
			stuck[j.ID] = !slices.ContainsFunc(why[j.ID], func(e model.Explanation) bool {
				return e.Tier != model.TierNever && !(e.Tier == model.TierBlocked && waits(j))
			})
			found = found || stuck[j.ID]
		}
	}
	return stuck
}

func (w *world) runningProcesses() []*process {
	var out []*process
	for _, p := range w.truth.slots {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b *process) int { return a.id.Compare(b.id) })
	return out
}

// finalChecks look at the end of a run at what nobody changes any more.
func (w *world) finalChecks() {
	t := w.leader()
	w.checks.replayed(t.m)
	w.checks.newTerm(t.m)
	if err := t.m.machine.Audit(); err != nil {
		w.fail("audit", "%s: %v", t.m.name, err)
	}
	for _, n := range w.nodes(t) {
		if !n.Allocated.IsZero() || n.Tasks > 0 || n.State != model.NodeReady {
			w.fail("nothing is left", "node %s is %s, has %d tasks and %s allocated", n.Name, n.State, n.Tasks, n.Allocated)
		}
	}
	open, why := w.openJobs(t)
	for i := range open {
		w.checkNever(&open[i], why[open[i].ID])
	}
	w.auditor.wentBack()
	for _, o := range w.people.owners {
		if o.id != "" {
			w.compareJob(t, o)
		}
	}
}

func (w *world) nodes(t *term) []model.NodeView {
	answer, refusal := t.m.machine.Query(t.m.time(), model.ListNodes{})
	if refusal != nil {
		w.fail("queries", "ListNodes: %s", refusal.Message)
		return nil
	}
	return answer.(model.NodeList).Nodes
}

// compareJob compares how each task of an ended job is shown with how its
// process really ended.
func (w *world) compareJob(t *term, o *owner) {
	v, ok := w.auditor.job(string(o.id))
	if !ok || !v.State.Ended() {
		return
	}
	all := v.Slots.Succeeded == v.Slots.Total // a cancel may come too late to change that
	if v.State == model.JobSucceeded && !all && !everywhere(v.Spec) || all && v.State == model.JobFailed {
		w.fail("results are true", "job %s (%s) is %s, but its slots are %+v", v.Name, v.ID, v.State, v.Slots)
	}
	for offset := 0; offset < v.Slots.Total; offset += 1000 {
		answer, refusal := t.m.machine.Query(t.m.time(), model.ListTasks{Selector: string(o.id), Offset: offset})
		if refusal != nil {
			w.fail("queries", "ListTasks %s: %s", o.id, refusal.Message)
			return
		}
		for _, x := range answer.(model.TaskList).Tasks {
			p := w.truth.processes[x.ID]
			if x.Result == nil || x.State != "finished" && x.State != "failed" {
				continue
			}
			if x.Result.Cause != model.CauseLaunchFailed && (p == nil || x.Result.Code() != p.ending.result().Code()) {
				w.fail("results are true", "task %s is shown as %s with %+v", x.ID, x.State, x.Result)
			}
		}
	}
	w.countFinished(&v, o)
}

// countFinished compares the number of succeeded slots with the journal. A retry
// or a gang may put a slot that had finished back, and a cancel then drops it.
func (w *world) countFinished(v *model.JobView, o *owner) {
	if o.retried || slices.ContainsFunc(v.Spec.Groups, func(g model.Group) bool { return g.Gang != nil }) {
		return
	}
	finished := 0
	for id, a := range w.auditor.attempts {
		if id.Job == o.id && a.state == model.TaskFinished {
			finished++
		}
	}
	if finished != v.Slots.Succeeded {
		w.fail("results are true", "%d tasks of job %s (%s) have finished by the journal, %d are shown: %s",
			finished, v.Name, v.ID, v.Slots.Succeeded, cmp.Or(v.Message, string(v.State)))
	}
}
