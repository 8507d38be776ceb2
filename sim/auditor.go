package sim

import (
	"bytes"
	"fmt"
	"time"

	"github.com/tender-scheduler/tender/core/master"
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/batch"
	"github.com/tender-scheduler/tender/frameworks/service"
)

// auditor follows the journal without any lag, from the first group on and
// without snapshots, and keeps books of its own of what it says.
type auditor struct {
	w         *world
	machine   *master.Machine
	framework *batch.Framework
	attempts  map[model.TaskID]*attempt
	slots     map[model.TaskID]model.TaskID // the live attempt at each slot
	used      map[model.AgentID]model.Resources
	groups    map[groupID]*groupBook
	specs     map[model.JobID]*model.Job
	owner     map[model.AgentID]*host
	failures  map[model.TaskID]int // of a slot
	gangs     map[groupID]int      // staged in the group of records being applied
	commit    *group
	byRole    map[string]int64 // CPUMilli used, by the roles below too
	gaveWay   []*attempt       // those that were preempted
	schedules map[model.JobID]*scheduleBook
	awaited   map[model.JobID]bool // runs in the commit being applied whose jobs have not come yet
	services  *service.Framework
	spreads   map[model.JobID]*spread
}

// attempt is one task as the journal has it.
type attempt struct {
	id    model.TaskID
	agent model.AgentID
	shape model.Resources
	group *groupBook
	state model.TaskState
	ready bool // it has been STARTING
}

type groupID struct {
	job   model.JobID
	group uint16
}

// groupBook is what is live of one job group.
type groupBook struct {
	id      groupID
	spec    *model.Group
	one     bool // distinct_hosts
	live    int
	onAgent map[model.AgentID]int
}

func newAuditor(w *world) *auditor {
	f, err := batch.New(w.limits)
	if err != nil {
		panic(err)
	}
	a := &auditor{
		w: w, framework: f,
		attempts: map[model.TaskID]*attempt{}, slots: map[model.TaskID]model.TaskID{},
		used: map[model.AgentID]model.Resources{}, groups: map[groupID]*groupBook{},
		specs: map[model.JobID]*model.Job{}, owner: map[model.AgentID]*host{}, failures: map[model.TaskID]int{}, gangs: map[groupID]int{},
		byRole: map[string]int64{}, schedules: map[model.JobID]*scheduleBook{}, awaited: map[model.JobID]bool{}, spreads: map[model.JobID]*spread{},
	}
	a.services = w.newServices()
	a.machine = w.machineWith(&listener{f, a}, &cronListener{w.newCron(), a}, &serviceListener{a.services, a})
	return a
}

// listener is the framework under the auditor's machine: it hears every event.
type listener struct {
	*batch.Framework
	a *auditor
}

func (l *listener) Apply(e model.JournalEvent) error {
	switch e := e.(type) {
	case model.Staged:
		for i := range e.Launches {
			l.a.staged(&e.Launches[i])
		}
	case model.Statuses:
		for i := range e {
			l.a.status(&e[i])
		}
	case model.OwnEvent:
		if bytes.HasPrefix(e, []byte("submitted@")) {
			l.a.sawSubmission(e)
		}
		if bytes.HasPrefix(e, []byte("hosts@")) {
			l.a.sawHosts(e)
		}
		if bytes.HasPrefix(e, []byte("forgotten@")) {
			return l.a.forgets(func() error { return l.Framework.Apply(e) })
		}
	}
	return l.Framework.Apply(e)
}

// forgets looks that only jobs which have ended leave the history.
func (a *auditor) forgets(apply func() error) error {
	ended := map[*owner]bool{}
	own := a.endedJobs()
	for _, o := range a.w.people.owners {
		if v, ok := a.job(string(o.id)); ok && v.ID == o.id {
			ended[o] = v.State.Ended()
		}
	}
	err := apply()
	for _, o := range a.w.people.owners {
		if end, knew := ended[o]; knew && !a.knows(o.id) {
			o.forgotten = true
			if !end {
				a.w.fail("acknowledged submissions are kept", "job %s (%s) is forgotten before its end", o.job.Name, o.id)
			}
			if own <= a.w.limits.MaxHistory {
				a.w.fail("history", "job %s (%s) is forgotten, and %d of at most %d jobs that are no runs had ended", o.job.Name, o.id, own, a.w.limits.MaxHistory)
			}
		}
	}
	return err
}

