package offers

// tally counts a group's tasks by the value of each of its distinct_property
// attributes; nil for a group without one.
type tally []map[string]int

// checkGroup returns how many tasks of g fit on a now, at most limit, and with
// 0 why: what the room says, and then what the group's own caps say.
func (b *Book) checkGroup(g *group, a *agent, limit int, t tally) (int, verdict) {
	n, v := g.room.check(a, limit)
	if n == 0 || !g.capped() {
		return n, v
	}
	if g.cap > 0 {
		if n = min(n, g.cap-a.count(&g.kind.Key)); n <= 0 {
			return 0, capped
		}
	}
	for i := range g.spread {
		p := &g.spread[i]
		value, ok := p.name.value(a.info.Attributes)
		if !ok {
			return 0, constrained
		}
		if n = min(n, p.limit-t[i][value]); n <= 0 {
			return 0, crowded
		}
	}
	return n, fits
}

// tallies counts g's tasks as they are, offered ones included.
func (b *Book) tallies(g *group) tally {
	if len(g.spread) == 0 {
		return nil
	}
	t := make(tally, len(g.spread))
	for i := range t {
		t[i] = map[string]int{}
	}
	for _, a := range b.agents {
		if a != nil {
			t.add(g, a, a.count(&g.kind.Key))
		}
	}
	return t
}

// add counts n more tasks of g on a.
func (t tally) add(g *group, a *agent, n int) {
	if n == 0 {
		return
	}
	for i := range t {
		if v, ok := g.spread[i].name.value(a.info.Attributes); ok {
			t[i][v] += n
		}
	}
}
