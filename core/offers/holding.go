package offers

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// holdPending gives those that went unserved their holds, before somebody behind
// them is served.
func (b *Book) holdPending() {
	p := &b.pass
	for _, d := range p.pending {
		if p.holds == 0 {
			break
		}
		if h := b.holdFor(d); h != nil {
			b.keep(h)
			b.bars(d)
			p.holds--
		}
	}
	p.pending = p.pending[:0]
}

// holdFor returns the hold that d has or is to have; nil if it cannot have one.
func (b *Book) holdFor(d *demand) *hold {
	now := b.pass.now
	if d.Every {
		return nil // it waits for nothing
	}
	if h := d.hold; h != nil && len(b.agents) > b.settings.RefreshAgents &&
		now-h.found < int64(b.settings.Refresh) && h.from > now && h.stands(b) {
		return h
	}
	if d.futile(b) {
		return nil
	}
	found := b.findHold(d)
	if old := d.hold; old != nil && !old.estimated && old.tasks == d.heldTasks(b) && old.stands(b) {
		// The search is not exact for gangs of several groups: what it found before
		// is as good as ever, and a hold must not move later. Nor to other agents, if
		// others have holds that were made around it.
		if found == nil || found.estimated || found.from > old.from || found.from == old.from && b.settings.Holds != 1 {
			return old
		}
	} else if old != nil && old.estimated {
		found = b.stay(d, old, found)
	}
	if d.hold = found; found == nil {
		d.hopelessAt, d.hopelessGen = now, b.gains
	}
	return found
}

// heldTasks returns for how many tasks of d there is to be a hold.
func (d *demand) heldTasks(b *Book) int {
	if d.AllOrNothing {
		return d.total()
	}
	return min(d.total(), b.settings.TasksHeld)
}

// futile reports whether a hold was looked for in vain a moment ago. What has no
// time limit may have ended since, but then the demand is looked at anyhow.
func (d *demand) futile(b *Book) bool {
	return d.hopelessAt != 0 && (d.hopelessGen == b.gains || b.pass.now-d.hopelessAt < int64(b.settings.Refresh)) &&
		len(b.agents) > b.settings.RefreshAgents
}

// findHold looks for the earliest time at which d can start beside the holds in
// force: by time limits, or else by estimates.
func (b *Book) findHold(d *demand) *hold {
	for _, guess := range []bool{false, true} {
		h := b.reckonHold(d, guess)
		if h == nil {
			continue
		}
		h.estimated = guess
		if guess && h.from-b.pass.now > int64(b.settings.Horizon) {
			return nil
		}
		h.firm = !guess || b.overdue(d)
		h.choose(b)
		return h
	}
	return nil
}

// overdue reports whether d has waited for so long that nothing goes before it
// any more that comes after it.
func (b *Book) overdue(d *demand) bool { return b.pass.at.Sub(d.since) >= b.settings.Patience }

func (b *Book) reckonHold(d *demand, guess bool) *hold {
	h := &hold{d: d, found: b.pass.now, from: never}
	if d.AllOrNothing {
		if len(d.groups) > 1 || d.groups[0].caps != nil && d.groups[0].caps.spread != nil {
			return b.holdByTrial(h, guess)
		}
		f := b.forecastFor(d, 0, d.wanted(0), guess)
		at, use, ok := f.start()
		if !ok {
			return nil
		}
		for _, s := range use {
			h.add(s.agent, 0, s.more, at)
		}
		return h
	}
	i := d.firstWanted()
	if d.groups[i].caps != nil && d.groups[i].caps.spread != nil {
		return nil
	}
	want := b.headroom(d, min(d.total(), b.settings.TasksHeld))
	if want == 0 {
		return nil
	}
	f := b.forecastFor(d, i, want, guess)
	f.look()
	for _, s := range firstOnes(f.steps, want) {
		h.add(s.agent, i, s.more, s.at)
	}
	if h.tasks == 0 {
		return nil
	}
	return h
}

