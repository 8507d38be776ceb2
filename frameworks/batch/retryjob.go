package batch

import (
	"fmt"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// retryJob puts ended slots of a job back in the queue.
func (f *Framework) retryJob(r *model.RetryJob) (any, *model.Refusal) {
	j, err := f.find(r.Selector)
	if err != nil {
		return nil, err
	}
	if j.state == model.JobStopping {
		return nil, model.Refuse(model.ReasonNotTerminal, "job %q (%s) is being stopped; retry it when it has ended", j.spec.Name, j.id)
	}
	e := retried{ID: j.id, At: sdk.MicrosOf(f.out.Now), All: r.All}
	if !j.anyToRetry(&e) {
		if !j.state.Ended() {
			return nil, model.Refuse(model.ReasonNotTerminal, "job %q (%s) is %s and none of its tasks has failed", j.spec.Name, j.id, j.state)
		}
		return nil, model.Refuse(model.ReasonBadRequest, "no task of job %q (%s) has failed; retry all to run it again", j.spec.Name, j.id)
	}
	if j.state.Ended() {
		if err := f.checkRoom(j.slots()); err != nil {
			return nil, err
		}
	}
	f.emit(&e)
	return f.view(j, false), nil
}

// retryable reports whether a retry puts slot n back in the queue.
func (g *group) retryable(s *slot, all bool) bool {
	c := s.state.class()
	if s.attempts == maxAttemptNumber {
		return false
	}
	return c.ended() && (all || c != classOK) || !c.ended() && !c.live() && g.job.dropped()
}

// retryableGang reports whether a retry puts a whole gang back in the queue.
func (g *group) retryableGang(all bool) bool {
	if g.live() > 0 {
		return false
	}
	any := false
	for n := range g.size {
		s := g.peek(n)
		if s.attempts == maxAttemptNumber {
			return false
		}
		any = any || g.retryable(&s, all)
	}
	return any
}

func (j *job) anyToRetry(e *retried) bool {
	for i := range j.groups {
		g := &j.groups[i]
		if g.gang() {
			if g.retryableGang(e.All) {
				return true
			}
			continue
		}
		if j.dropped() && g.counts[classWaiting]+g.counts[classDelayed] > 0 {
			return true
		}
		found := false
		g.launched(func(n int, s *slot) { found = found || g.retryable(s, e.All) && !g.isVacant(n) })
		if found {
			return true
		}
	}
	return false
}

func (f *Framework) foldRetried(e *retried) error {
	j, err := f.known(e.ID)
	if err != nil {
		return err
	}
	f.tick(e.At)
	for i := range j.groups {
		g := &j.groups[i]
		whole := g.gang() && g.retryableGang(e.All)
		if g.gang() && !whole {
			continue
		}
		g.launched(func(n int, s *slot) {
			if whole || g.retryable(s, e.All) && !g.isVacant(n) {
				g.set(n, s, slotWaiting)
				g.say(n, "")
				delete(g.tries, uint32(n))
			}
		})
		f.touch(g)
	}
	if j.state.Ended() {
		f.reopened(j)
		j.ended, j.outcome = 0, outcome{}
		j.state = model.JobQueued
		if f.updateDeps(j); j.blocked() {
			j.state = model.JobBlocked
			f.wait(j)
		}
		j.fillReady()
		f.touchAll(j)
	}
	f.out.notice(e.At, "job_retried", j, "")
	return nil
}

func errNoGroup(j *job, num uint16) error {
	return fmt.Errorf("job %s: it has no group %d", j.id, num)
}
