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
	// grants are what each task gets by name; nil where nothing is.
	grants []model.Grant
}

// pass is one run over the demands.
type pass struct {
	at       time.Time
	now      int64     // at, in Unix nanoseconds
	holds    int       // how many more demands may get a hold
	pending  []*demand // those that are to get one before another is served, in order
	parked   []*demand // out of their class's queue until the pass is over
	offers   []*offer
	unserved []*demand // the first of those that got nothing, or not all
}

// Plan makes offers for all demands that can be met now, wholly or, if not a
// gang, in part, and marks their room as offered. The offers are in the order in
// which demands were served, at most one for each demand. A second Plan at the
// same time without a change in between returns none at the cost of a look.
//
// A demand that cannot be met has room held for it, if it is among the first of
// those that go unserved. A hold is made when another demand could be in its way.
func (b *Book) Plan(now time.Time) []model.Offer {
	b.seeNew(now)
	b.wake(now)
	if b.stirClassic(now) {
		b.dirty, b.replan = true, true // what is held must be known
	}
	if now.UnixNano() >= b.nextHold {
		// Nobody need have ended for it: it may begin where another was to end.
		b.dirty, b.replan, b.nextHold = true, true, never
	}
	if !b.dirty {
		return nil
	}
	b.dirty = false
	b.settle()
	b.begin(now)
	b.serveFavoured()
	if b.queueUp() {
		for c := b.nextClass(); c != nil; c = b.nextClass() {
			b.consider(c)
		}
	}
	b.preempt()
	return b.finish()
}

// seeNew notes since when the demands wait that were set since the last pass.
func (b *Book) seeNew(now time.Time) {
	for _, d := range b.arrived {
		d.asked = now
	}
	clear(b.arrived)
	b.arrived = b.arrived[:0]
}

// begin starts a pass.
func (b *Book) begin(now time.Time) {
	b.letGo()
	b.passes++
	p := &b.pass
	*p = pass{at: now, now: now.UnixNano(), holds: b.mostHolds(),
		pending: p.pending[:0], parked: p.parked[:0], offers: p.offers[:0], unserved: p.unserved[:0]}
}

// finish ends a pass: what was set aside is back, the offers are in form.
func (b *Book) finish() []model.Offer {
	p := &b.pass
	for _, d := range p.parked {
		d.parked = false
		if !d.satisfied() {
			d.class.ready.push(d, ^d.Rank, d.Seq)
			b.activate(d.class)
		}
	}
	b.endLine()
	var out []model.Offer
	if len(p.offers) > 0 {
		out = make([]model.Offer, len(p.offers))
	}
	for i, o := range p.offers {
		o.finish()
		out[i] = o.Offer
		p.offers[i] = nil
	}
	left := b.planClassic(p.at)
	if len(out) == 0 {
		return left
	}
	return append(out, left...)
}

// consider serves the first demand of c, or sees to it that room is held for it.
func (b *Book) consider(c *class) {
	d := c.ready.peek()
	if d.since.IsZero() {
		d.since = b.pass.at
	}
	want := d.total()
	allowed := b.allow(d, want)
	if allowed > 0 && b.mayFit(c) {
		b.holdPending()
		got := b.serve(d, allowed)
		if d.satisfied() {
			b.delist(d)
			return
		}
		if got > 0 && got == allowed && b.turn < want {
			return // its role has had its turn; others may go first now
		}
		allowed = b.headroom(d, d.total())
	}
	possible := allowed > 0 && !d.Every && !b.impossible(c)
	if possible {
		c.line.keep(c, b.keptFew)
	}
	if possible && len(b.pass.unserved) < maxPreemptors {
		b.pass.unserved = append(b.pass.unserved, d)
	}
	switch {
	case allowed == 0:
		b.setAside(c) // its role's limit is in the way, which is so for all of c
	case b.pass.holds > 0 && len(b.pass.pending) < b.pass.holds+spareCandidates && possible:
		b.pass.pending = append(b.pass.pending, d)
		b.park(c, d)
	default:
		b.setAside(c)
	}
}

// park takes d out of its class for the rest of the pass, so that the next one
// there is looked at.
func (b *Book) park(c *class, d *demand) {
	c.ready.remove(d)
	d.parked = true
	b.pass.parked = append(b.pass.parked, d)
	if c.ready.len() == 0 {
		b.setAside(c)
	}
}

// allow returns how many tasks of d may be placed in one go: what its role's
// limits leave, and if others wait too what its role's share comes to before
// theirs is smaller. A gang's are all or none.
func (b *Book) allow(d *demand, want int) int {
	n := b.headroom(d, want)
	b.turn = want
	if n == 0 || d.AllOrNothing || b.alone() || d.capped() {
		return n
	}
	b.turn = b.ranking().Slack(d.groups[d.firstWanted()].kind.shape, want)
	return min(n, b.turn)
}

