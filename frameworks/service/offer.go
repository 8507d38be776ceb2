package service

import (
	"slices"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// chosen is an allocation that an offer's room is for.
type chosen struct {
	index   uint32
	lane    uint16
	attempt uint16
	alloc   *alloc // nil = a slot that is made when it is staged
}

// answer accepts as much of an offer as is wanted, or declines it.
func (f *Framework) answer(o *model.Offer) {
	b := f.bucket[o.Demand]
	if b == nil || b.g.job.stopping() {
		f.out.Decline(o, 0)
		return
	}
	if !o.UnavailableFrom.IsZero() { // a service has no end
		f.out.Decline(o, sdk.RefuseUnfit)
		return
	}
	var launches []model.Launch
	next := f.takers(b)
	for i := range o.Parts {
		part := &o.Parts[i]
		var who []chosen
		for range part.Count {
			if c, ok := next(part.Agent); ok {
				who = append(who, c)
			}
		}
		launches = append(launches, b.launches(part, who)...)
	}
	f.book.Forget(b.id)
	f.out.touch(b.g.job)
	if launches == nil {
		// Of a system job's, what is not taken was never wanted; of others' it is
		// not wanted any more, which the master has not heard yet.
		f.out.Decline(o, 0)
		return
	}
	f.out.Call(model.Accept{Offer: o.ID, Launches: launches})
}

// takers returns what gives one allocation of the bucket after the other, for a
// place on an agent.
func (f *Framework) takers(b *bucket) func(model.AgentID) (chosen, bool) {
	if b.g.job.system() {
		return func(agent model.AgentID) (chosen, bool) { return f.takeOn(b, agent) }
	}
	var who []chosen
	for _, s := range b.g.Slots {
		for _, a := range [...]*alloc{s.Cur, s.Next} {
			if f.ready(s, a) && a.Base == b.base && a.Prefer == b.prefer && a.Shun == b.shun {
				who = append(who, chosen{s.Index, a.Lane, a.Attempt, a})
			}
		}
	}
	return func(model.AgentID) (c chosen, ok bool) {
		if len(who) == 0 {
			return c, false
		}
		c, who = who[0], who[1:]
		c.alloc.claimed = true
		return c, true
	}
}

// takeOn gives a system job's allocation for an agent: of the slot that it has, or
// of a new one.
func (f *Framework) takeOn(b *bucket, agent model.AgentID) (chosen, bool) {
	g := b.g
	for _, s := range g.Slots {
		if s.Agent != agent {
			continue
		}
		if a := s.target(); f.ready(s, a) && a.Base == b.base {
			a.claimed = true
			return chosen{s.Index, a.Lane, a.Attempt, a}, true
		}
		return chosen{}, false
	}
	index := f.freeIndex(g)
	f.out.taken = append(f.out.taken, placed{g, index})
	s := &slot{Index: index}
	used := slices.Clone(g.Used)
	a := g.newAlloc(s)
	g.Used = used // it counts only once it is staged
	return chosen{index, a.Lane, a.Attempt, nil}, true
}

// placed is an index that an offer was accepted for and no slot has yet.
type placed struct {
	g     *group
	index uint32
}

// freeIndex returns the lowest number that no slot of the group has.
func (f *Framework) freeIndex(g *group) uint32 {
	n := uint32(0)
	for g.slot(n) != nil || slices.Contains(f.out.taken, placed{g, n}) {
		n++
	}
	return n
}

// launches makes the launches of those that go to one part of an offer: one for
// each lane, as which a job of its own is launched.
func (b *bucket) launches(part *model.OfferPart, who []chosen) []model.Launch {
	_, num := b.g.runs(b.base)
	spec := b.g.job.version(b.base).toRun()
	slices.SortStableFunc(who, func(x, y chosen) int {
		if x.lane != y.lane {
			return int(x.lane) - int(y.lane)
		}
		return int(int64(x.index) - int64(y.index))
	})
	var out []model.Launch
	for n, c := range who {
		id := launchID(b.g.job.ID, b.base, c.lane)
		if len(out) == 0 || out[len(out)-1].Job != id {
			out = append(out, model.Launch{
				Agent: part.Agent, Job: id, Group: uint16(num), Shape: spec.Groups[num].Shape(), Spec: spec,
				Env: environment(b.g.job, b.base),
			})
		}
		l := &out[len(out)-1]
		l.Tasks = append(l.Tasks, model.Attempt{Index: c.index, Attempt: c.attempt})
		if len(part.Grants) >= len(who) {
			l.Grants = append(l.Grants, part.Grants[n])
		}
	}
	return out
}

// refused takes back a call that failed its check.
func (f *Framework) refused(r *model.Refused) {
	why := ""
	if r.Refusal != nil {
		why = r.Refusal.Message
	}
	switch c := r.Call.(type) {
	case model.Accept:
		for i := range c.Launches {
			l := &c.Launches[i]
			x, ok := f.launchOf(l.Job)
			if !ok {
				continue
			}
			g := x.group(l.Group)
			if g == nil {
				continue
			}
			for _, s := range g.Slots {
				for _, a := range [...]*alloc{s.Cur, s.Next} {
					if a != nil && a.Base == x.base && a.Lane == x.lane {
						a.claimed = false
					}
				}
			}
			if i == len(c.Launches)-1 {
				f.holdBack(g, why)
			}
		}
	case model.Demands:
		for i := range c.Set {
			if b := f.bucket[c.Set[i].ID]; b != nil {
				f.holdBack(b.g, why)
			}
		}
	}
}

// holdBack counts a refusal and has the group's demands sent again, at once or later.
func (f *Framework) holdBack(g *group, why string) {
	g.refusals.Add(f.out.Now, why)
	for id, b := range g.job.buckets {
		if b.g == g {
			f.book.Forget(id)
		}
	}
	f.out.touch(g.job)
}
