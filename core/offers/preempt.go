package offers

import (
	"cmp"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/offers/shares"
)

// maxPreemptors is for how many of the first unserved demands of a pass it is
// looked at whether preempting others would help.
const maxPreemptors = 8

// leastGrace is what preempted tasks get at least to end in.
const leastGrace = time.Second

// victim is some tasks of a stake that are to end for a demand.
type victim struct {
	stake *stake
	count int
}

// preempt recalls tasks for demands that may have that and would gain by it.
func (b *Book) preempt() {
	for _, d := range b.pass.unserved {
		if d.preempting > 0 || d.total() == 0 || b.preemptible == 0 {
			continue
		}
		if v, deadline := b.victimsFor(d); len(v) > 0 {
			b.recall(d, v, deadline)
			b.dirty = true
		}
	}
}

// mayPreempt reports whether d may have s's tasks stopped: those of its own role
// of lower priority, and those of other roles that use what d's role is
// guaranteed and has not got, beyond their own guarantee.
func (b *Book) mayPreempt(d *demand, s *stake) bool {
	switch {
	case !s.Preemptible || s.inverse != nil:
		return false
	case s.Role == d.Role:
		return s.Priority < d.Priority
	case within(s.node, d.class.node) || within(d.class.node, s.node):
		return s.Priority < d.Priority
	}
	return d.class.node.Below(d.asks()) && borrows(s.node, d.class.node, s.shape)
}

// borrows reports whether the role n, and those above it that are not above the
// role to, would still use no less than they are guaranteed without the amount.
func borrows(n, to *shares.Node, without model.Resources) bool {
	for ; n != nil && !within(to, n); n = n.Parent() {
		c, ok := n.Config()
		if !ok {
			continue
		}
		rest := n.Used().Sub(without)
		for _, dim := range dimensions {
			if g := *dim.of(&c.Guarantee); g > 0 && *dim.of(&without) > 0 && *dim.of(&rest) < g {
				return false
			}
		}
	}
	return true
}

// gain is what recalling some tasks on an agent brings.
type gain struct {
	agent   *agent
	tasks   int // of the demand, that fit with what is free there
	victims []victim
	rank    int   // highest priority among the victims
	lost    int64 // seconds that the victims have run, times their cores
}

// victimsFor chooses tasks to recall so that d can start, all of it if it is a
// gang: those of the lowest priority, and among them those that lose least. It
// returns none if d would not gain by it.
func (b *Book) victimsFor(d *demand) ([]victim, time.Time) {
	if len(d.groups) > 1 && d.AllOrNothing || d.capped() && d.groups[0].caps.spread != nil {
		return nil, time.Time{} // their places cannot be judged agent by agent
	}
	i := d.firstWanted()
	want := b.headroom(d, d.total())
	if !d.AllOrNothing {
		want = min(want, max(b.settings.TasksHeld, 1))
	}
	if want == 0 {
		return nil, time.Time{}
	}
	var gains []gain
	for _, a := range b.agents {
		if a == nil || !a.usable() || d.groups[i].room.checkEmpty(a) != fits {
			continue
		}
		gains = b.gainsOn(a, d, i, want, gains)
	}
	slices.SortStableFunc(gains, func(x, y gain) int {
		return cmp.Or(cmp.Compare(x.rank, y.rank), cmp.Compare(x.lost, y.lost), cmp.Compare(x.agent.pos, y.agent.pos))
	})
	var out []victim
	grace := leastGrace
	due := d.class.node.GuaranteeRoom(d.groups[i].kind.shape, want)
	taken := map[*shares.Node]model.Resources{}
	for _, g := range gains {
		if want <= 0 {
			break
		}
		if g.others(d) && (g.tasks > due || !g.spares(d, taken)) {
			continue
		}
		if g.others(d) {
			due -= g.tasks
		}
		want -= g.tasks
		for _, v := range g.victims {
			grace = max(grace, v.stake.Grace.Std())
		}
		out = append(out, g.victims...)
	}
	deadline := b.pass.at.Add(grace)
	if d.AllOrNothing && want > 0 || len(out) == 0 || b.soonEnough(d, deadline) {
		return nil, time.Time{}
	}
	return out, deadline
}

