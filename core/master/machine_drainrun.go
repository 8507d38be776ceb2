package master

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// drainRun is what a leader has done about a drain in its term.
type drainRun struct {
	offers []model.InverseOffer // one per framework
	struck bool                 // the deadline has passed: everything was told to stop
}

// leaving returns the tasks that a drain waits for.
func (m *Machine) leaving(p *nodePolicy) []*task {
	var out []*task
	for _, id := range m.agentsNamed(p.Node) {
		for _, t := range m.agentTasks(id) {
			if f := t.batch.facts; p.Drain.IgnoreSystem && f != nil && f.System {
				continue
			}
			out = append(out, t)
		}
	}
	return out
}

// tellDrains tells the frameworks of all drains, at the beginning of a term.
func (m *Machine) tellDrains() {
	for _, p := range m.state.sortedPolicies() {
		m.tellDrain(p.Node)
	}
}

// tellDrain asks the frameworks for the tasks on a node that is being drained.
func (m *Machine) tellDrain(name string) {
	p := m.state.policies[name]
	if !p.draining() {
		return
	}
	run := &drainRun{}
	m.drains[name] = run
	byFramework := map[model.FrameworkID]*model.InverseOffer{}
	for _, t := range m.leaving(&p) {
		fw := t.batch.claim.Framework
		o := byFramework[fw]
		if o == nil {
			o = &model.InverseOffer{
				ID: m.book.NextOffer(), Framework: fw, For: "the drain of node " + name, Deadline: p.Drain.Deadline, MadeAt: m.now,
				Drain: &model.DrainMark{Node: name, IgnoreSystem: p.Drain.IgnoreSystem, Force: p.Drain.Force},
			}
			byFramework[fw] = o
		}
		o.Tasks, o.Agents = append(o.Tasks, t.id), append(o.Agents, t.batch.agent)
	}
	for _, id := range m.order {
		if o := byFramework[id]; o != nil {
			run.offers = append(run.offers, *o)
			m.stepFramework(id, model.InverseOffers{*o})
			m.carryOut()
		}
	}
}

// dropDrain takes back what a drain has asked for.
func (m *Machine) dropDrain(name string) {
	run := m.drains[name]
	if run == nil {
		return
	}
	delete(m.drains, name)
	for _, o := range run.offers {
		m.stepFramework(o.Framework, model.RescindInverse{Offer: o.ID})
		m.carryOut()
	}
}

// runDrains stops at a drain's deadline what still runs, and ends the drains that
// have nothing left to wait for.
func (m *Machine) runDrains() {
	for _, name := range slices.Sorted(maps.Keys(m.drains)) {
		p, run := m.state.policies[name], m.drains[name]
		left := m.leaving(&p)
		if len(left) == 0 {
			delete(m.drains, name)
			d := *p.Drain
			d.Done, p.Drain = m.now, &d
			m.setPolicy(p)
			m.noticeNode("node_drained", name, "is drained")
			continue
		}
		if run.struck || p.Drain.Deadline.IsZero() || p.Drain.Deadline.After(m.now) {
			continue
		}
		run.struck = true
		for _, t := range left {
			if _, told := m.kills[t.id]; !told {
				m.kill(model.Kill{Task: t.id, Reason: model.ReasonAgentDraining})
			}
		}
	}
}

// drainsNext is the first deadline of a drain that is still to come.
func (m *Machine) drainsNext() (next time.Time) {
	for name, run := range m.drains {
		if d := m.state.policies[name].Drain; d != nil && !run.struck {
			next = sooner(next, d.Deadline)
		}
	}
	return next
}

// drainOffers is what drains ask for, with the tasks that have not ended.
func (m *Machine) drainOffers() []model.InverseOffer {
	var out []model.InverseOffer
	for _, name := range slices.Sorted(maps.Keys(m.drains)) {
		for _, o := range m.drains[name].offers {
			v := o
			v.Tasks, v.Agents = nil, nil
			for i, id := range o.Tasks {
				if m.state.tasks[id] != nil {
					v.Tasks, v.Agents = append(v.Tasks, id), append(v.Agents, o.Agents[i])
				}
			}
			if len(v.Tasks) > 0 {
				out = append(out, v)
			}
		}
	}
	return out
}

// nameDrain says in the last status of a task that had to leave which node was
// drained.
func (m *Machine) nameDrain(st *model.TaskStatus) {
	if st.Reason != model.ReasonAgentDraining || m.state.agents[st.Agent] == nil {
		return
	}
	rest, known := strings.CutPrefix(st.Message, "stopped for a drain")
	if !known && rest != "" {
		rest = ": " + rest // an agent's own words for how it ended
	}
	st.Message = fmt.Sprintf("stopped for the drain of node %s%s", m.state.agents[st.Agent].info.Name, rest)
}
