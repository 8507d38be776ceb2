package offers

import "slices"

// What would be, if: copies of agents on which the filter of Plan is tried
// without touching the book.

// with returns a as it would be with n more tasks of g as the window says.
func (a *agent) with(g *group, n int, w *window) *agent {
	c := *a
	c.borrowed = true
	s := &stake{kind: g.kind, agent: &c, offer: whatIf, until: never}
	if w != nil {
		s.until = w.until
	}
	c.onOffer = slices.Clone(a.onOffer)
	s.link()
	s.take(n)
	if w != nil && len(a.holds) > 0 {
		c.points = slices.Clone(a.points)
		c.holds = make([]*heldPart, len(a.holds))
		for i, p := range a.holds {
			moved := *p
			c.holds[i] = &moved
		}
		w.charge(&c, g.kind.shape.Times(int64(n)))
	}
	if !g.room.unnamed {
		s.grants = g.room.named.grant(c.own(), n, nil)
	}
	return &c
}

// whatIf stands for the offer of stakes that are only thought of.
var whatIf = new(offer)

// vacated returns a as it would be in contact, with nothing on it.
func (a *agent) vacated() *agent {
	return &agent{info: a.info, pos: a.pos, known: true, available: true}
}

// unoffered returns a as it would be if all offers on it but those to the given
// demand came back.
func (a *agent) unoffered(but *Key) *agent {
	c := *a
	c.onOffer, c.borrowed = nil, true
	for _, s := range a.onOffer {
		back := &stake{kind: s.kind, agent: &c, count: s.count, offer: s.offer, until: s.until, grants: s.grants}
		if s.Framework == but.Framework && s.Demand == but.Demand {
			back.link()
			continue
		}
		back.leave()
	}
	return &c
}

// trial is what became of placing groups on agents that are a book's or copies.
type trial struct {
	agents  []*agent // with what was placed on them
	placed  []int    // tasks of each group
	tallies []tally
	whole   bool // everything wanted was placed
}

// try places groups on agents, first fit, as serve would. For a gang it returns
// the first order of groups in which all fit, or else what fits in the order
// written.
func try(agents []*agent, groups []group, wants []int, gang bool, w *window) trial {
	orders := [][]int{written(len(groups))}
	if gang && len(groups) > 1 {
		orders = gangOrders(groups)
	}
	var first trial
	for i, order := range orders {
		t := tryOrder(agents, groups, wants, order, w)
		if t.whole {
			return t
		}
		if i == 0 {
			first = t
		}
	}
	return first
}

func tryOrder(agents []*agent, groups []group, wants []int, order []int, w *window) trial {
	t := trial{placed: make([]int, len(groups)), tallies: make([]tally, len(groups)), whole: true}
	t.agents = append(t.agents, agents...)
	for _, i := range order {
		g := &groups[i]
		t.tallies[i] = tallyOf(t.agents, g)
		for at := 0; at < len(t.agents) && t.placed[i] < wants[i] && g.fault() == ""; at++ {
			a := t.agents[at]
			if a == nil {
				continue
			}
			if n, _ := g.check(a, wants[i]-t.placed[i], t.tallies[i], w); n > 0 {
				t.placed[i] += n
				t.tallies[i].add(g, a, n)
				t.agents[at] = a.with(g, n, w)
			}
		}
		t.whole = t.whole && t.placed[i] == wants[i]
	}
	return t
}

// total returns how many tasks were placed in all.
func (t *trial) total() int {
	n := 0
	for _, p := range t.placed {
		n += p
	}
	return n
}

// starts returns how many tasks would start: all or none of a gang.
func (t *trial) starts(gang bool) int {
	if gang && !t.whole {
		return 0
	}
	return t.total()
}
