package offers

import (
	"cmp"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// step is that more tasks of a group fit on an agent from a time on, or fewer
// where a hold made before begins.
type step struct {
	at    int64 // Unix nanoseconds
	more  int
	agent *agent
}

// forecast looks for the earliest time at which a group's tasks can start.
type forecast struct {
	b     *Book
	d     *demand
	g     *group
	now   int64
	limit model.Duration // of the tasks
	want  int
	// guess says to take tasks without a time limit as running as long again as
	// they have; else they never end. Lasting ones never do.
	guess bool
	steps []step
	fewer bool // some step is negative
	// bound is a time by which all that are wanted can start, as far as is known:
	// no later step matters. It is looked for anew when there are full steps.
	bound  int64
	full   int
	beside []step   // of agents with holds
	held   []*agent // those, to be looked at when the bound is known
	span   span
	ends   []*stake
	known  []*agent // those that agentsAt copied
}

// end returns when s is taken to end.
func (f *forecast) end(s *stake) int64 {
	switch {
	case s.until != never:
		return max(s.until, f.now)
	case !f.guess:
		return never
	}
	return guessEnd(s, f.now)
}

// look gathers the steps of all agents that can ever take a task of the group.
func (f *forecast) look() {
	f.steps, f.beside, f.held = f.steps[:0], f.beside[:0], f.held[:0]
	f.fewer = false
	f.bound, f.full = never, 2*f.want+pruneAt
	if list, ok := f.g.room.shortlist(); ok {
		for _, pos := range list {
			f.lookAt(f.b.agents[pos])
		}
	} else {
		for _, a := range f.b.agents {
			if a != nil {
				f.lookAt(a)
			}
		}
	}
	for _, a := range f.held {
		f.around(a)
	}
	f.steps = append(f.steps, f.beside...)
}

func (f *forecast) lookAt(a *agent) {
	if !a.usable() || f.g.room.checkEmpty(a) != fits {
		return
	}
	switch {
	case len(a.holds) > 0:
		f.held = append(f.held, a)
	case f.g.plain() && a.exclusive == 0 && len(a.reserved) == 0:
		f.arithmetic(a)
	default:
		f.oneByOne(a)
	}
}

// plain reports whether only amounts decide how many tasks of g an agent takes.
func (g *group) plain() bool {
	r := g.room
	return g.caps == nil && !r.exclusive && r.unnamed
}

// ending returns what is on a in the order in which it ends. The memory is
// shared with the next call.
func (f *forecast) ending(a *agent) []*stake {
	if len(a.onOffer) == 0 && !f.guess {
		return a.running
	}
	f.ends = append(append(f.ends[:0], a.running...), a.onOffer...)
	slices.SortStableFunc(f.ends, func(x, y *stake) int { return cmp.Compare(f.end(x), f.end(y)) })
	return f.ends
}

// oneByOne lets what is on a end one by one, and asks the filter each time.
func (f *forecast) oneByOne(a *agent) {
	c := *a
	c.running, c.onOffer, c.holds, c.points, c.borrowed = nil, nil, nil, nil, true
	w := window{d: f.d, node: f.d.class.node, until: never} // for what is reserved
	ends := slices.Clone(f.ending(a))
	copies := make([]stake, len(ends))
	for i, s := range ends {
		copies[i] = *s
		copies[i].agent = &c
		copies[i].link()
	}
	n, _ := f.g.check(&c, f.want, nil, &w)
	if n > 0 {
		f.found(step{f.now, n, a})
	}
	for i := range copies {
		s := &copies[i]
		at := f.end(ends[i])
		if n >= f.want || at == never {
			return
		}
		s.unlink()
		s.leave()
		if m, _ := f.g.check(&c, f.want, nil, &w); m > n {
			f.found(step{at, m - n, a})
			n = m
		}
	}
}

// start finds the earliest time at which all wanted tasks fit at once, and which
// of the steps provide them: those that come latest, so that what is free before
// stays free for others. ok is false if they never do.
func (f *forecast) start() (at int64, use []step, ok bool) {
	f.look()
	if f.fewer {
		return f.startAmongHolds()
	}
	return pickLatest(f.steps, f.want)
}

// pickLatest returns the earliest time by which steps add up to want, and want
// tasks' worth of the steps up to then, the latest ones.
func pickLatest(steps []step, want int) (at int64, use []step, ok bool) {
	total := 0
	for i := range steps {
		total += steps[i].more
	}
	if total < want {
		return 0, nil, false
	}
	early := selectEarliest(steps, want)
	// Those at the same time as the last of them are no later.
	for _, s := range early {
		at = max(at, s.at)
	}
	n := len(early)
	for k := n; k < len(steps); k++ {
		if steps[k].at == at {
			steps[n], steps[k] = steps[k], steps[n]
			n++
		}
	}
	early = steps[:n]
	order := func(x, y step) int {
		return cmp.Or(cmp.Compare(y.at, x.at), cmp.Compare(x.agent.pos, y.agent.pos))
	}
	slices.SortFunc(early, order)
	for i := range early {
		if early[i].more >= want {
			early[i].more = want
			return at, early[:i+1], true
		}
		want -= early[i].more
	}
	panic("offers: steps do not add up")
}

// selectEarliest reorders steps so that the result, a prefix of it, is the
// fewest earliest steps that add up to want. It is Hoare's selection with weights:
// a cluster has many more steps than a gang needs.
func selectEarliest(steps []step, want int) []step {
	before := func(x, y *step) bool {
		return x.at < y.at || x.at == y.at && x.agent.pos < y.agent.pos
	}
	lo, hi := 0, len(steps)
	for hi-lo > 12 {
		pivot := median(steps[lo], steps[lo+(hi-lo)/2], steps[hi-1], before)
		i, sum := lo, 0
		for k := lo; k < hi; k++ {
			if before(&steps[k], &pivot) {
				steps[i], steps[k] = steps[k], steps[i]
				sum += steps[i].more
				i++
			}
		}
		switch {
		case i > lo && sum >= want:
			hi = i
		case i == lo: // the pivot is the least: put it first and go on behind it
			for k := lo; k < hi; k++ {
				if !before(&pivot, &steps[k]) {
					steps[lo], steps[k] = steps[k], steps[lo]
					break
				}
			}
			if want -= steps[lo].more; want <= 0 {
				return steps[:lo+1]
			}
			lo++
		default:
			want -= sum
			lo = i
		}
	}
	slices.SortFunc(steps[lo:hi], func(x, y step) int {
		return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(x.agent.pos, y.agent.pos))
	})
	for ; lo < hi; lo++ {
		if want -= steps[lo].more; want <= 0 {
			return steps[:lo+1]
		}
	}
	panic("offers: steps do not add up")
}

func median(a, b, c step, before func(x, y *step) bool) step {
	if before(&b, &a) {
		a, b = b, a
	}
	if before(&c, &b) {
		b = c
		if before(&b, &a) {
			b = a
		}
	}
	return b
}
