package sim

import (
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/cron"
)

// The oracle of schedules: each due time is decided once, in turn, and a run is left
// out only for a reason that the schedule's policy allows, which is found out here
// from the books alone, whatever the event says.

const dueRule = "due runs exactly once"

// next is the first due time that has not been decided, zero if there are none.
func (b *scheduleBook) next() time.Time {
	every := int64(b.keeper.every)
	if every == 0 || b.over || b.paused {
		return time.Time{}
	}
	return time.Unix((b.decided.Unix()/every+1)*every, 0).UTC()
}

// decision books what becomes of a due time, or of what else may lead to a run.
func (a *auditor) decision(b *scheduleBook, e *cronEvent) {
	switch {
	case b.over:
		a.w.fail(dueRule, "%s has ended, and %s is %s", b.id, e.Due, e.kind)
	case e.Held:
		i := slices.IndexFunc(b.waiting, func(w cronEvent) bool { return w.Due.Equal(e.Due) && w.Cause == e.Cause })
		if i < 0 {
			a.w.fail(dueRule, "no run of %s waits that was due at %s, and one is %s", b.id, e.Due, e.kind)
			return
		}
		b.waiting = slices.Delete(b.waiting, i, i+1)
	case e.Cause == model.RunTrigger:
		if b.asked++; b.asked > b.keeper.triggers {
			a.w.fail(dueRule, "%d runs of %s were asked for, %d were made or skipped for that", b.keeper.triggers, b.id, b.asked)
		}
	case e.Cause == model.RunParents:
		a.followed(b, e)
	default:
		a.due(b, e)
	}
	allowed := true
	switch e.kind {
	case "ran":
		allowed = b.mayRun(e)
		b.going[e.N] = e.Due
	case "held":
		allowed = b.mayWait()
		b.waiting = append(b.waiting, *e)
	case "skipped":
		allowed = b.maySkip(e)
		a.tellFollowers(b, e.Due, &parentRun{skipped: true})
	}
	if !allowed {
		p := b.keeper.job.Periodic
		a.w.fail(dueRule, "what was due at %s (%s, up to %s) is %s at %s, with %d runs that go on and %d that wait, overlap=%s catch_up=%s epsilon=%s paused=%t",
			e.Due, e.Cause, e.Until, e.kind, e.At, len(b.going), len(b.waiting), p.Overlap, p.CatchUp, p.Epsilon, b.paused)
	}
}

// due books a decision about due times by the clock: the next one, or several from that
// on, each of which has come, and late if it says that it was missed.
func (a *auditor) due(b *scheduleBook, e *cronEvent) {
	last := e.Due
	if e.Until.After(last) {
		last = e.Until
	}
	next := b.next()
	switch {
	case !e.Due.Equal(next):
		a.w.fail(dueRule, "%s is decided for %s, which is due next at %s (paused: %t)", e.Due, b.id, next, b.paused)
		return
	case last.After(e.At):
		a.w.fail(dueRule, "%s is decided for %s at %s, before it is due", last, b.id, e.At)
	case (e.Cause == model.RunCatchUp) != e.Due.Before(b.missed(e.At)):
		a.w.fail(dueRule, "%s is decided for %s at %s as %s", e.Due, b.id, e.At, e.Cause)
	}
	every := time.Duration(b.keeper.every) * time.Second
	if n := int(last.Sub(e.Due)/every) + 1; e.kind == "skipped" && n != e.Count {
		a.w.fail(dueRule, "%d due times of %s from %s to %s are skipped, which are %d", e.Count, b.id, e.Due, last, n)
	}
	b.decided = last
}

// missed is before which time a due time is missed.
func (b *scheduleBook) missed(now time.Time) time.Time {
	return now.Add(-b.keeper.job.Periodic.Epsilon.Std())
}

func (b *scheduleBook) busy() bool { return len(b.going)+len(b.waiting) > 0 }

func (b *scheduleBook) mayRun(e *cronEvent) bool {
	if b.keeper.job.Periodic.Overlap == model.OverlapAllow {
		return true
	}
	return len(b.going) == 0 && (e.Held || len(b.waiting) == 0)
}

func (b *scheduleBook) mayWait() bool {
	o := b.keeper.job.Periodic.Overlap
	return b.busy() && (o == model.OverlapQueue || o == model.OverlapReplace)
}

