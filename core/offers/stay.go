package offers

import (
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// An estimated hold stays on the agents it was made on. Tasks without a time
// limit that have just started are expected to end first, so by estimates alone
// it would go from agent to agent, always to where others started last, and a
// demand that needs what several tasks have would wait for as long as small ones
// keep coming.
//
// It is made anew when its agents have kept it waiting for twice as long as they
// were expected to, and for Settings.Patience: their tasks are then of a longer
// kind than was thought. As what is expected grows with that, it does not happen
// often.

// choose notes that h's agents were chosen now.
func (h *hold) choose(b *Book) {
	h.asked = h.d.heldTasks(b)
	h.due = h.found + 2*(h.from-h.found) + int64(b.settings.Patience)
}

// stay returns the hold that d is to have: old, an estimated one which it has,
// as of now, or the one that was found and may be on other agents.
func (b *Book) stay(d *demand, old, found *hold) *hold {
	if found == nil || !found.estimated || old.asked != d.heldTasks(b) || !old.stands(b) {
		return found
	}
	h := b.reestimate(d, old)
	switch {
	case h == nil:
		return found
	case b.pass.now < old.due:
		return h
	case found.from < h.from:
		return found
	}
	h.choose(b)
	return h
}

// reestimate returns h with the times that are expected now; nil if it can never
// start.
func (b *Book) reestimate(d *demand, h *hold) *hold {
	c := *h
	c.d, c.found, c.from, c.firm = d, b.pass.now, never, b.overdue(d)
	c.parts = slices.Clone(h.parts)
	last := int64(0)
	for i := range c.parts {
		p := &c.parts[i]
		p.hold = &c
		need := p.room
		for _, q := range c.parts[:i] {
			if q.agent == p.agent {
				need = need.Add(q.room)
			}
		}
		at := p.agent.guessWhen(need, b.pass.now)
		if at == never {
			return nil
		}
		p.from = at
		c.from, last = min(c.from, at), max(last, at)
	}
	for i := range c.parts {
		p := &c.parts[i]
		if d.AllOrNothing {
			p.from = last
		}
		p.to = endOf(p.from, d.TimeLimit)
	}
	if d.AllOrNothing {
		c.from = last
	}
	return &c
}

// guessWhen returns when need is expected to be free on a beside the holds in
// force; never if it will not be.
func (a *agent) guessWhen(need model.Resources, now int64) int64 {
	times := []int64{now}
	for s := range a.stakes() {
		if at := guessEnd(s, now); at != never {
			times = append(times, at)
		}
	}
	for _, p := range a.holds {
		if p.to != never {
			times = append(times, p.to)
		}
	}
	slices.Sort(times)
	for _, t := range times {
		if t >= now && need.Fits(a.guessAt(t, now).Sub(a.heldAt(t, true))) {
			return t
		}
	}
	return never
}