// endedJobs counts the jobs that have ended and are no runs of schedules.
func (a *auditor) endedJobs() (n int) {
	answer, refusal := a.framework.Query(time.Time{}, model.ListJobs{Limit: 1 << 30})
	if refusal != nil {
		a.w.fail("queries", "ListJobs: %s", refusal.Message)
		return 0
	}
	for _, v := range answer.(model.JobList).Jobs {
		if v.State.Ended() && v.Parent == "" {
			n++
		}
	}
	return n
}

// committed folds a group at the moment at which it is committed.
func (a *auditor) committed(g *group) {
	a.commit = g
	if err := a.machine.Apply(g.index, g.records); err != nil {
		a.w.fail("replay", "the journal cannot be replayed: %v", err)
		return
	}
	a.spawnedTogether()
	a.spreadsOver()
	for id, n := range a.gangs {
		if size := a.groups[id].spec.Size(); n != size {
			a.w.fail("gangs whole", "group %d of job %s is a gang of %d, but %d were launched in one commit", id.group, id.job, size, n)
		}
		delete(a.gangs, id)
	}
}

// knows reports whether the journal holds a job.
func (a *auditor) knows(id model.JobID) bool {
	v, ok := a.job(string(id))
	return ok && v.ID == id
}

func (a *auditor) job(selector string) (model.JobView, bool) {
	answer, refusal := a.framework.Query(time.Time{}, model.GetJob{Selector: selector})
	if refusal != nil {
		return model.JobView{}, false
	}
	return answer.(model.JobView), true
}

func (a *auditor) group(id groupID) *groupBook {
	if g := a.groups[id]; g != nil {
		return g
	}
	v, ok := a.job(string(id.job))
	if !ok {
		v.Spec, ok = a.launched(id.job)
	}
	if !ok || int(id.group) >= len(v.Spec.Groups) {
		a.w.fail("launches belong to jobs", "job %s with a group %d is not known", id.job, id.group)
		return &groupBook{spec: &model.Group{}, onAgent: map[model.AgentID]int{}}
	}
	if a.specs[id.job] == nil {
		a.specs[id.job] = v.Spec
		a.checkNeeds(&v)
	}
	g := &groupBook{id: id, spec: &v.Spec.Groups[id.group], onAgent: map[model.AgentID]int{}}
	for _, c := range g.spec.Constraints {
		g.one = g.one || c.Operator == "distinct_hosts"
	}
	a.groups[id] = g
	return g
}

// checkNeeds looks, at a job's first launch, whether what it waited for is so.
// A job that was retried meanwhile says nothing any more.
func (a *auditor) checkNeeds(v *model.JobView) {
	for _, d := range v.DependsOn {
		other, ok := a.job(d.Job)
		if o := a.w.people.byJob[model.JobID(d.Job)]; !ok || o == nil || o.retried {
			continue
		}
		met := map[model.DependencyKind]bool{
			model.DependOK:      other.State == model.JobSucceeded,
			model.DependFailed:  other.State == model.JobFailed || other.State == model.JobCancelled,
			model.DependAny:     other.State.Ended(),
			model.DependStarted: !other.Started.IsZero() || other.State.Ended(),
		}
		if !met[d.Kind] {
			a.w.fail("dependencies", "job %s starts though it depends on %s of job %s, which is %s", v.Name, d.Kind, other.Name, other.State)
		}
	}
}

