package batch

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

const maxForgetAtOnce = 10_000 // jobs in one event, which has to fit an etcd value

// boundHistory forgets the runs that their schedules do not keep, and the jobs that
// ended first when there are too many, some more than needed so that not every job
// that ends brings an event; and sees to it that old ones are looked for. Runs of
// schedules and other jobs are counted apart: neither is forgotten for the other.
func (f *Framework) boundHistory() {
	if len(f.crowded) > 0 {
		if ids := f.surplus(); ids != nil {
			f.emit(&forgotten{IDs: ids})
		}
	}
	f.boundHeld(&f.counts.ended, func(j *job) bool { return j.parent == "" })
	f.boundHeld(&f.counts.runs, func(j *job) bool { return j.parent != "" })
	if f.sweep.IsZero() && len(f.ended) > 0 && f.cfg.HistoryAge > 0 {
		f.sweep = f.nextSweep()
		f.timers.Push(f.sweep, alarm{kind: alarmSweep})
	}
}

// boundHeld forgets the first of some jobs if there are too many of them.
func (f *Framework) boundHeld(h *held, counted func(*job) bool) {
	if h.jobs <= f.cfg.MaxHistory && h.slots <= f.cfg.MaxHistorySlots {
		return
	}
	jobs := h.jobs - f.cfg.MaxHistory
	if jobs > 0 {
		jobs += f.cfg.MaxHistory / 16
	}
	slots := h.slots - f.cfg.MaxHistorySlots
	if slots > 0 {
		slots += f.cfg.MaxHistorySlots / 16
	}
	f.forget(func(j *job) (drop, more bool) {
		if !counted(j) {
			return false, true
		}
		drop = jobs > 0 || slots > 0
		jobs--
		slots -= j.slots()
		return drop, drop
	})
}

// nextSweep is when the first job that may be forgotten is old enough.
func (f *Framework) nextSweep() time.Time {
	next := f.out.Now.Add(f.cfg.HistoryAge)
	for i, j := range f.ended {
		if i < len(f.ended)-1 && f.waiters[j.id] == nil {
			next = j.ended.Time().Add(f.cfg.HistoryAge)
			break
		}
	}
	if soonest := f.out.Now.Add(sdk.SweepEvery); next.Before(soonest) {
		return soonest
	}
	return next
}

// forgetOld forgets the jobs that ended longer than the history's age ago.
func (f *Framework) forgetOld() {
	if f.cfg.HistoryAge <= 0 {
		return
	}
	oldest := sdk.MicrosOf(f.out.Now.Add(-f.cfg.HistoryAge))
	f.forget(func(j *job) (drop, more bool) { return j.ended <= oldest, true })
}

// forget drops the ended jobs that are to be, in the order they ended, for as long as
// pick asks for more. Jobs that a waiting job names stay, and so does the last one that ended: who
// waits for it has to be able to read how.
func (f *Framework) forget(pick func(*job) (drop, more bool)) {
	var ids []model.JobID
	for i, j := range f.ended {
		if i == len(f.ended)-1 || len(ids) == maxForgetAtOnce {
			break
		}
		if !f.mayForget(j) {
			continue
		}
		drop, more := pick(j)
		if drop {
			ids = append(ids, j.id)
		}
		if !more {
			break
		}
	}
	if ids != nil {
		f.emit(&forgotten{IDs: ids})
	}
}

// lead starts a leader's term: what the term before had sent and what timers
// it had set is made anew from the folded state.
func (f *Framework) lead() {
	f.book.Reset()
	f.timers.Reset()
	f.rekill, f.sweep = time.Time{}, time.Time{}
	for _, l := range f.lines {
		l.promoted = nil
	}
	for _, j := range f.order {
		if j.state.Ended() {
			f.out.jobDone(j.id)
			continue
		}
		for i := range j.groups {
			f.leadGroup(&j.groups[i])
		}
	}
	f.repeatKills(true)
	f.forgetOld()
}

func (f *Framework) leadGroup(g *group) {
	g.claimed, g.refusals, g.dirty = 0, sdk.Refusals{}, false
	if g.hosts != nil {
		g.hosts.watched, g.hosts.told, g.hosts.asked = false, nil, nil
	}
	g.promoted, g.score = false, 0
	if !g.job.dropped() {
		g.fillReady()
	}
	for n, t := range g.tries {
		if t.since == 0 || g.peek(int(n)).state != slotDelayed {
			continue
		}
		// The agent's clock may be off: never longer than the delay itself.
		left := t.since.Time().Add(t.wait).Sub(f.out.Now)
		f.setAlarm(g, int(n), min(max(left, 0), t.wait))
	}
	f.touch(g)
}
