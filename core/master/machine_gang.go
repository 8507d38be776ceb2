package master

import (
	"cmp"
	"slices"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/model"
)

// addressAttribute is where an agent says how others reach it.
const addressAttribute = "attr.unique.network.ip-address"

// planGang tells each member of a gang who the others are, which only the
// master knows by name, and marks the launches as ones that start together.
func (m *Machine) planGang(o *model.Offer, ls []model.Launch) {
	if !o.AllOrNothing {
		return
	}
	byGroup := map[uint16][]*model.Launch{}
	for i := range ls {
		byGroup[ls[i].Group] = append(byGroup[ls[i].Group], &ls[i])
	}
	for _, launches := range byGroup {
		plan := m.gangPlan(launches)
		for _, l := range launches {
			l.Gang, l.GangSize = plan, plan.Size
		}
	}
}

// gangPlan says where the allocations of one job group are.
func (m *Machine) gangPlan(ls []*model.Launch) *model.GangPlan {
	type member struct {
		index  uint32
		launch *model.Launch
	}
	var all []member
	p := &model.GangPlan{}
	for _, l := range ls {
		for n, t := range l.Tasks {
			all = append(all, member{t.Index, l})
			if t.Index == 0 && n < len(l.Grants) && l.Spec != nil && int(l.Group) < len(l.Spec.Groups) {
				p.LeaderPort = l.Spec.Groups[l.Group].LeaderPort(&l.Grants[n])
			}
		}
	}
	slices.SortFunc(all, func(a, b member) int { return cmp.Compare(a.index, b.index) })
	p.Size = len(all)
	numbers := map[model.AgentID]int{}
	for _, x := range all {
		info := &m.state.agents[x.launch.Agent].info
		n, known := numbers[info.ID]
		if !known {
			n = len(p.Nodes)
			numbers[info.ID] = n
			p.Nodes = append(p.Nodes, info.Name)
		}
		if len(p.Nodes) == 1 && p.LeaderAddress == "" {
			p.LeaderAddress = cmp.Or(info.Attributes[addressAttribute], info.Attributes["attr.unique.hostname"], info.Name)
		}
		if last := len(p.Runs) - 1; last >= 0 && p.Runs[last].Node == n {
			p.Runs[last].Count++
		} else {
			p.Runs = append(p.Runs, model.GangRun{Node: n, Count: 1})
		}
	}
	return p
}

func gangToWire(p *model.GangPlan) *agentpb.Gang {
	if p == nil {
		return nil
	}
	w := &agentpb.Gang{Size: uint32(p.Size), Nodes: p.Nodes, LeaderAddress: p.LeaderAddress, LeaderPort: uint32(p.LeaderPort)}
	for _, r := range p.Runs {
		w.Runs = append(w.Runs, uint32(r.Node), uint32(r.Count))
	}
	return w
}

// startGangs lets the gangs run of which the last member has just reported that
// it is prepared. The signal leaves after the commit of that report.
func (m *Machine) startGangs(sts []model.TaskStatus) {
	for i := range sts {
		if sts[i].State != model.TaskStarting {
			continue
		}
		g := m.state.gangs[gangOf(sts[i].Task)]
		if g == nil || !g.mayRun() {
			continue
		}
		m.carryOut() // the framework may just have decided to stop it
		if !m.doomed(g) {
			m.sendStart(g, func(*task) bool { return true })
		}
	}
}

// restartGangs repeats the signal to an agent that has just come: it, or the
// leader before, may have missed it.
func (m *Machine) restartGangs(agent model.AgentID) {
	seen := map[gangID]bool{}
	for _, t := range m.agentTasks(agent) {
		id := gangOf(t.id)
		g := m.state.gangs[id]
		if t.batch.gang == 0 || seen[id] || g == nil || !g.mayRun() || m.doomed(g) {
			continue
		}
		seen[id] = true
		m.sendStart(g, func(t *task) bool { return t.batch.agent == agent })
	}
}

// doomed reports whether a member is being stopped, and so all of them.
func (m *Machine) doomed(g *gang) bool {
	for id := range g.tasks {
		if _, wanted := m.kills[id]; wanted {
			return true
		}
	}
	return false
}

// sendStart sends the signal to the agents of those members that wait for it:
// one message each.
func (m *Machine) sendStart(g *gang, want func(*task) bool) {
	byAgent := map[model.AgentID]*agentpb.Start{}
	var agents []model.AgentID
	for _, t := range g.sorted() {
		if t.state != model.TaskStarting || !want(t) {
			continue
		}
		if byAgent[t.batch.agent] == nil {
			byAgent[t.batch.agent] = &agentpb.Start{}
			agents = append(agents, t.batch.agent)
		}
		s := byAgent[t.batch.agent]
		s.Tasks = append(s.Tasks, taskIDToWire(t.id))
	}
	for _, a := range agents {
		if lk := m.links[a]; lk != nil && lk.session != nil {
			m.send(lk.session, &agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Start{Start: byAgent[a]}})
		}
	}
}

// jobMessage passes a message from one task of a gang on to another. An agent
// speaks for its own tasks only.
func (m *Machine) jobMessage(s *session, in *agentpb.JobMessage) {
	from, err1 := taskIDFromWire(in.From)
	to, err2 := taskIDFromWire(in.To)
	if err1 != nil || err2 != nil || gangOf(from) != gangOf(to) {
		return
	}
	sender, receiver := m.state.tasks[from], m.state.tasks[to]
	if sender == nil || receiver == nil || sender.batch.agent != s.agent || receiver.batch.gang == 0 {
		return
	}
	if lk := m.links[receiver.batch.agent]; lk != nil && lk.session != nil {
		m.send(lk.session, &agentpb.MasterMessage{Kind: &agentpb.MasterMessage_JobMessage{JobMessage: in}})
	}
}
