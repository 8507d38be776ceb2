package offers

// What would be, if: copies of agents on which the filter of Plan is tried
// without touching the book.

// with returns a as it would be with n more tasks of k.
func (a *agent) with(k *kind, n int) *agent {
	c := *a
	s := &stake{kind: k, agent: &c, offer: whatIf, next: a.onOffer}
	c.onOffer = s
	s.take(n)
	return &c
}

// whatIf stands for the offer of stakes that are only thought of.
var whatIf = new(offer)

// vacated returns a as it would be in contact, with nothing on it.
func (a *agent) vacated() *agent {
	return &agent{info: a.info, pos: a.pos, known: a.known, available: a.known}
}

// after returns a as it would be once all tasks with a time limit up to the
// given time (Unix nanoseconds) have ended.
func (a *agent) after(until int64) *agent {
	c := a.vacated()
	c.available = a.available
	for s := range a.stakes() {
		if s.offer == nil && s.until != 0 && s.until <= until {
			continue
		}
		left := &stake{kind: s.kind, agent: c, offer: s.offer}
		if s.offer != nil {
			left.next, c.onOffer = c.onOffer, left
		} else {
			left.next, c.running = c.running, left
		}
		left.take(s.count)
	}
	return c
}

// unoffered returns a as it would be if all offers on it came back.
func (a *agent) unoffered() *agent {
	c := *a
	for s := a.onOffer; s != nil; s = s.next {
		if s.Exclusive {
			c.exclusive -= s.count
		}
	}
	c.onOffer, c.offered, c.promise = nil, c.offered.Sub(c.offered), 0
	return &c
}

// attempt is one demand placed on agents that are a book's or copies.
type attempt struct {
	agents  []*agent
	placed  []int // tasks of each group
	wants   []int
	tallies []tally
	whole   bool
}

// try places groups on agents, first fit, as serve would. For a gang it returns
// the first order of groups in which all fit, or else what fits in the order
// written.
func try(agents []*agent, groups []group, wants []int, gang bool) attempt {
	orders := [][]int{written(len(groups))}
	if gang && len(groups) > 1 {
		orders = gangOrders(groups)
	}
	var first attempt
	for i, order := range orders {
		t := tryOrder(agents, groups, wants, order)
		if i == 0 {
			first = t
		}
		if t.whole {
			return t
		}
	}
	return first
}

func tryOrder(agents []*agent, groups []group, wants []int, order []int) attempt {
	t := attempt{placed: make([]int, len(groups)), wants: wants, tallies: make([]tally, len(groups)), whole: true}
	t.agents = append(t.agents, agents...)
	for _, i := range order {
		g := &groups[i]
		t.tallies[i] = tallyOf(t.agents, g)
		for at, a := range t.agents {
			if t.placed[i] == wants[i] || g.fault() != "" {
				break
			}
			if a == nil {
				continue
			}
			if n, _ := g.check(a, wants[i]-t.placed[i], t.tallies[i]); n > 0 {
				t.placed[i] += n
				t.tallies[i].add(g, a, n)
				t.agents[at] = a.with(g.kind, n)
			}
		}
		t.whole = t.whole && t.placed[i] == wants[i]
	}
	return t
}

// total returns how many tasks were placed in all.
func (t *attempt) total() int {
	n := 0
	for _, p := range t.placed {
		n += p
	}
	return n
}

// starts reports whether an attempt would start anything: all of a gang, or any
// task of another demand.
func (t *attempt) starts(gang bool) bool {
	if gang {
		return t.whole
	}
	return t.total() > 0
}

// mapped returns the agents as f makes them.
func mapped(agents []*agent, f func(*agent) *agent) []*agent {
	out := make([]*agent, len(agents))
	for i, a := range agents {
		if a != nil {
			out[i] = f(a)
		}
	}
	return out
}
