package cron

import (
	"fmt"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// alarm is a schedule's timer; only the latest one set for it counts.
type alarm struct {
	entry *entry
	turn  uint64
}

// arm sets a schedule's timer to when it is due next.
func (f *Framework) arm(e *entry) {
	f.turns++
	e.turn, e.next = f.turns, time.Time{}
	if e.ended() || e.paused() || e.when == nil {
		return
	}
	if e.next = e.when.Next(e.Decided); !e.next.IsZero() {
		f.timers.Push(e.next, alarm{e, e.turn})
	}
}

// runTimers decides what is due. A step creates only so many runs: the timers of the
// rest stay due, so that the next turn goes on with them.
func (f *Framework) runTimers() {
	for f.out.spawned < f.cfg.StepRuns {
		a, ok := f.timers.Pop(f.out.Now)
		if !ok {
			return
		}
		if a.turn != a.entry.turn {
			continue
		}
		f.decideDue(a.entry)
		f.arm(a.entry)
		f.out.touch(a.entry)
		f.settle()
	}
}

// decideDue decides the first of a schedule's due times, and with it those that are
// missed and not made up for.
func (f *Framework) decideDue(e *entry) {
	now, p := f.out.Now, e.Job.Periodic
	late := now.Add(-p.Epsilon.Std()) // what is due before is missed
	if !e.next.Before(late) {
		f.start(e, decision{Due: e.next, Cause: model.RunDue})
		return
	}
	switch p.CatchUp {
	case model.CatchUpAll:
		if e.next.After(e.madeUp) {
			m := e.missed(late, f.cfg.MaxCatchUp)
			if e.madeUp = m.last; m.skip == 0 {
				f.start(e, decision{Due: e.next, Cause: model.RunCatchUp})
				return
			}
			f.skip(e, decision{Due: e.next, Cause: model.RunCatchUp}, m.before, m.skip,
				fmt.Sprintf("missed, and not among the latest %d, which are made up for", f.cfg.MaxCatchUp))
			return
		}
		f.start(e, decision{Due: e.next, Cause: model.RunCatchUp})
	case model.CatchUpLatest:
		m := e.missed(late, 1)
		if following := e.when.Next(m.last); !following.IsZero() && !following.After(now) {
			m.skip, m.before = m.skip+1, m.last // there is a later one, which is on time
		}
		if m.skip > 0 {
			f.skip(e, decision{Due: e.next, Cause: model.RunCatchUp}, m.before, m.skip, "missed, and a later one is run")
			return
		}
		f.start(e, decision{Due: e.next, Cause: model.RunCatchUp})
	default:
		m := e.missed(late, 1)
		f.skip(e, decision{Due: e.next, Cause: model.RunCatchUp}, m.last, m.skip+1, `missed (catch_up = "none")`)
	}
}

// missed are the due times from the next one up to a bound.
type missed struct {
	skip   int       // how many come before the latest few
	before time.Time // the last of those
	last   time.Time // the last of all
}

// maxCounted bounds how many due times are looked at one by one.
const maxCounted = 100_000

// missed finds out which due times are before late, of which the latest keep are to
// be told from the rest.
func (e *entry) missed(late time.Time, keep int) missed {
	m := missed{last: e.next}
	recent := make([]time.Time, keep) // n modulo keep
	n, jumped := 0, false
	for t := e.next; !t.IsZero() && t.Before(late); t = e.when.Next(t) {
		if n == maxCounted && !jumped {
			// Go on nearer the end: what is skipped is then more than is counted.
			each := t.Sub(e.next) / maxCounted
			if near := e.when.Next(late.Add(-2 * time.Duration(keep) * max(each, time.Second))); near.After(t) && near.Before(late) {
				t = near
			}
			jumped = true
		}
		if n >= keep {
			m.before = recent[n%keep]
		}
		recent[n%keep], m.last = t, t
		n++
	}
	m.skip = max(n-keep, 0)
	return m
}

// endIfThrough ends a schedule that is never due again and of which nothing goes on.
// It ends as its last run did.
func (f *Framework) endIfThrough(e *entry) {
	if e.chained() || e.paused() || e.when == nil || len(e.Waiting) > 0 || len(e.running()) > 0 {
		return
	}
	if !e.when.Next(e.Decided).IsZero() {
		return
	}
	state := model.JobSucceeded
	if r := e.last(); r != nil && r.State != model.JobSucceeded {
		state = model.JobFailed
	}
	f.emit(&ended{ID: e.ID, At: f.out.Now, State: state})
}
