package offers

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// world is the oracle: the same book kept as plain lists, planned by looking at
// every agent for every task, one at a time. It knows nothing of rooms, classes,
// scouts or the index. Only the agents' order is taken from the book.
type world struct {
	agents  map[model.AgentID]*wAgent
	tasks   map[model.TaskID]wStake
	offers  map[model.OfferID]wOffer
	demands map[demandID]*wDemand
}

type wAgent struct {
	info      model.AgentInfo
	known     bool
	available bool
}

// wStake is room held by one task, running or on offer.
type wStake struct {
	agent model.AgentID
	claim Claim
	shape model.Resources
	until time.Time // of a running task with a time limit
}

type wOffer struct {
	model.Offer
	stakes []wStake
}

type wDemand struct {
	model.Demand
	refused time.Time
}

func newWorld() *world {
	return &world{
		agents: map[model.AgentID]*wAgent{}, tasks: map[model.TaskID]wStake{},
		offers: map[model.OfferID]wOffer{}, demands: map[demandID]*wDemand{},
	}
}

// clone copies what planning changes.
func (w *world) clone() *world {
	c := *w
	c.offers = maps.Clone(w.offers)
	return &c
}

func (w *world) stakes(visit func(wStake)) {
	for _, s := range w.tasks {
		visit(s)
	}
	for _, o := range w.offers {
		for _, s := range o.stakes {
			visit(s)
		}
	}
}

func (w *world) wanted(d *wDemand, group int) int {
	n := d.Groups[group].Count
	for _, o := range w.offers {
		for _, p := range o.Parts {
			if o.Framework == d.Framework && o.Demand == d.ID && p.Group == group {
				n -= p.Count
			}
		}
	}
	return max(n, 0)
}

// meets decides the few constraints that the tests use.
func meets(c model.Constraint, attrs map[string]string) bool {
	v, set := attrs[bare(c.Attribute)]
	switch c.Operator {
	case "=":
		return set && v == c.Value
	case "!=":
		return v != c.Value
	case "is_set":
		return set
	case "regexp":
		return set && (c.Value == ".*" || c.Value == "^"+v+"$")
	case "distinct_hosts", "distinct_property":
		return true
	}
	return false // the others in use can never be met
}

// allows reports whether one more task of d's group may go on the agent.
func (w *world) allows(d *model.Demand, group int, id model.AgentID) bool {
	a, g := w.agents[id], &d.Groups[group]
	if !a.known || !a.available || len(g.Shape.GPUs) > 0 || g.Shape.CPUMilli < 0 {
		return false
	}
	for _, c := range g.Constraints {
		if !meets(c, a.info.Attributes) {
			return false
		}
	}
	key := Key{d.Framework, d.ID, group}
	free, here, mine := a.info.Capacity, 0, 0
	exclusive := false
	byValue := map[string]map[string]int{} // tasks of the group by attribute and its value
	w.stakes(func(s wStake) {
		if s.agent == id {
			free = free.Sub(s.shape)
			here++
			exclusive = exclusive || s.claim.Exclusive
		}
		if s.claim.Key != key {
			return
		}
		if s.agent == id {
			mine++
		}
		for name, v := range w.agents[s.agent].info.Attributes {
			if byValue[name] == nil {
				byValue[name] = map[string]int{}
			}
			byValue[name][v]++
		}
	})
	if exclusive || g.Exclusive && here > 0 || g.Shape.TimesIn(free, 1) == 0 {
		return false
	}
	if g.MaxPerAgent > 0 && mine >= g.MaxPerAgent {
		return false
	}
	for _, c := range g.Constraints {
		switch c.Operator {
		case "distinct_hosts":
			if mine >= 1 {
				return false
			}
		case "distinct_property":
			v, set := a.info.Attributes[bare(c.Attribute)]
			limit := 1
			if c.Value == "2" {
				limit = 2
			}
			if !set || byValue[bare(c.Attribute)][v] >= limit {
				return false
			}
		}
	}
	return true
}

// order is the agents in the book's order.
func order(b *Book) []model.AgentID {
	var ids []model.AgentID
	for _, a := range b.agents {
		if a != nil {
			ids = append(ids, a.info.ID)
		}
	}
	return ids
}

func stakeOf(d *model.Demand, group int, id model.AgentID) wStake {
	g := &d.Groups[group]
	return wStake{agent: id, claim: Claim{Key: Key{d.Framework, d.ID, group}, Exclusive: g.Exclusive}, shape: g.Shape.Resources}
}

