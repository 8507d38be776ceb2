package offers

import (
	"cmp"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// segment is a stretch of time in which what is free on an agent is the same.
type segment struct {
	at   int64 // it begins; it ends where the next one begins
	free model.Resources
	fits int // tasks of the group
}

// around gathers the steps of an agent on which room is held already: a task must
// fit beside the holds for as long as it may run.
func (f *forecast) around(a *agent) {
	if !f.g.plain() || a.exclusive > 0 || len(a.reserved) > 0 {
		f.among(a)
		return
	}
	segs := f.profile(a)
	for i := range segs {
		segs[i].fits = int(f.g.kind.shape.TimesIn(segs[i].free, int64(f.want)))
	}
	// A start just late enough to run into a segment with less is a step, too.
	starts := f.span.starts[:0]
	for i := range segs {
		starts = append(starts, segs[i].at)
		if f.limit > 0 && i > 0 && segs[i].fits < segs[i-1].fits {
			if at := segs[i].at - int64(f.limit) + 1; at > f.now {
				starts = append(starts, at)
			}
		}
	}
	slices.Sort(starts)
	f.span.starts = starts
	f.slide(a, segs, slices.Compact(starts))
}

// slide appends a step wherever the least that fits over the tasks' whole run
// changes: a sliding minimum over the segments.
func (f *forecast) slide(a *agent, segs []segment, starts []int64) {
	least := f.span.least[:0] // positions of segments in the window, their fits ascending
	in, out, head, last := 0, 0, 0, 0
	for _, at := range starts {
		if at > f.bound {
			break
		}
		end := endOf(at, f.limit)
		for in < len(segs) && segs[in].at < end {
			for len(least) > head && segs[least[len(least)-1]].fits >= segs[in].fits {
				least = least[:len(least)-1]
			}
			least = append(least, in)
			in++
		}
		for out+1 < len(segs) && segs[out+1].at <= at {
			out++
		}
		for head < len(least) && least[head] < out {
			head++
		}
		if n := segs[least[head]].fits; n != last {
			f.beside = append(f.beside, step{at, n - last, a})
			f.fewer = f.fewer || n < last
			last = n
		}
	}
	f.span.least = least
}

// span is memory for the steps of one agent.
type span struct {
	changes []shift
	segs    []segment
	starts  []int64
	least   []int
}

// shift is what of an agent becomes free at a time, or is taken.
type shift struct {
	at int64
	by model.Resources
}

// profile returns what is free on a from now on beside all holds. The memory is
// shared with the next call.
func (f *forecast) profile(a *agent) []segment {
	changes := f.span.changes[:0]
	for s := range a.stakes() {
		if at := f.end(s); at != never {
			changes = append(changes, shift{at, s.shape.Times(int64(s.count))})
		}
	}
	for _, p := range a.holds {
		changes = append(changes, shift{max(p.from, f.now), model.Resources{}.Sub(p.room)})
		if p.to != never {
			changes = append(changes, shift{p.to, p.room})
		}
	}
	slices.SortFunc(changes, func(x, y shift) int { return cmp.Compare(x.at, y.at) })
	segs := append(f.span.segs[:0], segment{at: f.now, free: a.free()})
	for _, c := range changes {
		if last := &segs[len(segs)-1]; c.at <= last.at {
			last.free = last.free.Add(c.by)
			continue
		}
		segs = append(segs, segment{at: c.at, free: segs[len(segs)-1].free.Add(c.by)})
	}
	f.span.changes, f.span.segs = changes, segs
	return segs
}

// among is around for groups of which more than amounts decides, and agents with
// exclusive tasks: it asks the filter at every time at which something changes.
// Where several holds overlap the task's run their sum is taken to be in the way,
// which may be more than there is at any one time.
func (f *forecast) among(a *agent) {
	starts := f.changes(a, []int64{f.now})
	for _, p := range a.holds {
		if at := p.from - int64(f.limit) + 1; f.limit > 0 && at > f.now {
			starts = append(starts, at)
		}
	}
	slices.Sort(starts)
	last := 0
	for _, at := range slices.Compact(starts) {
		n := 0
		if c := f.agentAt(a, at); c != nil {
			n, _ = f.g.check(c, f.want, nil, &window{d: f.d, node: f.d.class.node, until: never})
		}
		if n != last {
			f.beside = append(f.beside, step{at, n - last, a})
			f.fewer = f.fewer || n < last
			last = n
		}
	}
}

// changes appends when what is on a ends, and what is held there.
func (f *forecast) changes(a *agent, out []int64) []int64 {
	for s := range a.stakes() {
		if at := f.end(s); at != never {
			out = append(out, at)
		}
	}
	for _, p := range a.holds {
		if p.to != never {
			out = append(out, p.to)
		}
	}
	return out
}

// agentAt returns a as it will be at a time, and beside the holds that begin
// before the demand's tasks would end; nil if a hold leaves nothing at all.
func (f *forecast) agentAt(a *agent, at int64) *agent {
	c := *a
	c.running, c.onOffer, c.holds, c.points, c.borrowed = nil, nil, nil, nil, true
	for s := range a.stakes() {
		left := *s
		left.agent = &c
		if f.end(s) <= at {
			left.leave()
			continue
		}
		left.link()
	}
	end := endOf(at, f.limit)
	for _, p := range a.holds {
		if p.from >= end || p.to <= at {
			continue
		}
		if f.g.room.exclusive || p.hold.d.groups[p.group].kind.Exclusive {
			return nil
		}
		c.used = c.used.Add(p.room)
		if p.hold.d == f.d { // of the same demand's other groups
			c.tasks += p.count
		}
	}
	return &c
}

// startAmongHolds is start where what fits may also become less.
func (f *forecast) startAmongHolds() (at int64, use []step, ok bool) {
	slices.SortStableFunc(f.steps, func(x, y step) int { return cmp.Compare(x.at, y.at) })
	total, n := 0, 0
	for ; n < len(f.steps); n++ {
		if n > 0 && total >= f.want && f.steps[n].at > f.steps[n-1].at {
			break
		}
		total += f.steps[n].more
	}
	if total < f.want {
		return 0, nil, false
	}
	// Each agent as a single step, from when on it has what it has then.
	byAgent := map[*agent]int{}
	var joined []step
	for _, s := range f.steps[:n] {
		i, seen := byAgent[s.agent]
		if !seen {
			i = len(joined)
			byAgent[s.agent] = i
			joined = append(joined, step{agent: s.agent})
		}
		joined[i].more += s.more
		joined[i].at = s.at
	}
	joined = slices.DeleteFunc(joined, func(s step) bool { return s.more <= 0 })
	_, use, ok = pickLatest(joined, f.want)
	return f.steps[n-1].at, use, ok
}
