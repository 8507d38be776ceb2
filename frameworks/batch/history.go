package batch

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

const maxForgetAtOnce = 10_000 // jobs in one event, which has to fit an etcd value

// boundHistory forgets the jobs that ended first when there are too many, some
// more than needed so that not every job that ends brings an event; and sees to
// it that old ones are looked for.
func (f *Framework) boundHistory() {
	if c := &f.counts; c.endedJobs > f.cfg.MaxHistory || c.endedSlots > f.cfg.MaxHistorySlots {
		jobs := c.endedJobs - f.cfg.MaxHistory
		if jobs > 0 {
			jobs += f.cfg.MaxHistory / 16
		}
		slots := c.endedSlots - f.cfg.MaxHistorySlots
		if slots > 0 {
			slots += f.cfg.MaxHistorySlots / 16
		}
		f.forget(func(j *job) (drop, more bool) {
			drop = jobs > 0 || slots > 0
			jobs--
			slots -= j.slots()
			return drop, drop
		})
	}
	if f.sweep.IsZero() && len(f.ended) > 0 && f.cfg.HistoryAge > 0 {
		f.sweep = f.nextSweep()
		f.timers.Push(f.sweep, alarm{kind: alarmSweep})
	}
}

// nextSweep is when the first job that may be forgotten is old enough.
func (f *Framework) nextSweep() time.Time {
	next := f.out.now.Add(f.cfg.HistoryAge)
	for i, j := range f.ended {
		if i < len(f.ended)-1 && f.waiters[j.id] == nil {
			next = j.ended.time().Add(f.cfg.HistoryAge)
			break
		}
	}
	if soonest := f.out.now.Add(sweepEvery); next.Before(soonest) {
		return soonest
	}
	return next
}

// forgetOld forgets the jobs that ended longer than the history's age ago.
func (f *Framework) forgetOld() {
	if f.cfg.HistoryAge <= 0 {
		return
	}
	oldest := microsOf(f.out.now.Add(-f.cfg.HistoryAge))
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
		if f.waiters[j.id] != nil {
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
	g.claimed, g.refusals, g.dirty = 0, refusals{}, false
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
		left := t.since.time().Add(t.wait).Sub(f.out.now)
		f.setAlarm(g, int(n), min(max(left, 0), t.wait))
	}
	f.touch(g)
}