// soonEnough reports whether d starts without preempting about as early.
func (b *Book) soonEnough(d *demand, deadline time.Time) bool {
	h := d.hold
	if h == nil || h.found != b.pass.now {
		h = b.findHold(d)
	}
	return h != nil && !h.estimated && h.from <= deadline.Add(b.settings.PreemptGap).UnixNano()
}

// gainsOn appends what can be had on a: first what fits without anybody's end,
// then what the fewest recalls bring.
func (b *Book) gainsOn(a *agent, d *demand, i, want int, out []gain) []gain {
	g := &d.groups[i]
	n, _ := g.check(a, want, nil, nil)
	if n > 0 && d.AllOrNothing {
		out = append(out, gain{agent: a, tasks: n, rank: -1})
	}
	var mine []*stake
	for _, s := range a.running {
		if b.mayPreempt(d, s) {
			mine = append(mine, s)
		}
	}
	if len(mine) == 0 {
		return out
	}
	slices.SortStableFunc(mine, func(x, y *stake) int {
		return cmp.Or(cmp.Compare(x.Priority, y.Priority), cmp.Compare(y.since, x.since))
	})
	c := a.copyOf()
	next := gain{agent: a, rank: -1}
	for _, s := range mine {
		for k := 1; k <= s.count && n < want; k++ {
			c.lose(s)
			next.add(s, b.pass.now)
			if m, _ := g.check(c, want, nil, nil); m > n {
				next.tasks = m - n
				out = append(out, next)
				next = gain{agent: a, rank: -1}
				n = m
			}
		}
	}
	return out
}

// others reports whether some of the victims are of roles that only what is
// guaranteed may be taken back from.
func (g *gain) others(d *demand) bool {
	return slices.ContainsFunc(g.victims, func(v victim) bool {
		n := v.stake.node
		return !within(n, d.class.node) && !within(d.class.node, n)
	})
}

// spares reports whether all roles keep what they are guaranteed without the
// victims and what was taken of them before, and adds the victims to that.
func (g *gain) spares(d *demand, taken map[*shares.Node]model.Resources) bool {
	more := map[*shares.Node]model.Resources{}
	for _, v := range g.victims {
		n := v.stake.node
		more[n] = more[n].Add(v.stake.shape.Times(int64(v.count)))
	}
	for n, r := range more {
		if !borrows(n, d.class.node, taken[n].Add(r)) {
			return false
		}
	}
	for n, r := range more {
		taken[n] = taken[n].Add(r)
	}
	return true
}

func (g *gain) add(s *stake, now int64) {
	g.rank = max(g.rank, s.Priority)
	g.lost += (now - s.since) / int64(time.Second) * max(s.shape.CPUMilli, 1) / 1000
	if n := len(g.victims); n > 0 && g.victims[n-1].stake == s {
		g.victims[n-1].count++
		return
	}
	g.victims = append(g.victims, victim{s, 1})
}

// copyOf returns a copy of a whose stakes may be taken away.
func (a *agent) copyOf() *agent {
	c := *a
	c.running, c.onOffer, c.borrowed = nil, slices.Clone(a.onOffer), true
	for _, s := range a.running {
		x := *s
		x.agent = &c
		c.running = append(c.running, &x)
	}
	return &c
}

// lose takes one task of the stake that s is a copy of off a copy of an agent.
func (a *agent) lose(s *stake) {
	for _, x := range a.running {
		if x.kind == s.kind && x.since == s.since && x.until == s.until && x.job == s.job && x.count > 0 {
			if len(x.grants) > 0 {
				a.own().release(&x.grants[0])
				x.grants = x.grants[1:]
			}
			x.take(-1)
			return
		}
	}
}
