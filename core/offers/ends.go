package offers

import (
	"cmp"
	"slices"
	"sort"

	"github.com/tender-scheduler/tender/core/model"
)

// ends is what becomes free on an agent, and when: its stakes' ends, side by
// side in memory. A search for a hold asks all agents for it, most of which have
// not changed since the last one, and their stakes are all over the heap.
type ends struct {
	of    *agent // whose they are: a copy of the agent has to find out its own
	known bool   // as the stakes are now
	// at is when what has a time limit ends, and freed what is free from then on
	// in addition to what is now.
	at    []int64
	freed []model.Resources
	// endless is what has no time limit, what started last first, but for what is
	// lasting.
	endless []endless
}

type endless struct {
	since int64 // when the latest of it started
	room  model.Resources
}

// changed notes that the agent's stakes are not what they were.
func (e *ends) changed() {
	if e != nil {
		e.known = false
	}
}

// by returns what is freed up to a time in addition to what is free now.
func (e *ends) by(t int64) model.Resources {
	if n := e.upTo(t); n > 0 {
		return e.freed[n-1]
	}
	return model.Resources{}
}

// upTo returns how many ends come up to a time.
func (e *ends) upTo(t int64) int {
	if n := len(e.at); n == 0 || e.at[n-1] <= t {
		return n
	}
	return sort.Search(len(e.at), func(i int) bool { return e.at[i] > t })
}

// ending returns a's ends, worked out anew if its stakes have changed.
func (a *agent) ending() *ends {
	if a.ends == nil || a.ends.of != a {
		a.ends = &ends{of: a}
	}
	e := a.ends
	if e.known {
		return e
	}
	e.known = true
	e.endless = e.endless[:0]
	stakes := a.running
	if len(a.onOffer) > 0 {
		stakes = slices.Concat(a.running, a.onOffer)
		slices.SortStableFunc(stakes, func(x, y *stake) int { return cmp.Compare(x.until, y.until) })
	}
	e.at = slices.Grow(e.at[:0], len(stakes))[:len(stakes)]
	e.freed = slices.Grow(e.freed[:0], len(stakes))[:len(stakes)]
	for i, s := range stakes { // visits to memory far apart, so that they overlap
		e.at[i], e.freed[i] = s.until, s.shape.Times(int64(s.count))
	}
	n := sort.Search(len(e.at), func(i int) bool { return e.at[i] == never })
	for i, s := range stakes[n:] {
		if !s.Lasting {
			e.endless = append(e.endless, endless{s.since, e.freed[n+i]})
		}
	}
	e.at, e.freed = e.at[:n], e.freed[:n]
	for i := 1; i < n; i++ {
		e.freed[i] = e.freed[i].Add(e.freed[i-1])
	}
	slices.SortStableFunc(e.endless, func(x, y endless) int { return cmp.Compare(y.since, x.since) })
	return e
}

// arithmetic lets what is on a end, and adds the amounts up.
func (f *forecast) arithmetic(a *agent) {
	shape := &f.g.kind.shape
	free := a.free()
	n := int(shape.TimesIn(free, int64(f.want)))
	if n > 0 {
		f.found(step{f.now, n, a})
	}
	if n >= f.want || !shape.Times(int64(n+1)).Fits(a.info.Capacity) {
		return
	}
	e := a.ending()
	if f.guess {
		f.guessed(a, free, n)
		return
	}
	freed := e.freed[:e.upTo(f.bound)]
	// Most agents have nothing to give as early as others have.
	if last := len(freed) - 1; last < 0 || !f.fit(n+1, free, &freed[last]) {
		return
	}
	for i := 0; i < len(freed) && n < f.want; i++ {
		i += sort.Search(len(freed)-i, func(k int) bool { return f.fit(n+1, free, &freed[i+k]) })
		if i == len(freed) {
			return
		}
		m := int(shape.TimesIn(free.Add(freed[i]), int64(f.want)))
		f.found(step{max(e.at[i], f.now), m - n, a})
		n = m
	}
}

// fit reports whether n tasks fit into what is free now and what is freed.
func (f *forecast) fit(n int, free model.Resources, freed *model.Resources) bool {
	need := f.g.kind.shape.Times(int64(n))
	free = free.Add(*freed)
	return covers(&free, &need)
}

// guessed is arithmetic where what has no time limit is taken to run as long
// again as it has: what started last ends first.
func (f *forecast) guessed(a *agent, free model.Resources, n int) {
	shape := &f.g.kind.shape
	e := a.ending()
	var before model.Resources // what limited ends have freed already
	for i, k := 0, 0; n < f.want && (i < len(e.at) || k < len(e.endless)); {
		at := int64(never)
		if k < len(e.endless) {
			at = f.now + max(f.now-e.endless[k].since, 1)
		}
		if i < len(e.at) && e.at[i] <= at {
			at = max(e.at[i], f.now)
			free = free.Add(e.freed[i]).Sub(before)
			before = e.freed[i]
			i++
		} else {
			free = free.Add(e.endless[k].room)
			k++
		}
		if at > f.bound {
			return
		}
		if m := int(shape.TimesIn(free, int64(f.want))); m > n {
			f.found(step{at, m - n, a})
			n = m
		}
	}
}

// found notes a step of an agent on which only more and more fits.
func (f *forecast) found(s step) {
	f.steps = append(f.steps, s)
	if len(f.steps) >= f.full {
		f.prune()
	}
}

// prune drops the steps that come after all that are wanted can start. What fits
// on an agent with holds may become less, but never less than nothing: those
// without are enough to tell.
func (f *forecast) prune() {
	total := 0
	for i := range f.steps {
		total += f.steps[i].more
	}
	if total >= f.want {
		f.bound = 0
		for _, s := range selectEarliest(f.steps, f.want) {
			f.bound = max(f.bound, s.at)
		}
		f.steps = slices.DeleteFunc(f.steps, func(s step) bool { return s.at > f.bound })
	}
	f.full = 2*len(f.steps) + pruneAt
}

// pruneAt is how many steps are gathered at least between two prunings.
const pruneAt = 128
