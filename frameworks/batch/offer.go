package batch

import (
	"strconv"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// answer accepts as much of an offer as is wanted, or declines it.
func (f *Framework) answer(o *model.Offer) {
	g := f.groupOf(o.Demand)
	if g == nil {
		f.out.Decline(o, 0)
		return
	}
	want := g.startable()
	if want == 0 {
		f.out.Decline(o, 0)
		f.changed(g) // the master has not heard yet
		return
	}
	if !f.inTime(g, o) || g.gang() && sdk.Room(o.Parts, 0) < want {
		f.out.Decline(o, sdk.RefuseUnfit)
		return
	}
	placed := g.assign(o.Parts, want)
	if len(placed) == 0 {
		f.out.Decline(o, sdk.RefuseUnfit)
		return
	}
	launches := make([]model.Launch, len(placed))
	shape, env := g.spec.Shape(), g.env()
	for i, p := range placed {
		launches[i] = model.Launch{
			Agent: o.Parts[p.Part].Agent, Job: g.job.id, Group: g.num, Shape: shape,
			TimeLimit: g.job.spec.TimeLimit, Tasks: g.attempts(p.Slots), Env: env, Spec: g.job.spec,
		}
		if gs := o.Parts[p.Part].Grants; len(gs) >= len(p.Slots) {
			launches[i].Grants = gs[:len(p.Slots)]
		}
		g.claimed += len(p.Slots)
	}
	f.out.Call(model.Accept{Offer: o.ID, Launches: launches})
	f.changed(g)
}

// inTime reports whether a task started now would end before the offer's
// resources are wanted by someone else.
func (f *Framework) inTime(g *group, o *model.Offer) bool {
	if o.UnavailableFrom.IsZero() {
		return true
	}
	limit := g.job.spec.TimeLimit.Std()
	return limit > 0 && !f.out.Now.Add(limit).After(o.UnavailableFrom)
}

// changed has the group's demand sent anew: the master's idea of its count is
// not known any more.
func (f *Framework) changed(g *group) {
	f.book.Forget(g.demand())
	f.touch(g)
}

func (g *group) attempts(slots []int) []model.Attempt {
	out := make([]model.Attempt, len(slots))
	for i, n := range slots {
		out[i] = model.Attempt{Index: g.indexAt(n), Attempt: g.peek(n).attempts}
	}
	return out
}

// env is what a gang's tasks are told of it. Who is on which agent is added by
// the master, which knows the agents' names.
func (g *group) env() map[string]string {
	if !g.gang() {
		return nil
	}
	ranks := max(g.spec.Gang.Ranks, 1)
	return map[string]string{
		"TENDER_GANG_SIZE":  strconv.Itoa(g.size),
		"TENDER_WORLD_SIZE": strconv.Itoa(g.size * ranks),
	}
}

// refused takes back a call that failed its check.
func (f *Framework) refused(r *model.Refused) {
	why := ""
	if r.Refusal != nil {
		why = r.Refusal.Message
	}
	switch c := r.Call.(type) {
	case model.Accept:
		var g *group // an offer is for one group
		for i := range c.Launches {
			g = f.unclaim(&c.Launches[i])
		}
		if g != nil {
			f.holdBack(g, why)
		}
	case model.Demands:
		for i := range c.Set {
			if g := f.groupOf(c.Set[i].ID); g != nil {
				f.holdBack(g, why)
			}
		}
	}
}

// unclaim returns the slots of a refused launch to the ready set of their group.
func (f *Framework) unclaim(l *model.Launch) *group {
	j := f.jobs[l.Job]
	if j == nil || int(l.Group) >= len(j.groups) {
		return nil
	}
	g := &j.groups[l.Group]
	for _, a := range l.Tasks {
		n, ok := g.slotOf(a.Index)
		if !ok {
			continue
		}
		g.claimed = max(g.claimed-1, 0)
		s := g.peek(n)
		if c := s.state.class(); s.attempts == a.Attempt && (c == classWaiting || c == classDelayed) {
			g.ready.Add(n)
		}
	}
	return g
}

// holdBack counts a refusal and has the demand sent again, at once or later.
func (f *Framework) holdBack(g *group, why string) {
	if g.refusals.Add(f.out.Now, why) {
		f.timers.Push(g.refusals.Until, alarm{kind: alarmHold, group: g})
	}
	f.changed(g)
}