// place puts up to count tasks of d's group on the agents, first fit, as parts
// of the offer under construction, and returns how many there was no room for.
//
// A gang's group goes on the first agent that has room for all of it, if there is one.
func (w *world) place(d *model.Demand, group, count int, agents []model.AgentID, under model.OfferID) int {
	if d.AllOrNothing && count > 1 {
		for _, id := range agents {
			c := w.clone()
			if c.fill(d, group, count, []model.AgentID{id}, under) == 0 {
				return w.fill(d, group, count, []model.AgentID{id}, under)
			}
		}
	}
	return w.fill(d, group, count, agents, under)
}

func (w *world) fill(d *model.Demand, group, count int, agents []model.AgentID, under model.OfferID) int {
	for _, id := range agents {
		for count > 0 && w.allows(d, group, id) {
			o := w.offers[under]
			o.stakes = append(slices.Clone(o.stakes), stakeOf(d, group, id))
			w.offers[under] = o
			count--
		}
	}
	return count
}

// permutations returns the orders in which n groups may be placed.
func permutations(n int) [][]int {
	if n == 1 {
		return [][]int{{0}}
	}
	return [][]int{{0, 1}, {1, 0}} // the tests have at most two
}

// serve returns what d would be offered now, and whether that is anything.
func (w *world) serve(d *model.Demand, wants []int, agents []model.AgentID) ([]wStake, bool) {
	const here = model.OfferID(1 << 60)
	orders := permutations(len(d.Groups))
	if !d.AllOrNothing {
		orders = orders[:1]
	}
	for _, o := range orders {
		c := w.clone()
		left := 0
		for _, g := range o {
			left += c.place(d, g, wants[g], agents, here)
		}
		if got := c.offers[here].stakes; len(got) > 0 && (left == 0 || !d.AllOrNothing) {
			return got, true
		}
	}
	return nil, false
}

// plan returns the offers' rooms by demand, in the order they are made.
func (w *world) plan(now time.Time, agents []model.AgentID) (out []wOffer) {
	w = w.clone()
	ds := slices.Collect(maps.Values(w.demands))
	slices.SortFunc(ds, func(a, b *wDemand) int {
		return cmp.Or(cmp.Compare(b.Rank, a.Rank), cmp.Compare(a.Seq, b.Seq),
			cmp.Compare(a.Framework, b.Framework), cmp.Compare(a.ID, b.ID))
	})
	for i, d := range ds {
		if d.refused.After(now) || d.EarliestStart.After(now) {
			continue
		}
		wants := make([]int, len(d.Groups))
		for g := range wants {
			wants[g] = w.wanted(d, g)
		}
		stakes, ok := w.serve(&d.Demand, wants, agents)
		if !ok {
			continue
		}
		o := wOffer{Offer: model.Offer{Framework: d.Framework, Demand: d.ID, AllOrNothing: d.AllOrNothing}, stakes: stakes}
		counts := map[partKey]int{}
		for _, s := range stakes {
			counts[partKey{s.agent, s.claim.Group}]++
		}
		for p, n := range counts {
			o.Parts = append(o.Parts, model.OfferPart{Agent: p.agent, Group: p.group, Count: n})
		}
		slices.SortFunc(o.Parts, func(x, y model.OfferPart) int {
			return cmp.Or(cmp.Compare(slices.Index(agents, x.Agent), slices.Index(agents, y.Agent)), cmp.Compare(x.Group, y.Group))
		})
		w.offers[model.OfferID(1<<50+i)] = o
		out = append(out, o)
	}
	return out
}

type partKey struct {
	agent model.AgentID
	group int
}

// couldServe reports, by trying every way to place them, whether anything of d
// could be offered beside all that is promised.
func (w *world) couldServe(d *wDemand, agents []model.AgentID) bool {
	wants := make([]int, len(d.Groups))
	total := 0
	for g := range wants {
		wants[g] = w.wanted(d, g)
		total += wants[g]
	}
	if total == 0 {
		return false
	}
	return w.search(&d.Demand, wants, 0, agents, d.AllOrNothing)
}

// search tries to place wants on the agents from the given one on: all of it,
// or any one task.
func (w *world) search(d *model.Demand, wants []int, from int, agents []model.AgentID, all bool) bool {
	const here = model.OfferID(1 << 60)
	for g := range wants {
		if wants[g] == 0 {
			continue
		}
		for i, id := range agents[from:] {
			if !w.allows(d, g, id) {
				continue
			}
			if !all {
				return true
			}
			c := w.clone()
			o := c.offers[here]
			o.stakes = append(slices.Clone(o.stakes), stakeOf(d, g, id))
			c.offers[here] = o
			left := slices.Clone(wants)
			left[g]--
			next := from + i
			if len(wants) > 1 {
				next = 0 // groups may come in any order
			}
			if slices.Max(left) == 0 || c.search(d, left, next, agents, true) {
				return true
			}
		}
		if all {
			return false // this group's next task has no place
		}
	}
	return false
}