// headroom returns how many of want tasks of d the limits of its role allow: all
// or none of a gang's.
func (b *Book) headroom(d *demand, want int) int {
	node := d.class.node
	if !d.AllOrNothing {
		n, _, _ := node.Headroom(d.groups[d.firstWanted()].kind.shape, want)
		return n
	}
	var sum model.Resources
	for i := range d.groups {
		sum = sum.Add(d.groups[i].kind.shape.Times(int64(d.wanted(i))))
	}
	if n, _, _ := node.Headroom(sum, 1); n == 0 {
		return 0
	}
	return want
}

// mayFit reports whether the first demand of c may get something, by a look at
// the root of the index.
func (b *Book) mayFit(c *class) bool {
	if c.gang && c.failedAt == b.gains || !b.index.any(&c.need, 0) {
		return false
	}
	d := c.ready.peek()
	beyond := b.far.live && endOf(b.pass.now, d.TimeLimit) > b.lastFrom && b.soft == 0 && b.reserves == 0
	some := false
	for i := range d.groups {
		g := &d.groups[i]
		if d.wanted(i) == 0 {
			continue
		}
		can := g.possible() && b.index.any(&g.kind.shape, b.scoutOf(g).seen)
		if can && beyond {
			can = b.far.any(&g.kind.shape, 0) && !b.far.hopeless.covers(g.room, b.gains)
		}
		if c.gang && (!can || b.known(g) < d.wanted(i)) {
			return false
		}
		some = some || can
	}
	return some
}

// serve finds places for at most limit of the tasks that d wants and offers them.
// It returns how many it found.
func (b *Book) serve(d *demand, limit int) int {
	b.scratch.places = b.scratch.places[:0]
	b.win = window{d: d, node: d.class.node, until: endOf(b.pass.now, d.TimeLimit)}
	b.sight = b.see(&b.win)
	early := b.settings.Holds != 1 && d.hold != nil && d.hold.from <= b.pass.now
	got := 0
	if d.AllOrNothing {
		// Others' holds were made around this one: what was held is what is taken.
		if !(early && b.takeHeld(d)) && !b.serveGang(d) && b.sight == near {
			d.class.failedAt = b.gains
		}
	} else {
		held := 0
		if early {
			held = b.takeOnes(d, limit)
			limit -= held
		}
		if held > 0 && d.capped() {
			// What follows has to count these: only stakes are.
			b.offer(d, b.scratch.places)
			b.scratch.places = b.scratch.places[:0]
			got += held
		}
		for i := range d.groups {
			limit -= b.fill(d, i, limit)
		}
	}
	if len(b.scratch.places) > 0 {
		b.offer(d, b.scratch.places)
	}
	for _, p := range b.scratch.places {
		got += p.count
	}
	return got
}

// fill finds places for at most limit of the tasks that d's group i wants, and
// returns how many it found.
func (b *Book) fill(d *demand, i, limit int) int {
	g := &d.groups[i]
	want := min(d.wanted(i), limit)
	if want == 0 || !g.possible() || b.knownFull(g.room) {
		return 0
	}
	if g.rank != nil {
		return b.fillBest(d, i, want)
	}
	s := b.scout(g)
	tally := tallyOf(b.agents, g)
	got := 0
	for at := s.start(b.gains); ; at++ {
		at = s.next(b, at, g)
		if at < 0 {
			b.foundNone(s, g)
			return got
		}
		n, _ := g.check(b.agents[at], want-got, tally, &b.win)
		if n == 0 {
			continue
		}
		b.put(place{agent: b.agents[at], group: i, count: n}, g, tally)
		if got += n; got == want {
			b.foundBefore(s, at)
			return got
		}
	}
}

// put reserves a place and appends it to scratch.places.
func (b *Book) put(p place, g *group, t tally) {
	if !g.room.unnamed {
		p.grants = g.room.named.grant(p.agent.names(), p.count, g.chooser(p.agent))
		if p.count = len(p.grants); p.count == 0 {
			return
		}
	}
	b.reserve(p, g, p.count)
	t.add(g, p.agent, p.count)
	b.scratch.places = append(b.scratch.places, p)
}

// reserve moves free room of p's agent to offered, or back for a negative count.
// Only the sums are kept, offer adds the stakes.
func (b *Book) reserve(p place, g *group, count int) {
	a := p.agent
	room := g.kind.shape.Times(int64(count))
	a.offered = a.offered.Add(room)
	a.promise += count
	if g.kind.Exclusive {
		a.exclusive += count
	}
	g.kind.node.Charge(g.kind.shape, int64(count))
	if len(a.holds) > 0 {
		b.win.charge(a, room)
	}
	b.reindex(a)
	if b.far.live {
		b.setFar(a)
	}
}

// offer makes an offer of places to d, or adds them to the one made in this pass.
func (b *Book) offer(d *demand, places []place) {
	if d.inPass == b.passes {
		d.current.extend(places, make([]stake, len(places)))
		return
	}
	d.inPass = b.passes
	d.current = b.makeOffer(b.pass.at, d, places)
	b.pass.offers = append(b.pass.offers, d.current)
}
