package offers

import "slices"

// ahead is the demands that wait and go before one, in the order in which a pass
// would take them if it could serve none. Very many may wait, and the first few
// matter: those are chosen, the others only counted.
type ahead struct {
	first []*demand // in order
	count int
}

// aheadSearch is the search for them.
type aheadSearch struct {
	d      *demand   // whom they go before; nil stands for one behind all
	self   *demand   // as which d is in the book
	key    queued    // d's
	mine   int       // d's role's turn
	shared bool      // several roles have demands
	past   []*demand // not to be found, for they are known already
	most   int
	top    []waiter // the first most of those found, as a heap, the last of them on top
	count  int
}

// waiter is a demand that waits, with what it is ordered by.
type waiter struct {
	queued
	line *line
}

// before returns the demands that go before d, of which by name at most so many;
// all that wait for nil.
func (b *Book) before(d *demand, most int) ahead {
	q := aheadSearch{d: d, most: max(most, maxNamed), shared: len(b.inLine) > 1}
	if d != nil {
		q.shared = q.shared || len(b.inLine) == 1 && b.inLine[0] != d.class.line
		q.key = queued{^d.Rank, d.Seq, d}
		q.self = b.demands[demandID{d.Framework, d.ID}]
	}
	var out ahead
	if q.shared {
		q.mine = b.takeTurns(d)
		out.first, q.past = b.recalling(d, q.self)
		out.count = len(out.first)
	}
	if !q.shared || d == nil || d.preempting == 0 {
		for _, c := range b.active {
			if c.ready.len() > 0 {
				q.among(b, c)
			}
		}
	}
	slices.SortFunc(q.top, func(x, y waiter) int { return yes(y.before(&x)) - yes(x.before(&y)) })
	for i := range q.top {
		out.first = append(out.first, q.top[i].d)
	}
	out.count += q.count
	return out
}

// recalling returns the demands that wait for what has been recalled for them,
// which go before all others, in the order of that: those that go before d, and all.
func (b *Book) recalling(d, self *demand) (before, all []*demand) {
	passed := false // d, which is one of them
	for _, x := range b.favoured {
		if x == self {
			passed = d != nil && d.preempting > 0
		}
		if x.preempting == 0 || x.place[readyQueue] < 0 {
			continue
		}
		all = append(all, x)
		if x != self && !passed {
			before = append(before, x)
		}
	}
	return before, all
}

// among looks for them in c.
//
// What its role's limit keeps from starting goes before nobody, nor does what no
// agent can ever take.
func (q *aheadSearch) among(b *Book, c *class) {
	if first := c.ready.peek(); c.neverAt == b.fleet || b.headroom(first, first.total()) == 0 {
		return
	}
	all := q.d == nil
	if !all && c.line != q.d.class.line {
		if all = c.line.turn < q.mine; !all {
			return
		}
	}
	q.look(c, 0, all)
}

// look goes through c's demands from place i of its heap down, all of them or as
// far as they go before d.
func (q *aheadSearch) look(c *class, i int, all bool) {
	h := c.ready.entries
	if i >= len(h) || !all && h[i].d != q.self && !h[i].before(&q.key) {
		return // nor does any below it
	}
	if h[i].d != q.self && (len(q.past) == 0 || !slices.Contains(q.past, h[i].d)) {
		q.add(waiter{h[i], c.line})
	}
	q.look(c, 2*i+1, all)
	q.look(c, 2*i+2, all)
}

// add counts w, and keeps it if it is among the first.
func (q *aheadSearch) add(w waiter) {
	q.count++
	if len(q.top) < q.most {
		q.top = append(q.top, w)
		for i := len(q.top) - 1; i > 0 && q.top[(i-1)/2].before(&q.top[i]); i = (i - 1) / 2 {
			q.top[i], q.top[(i-1)/2] = q.top[(i-1)/2], q.top[i]
		}
		return
	}
	if !w.before(&q.top[0]) {
		return
	}
	q.top[0] = w
	for i := 0; ; {
		c := 2*i + 1
		if c+1 < len(q.top) && q.top[c].before(&q.top[c+1]) {
			c++
		}
		if c >= len(q.top) || !q.top[i].before(&q.top[c]) {
			return
		}
		q.top[i], q.top[c] = q.top[c], q.top[i]
		i = c
	}
}

func (w *waiter) before(o *waiter) bool {
	if w.line != o.line {
		return w.line.turn < o.line.turn
	}
	return w.queued.before(&o.queued)
}

func yes(v bool) int {
	if v {
		return 1
	}
	return 0
}
