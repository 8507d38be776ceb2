package offers

import (
	"fmt"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Explain says why d waits, or what it would wait for if it were set now: d
// need not be in the book, and d's counts stand for those in it. Every agent is
// looked at with the filter that Plan uses. Nothing changes, and nothing is
// kept up to date for it: a demand costs an explanation when somebody asks.
//
// Asked counts the tasks d wants, Fits those that would start now with no other
// demand in the way: all or none of a gang's. Tasks on offer count as fitting.
//
// The tier is never if agents as they are, in contact and empty, could not
// start any of it.
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
	if asleep {
		e.Tier, e.Expected = model.TierBlocked, q.wakeAt
	} else {
		e.Fits += q.now.starts(d.AllOrNothing)
	}
	e.Why = append(e.Why, q.whyNot()...)
	slices.SortStableFunc(e.Why, func(x, y model.WhyReason) int {
		if tx, ty := hardness(x.Tier), hardness(y.Tier); tx != ty {
			return tx - ty
		}
		return y.Count - x.Count
	})
	switch {
	case q.total() > 0 && q.empty.starts(d.AllOrNothing) == 0:
		e.Tier, e.Expected = model.TierNever, time.Time{}
	case e.Fits == 0 && q.total() > 0 && e.Tier == model.TierWaiting:
		e.Expected = q.expected()
	}
	if e.Fits == 0 && q.total() > 0 && !asleep {
		e.Fix = q.fix()
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
	groups  []group
	wants   []int // tasks of each group that are not on offer
	asked   int
	offered int
	wakeAt  time.Time // when it may be served at all
	refused bool      // ... because its framework declined

	agents []*agent // those known
	now    trial    // on the agents as they are
	empty  trial    // on the agents as they would be without anything on them
}

func (b *Book) inquire(now time.Time, d model.Demand) *inquiry {
	q := &inquiry{b: b, at: now, d: &d, wakeAt: d.EarliestStart}
	booked := b.demands[demandID{d.Framework, d.ID}]
	if booked != nil && booked.refusedUntil.After(q.wakeAt) {
		q.wakeAt, q.refused = booked.refusedUntil, true
	}
	for i := range d.Groups {
		g := plainGroup(&d, i)
		key, _ := appendRoomKey(nil, &d.Groups[i])
		if g.room = b.rooms[string(key)]; g.room == nil {
			g.room = newRoom(&d.Groups[i])
		}
		want, out := max(d.Groups[i].Count, 0), 0
		if booked != nil && i < len(booked.groups) {
			out = min(want, booked.groups[i].offered)
		}
		q.groups = append(q.groups, g)
		q.wants = append(q.wants, want-out)
		q.asked += want
		q.offered += out
	}
	var empty []*agent
	for _, a := range b.agents {
		if a != nil && a.known {
			q.agents = append(q.agents, a)
			empty = append(empty, a.vacated())
		}
	}
	q.now = try(q.agents, q.groups, q.wants, d.AllOrNothing)
	q.empty = try(empty, q.groups, q.wants, d.AllOrNothing)
	return q
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
		return fmt.Sprintf("waiting for resources: %d of %d tasks fit now, and all must start at once; %s", q.now.total(), q.asked, noHolds)
	}
	return "waiting for resources: " + q.nearest(e) + "; " + noHolds
}

// noHolds is what this allocator does not do yet, said wherever it matters.
const noHolds = "nothing is held for it, so those behind it that fit go first"

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
		if w.Tier == model.TierWaiting {
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