func (a *auditor) staged(l *model.Launch) {
	g := a.group(groupID{l.Job, l.Group})
	host := a.owner[l.Agent]
	if host == nil {
		a.w.fail("launches go to agents", "job %s is launched on agent %s, which never was", l.Job, l.Agent)
		return
	}
	if l.Shape.Resources != g.spec.Shape().Resources {
		a.w.fail("shapes", "job %s is launched as %s, but asks for %s", l.Job, l.Shape.Resources, g.spec.Shape().Resources)
	}
	for i := range l.Tasks {
		id := l.ID(i)
		a.w.stats.Attempts++
		if a.attempts[id] != nil {
			a.w.fail("a task starts at most once", "task %s is staged a second time", id)
		}
		if old, ok := a.slots[id.Slot()]; ok {
			a.w.fail("one live attempt per slot", "task %s is staged while %s is %s", id, old, a.attempts[old].state)
		}
		if p := g.spec.Restart; a.failures[id.Slot()] > p.Attempts && p.Interval == 0 && g.spec.Gang == nil && !a.retried(l.Job) {
			a.w.fail("restart policy", "task %s is staged after %d failures, its policy is %+v", id, a.failures[id.Slot()], p)
		}
		a.slots[id.Slot()] = id
		a.attempts[id] = &attempt{id: id, agent: l.Agent, shape: l.Shape.Resources, group: g, state: model.TaskStaging}
		g.live++
		g.onAgent[l.Agent]++
	}
	n := len(l.Tasks)
	used := a.used[l.Agent].Add(l.Shape.Resources.Times(int64(n)))
	a.used[l.Agent] = used
	a.w.say("journal", "%d stages %d of %s/%d on %s, first %s", a.commit.index, n, l.Job, l.Group, host.name, l.ID(0))
	if !used.Fits(host.info.Capacity) {
		a.w.fail("never more than there is", "agent %s is promised for %s, but has %s", l.Agent, used, host.info.Capacity)
	}
	role := a.specs[l.Job].Role
	a.use(role, l.Shape.Resources.CPUMilli*int64(n))
	a.checkLimit(role)
	a.checkBarred(l)
	a.spreadStaged(l, g, host)
	if lim := g.spec.Array; lim != nil && lim.Limit > 0 && g.live > lim.Limit {
		a.w.fail("array limit", "%d tasks of job %s are live, its limit is %d", g.live, l.Job, lim.Limit)
	}
	if g.one && g.onAgent[l.Agent] > 1 {
		a.w.fail("distinct hosts", "%d tasks of job %s are on agent %s", g.onAgent[l.Agent], l.Job, l.Agent)
	}
	if g.spec.Gang != nil {
		a.gangs[g.id] += n
	}
	a.checkExclusive(l.Agent)
}

// retried reports whether somebody may have asked for another try of a job. The
// owner of one that is not acknowledged yet has not.
func (a *auditor) retried(id model.JobID) bool {
	o := a.w.people.byJob[id]
	return o != nil && o.retried
}

// checkExclusive looks whether somebody shares an agent with an exclusive task.
func (a *auditor) checkExclusive(id model.AgentID) {
	exclusive, total := 0, 0
	for _, g := range a.groups {
		n := g.onAgent[id]
		total += n
		if g.spec.Exclusive {
			exclusive += n
		}
	}
	if exclusive > 0 && total > 1 {
		a.w.fail("exclusive", "agent %s has %d tasks, %d of them exclusive", id, total, exclusive)
	}
}

func (a *auditor) status(st *model.TaskStatus) {
	t := a.attempts[st.Task]
	if t == nil {
		a.w.fail("the state table", "task %s becomes %s, but was never staged", st.Task, st.State)
		return
	}
	a.w.say("journal", "%d task %s on %s: %s -> %s %s%s", a.commit.index, st.Task, st.Agent, t.state, st.State, st.Reason, resultText(st))
	next, err := t.state.Next(st.State)
	if err != nil || next == t.state && st.Health == nil {
		a.w.fail("the state table", "task %s becomes %s, but is %s", st.Task, st.State, t.state)
		return
	}
	if st.Agent != t.agent {
		a.w.fail("the state table", "task %s of agent %s is reported by %s", st.Task, t.agent, st.Agent)
	}
	t.state = next
	t.ready = t.ready || next == model.TaskStarting
	if a.w.options.Flavour == Calm && (next == model.TaskUnreachable || next == model.TaskGone || next == model.TaskDropped) {
		a.w.fail("calm", "task %s is %s (%s) though nothing went wrong", st.Task, next, st.Message)
	}
	if !next.Terminal() {
		return
	}
	if st.Result == nil {
		a.w.fail("results are true", "task %s is %s without a result", st.Task, next)
	}
	a.w.truth.check(st)
	a.spreadStatus(st)
	if next == model.TaskFailed {
		a.failures[st.Task.Slot()]++
	}
	if st.Result != nil && st.Result.Cause == model.CausePreempted {
		a.preempted(st, t)
	}
	a.use(a.specs[st.Task.Job].Role, -t.shape.CPUMilli)
	delete(a.slots, st.Task.Slot())
	a.used[t.agent] = a.used[t.agent].Sub(t.shape)
	t.group.live--
	t.group.onAgent[t.agent]--
}

func resultText(st *model.TaskStatus) string {
	if st.Result == nil {
		return ""
	}
	return fmt.Sprintf(" %s %d", st.Result.Cause, st.Result.Code())
}
