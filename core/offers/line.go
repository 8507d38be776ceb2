package offers

import (
	"slices"
	"strings"

	"github.com/tender-scheduler/tender/core/offers/shares"
)

// line is the classes of one role that are to be served in a pass, as a heap by
// their first demands in plan order.
type line struct {
	node  *shares.Node
	users int      // classes
	heads []*class // in the pass
	unfit []*class // those that cannot get anything now, before they are chosen from
	top   []*class // memory for choosing
	kept  []*class // the first of those that went unserved in the last pass
	// missed says that some of kept have gone or are behind others now.
	missed bool

	turn int  // as found by the latest search for those ahead
	idle bool // nobody waits who could ever start, as found then
}

// lineOf returns the role's line and counts one user more.
func (b *Book) lineOf(role string) *line {
	l := b.lines[role]
	if l == nil {
		l = &line{node: b.roles.Node(role).Retain()}
		b.lines[role] = l
		b.lineUp(l)
	}
	l.users++
	return l
}

func (b *Book) leaveLine(role string) {
	l := b.lines[role]
	if l.users--; l.users == 0 {
		delete(b.lines, role)
		l.node.Release()
		b.inLine = slices.DeleteFunc(b.inLine, func(x *line) bool { return x == l })
	}
}

// lineUp enters l where the lines stand in the order of their roles' names.
func (b *Book) lineUp(l *line) {
	i, _ := slices.BinarySearchFunc(b.inLine, l, func(x, y *line) int {
		switch {
		case x.node.Path() < y.node.Path():
			return -1
		case x.node.Path() > y.node.Path():
			return 1
		}
		return 0
	})
	b.inLine = slices.Insert(b.inLine, i, l)
}

// queueUp chooses the classes that the pass has to look at. Where no agent gained
// since the last pass, which left nothing that fits, only fresh ones may get
// something; and only if some may do others matter, for what is held for them.
//
// Of the classes that cannot get anything only as many of each role matter as
// there are holds to give, or may be preempted for.
func (b *Book) queueUp() bool {
	b.waiting = 0
	few := b.candidates()
	b.surveys = 0
	matters := func(c *class) bool { return c.ready.len() > 0 && (b.preemptible > 0 || b.mayFit(c)) }
	among := b.active
	// Between roles it is their shares that decide who goes first, and any offer
	// since the last pass has changed those.
	b.replan = b.replan || len(b.inLine) > 1 && len(b.barring) > 0 && len(b.fresh) > 0 || slices.ContainsFunc(b.fresh, b.displaces)
	if b.planned == b.gains && !b.replan {
		if !slices.ContainsFunc(b.fresh, matters) {
			b.unseen = append(b.unseen, b.fresh...)
			b.noFresh()
			return false
		}
		if b.keptGood(few) {
			among = append(b.fresh, b.unseen...)
			slices.SortFunc(among, func(x, y *class) int { return strings.Compare(x.key, y.key) })
			among = slices.Compact(among)
		}
	}
	if len(among) == len(b.active) {
		b.barsNone()
	}
	b.unseen = b.unseen[:0]
	b.keptFew = few
	b.planned, b.replan = b.gains, false
	b.sortOut(among, few)
	b.noFresh()
	shared := len(b.inLine) > 1
	if shared {
		b.ranking().Begin()
	}
	for _, l := range b.inLine {
		b.choose(l, few)
		switch {
		case len(l.heads) > 0:
			b.waiting++
		case shared:
			b.ranking().Drop(l.node)
		}
	}
	return b.waiting > 0
}

// displaces reports whether the first demand of c may go before one that room is
// held for. It may take that one's hold, and what was kept off by it may fit now.
func (b *Book) displaces(c *class) bool {
	if c.ready.len() == 0 {
		return false
	}
	d := c.ready.peek()
	return slices.ContainsFunc(b.barring, func(x *demand) bool { return planOrder(d, x) < 0 })
}

// bars notes that d has a hold in force. Whom it kept off is not noted: it bars
// until all have been looked at again.
func (b *Book) bars(d *demand) {
	if !d.barring {
		d.barring = true
		b.barring = append(b.barring, d)
	}
}

// barsNone begins anew, as when all are looked at.
func (b *Book) barsNone() {
	for i, d := range b.barring {
		d.barring, b.barring[i] = false, nil
	}
	b.barring = b.barring[:0]
}

// changed notes that d is not what it was, or not there: what its hold kept off may
// fit now.
func (b *Book) changed(d *demand) {
	if d.barring {
		b.barsNone()
		b.replan, b.dirty = true, true
	}
}

