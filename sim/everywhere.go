package sim

import (
	"bytes"
	"encoding/json"
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

// sameWithin is how long an agent may have been there without a part in such jobs.
const sameWithin = 5 * time.Second

// spread is a job that runs once on every agent that matches, as the journal has it.
type spread struct {
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

func newSpread() *spread {
	return &spread{agent: map[model.TaskID]model.AgentID{}, slots: map[spot]model.TaskID{}, done: map[model.TaskID]bool{}}
}

// sawHosts looks whether the agents that get a part in such a job match, and those
// that lose it do not.
func (a *auditor) sawHosts(e model.OwnEvent) {
	_, body, _ := bytes.Cut(e, []byte(" "))
	var s struct {
		ID         model.JobID `json:"id"`
		Group      uint16      `json:"group"`
		Came, Left []model.AgentID
	}
	if err := json.Unmarshal(body, &s); err != nil {
		a.w.fail("replay", "a change of hosts cannot be read: %v", err)
		return
	}
	g := a.group(groupID{s.ID, s.Group})
	for _, id := range s.Came {
		if h := a.owner[id]; h == nil || !h.holds(g.spec) || a.w.steward.barred[id] {
			a.w.fail("a run on every agent", "agent %s gets a part in job %s, and does not match or is drained", id, s.ID)
		}
	}
	for _, id := range s.Left {
		if h := a.owner[id]; h != nil && h.info.ID == id && h.holds(g.spec) && a.steadyFor(h, sameWithin) {
			a.w.fail("a run on every agent", "agent %s loses its part in job %s, and has matched for a while", id, s.ID)
		}
	}
}

// steadyFor reports whether the present leader has been in touch with the agent on h
// for so long, and nobody ever asked for its drain.
func (a *auditor) steadyFor(h *host, d time.Duration) bool {
	since, ok := a.w.checks.steady.since[h.info.ID]
	return ok && since+d <= a.w.now && !slices.Contains(a.w.steward.nodes, h.name)
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
// has matched for a while has had its run.
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
		if !a.steadyFor(h, sameWithin) {
			continue
		}
		for i := range v.Spec.Groups {
			if !h.holds(&v.Spec.Groups[i]) {
				continue
			}
			slot, ran := s.slots[spot{groupID{v.ID, uint16(i)}, h.info.ID}]
			if !ran {
				a.w.fail("a run on every agent", "job %s (%s) is %s, and nothing of its group %d ran on %s, which has matched for a while", v.Name, v.ID, v.State, i, h.name)
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
