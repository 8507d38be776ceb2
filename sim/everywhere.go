package sim

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/master"
	"github.com/tender-scheduler/tender/core/model"
)

// runEverywhere makes some jobs run once on every agent that matches.
func (p *jobPlan) runEverywhere(r random) {
	if !r.chance(0.15) {
		return
	}
	p.job.Type = model.JobSysBatch
	p.job.Groups = p.job.Groups[:min(len(p.job.Groups), 2)]
	for i := range p.job.Groups {
		g := &p.job.Groups[i]
		g.Count, g.Array, g.Gang = 1, nil, nil
		g.Constraints = slices.DeleteFunc(g.Constraints, func(c model.Constraint) bool { return c.Operator == "distinct_hosts" })
	}
	for i := range p.actions {
		if c, ok := p.actions[i].request.(model.CancelJob); ok && c.Group != "" {
			p.actions[i].request = model.CancelJob{Group: "g0", Indices: []uint32{uint32(r.IntN(4))}}
		}
	}
}

// runEverywhere makes the runs of a schedule such jobs: small ones, not too often.
func (k *keeper) runEverywhere() {
	k.plan.job.Type = model.JobSysBatch
	k.every = max(k.every, 20)
	k.plan.job.Periodic.Crons = []string{fmt.Sprintf("*/%d * * * * *", k.every)}
	g := &k.plan.job.Groups[0]
	g.Count, g.Tasks[0].Resources.CPUMilli = 1, 100
}

// everywhere reports whether the job runs once on every agent that matches.
func everywhere(job *model.Job) bool { return job.Type == model.JobSysBatch }

// spread is a job that runs once on every agent that matches, as the journal has it.
type spread struct {
	since time.Duration // of its submission
	over  bool
	agent map[model.TaskID]model.AgentID // of each slot
	slots map[spot]model.TaskID          // and the other way round
	done  map[model.TaskID]bool          // slots that have finished
}

// spot is where a group may run once.
type spot struct {
	group groupID
	agent model.AgentID
}

func newSpread(since time.Duration) *spread {
	return &spread{
		since: since, agent: map[model.TaskID]model.AgentID{},
		slots: map[spot]model.TaskID{}, done: map[model.TaskID]bool{},
	}
}

// spreadStaged looks, when a task of such a job is staged, whether its agent matches
// and whether it is the first and only one there.
func (a *auditor) spreadStaged(l *model.Launch, g *groupBook, h *host) {
	s := a.spreads[l.Job]
	if s == nil {
		return
	}
	s.over = false
	if !h.holds(g.spec) {
		a.w.fail("a run on every agent", "job %s is launched on %s, which does not match", l.Job, h.name)
	}
	for i := range l.Tasks {
		id := l.ID(i)
		slot := id.Slot()
		at := spot{g.id, l.Agent}
		if other, ok := s.slots[at]; ok && other != slot {
			a.w.fail("a run on every agent", "task %s is staged on %s, where %s was before", id, h.name, other)
		}
		if was, ok := s.agent[slot]; ok && was != l.Agent {
			a.w.fail("a run on every agent", "task %s is staged on agent %s, its slot is of %s", id, l.Agent, was)
		}
		if s.done[slot] && !a.retried(l.Job) {
			a.w.fail("a run on every agent", "task %s is staged, and the agent has had its run", id)
		}
		s.slots[at], s.agent[slot] = slot, l.Agent
	}
	if n := g.onAgent[l.Agent]; n > 1 {
		a.w.fail("a run on every agent", "%d tasks of job %s are on %s", n, l.Job, h.name)
	}
}

func (a *auditor) spreadStatus(st *model.TaskStatus) {
	if s := a.spreads[st.Task.Job]; s != nil && st.State == model.TaskFinished {
		s.done[st.Task.Slot()] = true
	}
}

// spreadsOver looks at the jobs of this kind that the last commit has ended.
func (a *auditor) spreadsOver() {
	for _, id := range slices.Sorted(maps.Keys(a.spreads)) {
		s := a.spreads[id]
		if s.over {
			continue
		}
		v, ok := a.job(string(id))
		if !ok {
			delete(a.spreads, id)
			continue
		}
		if s.over = v.State.Ended(); s.over {
			a.spreadOver(s, &v)
		}
	}
}

// spreadOver looks at one that has ended: nothing of it is live, and each agent that
// matched from its submission on has had its run.
func (a *auditor) spreadOver(s *spread, v *model.JobView) {
	for i := range v.Spec.Groups {
		if g := a.groups[groupID{v.ID, uint16(i)}]; g != nil && g.live > 0 {
			a.w.fail("a run on every agent", "job %s (%s) is %s, and %d tasks of it are live", v.Name, v.ID, v.State, g.live)
		}
	}
	if v.State == model.JobCancelled || a.parted(v.ID) {
		return
	}
	a.w.stats.Spread++
	if v.State == model.JobSucceeded && len(s.done) == 0 {
		a.w.fail("a run on every agent", "job %s (%s) is %s, and nothing of it has finished", v.Name, v.ID, v.State)
	}
	for _, h := range a.w.hosts {
		if since, ok := a.w.checks.steady.since[h.info.ID]; !ok || since+5*time.Second > s.since || slices.Contains(a.w.steward.nodes, h.name) {
			continue
		}
		for i := range v.Spec.Groups {
			if !h.holds(&v.Spec.Groups[i]) {
				continue
			}
			slot, ran := s.slots[spot{groupID{v.ID, uint16(i)}, h.info.ID}]
			if !ran {
				a.w.fail("a run on every agent", "job %s (%s) is %s, and nothing of its group %d ran on %s, which matches all the time", v.Name, v.ID, v.State, i, h.name)
			} else if v.State == model.JobSucceeded && !s.done[slot] {
				a.w.fail("a run on every agent", "job %s (%s) is %s, and task %s on %s has not finished", v.Name, v.ID, v.State, slot, h.name)
			}
		}
	}
}

// parted reports whether the owner of a job may have cancelled a part of it.
func (a *auditor) parted(id model.JobID) bool {
	o := a.w.people.byJob[id]
	return o != nil && slices.ContainsFunc(o.plan.actions, func(x action) bool { _, cancels := x.request.(model.CancelJob); return cancels })
}

// holds reports whether a task of g would run on h, were it empty.
func (h *host) holds(g *model.Group) bool {
	return g.Shape().Resources.Fits(h.info.Capacity) && !slices.ContainsFunc(g.Constraints, func(c model.Constraint) bool { return !h.meets(c) })
}

// steady are the agents that the present leader has been in touch with, since when.
type steady struct {
	term  *term
	since map[model.AgentID]time.Duration
	with  map[master.SessionID]model.AgentID
}

// stepped takes in who came and went in a turn.
func (s *steady) stepped(t *term, inputs []master.Input, e *master.Effects) {
	if s.term != t {
		*s = steady{t, map[model.AgentID]time.Duration{}, map[master.SessionID]model.AgentID{}}
	}
	for _, in := range inputs {
		switch in := in.(type) {
		case master.AgentUp:
			id := model.AgentID(in.Register.AgentId)
			s.with[in.Session] = id
			s.since[id] = t.w.now
		case master.AgentDown:
			s.left(in.Session)
		}
	}
	for _, c := range e.Closes {
		s.left(c.Session)
	}
}

func (s *steady) left(id master.SessionID) {
	delete(s.since, s.with[id])
	delete(s.with, id)
}
