package service

import (
	"slices"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// stop tells an allocation to end: at once if it does not run, else after the
// group's shutdown_delay.
func (f *Framework) stop(g *group, s *slot, a *alloc, at sdk.Micros, why string) {
	if a.Stop != 0 {
		return
	}
	a.Stop, a.Why = at, why
	if !a.Live {
		f.gone(g, s, a, at)
		return
	}
	if spec, num := g.runs(a.Base); num >= 0 && a.State == model.TaskRunning {
		a.Grace = spec.Groups[num].ShutdownDelay
		if now := g.want(); now != nil {
			a.Grace = now.ShutdownDelay
		}
	}
	f.out.touch(g.job)
}

// drop has a slot go once its allocations have ended.
func (f *Framework) drop(g *group, s *slot, at sdk.Micros, why string) {
	s.Drop, s.Canary = true, false
	if s.Next != nil {
		f.stop(g, s, s.Next, at, why)
	}
	if s.Cur != nil {
		f.stop(g, s, s.Cur, at, why)
	}
	f.settle(g, s, at)
}

// gone takes an allocation that has ended, and is not to go on, out of its slot.
func (f *Framework) gone(g *group, s *slot, a *alloc, at sdk.Micros) {
	g.retire(s, a)
	if s.Cur == a {
		s.Cur = nil
	}
	if s.Next == a {
		s.Next = nil
	}
	f.out.mayBeDone(a.launchID(g.job))
	f.settle(g, s, at)
}

// settle puts a slot in order after one of its allocations has gone: the
// successor takes over, and a slot without any goes, or is filled again.
func (f *Framework) settle(g *group, s *slot, at sdk.Micros) {
	if s.Cur == nil && s.Next != nil {
		moved := s.Moving
		s.Cur, s.Next, s.After = s.Next, nil, false
		s.Leave, s.Moving = 0, false
		if moved { // a deployment may ask for more than a drain did
			f.reassess(g, s, s.Cur, at)
		}
	}
	if s.Next == nil {
		s.After, s.Moving = false, false
	}
	if s.Cur == nil && !s.Drop && !g.job.system() {
		s.Cur = g.newAlloc(s)
	}
	if s.Cur == nil && s.Next == nil {
		f.remove(g, s)
		if len(g.Slots) == 0 && g.want() == nil {
			g.leave()
		}
	}
	f.out.touch(g.job)
	f.endIfOver(g.job, at)
}

// foldStopped stops a job: all of it, and for good until it is submitted again.
func (f *Framework) foldStopped(e *stopped) error {
	j, err := f.known(e.ID)
	if err != nil {
		return err
	}
	if j.stopping() {
		return nil
	}
	j.State = model.JobStopping
	f.index++
	j.Index = f.index
	if d := j.deployment(); d != nil && d.State.Active() {
		d.end(e.At, model.DeploymentCancelled, "the job was stopped")
	}
	f.out.notice(e.At, "job_cancelling", j, "")
	for _, g := range slices.Clone(j.Groups) {
		for _, s := range slices.Clone(g.Slots) {
			f.drop(g, s, e.At, "the job was stopped")
		}
	}
	f.endIfOver(j, e.At)
	f.out.touch(j)
	return nil
}

// endIfOver ends a job that was stopped once nothing of it runs, and one whose
// every slot has been given up.
func (f *Framework) endIfOver(j *job, at sdk.Micros) {
	if j.State.Ended() {
		return
	}
	slots, failed, live := 0, 0, 0
	for _, g := range j.Groups {
		slots += len(g.Slots)
		for _, s := range g.Slots {
			if s.Cur != nil && s.Cur.Failed && s.Next == nil {
				failed++
			}
		}
	}
	j.allocs(func(_ *group, _ *slot, a *alloc) {
		if a.Live {
			live++
		}
	})
	switch {
	case j.State == model.JobStopping && slots == 0:
		f.end(j, at, model.JobCancelled)
	case j.State != model.JobStopping && slots > 0 && failed == slots && live == 0 && !j.system():
		if d := j.deployment(); d == nil || !d.State.Active() { // which may yet revert
			f.end(j, at, model.JobFailed)
		}
	}
}

func (f *Framework) end(j *job, at sdk.Micros, state model.JobState) {
	j.State, j.Ended = state, at
	f.open--
	f.ended = append(f.ended, j)
	kind := "job_cancelled"
	if state == model.JobFailed {
		kind = "job_failed"
	}
	f.out.notice(at, kind, j, "")
}

// revive takes back the end of a job that is submitted again.
func (f *Framework) revive(j *job) {
	if j.State.Ended() {
		f.open++
		f.ended = slices.DeleteFunc(f.ended, func(x *job) bool { return x == j })
	}
	j.State, j.Ended = model.JobQueued, 0
	j.allocs(func(_ *group, _ *slot, a *alloc) {
		if a.Live {
			j.State = model.JobRunning
		}
	})
}

// foldForgotten drops ended jobs.
func (f *Framework) foldForgotten(e *forgotten) error {
	gone := map[*job]bool{}
	for _, id := range e.IDs {
		j, err := f.known(id)
		if err != nil {
			return err
		}
		gone[j] = true
		f.slots -= j.slotCount()
		delete(f.jobs, id)
		if name := j.spec().Name; f.names[name] == j {
			delete(f.names, name)
		}
		for _, v := range j.Versions {
			if v.Key != "" && f.keys[v.Key].job == j {
				delete(f.keys, v.Key)
			}
		}
	}
	f.order = slices.DeleteFunc(f.order, func(j *job) bool { return gone[j] })
	f.ended = slices.DeleteFunc(f.ended, func(j *job) bool { return gone[j] })
	return nil
}
