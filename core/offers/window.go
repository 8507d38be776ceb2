package offers

import (
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/offers/shares"
)

// window is what holds and reservations leave to a demand: from now until its
// tasks would end.
type window struct {
	d     *demand
	node  *shares.Node
	until int64 // Unix nanoseconds, never without a time limit
	// barred says that an agent had room and a hold or a reservation was in the
	// way: what a search finds then says nothing about others.
	barred bool
}

// bars reports whether a part of a hold is in the way of the window's demand.
func (w *window) bars(p *heldPart) bool {
	h := p.hold
	return p.from < w.until && h.d != w.d && (h.firm || h.d.Role == w.d.Role && w.d.Priority < h.d.Priority)
}

// clip returns how many of n tasks that fit on a now may go there, and with 0 why
// none may. It is the part of the filter that is about others' claims.
func (w *window) clip(a *agent, g *group, n int) (int, verdict) {
	shape := &g.kind.shape
	for i := range a.points {
		p := &a.points[i]
		if p.at >= w.until {
			break
		}
		n = int(shape.TimesIn(p.slack, int64(n)))
		if n == 0 || g.room.exclusive {
			w.barred = true
			return 0, held
		}
	}
	if !g.room.unnamed && len(a.holds) > 0 {
		if n = w.clipNamed(a, g, n); n == 0 {
			w.barred = true
			return 0, held
		}
	}
	for _, p := range a.holds {
		if p.hold.firm || !w.bars(p) {
			continue
		}
		n = int(shape.TimesIn(p.slack, int64(n)))
		if n == 0 || g.room.exclusive {
			w.barred = true
			return 0, held
		}
	}
	if len(a.reserved) > 0 {
		if n = int(shape.TimesIn(a.unreserved(w.node), int64(n))); n == 0 {
			w.barred = true
			return 0, reserved
		}
	}
	return n, fits
}

// charge takes room on a from what the holds there leave to others.
func (w *window) charge(a *agent, room model.Resources) {
	for i := range a.points {
		if p := &a.points[i]; p.at < w.until {
			p.slack = p.slack.Sub(room)
		}
	}
	for _, p := range a.holds {
		if p.from < w.until {
			p.slack = p.slack.Sub(room)
		}
	}
}

// sight says where a search for a demand's agents looks, and what it may learn.
type sight uint8

const (
	// near: no hold is in the way of the demand. A search looks at what is free
	// now, and what it learns holds until an agent gains.
	near sight = iota
	// far: its tasks would still run when the last hold begins. A search looks at
	// what is free beside all holds, and what it learns holds for the pass.
	far
	// mixed: some holds are in its way. A search looks at what is free now, has
	// the filter decide, and learns nothing.
	mixed
)

// farIndex is the index over what is free beside all firm holds. It is made when
// many searches of a pass need it.
type farIndex struct {
	index
	live     bool
	hopeless hopeless
	misses   int    // mixed searches so far that it would have spared
	gen      uint64 // of what searches have learnt
}

// farWorth is how many searches among holds a pass does before it makes the index.
const farWorth = 8

func (f *farIndex) drop() {
	f.live, f.misses = false, 0
	f.gen++
}

// see chooses where to look for agents for a demand that ends at until.
func (b *Book) see(w *window) sight {
	switch {
	case len(b.holds) == 0 && b.reserves == 0:
		return near
	case b.reserves == 0 && w.until <= b.firstFrom && (b.soft == 0 || w.until <= b.softFrom):
		return near
	case b.soft > 0 || b.reserves > 0 || w.until <= b.lastFrom:
		return mixed
	}
	if !b.far.live {
		if b.far.misses++; b.far.misses < farWorth {
			return mixed
		}
		b.makeFar()
	}
	return far
}

func (b *Book) makeFar() {
	f := &b.far
	f.size = b.index.size
	f.nodes = append(f.nodes[:0], b.index.nodes...)
	f.live = true
	f.hopeless = hopeless{}
	for _, a := range b.held {
		b.setFar(a)
	}
}

// setFar brings a's leaf in the far index up to date.
func (b *Book) setFar(a *agent) {
	if !a.open() {
		b.far.set(a.pos, resourcesNone, 0)
		return
	}
	free := a.free()
	for i := range a.points {
		free = least(free, a.points[i].slack)
	}
	b.far.set(a.pos, free, a.gain)
}