// maySkip reports whether the schedule's policy allows for what the event leaves out.
func (b *scheduleBook) maySkip(e *cronEvent) bool {
	p, limits := b.keeper.job.Periodic, cron.DefaultConfig()
	if e.Held {
		return p.Overlap == model.OverlapReplace
	}
	if e.Count == 1 {
		switch p.Overlap {
		case model.OverlapForbid:
			if b.busy() {
				return true
			}
		case model.OverlapQueue:
			if len(b.waiting) >= limits.MaxWaiting {
				return true
			}
		case model.OverlapAllow:
			if len(b.going) >= limits.MaxActive {
				return true
			}
		}
	}
	switch e.Cause {
	case model.RunParents:
		r := b.rounds[e.Due]
		return b.paused || r != nil && !r.meets(b.keeper.job.DependsOn[0].Kind)
	case model.RunCatchUp:
		return b.maySkipMissed(e, p.CatchUp, limits.MaxCatchUp)
	}
	return false
}

// maySkipMissed is maySkip for what was missed; a.due has moved b.decided to the last.
func (b *scheduleBook) maySkipMissed(e *cronEvent, catchUp model.CatchUp, most int) bool {
	every := time.Duration(b.keeper.every) * time.Second
	late := b.missed(e.At)
	switch {
	case !b.decided.Before(late):
		return false // the last of them was not missed
	case catchUp == model.CatchUpLatest:
		return !b.decided.Add(every).After(e.At) // a later one is run
	case catchUp == model.CatchUpAll:
		return int(late.Sub(b.decided)/every) >= most
	}
	return true
}

// followed books the round of one that follows another.
func (a *auditor) followed(b *scheduleBook, e *cronEvent) {
	r := b.rounds[e.Due]
	switch {
	case r == nil:
		a.w.fail(dueRule, "%s is %s for the round of %s, of which nothing has ended", b.id, e.kind, e.Due)
	case r.decided:
		a.w.fail(dueRule, "%s is %s for the round of %s a second time", b.id, e.kind, e.Due)
	case e.kind != "skipped" && (b.paused || !r.meets(b.keeper.job.DependsOn[0].Kind)):
		a.w.fail(dueRule, "%s is %s for the round of %s, which was %+v (paused: %t)", b.id, e.kind, e.Due, *r, b.paused)
	}
	if r != nil {
		r.decided = true
	}
}

func (r *parentRun) meets(kind model.DependencyKind) bool {
	return !r.skipped && (r.ok || kind == model.DependAny)
}

// tellFollowers books what became of a due time with those that follow the schedule.
func (a *auditor) tellFollowers(b *scheduleBook, due time.Time, r *parentRun) {
	for _, k := range a.w.keepers {
		c := a.bookOf(k)
		if c == nil || c.over || k.every != 0 || k.job.DependsOn[0].Job != b.keeper.job.Name {
			continue
		}
		if was := c.rounds[due]; was != nil {
			r.decided = was.decided
		}
		own := *r
		c.rounds[due] = &own
	}
}

func (a *auditor) bookOf(k *keeper) *scheduleBook {
	for _, b := range a.schedules {
		if b.keeper == k {
			return b
		}
	}
	return nil
}

// schedulesAreTrue holds, at the end of a commit, that what goes on by the schedules'
// books goes on, and that what follows from an end was decided with it.
func (a *auditor) schedulesAreTrue() {
	for _, k := range a.w.keepers {
		b := a.bookOf(k)
		if b == nil || b.over {
			continue
		}
		for n := range b.going {
			if v, ok := a.job(string(b.job(n))); ok && v.ID == b.job(n) && v.State.Ended() {
				a.w.fail(dueRule, "%s is %s, and its schedule has not heard of it", v.ID, v.State)
			}
		}
		for round, r := range b.rounds {
			if !r.decided {
				a.w.fail(dueRule, "the round of %s is over, and %s, which follows, has not decided it", round, b.id)
			}
		}
	}
}

// overdue is how late a leader that has nothing else to do may decide what is due.
const overdue = 2 * time.Second

// lookAtSchedules holds that whoever leads decides what is due.
func (c *checks) lookAtSchedules(t *term) {
	for _, k := range c.w.keepers {
		b := c.w.auditor.bookOf(k)
		if b == nil || !b.late(t) {
			delete(c.undecided, k)
			continue
		}
		if was, ok := c.undecided[k]; ok && was.term == t && was.due.Equal(b.next()) {
			c.w.fail(dueRule, "%s was due at %s, and at %s %s, who leads, has not decided it", b.id, b.next(), t.m.time(), t.m.name)
		}
		c.undecided[k] = undecided{t, b.next()}
	}
}

// undecided is a due time that a leader was late with when it was last looked at.
type undecided struct {
	term *term
	due  time.Time
}

// late reports whether the schedule's next due time should have been decided.
func (b *scheduleBook) late(t *term) bool {
	next := b.next()
	return !next.IsZero() && t.m.time().Sub(next) > overdue
}
