package offers

import (
	"cmp"
	"math"
	"slices"
)

// serveGang finds places for all tasks of all groups of d, or for none.
//
// Groups take places one after the other, first fit. With several groups the
// order can matter (one may take the only agent another can use), so all orders
// of up to three groups are tried; of more, two: as written, and the largest
// tasks first. That is a heuristic: it may miss a packing that exists, as it
// must (the problem is bin packing), but never for a single group.
func (b *Book) serveGang(d *demand) bool {
	if len(d.groups) == 1 {
		return b.gather(d, 0)
	}
	for _, order := range gangOrders(d.groups) {
		if b.gatherAll(d, order) {
			return true
		}
	}
	return b.takeHeld(d)
}

// takeHeld takes the places that a hold found whose time has come, where they are
// free: a search for several groups may miss them.
func (b *Book) takeHeld(d *demand) bool {
	h := d.hold
	if h == nil || h.from > b.pass.now || h.tasks != d.total() {
		return false
	}
	for i := range h.parts {
		p := &h.parts[i]
		g := &d.groups[p.group]
		n := 0
		if b.byID[p.agent.info.ID] == p.agent {
			n, _ = g.check(p.agent, p.count, tallyOf(b.agents, g), &b.win)
		}
		if n < p.count {
			b.giveBack(d)
			return false
		}
		b.put(place{agent: p.agent, group: p.group, count: p.count}, g, nil)
	}
	return true
}

// takeOnes takes, for a demand that is no gang, the places held for it whose time
// has come, for at most limit tasks. It returns for how many.
func (b *Book) takeOnes(d *demand, limit int) int {
	got := 0
	for i := range d.hold.parts {
		p := &d.hold.parts[i]
		g := &d.groups[p.group]
		want := min(p.count, limit-got, d.wanted(p.group)-got)
		if p.from > b.pass.now || want <= 0 || b.byID[p.agent.info.ID] != p.agent {
			continue
		}
		if n, _ := g.check(p.agent, want, tallyOf(b.agents, g), &b.win); n > 0 {
			b.put(place{agent: p.agent, group: p.group, count: n}, g, nil)
			got += n
		}
	}
	return got
}

// giveBack frees the places found so far.
func (b *Book) giveBack(d *demand) {
	for _, p := range b.scratch.places {
		b.release(p, &d.groups[p.group])
	}
	b.scratch.places = b.scratch.places[:0]
}

func (b *Book) gatherAll(d *demand, order []int) bool {
	for _, i := range order {
		if !b.gather(d, i) {
			b.giveBack(d)
			return false
		}
	}
	return true
}

// gather finds places for all tasks that d's group i wants and reserves them,
// or none.
func (b *Book) gather(d *demand, i int) bool {
	g := &d.groups[i]
	want := d.wanted(i)
	if want == 0 {
		return true
	}
	if !g.possible() || b.known(g) < want || b.knownFull(g.room) {
		return false
	}
	if g.rank != nil || b.mayBeClose(d, g, want) {
		return b.gatherBest(d, i, want)
	}
	s := b.scout(g)
	t := tallyOf(b.agents, g)
	mark, got := len(b.scratch.places), 0
	for at := s.start(b.gains); got < want; at++ {
		if at = s.next(b, at, g); at < 0 {
			break
		}
		a := b.agents[at]
		if n, _ := g.check(a, want-got, t, &b.win); n > 0 {
			got += n
			t.add(g, a, n)
			b.scratch.places = append(b.scratch.places, place{agent: a, group: i, count: n})
		}
	}
	if got < want {
		if mark == 0 && g.caps == nil && !b.win.barred && b.sight == near {
			g.room.total, g.room.totalAt = got, b.gains
			if got == 0 {
				b.hopeless.add(g.room, b.gains)
			}
		}
		b.scratch.places = b.scratch.places[:mark]
		return false
	}
	return b.reserveFrom(mark, g)
}

// reserveFrom reserves the places found from position mark on, all of them or none.
func (b *Book) reserveFrom(mark int, g *group) bool {
	found := b.scratch.places[mark:]
	for i := range found {
		p := &found[i]
		if !g.room.unnamed {
			p.grants = g.room.named.grant(p.agent.names(), p.count, g.chooser(p.agent))
		}
		b.reserve(*p, g, p.count)
		if !g.room.unnamed && len(p.grants) < p.count {
			for _, q := range found[:i+1] {
				b.release(q, g)
			}
			b.scratch.places = b.scratch.places[:mark]
			return false
		}
	}
	return true
}

// release undoes the reservation of a place.
func (b *Book) release(p place, g *group) {
	for i := range p.grants {
		p.agent.names().release(&p.grants[i])
	}
	b.reserve(p, g, -p.count)
}

// known returns a bound on how many tasks of g fit in all, as far as a gang of
// the same room has found out since any agent last gained.
func (b *Book) known(g *group) int {
	if g.room.totalAt == b.gains {
		return g.room.total
	}
	return math.MaxInt
}

// gangOrders returns the orders of groups to try.
func gangOrders(groups []group) [][]int {
	switch len(groups) {
	case 2:
		return [][]int{{0, 1}, {1, 0}}
	case 3:
		return [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}
	}
	largest := written(len(groups))
	slices.SortStableFunc(largest, func(i, j int) int {
		a, b := groups[i].kind.shape, groups[j].kind.shape
		return cmp.Or(cmp.Compare(b.CPUMilli, a.CPUMilli), cmp.Compare(b.MemoryBytes, a.MemoryBytes))
	})
	return [][]int{written(len(groups)), largest}
}

// written is the order of n groups as they stand.
func written(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}
