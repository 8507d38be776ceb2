package master

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Query answers a question of model/request.go or model/node.go from the state
// as committed. It changes nothing.
func (m *Machine) Query(now time.Time, body any) (any, *model.Refusal) {
	switch q := body.(type) {
	case model.ListNodes:
		return m.nodes(), nil
	case model.ListOffers:
		return model.OfferList{
			Offers: m.book.Offers(), Demands: m.book.Demands(), Holds: m.book.Holds(now), Inverse: append(m.book.InverseOffers(), m.drainOffers()...),
		}, nil
	case model.ListServices:
		return m.listServices(), nil
	case model.GetService:
		return m.service(q), nil
	case model.ListShares:
		return m.shares(q)
	case model.Why:
		return m.why(now, q)
	case model.PlanJob:
		return m.plan(now, q)
	}
	answer, refusal := m.queryFramework(now, body)
	if refusal != nil {
		return nil, refusal
	}
	if l, ok := answer.(model.TaskList); ok {
		for i := range l.Tasks {
			m.nameAgent(&l.Tasks[i])
		}
	}
	if v, ok := answer.(model.JobView); ok && v.Failure != nil {
		m.nameAgent(v.Failure)
		return v, nil
	}
	return answer, nil
}

func (m *Machine) nameAgent(t *model.TaskView) {
	if a := m.state.agents[t.Agent]; a != nil {
		t.AgentName = a.info.Name
	}
	if live := m.state.tasks[t.ID]; live != nil {
		t.Health = live.health
	}
}

func (m *Machine) nodes() model.NodeList {
	out := model.NodeList{Nodes: make([]model.NodeView, 0, len(m.state.agents))}
	labels := taskLabels{m: m}
	for id := range m.state.agents {
		out.Nodes = append(out.Nodes, m.node(id, &labels))
	}
	slices.SortFunc(out.Nodes, func(x, y model.NodeView) int { return cmp.Compare(x.Name, y.Name) })
	return out
}

// nodeNamed is the node with a name; of one that is not there, what is set about it.
func (m *Machine) nodeNamed(name string) model.NodeView {
	for _, id := range m.agentsNamed(name) {
		return m.node(id, &taskLabels{m: m})
	}
	v := model.NodeView{AgentInfo: model.AgentInfo{Name: name}, State: model.NodeUnreachable}
	m.addPolicy(&v)
	return v
}

// addPolicy adds what is set about a node.
func (m *Machine) addPolicy(v *model.NodeView) {
	p, ok := m.state.policies[v.Name]
	if !ok {
		return
	}
	v.Ineligible, v.Message, v.Drain = p.Ineligible, p.Message, p.Drain
	if p.draining() {
		v.Leaving = len(m.leaving(&p))
	}
}

func (m *Machine) node(id model.AgentID, labels *taskLabels) model.NodeView {
	a := m.state.agents[id]
	v := model.NodeView{AgentInfo: a.info, Registered: a.registered, Tasks: len(a.tasks), State: model.NodeUnreachable}
	if u, ok := m.book.Agent(id); ok {
		v.Allocated, v.Offered = u.Allocated, u.Offered
	}
	v.GPUUse = m.gpuUse(id, a, labels)
	if lk := m.links[id]; lk != nil {
		v.Since = lk.since
		if lk.session != nil {
			v.State = model.NodeReady
		} else {
			v.GoneAt = m.goneAt(lk)
		}
	}
	m.addPolicy(&v)
	return v
}

// why adds what the allocator says of each demand to the framework's answer.
func (m *Machine) why(now time.Time, q model.Why) (any, *model.Refusal) {
	answer, refusal := m.queryFramework(now, q)
	if refusal != nil {
		return nil, refusal
	}
	v := answer.(model.WhyView)
	for _, d := range v.Demands {
		v.Explanations = append(v.Explanations, m.book.Explain(now, d))
	}
	v.Explanations = append(v.Explanations, m.whyLost(now, v.Job.ID)...)
	for _, id := range v.Launches {
		v.Explanations = append(v.Explanations, m.whyLost(now, id)...)
	}
	if v.Job.Failure != nil {
		m.nameAgent(v.Job.Failure)
	}
	return v, nil
}

// whyLost explains tasks that cannot be replaced yet because their node may
// still run them.
func (m *Machine) whyLost(now time.Time, job model.JobID) []model.Explanation {
	var out []model.Explanation
	for _, id := range m.state.jobAgents[job] {
		a, lk := m.state.agents[id], m.links[id]
		if lk == nil || lk.session != nil {
			continue
		}
		n := 0
		for _, t := range a.tasks {
			if t.id.Job == job {
				n++
			}
		}
		if n == 0 {
			continue
		}
		text := fmt.Sprintf("%s on node %s, which is out of contact since %s and may still run what it has",
			countOf(n, "task is", "tasks are"), a.info.Name, lk.lostAt.Format(time.TimeOnly))
		out = append(out, model.Explanation{
			Tier: model.TierBlocked, Summary: text, Asked: n, At: now, Expected: m.goneAt(lk),
			Why: []model.WhyReason{{Reason: model.WaitNodeContact, Tier: model.TierBlocked, Text: text, Count: 1, Agents: []string{a.info.Name},
				Clears: fmt.Sprintf("the node comes back, or at %s its tasks are declared gone and can start elsewhere", m.goneAt(lk).Format(time.TimeOnly))}},
		})
	}
	return out
}

func (m *Machine) plan(now time.Time, q model.PlanJob) (any, *model.Refusal) {
	answer, refusal := m.queryFramework(now, q)
	if refusal != nil {
		return nil, refusal
	}
	v := answer.(model.PlanView)
	v.Explanations = append(v.Explanations, m.runsNever(now, q.Job)...)
	for _, d := range v.Demands {
		m.perHost(&d)
		e := m.book.Explain(now, d)
		v.Asked += e.Asked
		v.StartsNow += e.Fits
		if e.Fits < e.Asked {
			v.Explanations = append(v.Explanations, e)
		}
	}
	return v, nil
}

// perHost has a demand for one task on whichever agent matches ask for as many as
// there are such agents, so that it is explained for all of them.
func (m *Machine) perHost(d *model.Demand) {
	if d.Every && d.Groups[0].Only == nil {
		fit, _ := m.book.Hosts(&d.Groups[0])
		d.Groups[0].Count = max(len(fit), 1)
	}
}

// runsNever explains why runs of a scheduled job could never start on the agents
// there are, by what submitting one now would ask for; nil for other jobs.
func (m *Machine) runsNever(now time.Time, job *model.Job) (out []model.Explanation) {
	if job == nil || job.Periodic == nil {
		return nil
	}
	run := *job
	run.Periodic, run.DependsOn = nil, nil // those are between schedules
	answer, refusal := m.queryFramework(now, model.PlanJob{Job: &run})
	if refusal != nil {
		return nil
	}
	for _, d := range answer.(model.PlanView).Demands {
		if m.book.Never(d) {
			out = append(out, m.book.Explain(now, d))
		}
	}
	return out
}

func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}