// firstOnes returns the earliest steps that come to want tasks in all, fewer if
// there are none. Where steps also become less only those before that count: each
// task is to run for its whole time.
func firstOnes(steps []step, want int) []step {
	lost := map[*agent]bool{}
	kept := steps[:0]
	for _, s := range steps {
		if s.more < 0 {
			lost[s.agent] = true
		} else if !lost[s.agent] {
			kept = append(kept, s)
		}
	}
	total := 0
	for i := range kept {
		total += kept[i].more
	}
	if total > want {
		kept = selectEarliest(kept, want)
	}
	slices.SortFunc(kept, func(x, y step) int {
		return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(x.agent.pos, y.agent.pos))
	})
	for i := range kept {
		if kept[i].more >= want {
			kept[i].more = want
			return kept[:i+1]
		}
		want -= kept[i].more
	}
	return kept
}

func (b *Book) forecastFor(d *demand, i, want int, guess bool) *forecast {
	old := &b.scratch.forecast
	*old = forecast{
		b: b, d: d, g: &d.groups[i], now: b.pass.now, limit: d.TimeLimit, want: want, guess: guess,
		steps: old.steps, beside: old.beside, held: old.held, span: old.span, ends: old.ends,
	}
	return &b.scratch.forecast
}

// add holds room for count tasks of d's group i on a from a time on.
func (h *hold) add(a *agent, i, count int, from int64) {
	g := &h.d.groups[i]
	room := g.kind.shape.Times(int64(count))
	if g.kind.Exclusive {
		room = a.info.Capacity
	}
	h.tasks += count
	h.from = min(h.from, from)
	if n := len(h.parts); n > 0 {
		if p := &h.parts[n-1]; p.agent == a && p.group == i && p.from == from && !g.kind.Exclusive {
			p.count += count
			p.room = p.room.Add(room)
			return
		}
	}
	h.parts = append(h.parts, heldPart{
		hold: h, agent: a, group: i, count: count, room: room, from: from, to: endOf(from, h.d.TimeLimit),
	})
}

// holdByTrial looks for the start of a gang whose groups have to be placed
// together: at the times at which something ends, by bisection.
func (b *Book) holdByTrial(h *hold, guess bool) *hold {
	d := h.d
	f := b.forecastFor(d, 0, 1, guess)
	var times []int64
	for _, a := range b.agents {
		if a != nil {
			times = f.changes(a, times)
		}
	}
	slices.Sort(times)
	times = slices.Compact(times)
	wants := make([]int, len(d.groups))
	for i := range wants {
		wants[i] = d.wanted(i)
	}
	at := func(t int64) trial { return try(f.agentsAt(t), d.groups, wants, true, nil) }
	n := sort.Search(len(times), func(i int) bool { return at(times[i]).whole })
	if n == len(times) {
		return nil
	}
	t := at(times[n])
	for pos, a := range t.agents {
		for _, s := range a.onOffer {
			if s.offer == whatIf {
				h.add(f.known[pos], s.Group, s.count, times[n])
			}
		}
	}
	return h
}

// agentsAt returns the agents as they will be at a time and for as long as the
// demand may run from then on.
func (f *forecast) agentsAt(t int64) []*agent {
	var out []*agent
	f.known = f.known[:0]
	for _, a := range f.b.agents {
		if a == nil || !a.usable() {
			continue
		}
		if c := f.agentAt(a, t); c != nil {
			f.known = append(f.known, a)
			out = append(out, c)
		}
	}
	return out
}

// timeOf returns t as a time, zero for never.
func timeOf(t int64) time.Time {
	if t == never {
		return time.Time{}
	}
	return time.Unix(0, t).UTC()
}

var resourcesNone model.Resources

// least returns the smaller of each component.
func least(a, b model.Resources) model.Resources {
	return model.Resources{
		CPUMilli: min(a.CPUMilli, b.CPUMilli), MemoryBytes: min(a.MemoryBytes, b.MemoryBytes),
		DiskBytes: min(a.DiskBytes, b.DiskBytes), GPUMilli: min(a.GPUMilli, b.GPUMilli),
	}
}
