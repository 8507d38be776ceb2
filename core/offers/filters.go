package offers

import (
	"container/heap"
	"math"
	"math/bits"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// How long a declined agent's room is not offered again to the same framework
// and role. The default is Mesos' Filters.refuse_seconds.
const (
	DefaultRefuse = 5 * time.Second
	MaxRefuse     = 365 * 24 * time.Hour
)

// filters are what subscribers declined: Mesos' RefusedOfferFilter. One ends when
// its time is up, when its agent has more free than was declined, or when its
// subscriber is revived.
//
// There may be as many as agents times subscribers, ten million and more, so one
// takes a bit and two bytes: a bit in the subscriber's set of agents, which is
// what a pass looks at, and at the agent the number of a level, which says what
// was declined and until when. Filters of an agent mostly share a few levels:
// times are rounded up, by at most 1/32 of the filter's length.
type filters struct {
	agents []agentFilters // by position
	ends   endHeap
	ending map[int64]*ending
	subs   *[]*subscriber
	ended  func(*subscriber) // is told when a filter's time is up
}

type agentFilters struct {
	levels []level
	of     []uint16 // by subscriber's slot: its level plus 1; 0 = no filter
}

// level is what filters of one agent have in common.
type level struct {
	amount model.Resources // free when it was declined
	until  int64           // Unix nanoseconds
	count  int32           // filters; 0 = vacant
	lo, hi int32           // slots of subscribers that may have it
}

// ending is a time at which filters end, and the agents that may have one.
type ending struct {
	until  int64
	agents bitset
}

// refuse filters the agent at pos for s, which has just declined amount there.
func (f *filters) refuse(s *subscriber, pos int, amount model.Resources, now time.Time, length time.Duration) {
	length = min(length, MaxRefuse)
	f.lift(s, pos)
	for pos >= len(f.agents) {
		f.agents = append(f.agents, agentFilters{})
	}
	a := &f.agents[pos]
	if s.slot >= len(a.of) {
		of := make([]uint16, max(len(*f.subs), s.slot+1))
		copy(of, a.of)
		a.of = of
	}
	if !s.gpus {
		amount.GPUMilli = math.MaxInt64 // more of them is nothing to it
	}
	until := roundUp(now.UnixNano()+int64(length), int64(length))
	i := a.level(amount, until)
	if i < 0 {
		return // more different filters on one agent than can be told apart
	}
	l := &a.levels[i]
	if l.count == 0 {
		*l = level{amount: amount, until: until, lo: int32(s.slot), hi: int32(s.slot)}
		f.end(until).agents.set(pos)
	}
	l.count++
	l.lo, l.hi = min(l.lo, int32(s.slot)), max(l.hi, int32(s.slot))
	a.of[s.slot] = uint16(i + 1)
	s.filtered.set(pos)
}

// roundUp returns the first multiple of a step at or after t, where the step is
// a power of two and 1/64 to 1/32 of length.
func roundUp(t, length int64) int64 {
	step := int64(1) << max(bits.Len64(uint64(length))-6, 0)
	return (t + step - 1) &^ (step - 1)
}

// level returns the level of these values, a vacant one for it if there is none,
// and -1 if there can be none.
func (a *agentFilters) level(amount model.Resources, until int64) int {
	vacant := -1
	for i := range a.levels {
		l := &a.levels[i]
		switch {
		case l.count == 0:
			vacant = i
		case l.until == until && l.amount == amount:
			return i
		}
	}
	if vacant < 0 && len(a.levels) < math.MaxUint16-1 {
		vacant = len(a.levels)
		a.levels = append(a.levels, level{})
	}
	return vacant
}

// lift ends the filter of s on the agent at pos, if there is one.
func (f *filters) lift(s *subscriber, pos int) {
	if !s.filtered.has(pos) {
		return
	}
	a := &f.agents[pos]
	a.levels[a.of[s.slot]-1].count--
	a.of[s.slot] = 0
	s.filtered.clear(pos)
}

// liftAll ends all filters of s.
func (f *filters) liftAll(s *subscriber) {
	for pos := s.filtered.next(0); pos >= 0; pos = s.filtered.next(pos + 1) {
		f.lift(s, pos)
	}
}

// liftLevel ends the filters of level i of the agent at pos, and calls f for each.
func (f *filters) liftLevel(pos, i int, each func(*subscriber)) {
	a := &f.agents[pos]
	l := &a.levels[i]
	for slot := l.lo; slot <= l.hi && l.count > 0; slot++ {
		if a.of[slot] == uint16(i+1) {
			s := (*f.subs)[slot]
			f.lift(s, pos)
			if each != nil {
				each(s)
			}
		}
	}
}

// outgrown ends the filters on the agent at pos that were for less than is free now.
func (f *filters) outgrown(pos int, free *model.Resources) {
	if pos >= len(f.agents) {
		return
	}
	for i := range f.agents[pos].levels {
		if l := &f.agents[pos].levels[i]; l.count > 0 && !free.Fits(l.amount) {
			f.liftLevel(pos, i, nil)
		}
	}
}

// forget ends all filters on the agent at pos, which has gone.
func (f *filters) forget(pos int) {
	if pos >= len(f.agents) {
		return
	}
	for i := range f.agents[pos].levels {
		f.liftLevel(pos, i, nil)
	}
	f.agents[pos] = agentFilters{}
}

// expire ends the filters whose time is up.
func (f *filters) expire(now time.Time) {
	for len(f.ends) > 0 && f.ends[0].until <= now.UnixNano() {
		e := heap.Pop(&f.ends).(*ending)
		delete(f.ending, e.until)
		for pos := e.agents.next(0); pos >= 0; pos = e.agents.next(pos + 1) {
			for i := range f.agents[pos].levels {
				if l := &f.agents[pos].levels[i]; l.count > 0 && l.until <= e.until {
					f.liftLevel(pos, i, f.ended)
				}
			}
		}
	}
}

// next returns when the next filters end, zero if there are none.
func (f *filters) next() time.Time {
	if len(f.ends) == 0 {
		return time.Time{}
	}
	return time.Unix(0, f.ends[0].until).UTC()
}

// end returns the ending at a time.
func (f *filters) end(until int64) *ending {
	e := f.ending[until]
	if e == nil {
		e = &ending{until: until}
		f.ending[until] = e
		heap.Push(&f.ends, e)
	}
	return e
}

// endHeap is endings, the next one first.
type endHeap []*ending

func (h endHeap) Len() int           { return len(h) }
func (h endHeap) Less(i, j int) bool { return h[i].until < h[j].until }
func (h endHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *endHeap) Push(x any)        { *h = append(*h, x.(*ending)) }
func (h *endHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return e
}
