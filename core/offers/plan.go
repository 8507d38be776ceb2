package offers

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// place is room for count tasks of a demand's group on an agent.
type place struct {
	agent *agent
	group int
	count int
}

// Plan makes offers for all demands that can be met now, wholly or, if not a
// gang, in part, and marks their room as offered. The offers are in plan order,
// at most one for each demand. A second Plan at the same time without a change
// in between returns none at the cost of a look.
func (b *Book) Plan(now time.Time) []model.Offer {
	b.wake(now)
	if !b.dirty {
		return b.planClassic(now)
	}
	b.dirty = false
	b.settle()

	heads := b.heads()
	for i := len(heads)/2 - 1; i >= 0; i-- {
		siftClass(heads, i)
	}
	var out []model.Offer
	for len(heads) > 0 {
		c := heads[0]
		d := c.ready.peek()
		places := b.serve(d)
		if len(places) > 0 {
			out = append(out, b.makeOffer(now, d, places).Offer)
		}
		if d.satisfied() {
			b.delist(d)
		}
		if c.ready.peek() == d || c.ready.len() == 0 {
			// What did not fit does not fit for those behind it either.
			heads[0] = heads[len(heads)-1]
			heads = heads[:len(heads)-1]
		}
		siftClass(heads, 0)
	}
	clear(b.scratch.heads)
	left := b.planClassic(now)
	if len(out) == 0 {
		return left
	}
	return append(out, left...)
}

// heads returns the classes to serve, in no order: those whose first demand may
// get something. Where no agent gained since the last pass, which left nothing
// that fits, they are among the fresh ones.
func (b *Book) heads() []*class {
	among := b.active
	if b.planned == b.gains {
		among = b.fresh
	}
	b.planned = b.gains
	heads := b.scratch.heads[:0]
	for _, c := range among {
		if c.ready.len() > 0 && b.mayFit(c) {
			heads = append(heads, c)
		}
	}
	for i, c := range b.fresh {
		c.fresh, b.fresh[i] = false, nil
	}
	b.fresh = b.fresh[:0]
	b.scratch.heads = heads
	return heads
}

// mayFit reports whether the first demand of c may get something, by a look at
// the root of the index.
func (b *Book) mayFit(c *class) bool {
	d := c.ready.peek()
	if c.gang && c.failedAt == b.gains {
		return false
	}
	some := false
	for i := range d.groups {
		g := &d.groups[i]
		if d.wanted(i) == 0 {
			continue
		}
		can := g.possible() && b.index.any(&g.kind.shape, b.scout(g).seen)
		if c.gang && (!can || b.known(g) < d.wanted(i)) {
			return false
		}
		some = some || can
	}
	return some
}

// serve finds places for what d wants and marks them as offered.
func (b *Book) serve(d *demand) []place {
	b.scratch.places = b.scratch.places[:0]
	if d.AllOrNothing {
		if !b.serveGang(d) {
			d.class.failedAt = b.gains
		}
	} else {
		for i := range d.groups {
			b.fill(d, i)
		}
	}
	return b.scratch.places
}

// fill finds places for as many as possible of the tasks that d's group i wants.
func (b *Book) fill(d *demand, i int) {
	g := &d.groups[i]
	want := d.wanted(i)
	if want == 0 || !g.possible() || b.hopeless.covers(g.room, b.gains) {
		return
	}
	s := b.scout(g)
	tally := tallyOf(b.agents, g)
	for at := s.start(b.gains); ; at++ {
		at = s.next(b, at, g)
		if at < 0 {
			s.exhaust(b.gains)
			if g.caps == nil {
				b.hopeless.add(g.room, b.gains)
			}
			return
		}
		n, _ := g.check(b.agents[at], want, tally)
		if n == 0 {
			continue
		}
		b.put(place{b.agents[at], i, n}, g, tally)
		if want -= n; want == 0 {
			s.stop(at, b.gains)
			return
		}
	}
}

// put reserves a place and appends it to scratch.places.
func (b *Book) put(p place, g *group, t tally) {
	b.reserve(p, g, p.count)
	t.add(g, p.agent, p.count)
	b.scratch.places = append(b.scratch.places, p)
}

// reserve moves free room of p's agent to offered, or back for a negative count.
// Only the sums are kept, makeOffer adds the stakes.
func (b *Book) reserve(p place, g *group, count int) {
	a := p.agent
	a.offered = a.offered.Add(g.kind.shape.Times(int64(count)))
	a.promise += count
	if g.kind.Exclusive {
		a.exclusive += count
	}
	g.kind.node.Charge(g.kind.shape, int64(count))
	b.reindex(a)
}

// siftClass moves the class at i down to where its first demand belongs.
func siftClass(h []*class, i int) {
	before := func(a, b *class) bool { return a.ready.entries[0].before(&b.ready.entries[0]) }
	for {
		c := 2*i + 1
		if c+1 < len(h) && before(h[c+1], h[c]) {
			c++
		}
		if c >= len(h) || !before(h[c], h[i]) {
			return
		}
		h[i], h[c] = h[c], h[i]
		i = c
	}
}
