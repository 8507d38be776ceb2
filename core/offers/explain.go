package offers

import (
	"fmt"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Explain says why d waits, or what it would wait for if it were set now: d
// need not be in the book, and d's counts stand for those in it. Every agent is
// looked at with the filter that Plan uses, beside the holds of those that go
// before d. Nothing changes but what is held, which the next pass finds out for
// itself; nothing is kept up to date for it: a demand costs an explanation when
// somebody asks.
//
// Asked counts the tasks d wants, Fits those that would start now: all or none of
// a gang's. Tasks on offer count as fitting.
//
// The tier is never if agents as they are, in contact and empty, could not
// start any of it; blocked if it may not be served yet or a limit of its role is
// in the way; held if room is held for it; else waiting.
func (b *Book) Explain(now time.Time, d model.Demand) model.Explanation {
	q := b.inquire(now, d)
	e := model.Explanation{Demand: d.ID, Label: d.Label, Tier: model.TierWaiting, Asked: q.asked, Fits: q.offered, At: now}
	e.Why = q.whySleeping()
	if len(q.agents) == 0 {
		e.Why = append(e.Why, whyNoAgents())
		e.Summary = summary(q, &e)
		return e
	}
	asleep := len(e.Why) > 0
	switch {
	case asleep:
		e.Tier, e.Expected = model.TierBlocked, q.wakeAt
	case q.allowed == 0 && q.total() > 0:
		e.Tier = model.TierBlocked
	default:
		e.Fits += min(q.now.starts(d.AllOrNothing), q.allowed)
	}
	if q.allowed < q.total() {
		e.Why = append(e.Why, q.whyLimited())
	}
	if q.asIf.preempting > 0 {
		e.Why = append(e.Why, q.whyPreempting())
	}
	e.Why = append(e.Why, q.whyNot()...)
	q.addAhead(&e)
	if e.Fits == 0 && q.total() > 0 && e.Tier == model.TierWaiting {
		if w, ok := q.whyLasting(); ok {
			q.outlasted = w.For
			e.Why = append(e.Why, w)
		}
	}
	slices.SortStableFunc(e.Why, func(x, y model.WhyReason) int {
		if tx, ty := hardness(x.Tier), hardness(y.Tier); tx != ty {
			return tx - ty
		}
		return y.Count - x.Count
	})
	switch {
	case q.total() > 0 && (q.empty.starts(d.AllOrNothing) == 0 || q.limitNever(&e)):
		e.Tier, e.Expected = model.TierNever, time.Time{}
	case e.Fits == 0 && q.total() > 0 && e.Tier == model.TierWaiting:
		q.expect(&e)
	}
	if e.Fits == 0 && q.total() > 0 && !asleep && q.allowed > 0 {
		if c, ok := q.smallestChange(); ok {
			e.Fix, e.Change = "would start now "+c.text, &c.Change
		}
	}
	e.Summary = summary(q, &e)
	return e
}

// hardness orders tiers, hardest first.
func hardness(t model.Tier) int {
	return slices.Index([]model.Tier{model.TierNever, model.TierBlocked, model.TierWaiting, model.TierHeld}, t)
}

// inquiry is a demand under examination.
type inquiry struct {
	b       *Book
	at      time.Time
	d       *model.Demand
	asIf    *demand // d as if it were in the book
	win     window
	groups  []group
	wants   []int // tasks of each group that are not on offer
	asked   int
	offered int
	wakeAt  time.Time // when it may be served at all
	refused bool      // ... because its framework declined
	allowed int       // tasks that its role's limits allow now
	texts   []string  // of what is lacking by name
	ahead   ahead     // those that wait and go before it
	// outlasted are those whose lasting tasks are in the way of all of it.
	outlasted []string

	agents []*agent // those known
	now    trial    // on the agents as they are, beside the holds of those ahead
	empty  trial    // on the agents as they would be without anything on them
}

func (b *Book) inquire(now time.Time, d model.Demand) *inquiry {
	q := &inquiry{b: b, at: now, d: &d, wakeAt: d.EarliestStart}
	booked := b.demands[demandID{d.Framework, d.ID}]
	if booked != nil && booked.refusedUntil.After(q.wakeAt) {
		q.wakeAt, q.refused = booked.refusedUntil, true
	}
	q.pretend(booked)
	for i := range q.groups {
		q.asked += d.Groups[i].Count
		q.offered += q.groups[i].offered
		q.wants = append(q.wants, q.asIf.wanted(i))
	}
	q.ahead = b.holdAhead(now, q.asIf, b.mostHolds())
	q.win = window{d: q.asIf, node: q.asIf.class.node, until: endOf(now.UnixNano(), d.TimeLimit)}
	q.allowed = b.headroom(q.asIf, q.asIf.total())
	var empty []*agent
	for _, a := range b.agents {
		if a != nil && a.known {
			q.agents = append(q.agents, a)
			empty = append(empty, a.vacated())
		}
	}
	q.now = try(q.agents, q.groups, q.wants, d.AllOrNothing, &q.win)
	q.empty = try(empty, q.groups, q.wants, d.AllOrNothing, nil)
	return q
}

// pretend makes asIf of the demand, which may or may not be booked.
func (q *inquiry) pretend(booked *demand) {
	b, x := q.b, &demand{place: [queueKinds]int{-1, -1}, since: q.at}
	x.set(*q.d)
	q.d = &x.Demand
	node := b.roles.Nearest(q.d.Role)
	x.class = &class{node: node, role: q.d.Role, line: b.lines[q.d.Role]}
	if x.class.line == nil {
		x.class.line = &line{node: node}
	}
	for i := range x.Groups {
		g := plainGroup(q.d, i)
		key, _ := appendRoomKey(nil, &x.Groups[i])
		if g.room = b.rooms[string(key)]; g.room == nil {
			g.room = newRoom(&x.Groups[i])
		}
		if booked != nil && i < len(booked.groups) {
			g.offered = min(x.Groups[i].Count, booked.groups[i].offered)
		}
		x.groups = append(x.groups, g)
	}
	if booked != nil {
		x.since, x.preempting, x.hold = booked.since, booked.preempting, booked.hold
	}
	q.asIf, q.groups = x, x.groups
}

// expect says when the demand can start at the latest if nothing is added that
// goes before it, and whether room is held for it.
func (q *inquiry) expect(e *model.Explanation) {
	if q.b.settings.Holds == 0 {
		return
	}
	n := q.b.mostHolds() - len(q.b.holds)
	q.b.holdAhead(q.at, q.asIf, max(maxAhead, q.b.mostHolds()))
	h := q.b.holdFor(q.asIf)
	if h == nil {
		return
	}
	if !h.estimated {
		e.Expected, e.Estimated = timeOf(max(h.from, q.at.UnixNano())), q.at
	}
	if _, booked := q.b.demands[demandID{q.d.Framework, q.d.ID}]; booked && n > 0 {
		v := h.view()
		e.Hold = &v
		if h.firm || e.Hold.Preempting {
			e.Tier = model.TierHeld
		}
	}
}

// total returns how many tasks are not on offer.
func (q *inquiry) total() int { return q.asked - q.offered }

func whyNoAgents() model.WhyReason {
	return model.WhyReason{Reason: model.WaitNoAgents, Tier: model.TierWaiting,
		Text: "no agent is registered", Clears: "start an agent (tender agent), or wait for the agents to find this master"}
}

// whySleeping says whether the demand may not be served yet.
func (q *inquiry) whySleeping() []model.WhyReason {
	if q.total() == 0 || !q.wakeAt.After(q.at) {
		return nil
	}
	wait := q.wakeAt.Sub(q.at).Round(time.Second)
	if q.refused {
		return []model.WhyReason{{Reason: model.WaitDeclined, Tier: model.TierBlocked,
			Text:   fmt.Sprintf("its framework %s declined an offer and wants no other for %s", q.d.Framework, wait),
			Clears: fmt.Sprintf("in %s, or when %s asks for something else", wait, q.d.Framework)}}
	}
	return []model.WhyReason{{Reason: model.WaitNotBefore, Tier: model.TierBlocked,
		Text: fmt.Sprintf("it is not to start for %s", wait), Clears: fmt.Sprintf("in %s", wait)}}
}

// summary is the explanation in one line.
func summary(q *inquiry, e *model.Explanation) string {
	switch {
	case q.asked == 0:
		return "wants no tasks"
	case q.total() == 0:
		return "on offer to " + string(q.d.Framework) + " now"
	case e.Fits == e.Asked:
		return "room for " + plural(e.Asked, "task", "all %d tasks") + " now"
	case len(q.agents) == 0:
		return "waiting for an agent: none is registered"
	case e.Tier == model.TierNever:
		return "cannot start on the agents there are: " + q.hardest(e)
	case e.Tier == model.TierBlocked:
		return e.Why[slices.IndexFunc(e.Why, func(w model.WhyReason) bool { return w.Tier == model.TierBlocked })].Text
	case e.Fits > 0:
		return fmt.Sprintf("%d of %d tasks fit now, the others wait for resources", e.Fits, e.Asked)
	case q.d.AllOrNothing && q.now.total() > 0:
		return fmt.Sprintf("waiting for resources: %d of %d tasks fit now, and all must start at once%s", q.now.total(), q.asked, q.when(e))
	}
	return "waiting for resources: " + q.nearest(e) + q.when(e)
}

// when says when it is expected to start, and what is held for it.
func (q *inquiry) when(e *model.Explanation) string {
	switch {
	case e.Hold != nil && !e.Hold.From.IsZero():
		return fmt.Sprintf("; held for it from %s on", e.Hold.From.Format(time.TimeOnly))
	case e.Hold != nil:
		return "; what frees up is kept for it, before those of lower priority"
	case !e.Expected.IsZero():
		return "; expected " + e.Expected.Format(time.TimeOnly)
	case len(q.outlasted) > 0:
		return "; not before tasks of " + list(q.outlasted, 3) + " end, which are not expected to"
	}
	return ""
}

// hardest is the reason to name for a demand that can never start: the last
// filter that agents fail says most about how near it is, and a gang's lack of
// agents more than any.
func (q *inquiry) hardest(e *model.Explanation) string {
	text := ""
	for _, w := range e.Why {
		if w.Tier == model.TierNever && (text == "" || w.Reason == model.WaitGang) {
			text = w.Text
		}
	}
	return text
}

// nearest is the reason to name for a demand that waits.
func (q *inquiry) nearest(e *model.Explanation) string {
	for _, w := range e.Why {
		if w.Tier == model.TierWaiting && w.Reason != model.WaitLasting {
			return w.Text
		}
	}
	return fmt.Sprintf("%d tasks", q.total())
}

// plural counts: one as "1 task", more by the format.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf(many, n)
}
