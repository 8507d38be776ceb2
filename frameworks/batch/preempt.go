package batch

import "github.com/tender-scheduler/tender/core/model"

// giveBack stops what an inverse offer asks for. The end of each task puts its
// slot back into the queue; of a gang all stop, and it goes back as one. Nothing
// of it is journaled: what a new leader still wants back it asks for again.
//
// Of a drained node only preemptible tasks leave at once: others may well end by
// themselves before the drain's deadline, when the master stops them.
func (f *Framework) giveBack(o *model.InverseOffer) {
	f.out.Call(model.AcceptInverse{Offer: o.ID})
	reason := model.ReasonContainerPreempted
	if o.Drain != nil {
		reason = model.ReasonAgentDraining
	}
	var gangs []*group
	for i := range o.Tasks {
		g, n := f.liveTask(&o.Tasks[i])
		switch {
		case g == nil:
		case o.Drain != nil && !g.job.spec.Preemptible:
		case !g.gang():
			f.out.preempt(g, n, reason)
		case len(gangs) == 0 || gangs[len(gangs)-1] != g:
			gangs = append(gangs, g)
		}
	}
	for _, g := range gangs {
		g.launched(func(n int, s *slot) {
			if s.state.class().live() && s.flags&flagKill == 0 {
				f.out.preempt(g, n, reason)
			}
		})
	}
}

// liveTask finds the slot of an attempt that runs and is not being killed
// anyway; nil if there is no such.
func (f *Framework) liveTask(id *model.TaskID) (*group, int) {
	j := f.jobs[id.Job]
	if j == nil || int(id.Group) >= len(j.groups) {
		return nil, 0
	}
	g := &j.groups[id.Group]
	n, ok := g.slotOf(id.Index)
	if !ok {
		return nil, 0
	}
	s := g.peek(n)
	if !s.state.class().live() || int(s.attempts) != int(id.Attempt)+1 || s.flags&flagKill != 0 {
		return nil, 0
	}
	return g, n
}

func (o *outbox) preempt(g *group, n int, reason model.TaskReason) {
	o.Calls = append(o.Calls, model.Kill{Task: g.taskID(n, g.peek(n)), Reason: reason})
}
