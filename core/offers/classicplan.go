package offers

import (
	"math"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/offers/shares"
)

// stirClassic ends filters, and reports whether subscribers may get something
// though no agent gained.
func (b *Book) stirClassic(now time.Time) bool {
	c := &b.classic
	if len(c.frameworks) == 0 {
		return false
	}
	c.filters.expire(now)
	return len(c.eager) > 0 || len(c.held) > 0 && (c.changed || c.due != b.roles.Due())
}

// planClassic offers what agents have left to subscribers, at the end of a pass.
//
// It is progressive filling: the subscriber with the smallest share gets the
// first agent that has something for it, until no agent has anything for anybody.
// An agent that has not gained since the last pass is looked at only for those
// subscribers for which something else has changed.
func (b *Book) planClassic(now time.Time) []model.Offer {
	c := &b.classic
	if len(c.frameworks) == 0 {
		return nil
	}
	p, some := b.beginClassic(now)
	if !some {
		return nil
	}
	made := b.scratch.offers[:0]
	ranking := b.roles.Ranking(shares.Classic)
	for c.rooms > 0 {
		n := ranking.First()
		if n == nil {
			break
		}
		o := b.offerNext(&p, c.subscribers[n.Tag])
		if o == nil {
			ranking.Drop(n)
			continue
		}
		made = append(made, o)
	}
	b.endClassic()
	var out []model.Offer
	if len(made) > 0 {
		out = make([]model.Offer, len(made))
	}
	for i, o := range made {
		out[i], made[i] = o.Offer, nil
	}
	b.scratch.offers = made
	return out
}

// classicPass is what holds for one pass.
type classicPass struct {
	now  time.Time
	due  bool            // there are unmet guarantees
	free model.Resources // in the whole cluster, if due
}

// beginClassic chooses who takes part in a pass, and reports whether anybody does.
func (b *Book) beginClassic(now time.Time) (p classicPass, some bool) {
	c := &b.classic
	due := b.roles.Due()
	if c.anyGained || c.changed || due != c.due {
		for _, x := range c.held {
			x.held = false
			c.wantAll(x)
		}
		c.held = c.held[:0]
	}
	c.changed, c.due = false, due
	if !c.anyGained && len(c.eager) == 0 {
		return p, false
	}
	c.pass++
	b.holdPending()
	ranking := b.roles.Ranking(shares.Classic)
	if c.anyGained {
		ranking.Begin()
	} else {
		for _, x := range c.eager {
			ranking.Restore(x.node)
		}
	}
	p = classicPass{now: now, due: !due.IsZero()}
	if p.due {
		p.free = b.freeInAll()
	}
	return p, true
}

// freeInAll returns what is free on all agents that may be used.
func (b *Book) freeInAll() (sum model.Resources) {
	for _, a := range b.agents {
		if a != nil && a.open() {
			sum = sum.Add(atLeastNone(a.free()))
		}
	}
	return sum
}

func (b *Book) endClassic() {
	c := &b.classic
	for i, x := range c.eager {
		x.all, c.eager[i] = false, nil
	}
	c.eager = c.eager[:0]
	clear(c.gained)
	c.anyGained = false
}

// offerNext makes an offer to x of the first agent that has something for it, nil
// if none has.
func (b *Book) offerNext(p *classicPass, x *subscriber) *offer {
	c := &b.classic
	if x.pass != c.pass {
		x.pass, x.cursor = c.pass, 0
	}
	most := b.allowance(p, x)
	if !useful(most) {
		c.holdBack(x)
		return nil
	}
	among := c.gained
	if x.all {
		among = c.room
	}
	for pos := among.nextBut(x.filtered, x.cursor); pos >= 0; pos = among.nextBut(x.filtered, pos+1) {
		x.cursor = pos + 1
		a := b.agents[pos]
		if a == nil || !a.open() || !useful(a.free()) {
			c.spend(pos)
			continue
		}
		room := b.leftover(a, x)
		if !x.gpus {
			room.GPUMilli = 0
		}
		give := least(room, most)
		if give != room && useful(room) {
			c.holdBack(x)
		}
		if !useful(give) {
			continue
		}
		o := b.offerRoom(p, x, a, give)
		if !useful(a.free()) {
			c.spend(pos)
		}
		return o
	}
	return nil
}

// allowance is what the limits of x's role and what is due to others leave to x.
func (b *Book) allowance(p *classicPass, x *subscriber) model.Resources {
	most := x.node.Spare(everything)
	if p.due {
		most = least(most, x.node.Claimable(p.free))
	}
	return most
}

var everything = model.Resources{CPUMilli: math.MaxInt64, MemoryBytes: math.MaxInt64, DiskBytes: math.MaxInt64, GPUMilli: math.MaxInt64}

// leftover is what of a's free room may be offered to x: what reservations for
// others leave, beside all holds that are firm. Nothing is offered until a hold
// begins, for hardly a framework that sends no demands says how long its tasks run.
func (b *Book) leftover(a *agent, x *subscriber) model.Resources {
	left := a.free()
	if len(a.reserved) > 0 {
		left = a.unreserved(x.node)
	}
	for i := range a.points {
		left = least(left, a.points[i].slack)
	}
	return left
}

// useful reports whether r is worth an offer: what Mesos calls allocatable
// (MIN_CPUS and MIN_MEM), and nothing below zero.
func useful(r model.Resources) bool {
	const minCPUMilli, minMemoryBytes = 10, 32 << 20
	return (r.CPUMilli >= minCPUMilli || r.MemoryBytes >= minMemoryBytes) &&
		r.CPUMilli >= 0 && r.MemoryBytes >= 0 && r.DiskBytes >= 0 && r.GPUMilli >= 0
}

// holdBack notes that x would get more but for a limit, or others' guarantees.
func (c *classic) holdBack(x *subscriber) {
	if !x.held {
		x.held = true
		c.held = append(c.held, x)
	}
}
