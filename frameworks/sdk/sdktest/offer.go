package sdktest

import (
	"cmp"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// maxRounds bounds how often Offer goes round; a policy that needs more asks
// again and again for what it declines.
const maxRounds = 100

// Offer makes offers for the demands that stand until nothing more is placed:
// first fit in the order of the agents, highest rank first.
func (m *Master) Offer() {
	for range maxRounds {
		offers := m.plan()
		if len(offers) == 0 {
			return
		}
		for i := range offers {
			m.outstanding(&offers[i], +1)
		}
		m.step(offers)
		m.answers(offers)
		m.carryOut()
		m.check()
	}
	m.fail("offers and answers do not come to an end")
}

// plan makes at most one offer for each demand.
func (m *Master) plan() (out model.Offers) {
	free := map[model.AgentID]model.Resources{}
	for _, a := range m.agents {
		free[a.ID] = a.Capacity.Sub(a.used)
	}
	for _, d := range m.Demands() {
		if m.refused[d.ID].After(m.Now) {
			continue
		}
		g := &d.Groups[0]
		o := model.Offer{Framework: d.Framework, Demand: d.ID, Label: d.Label, AllOrNothing: d.AllOrNothing, MadeAt: m.Now}
		left := g.Count
		took := map[model.AgentID]model.Resources{}
		for _, a := range m.preferred(&d) {
			n := int(g.Shape.TimesIn(free[a.ID], int64(left)))
			if g.MaxPerAgent > 0 {
				n = min(n, max(g.MaxPerAgent-m.on(a.ID, cmp.Or(d.Kin, d.ID)), 0))
			}
			if slices.Contains(g.Avoid, a.ID) || g.Only != nil && !slices.Contains(g.Only, a.ID) || !meets(&d, a) {
				n = 0
			}
			if n > 0 {
				left -= n
				took[a.ID] = g.Shape.Times(int64(n))
				o.Parts = append(o.Parts, model.OfferPart{Agent: a.ID, Count: n})
			}
		}
		if o.Parts == nil || d.AllOrNothing && left > 0 {
			continue
		}
		for id, r := range took {
			free[id] = free[id].Sub(r)
		}
		m.lastOffer++
		o.ID = m.lastOffer
		out = append(out, o)
	}
	return out
}

// preferred returns the agents with those first that the demand's affinities for an
// agent's id favour, and those last that they do not.
func (m *Master) preferred(d *model.Demand) []*Agent {
	weight := func(a *Agent) (w int) {
		for _, x := range d.Groups[0].Affinities {
			if x.Attribute == "${node.unique.id}" && x.Value == string(a.ID) {
				w += x.Weight
			}
		}
		return w
	}
	out := slices.Clone(m.agents)
	slices.SortStableFunc(out, func(x, y *Agent) int { return weight(y) - weight(x) })
	return out
}

// meets reports whether an agent is up and meets a demand's constraints, of which
// only those on an agent's id are understood.
func meets(d *model.Demand, a *Agent) bool {
	for _, c := range d.Groups[0].Constraints {
		if c.Attribute == "${node.unique.id}" && (c.Value == string(a.ID)) != (c.Operator == "=") {
			return false
		}
	}
	return !a.Down && !a.Away && !a.Gone
}

// on returns how many tasks of a demand's group are live on an agent.
func (m *Master) on(agent model.AgentID, demand string) int {
	n := 0
	for _, t := range m.tasks {
		if t.Agent == agent && t.kin == demand {
			n++
		}
	}
	return n
}

func (m *Master) agent(id model.AgentID) *Agent {
	for _, a := range m.agents {
		if a.ID == id {
			return a
		}
	}
	return &Agent{ID: id}
}

// open are the offers being answered.
type open = map[model.OfferID]*model.Offer

// answers matches the framework's calls with the offers just made: each has to
// be accepted or declined in the same step.
func (m *Master) answers(offers model.Offers) {
	left := open{}
	for i := range offers {
		left[offers[i].ID] = &offers[i]
	}
	for i, c := range m.calls {
		switch c := c.(type) {
		case model.Accept:
			o := left[c.Offer]
			if o == nil {
				m.fail("accept of %s, which is not out", c.Offer)
				continue
			}
			delete(left, c.Offer)
			m.outstanding(o, -1)
			m.calls[i] = accepted{c, o}
		case model.Decline:
			o := left[c.Offer]
			if o == nil {
				m.fail("decline of %s, which is not out", c.Offer)
				continue
			}
			delete(left, c.Offer)
			m.outstanding(o, -1)
			if c.RefuseFor > 0 {
				m.refused[o.Demand] = m.Now.Add(c.RefuseFor)
			}
		}
	}
	for id, o := range left {
		m.fail("offer %s was neither accepted nor declined", id)
		m.outstanding(o, -1)
	}
}

// accepted is an Accept with its offer.
type accepted struct {
	model.Accept
	offer *model.Offer
}

// outstanding counts an offer's resources in or out of use.
func (m *Master) outstanding(o *model.Offer, sign int64) {
	d := m.demands[o.Demand]
	if d == nil {
		return
	}
	for _, p := range o.Parts {
		a := m.agent(p.Agent)
		a.used = a.used.Add(d.Groups[p.Group].Shape.Times(sign * int64(p.Count)))
	}
}

// carryOut works off the framework's calls.
func (m *Master) carryOut() {
	for len(m.calls) > 0 {
		c := m.calls[0]
		m.calls = m.calls[1:]
		switch c := c.(type) {
		case model.Demands:
			for i := range c.Set {
				d := c.Set[i]
				m.demands[d.ID] = &d
				delete(m.refused, d.ID)
			}
			for _, id := range c.Drop {
				delete(m.demands, id)
			}
		case accepted:
			m.accept(c)
		case model.WatchHosts:
			m.watchHosts(c)
		case model.Spawn:
			m.spawn(c.Submit)
		case model.WatchJobs:
			m.watchJobs(c.Jobs)
		case model.Ask:
			m.ask(c.Body)
		}
	}
}

func (m *Master) accept(c accepted) {
	if m.Refuse != nil {
		if r := m.Refuse(c.Accept); r != nil {
			m.step(model.Refused{Call: c.Accept, Refusal: r})
			return
		}
	}
	room := map[model.AgentID]int{}
	total := 0
	for _, p := range c.offer.Parts {
		room[p.Agent] += p.Count
		total += p.Count
	}
	for i := range c.Launches {
		l := &c.Launches[i]
		if room[l.Agent] -= len(l.Tasks); room[l.Agent] < 0 {
			m.fail("accept of %s: more tasks on %s than offered", c.Offer, l.Agent)
		}
		total -= len(l.Tasks)
	}
	if c.offer.AllOrNothing && total != 0 {
		m.fail("accept of %s: a gang's offer taken in part", c.Offer)
	}
	kin := c.offer.Demand
	if d := m.demands[c.offer.Demand]; d != nil {
		kin = cmp.Or(d.Kin, d.ID)
		for i := range c.Launches {
			d.Groups[0].Count -= len(c.Launches[i].Tasks)
		}
		if d.Groups[0].Count <= 0 {
			delete(m.demands, d.ID)
		}
	}
	// As the real master does: one staging a launch.
	for i := range c.Launches {
		m.launch(&c.Launches[i], kin)
		staged := model.Staged{Launches: []model.Launch{c.Launches[i]}, At: m.Now}
		m.record(staged)
		m.step(staged)
	}
}

func (m *Master) launch(l *model.Launch, kin string) {
	a := m.agent(l.Agent)
	last := -1
	for n := range l.Tasks {
		id := l.ID(n)
		if m.launched[id] {
			m.fail("launch %s: this task id was launched before", id)
		}
		m.launched[id] = true
		for _, t := range m.tasks {
			if t.ID.Slot() == id.Slot() {
				m.fail("launch %s: %s is live", id, t.ID)
			}
		}
		if int(id.Index) <= last {
			m.fail("launch %s: not in ascending order", id)
		}
		last = int(id.Index)
		m.tasks[id] = &Task{ID: id, Agent: l.Agent, State: model.TaskStaging, Env: l.Env, shape: l.Shape.Resources, kin: kin}
		a.used = a.used.Add(l.Shape.Resources)
	}
	if !a.used.Fits(a.Capacity) {
		m.fail("launch on %s: %s in use of %s", a.ID, a.used, a.Capacity)
	}
}

// Wake returns when the framework is to be woken, zero if it is not.
func (m *Master) Wake() time.Time { return m.wake }
