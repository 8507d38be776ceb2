package batch

import (
	"slices"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// maxIndices bounds a partial cancellation, which is one journal entry.
const maxIndices = 50_000

// cancel stops a job or some of it.
func (f *Framework) cancel(r *model.CancelJob) (any, *model.Refusal) {
	j, err := f.find(r.Selector)
	if err != nil {
		return nil, err
	}
	if j.state.Ended() {
		return nil, model.Refuse(model.ReasonTerminalJob, "job %q (%s) has ended already: %s", j.spec.Name, j.id, j.state)
	}
	if len(r.Indices) > maxIndices {
		return nil, model.Refuse(model.ReasonTooLarge, "cancel %d indices: the limit is %d at once; cancel the group, or a part at a time", len(r.Indices), maxIndices)
	}
	e := cancelled{ID: j.id, At: sdk.MicrosOf(f.out.Now), Indices: r.Indices}
	if r.Group != "" || len(r.Indices) > 0 {
		if e.Groups, err = f.cancelGroups(j, r); err != nil {
			return nil, err
		}
	}
	open, stopping := j.standingOf(&e)
	switch {
	case j.state != model.JobStopping && open:
		f.emit(&e)
	case j.state == model.JobStopping || stopping:
		f.resendKills(j)
	default:
		return nil, model.Refuse(model.ReasonTerminalJob, "job %q (%s): those tasks have ended already", j.spec.Name, j.id)
	}
	return f.view(j, false), nil
}

// cancelGroups finds the groups that a partial cancellation is about.
func (f *Framework) cancelGroups(j *job, r *model.CancelJob) ([]uint16, *model.Refusal) {
	var nums []uint16
	var names []string
	for i := range j.groups {
		g := &j.groups[i]
		names = append(names, g.spec.Name)
		if r.Group != "" && g.spec.Name != r.Group {
			continue
		}
		if g.gang() && len(r.Indices) > 0 {
			return nil, model.Refuse(model.ReasonBadRequest,
				"group %q of job %q is a gang, which stops as one; cancel the group, or name another", g.spec.Name, j.spec.Name)
		}
		nums = append(nums, g.num)
	}
	if nums == nil {
		ref := model.Refuse(model.ReasonNotFound, "job %q (%s) has no group %q", j.spec.Name, j.id, r.Group)
		ref.Details = names
		return nil, ref
	}
	for _, index := range r.Indices {
		if !slices.ContainsFunc(nums, func(n uint16) bool { _, ok := j.groups[n].slotOf(index); return ok }) {
			return nil, model.Refuse(model.ReasonNotFound, "job %q (%s) has no task with index %d", j.spec.Name, j.id, index)
		}
	}
	return nums, nil
}

// standingOf reports whether a cancellation would change anything, and whether
// any of what it is about is being stopped already.
func (j *job) standingOf(e *cancelled) (open, stopping bool) {
	if len(e.Groups) == 0 {
		return true, false
	}
	j.chosen(e, func(g *group, n int) bool {
		s := g.peek(n)
		if !s.state.class().ended() {
			stopping = stopping || s.flags&flagKill != 0
			open = s.flags&flagKill == 0 || g.abort == abortFault || g.abort == abortFree || g.abort == abortPreempt
		}
		return !open
	})
	return open, stopping
}

// chosen calls f for the slots that a partial cancellation is about until it
// returns false.
func (j *job) chosen(e *cancelled, f func(g *group, n int) bool) {
	for _, num := range e.Groups {
		g := &j.groups[num]
		if len(e.Indices) == 0 {
			for n := range g.size {
				if !g.isVacant(n) && !f(g, n) {
					return
				}
			}
		}
		for _, index := range e.Indices {
			if n, ok := g.slotOf(index); ok && !f(g, n) {
				return
			}
		}
	}
}

func (f *Framework) resendKills(j *job) {
	for i := range j.groups {
		g := &j.groups[i]
		if g.killing == 0 {
			continue
		}
		g.launched(func(n int, s *slot) {
			if s.flags&flagKill != 0 {
				f.kill(g, n, s)
			}
		})
	}
}

func (f *Framework) foldCancelled(e *cancelled) error {
	j, err := f.known(e.ID)
	if err != nil {
		return err
	}
	f.tick(e.At)
	if j.state.Ended() {
		return nil
	}
	if len(e.Groups) > 0 {
		return f.foldCancelledPart(j, e)
	}
	j.state = model.JobStopping
	if j.live > 0 {
		f.out.notice(e.At, "job_cancelling", j, "")
	}
	for i := range j.groups {
		f.killLive(&j.groups[i])
	}
	j.freeReady()
	f.touchAll(j)
	f.endIfOver(j, e.At)
	return nil
}

// foldCancelledPart gives up the chosen slots. Each is written, unlike for a
// whole job, as the others go on.
func (f *Framework) foldCancelledPart(j *job, e *cancelled) error {
	for _, num := range e.Groups {
		if int(num) >= len(j.groups) {
			return errNoGroup(j, num)
		}
		if g := &j.groups[num]; g.gang() && g.live() > 0 {
			g.abort = abortStop // also if it was to go back to the queue
		}
	}
	j.chosen(e, func(g *group, n int) bool {
		switch c := g.peek(n).state.class(); {
		case c.live():
			if s := g.at(n); s.flags&flagKill == 0 {
				f.kill(g, n, s)
			}
		case !c.ended():
			s := g.at(n)
			g.set(n, s, taskSlot(model.TaskKilled))
			s.finished, s.cause = e.At, codeOfCause(model.CauseKilled)
		}
		return true
	})
	f.touchAll(j)
	f.endIfOver(j, e.At)
	return nil
}