// sortOut tells the classes that may get something from those that cannot.
func (b *Book) sortOut(among []*class, few int) {
	for _, l := range b.inLine {
		l.unfit = l.unfit[:0]
		if len(among) < len(b.active) {
			l.unfit = append(l.unfit, l.kept...)
		}
		for _, c := range l.kept {
			c.kept = false
		}
		l.kept, l.missed = l.kept[:0], false
	}
	for _, c := range among {
		switch {
		case c.ready.len() == 0 || len(among) < len(b.active) && slices.Contains(c.line.unfit[:min(len(c.line.unfit), few)], c):
		case b.mayFit(c):
			c.line.heads = append(c.line.heads, c)
		case few > 0:
			c.line.unfit = append(c.line.unfit, c)
		}
	}
}

// keep notes that c went unserved in the pass.
func (l *line) keep(c *class, few int) {
	if !c.kept && len(l.kept) < few {
		c.kept = true
		l.kept = append(l.kept, c)
	}
}

// keptGood reports whether those that went unserved first in the last pass are
// still the first ones of those that were looked at then.
func (b *Book) keptGood(few int) bool {
	if few != b.keptFew || few > len(b.active) {
		return false
	}
	return !slices.ContainsFunc(b.inLine, func(l *line) bool { return l.missed })
}

func (b *Book) noFresh() {
	for i, c := range b.fresh {
		c.fresh, b.fresh[i] = false, nil
	}
	b.fresh = b.fresh[:0]
}

// choose adds the first few of the unfit classes to the heads, and makes those a heap.
func (b *Book) choose(l *line, few int) {
	top := l.top[:0] // a heap of its own, the last of those chosen on top
	for _, c := range l.unfit {
		full := len(top) == few
		if full && !earlierClass(c, top[0]) || b.impossible(c) {
			continue
		}
		if full {
			top[0] = c
			sift(top, 0, laterClass)
			continue
		}
		top = append(top, c)
		for i := len(top) - 1; i > 0 && laterClass(top[i], top[(i-1)/2]); i = (i - 1) / 2 {
			top[i], top[(i-1)/2] = top[(i-1)/2], top[i]
		}
	}
	l.top = top
	clear(l.unfit)
	l.unfit = l.unfit[:0]
	l.heads = append(l.heads, top...)
	for i := len(l.heads)/2 - 1; i >= 0; i-- {
		sift(l.heads, i, earlierClass)
	}
}

// alone reports whether only one role has demands to serve.
func (b *Book) alone() bool { return len(b.inLine) <= 1 || b.waiting <= 1 }

func (b *Book) ranking() *shares.Ranking { return b.roles.Ranking(shares.Demands) }

// nextClass returns the class to serve next, nil if the pass is over.
func (b *Book) nextClass() *class {
	for {
		l := b.firstLine()
		if l == nil {
			return nil
		}
		for len(l.heads) > 0 && l.heads[0].ready.len() == 0 {
			l.pop()
		}
		if len(l.heads) > 0 {
			sift(l.heads, 0, earlierClass)
			return l.heads[0]
		}
		b.leave(l)
	}
}

func (b *Book) firstLine() *line {
	if len(b.inLine) == 1 {
		if l := b.inLine[0]; len(l.heads) > 0 {
			return l
		}
		return nil
	}
	n := b.ranking().First()
	if n == nil {
		return nil
	}
	return b.lines[n.Path()]
}

// leave takes a role out of the pass.
func (b *Book) leave(l *line) {
	if len(b.inLine) > 1 {
		b.ranking().Drop(l.node)
		b.waiting--
	}
}

// setAside takes c out of the pass: none of its demands can get anything more.
func (b *Book) setAside(c *class) {
	l := c.line
	if len(l.heads) > 0 && l.heads[0] == c {
		l.pop()
	}
}

func (l *line) pop() {
	last := len(l.heads) - 1
	l.heads[0], l.heads[last] = l.heads[last], nil
	l.heads = l.heads[:last]
	if last > 0 {
		sift(l.heads, 0, earlierClass)
	}
}

// endLine clears what is left in the lines.
func (b *Book) endLine() {
	for _, l := range b.inLine {
		clear(l.heads)
		l.heads = l.heads[:0]
	}
}

func earlierClass(a, b *class) bool { return a.ready.entries[0].before(&b.ready.entries[0]) }
func laterClass(a, b *class) bool   { return earlierClass(b, a) }

// sift moves the class at i down to where it belongs.
func sift(h []*class, i int, before func(a, b *class) bool) {
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
