package offers

import (
	"slices"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Settings are an operator's choices about the allocator.
type Settings struct {
	// Holds is how many waiting demands may have room held for them at once:
	// 0 none, 1 is EASY backfill (Lifka 1995), and without a bound (negative) it
	// is conservative backfill (Mu'alem and Feitelson 2001).
	Holds int
	// TasksHeld is for how many tasks of a demand that is no gang room is held.
	TasksHeld int
	// Patience is how long a demand that waits behind tasks without a time limit
	// lets others of its priority go first. After that all behind it are kept
	// off the room it needs.
	Patience time.Duration
	// Horizon is how far ahead a hold may lie whose start is an estimate.
	Horizon time.Duration
	// Refresh is how long a hold that still stands is kept before an earlier one
	// is looked for, where looking is dear (more agents than RefreshAgents).
	Refresh       time.Duration
	RefreshAgents int
	// PreemptGap is by how much a demand must start sooner to preempt.
	PreemptGap time.Duration
}

// DefaultSettings suit a cluster of mixed work.
func DefaultSettings() Settings {
	return Settings{
		Holds: 8, TasksHeld: 16, Patience: 5 * time.Minute, Horizon: 24 * time.Hour,
		Refresh: time.Second, RefreshAgents: 256, PreemptGap: time.Second,
	}
}

// Configure replaces the settings.
func (b *Book) Configure(s Settings) {
	b.settings = s
	b.replan = true
	b.dirty = true
}

// hold is room kept for a waiting demand from a time on: its shadow time. What is
// offered there before must end by then, and the offer says so.
//
// The start of a hold follows from the time limits of what runs. Where tasks
// without a limit are in the way it is an estimate: a task is expected to run as
// long again as it has (the Lindy effect), but lasting ones, which are never
// expected to end. An estimated hold keeps off only
// demands of lower priority at first, and after Settings.Patience all.
type hold struct {
	d         *demand
	parts     []heldPart
	from      int64 // when the whole demand (or its first task, if it is no gang) can start, Unix nanoseconds
	found     int64 // when that was found out
	tasks     int
	estimated bool
	firm      bool  // keeps off all that go after d
	asked     int   // for how many tasks there was to be a hold when it was made
	due       int64 // until when an estimated one stays on its agents
}

// heldPart is what a hold keeps on one agent.
type heldPart struct {
	hold  *hold
	agent *agent
	group int
	count int
	room  model.Resources // of all count tasks
	from  int64
	to    int64           // when d's tasks would end
	slack model.Resources // what is left for others at from, beside this hold and those before it
}

// point is a time at which a firm hold begins on an agent, and what is left for
// others then. It may be negative where facts have broken the hold.
type point struct {
	at    int64
	slack model.Resources
}

// freeAt returns what is free on a at a time when what runs and is on offer now
// has ended by its time limit, or has not.
func (a *agent) freeAt(t int64) model.Resources { return a.free().Add(a.ending().by(t)) }

// guessAt is freeAt where tasks without a time limit that are not lasting are
// taken to run as long again as they have.
func (a *agent) guessAt(t, now int64) model.Resources {
	free := a.free()
	for s := range a.stakes() {
		if guessEnd(s, now) <= t {
			free = free.Add(s.shape.Times(int64(s.count)))
		}
	}
	return free
}

// guessEnd is when s is expected to end; never if it is not.
func guessEnd(s *stake, now int64) int64 {
	if s.until == never && !s.Lasting {
		return now + max(now-s.since, 1)
	}
	return s.until
}

// heldAt returns what holds keep on a at time t; only firm ones, or all.
func (a *agent) heldAt(t int64, all bool) model.Resources {
	var sum model.Resources
	for _, p := range a.holds {
		if (p.hold.firm || all) && p.from <= t && t < p.to {
			sum = sum.Add(p.room)
		}
	}
	return sum
}

// mark recomputes a's points and its holds' slacks.
func (a *agent) mark(now int64) {
	a.points = a.points[:0]
	for _, p := range a.holds {
		var free model.Resources
		if p.hold.estimated {
			free = a.guessAt(p.from, now)
		} else {
			free = a.freeAt(p.from)
		}
		p.slack = free.Sub(a.heldAt(p.from, true))
		if p.hold.firm {
			a.points = append(a.points, point{at: p.from, slack: free.Sub(a.heldAt(p.from, false))})
		}
	}
	slices.SortFunc(a.points, func(x, y point) int {
		switch {
		case x.at < y.at:
			return -1
		case x.at > y.at:
			return 1
		}
		return 0
	})
	a.points = slices.CompactFunc(a.points, func(x, y point) bool { return x.at == y.at })
}

// wantedFrom is when a hold wants room on a that tasks ending at the given time
// leave to it; zero if none does.
func (a *agent) wantedFrom(until int64) time.Time {
	for i := range a.points {
		if at := a.points[i].at; at >= until {
			return time.Unix(0, at).UTC()
		}
	}
	return time.Time{}
}

// keep puts h in force.
func (b *Book) keep(h *hold) {
	b.holds = append(b.holds, h)
	if h.from > b.pass.now && !h.estimated {
		b.nextHold = min(b.nextHold, h.from)
	}
	for i := range h.parts {
		p := &h.parts[i]
		a := p.agent
		if len(a.holds) == 0 {
			b.held = append(b.held, a)
		}
		a.holds = append(a.holds, p)
		if h.firm {
			b.lastFrom = max(b.lastFrom, p.from)
			b.firstFrom = min(b.firstFrom, p.from)
		} else {
			b.soft++
			b.softFrom = min(b.softFrom, p.from)
		}
	}
	for i := range h.parts {
		a := h.parts[i].agent
		a.mark(b.pass.now)
		if b.far.live {
			b.setFar(a)
		}
	}
}

// letGo takes all holds out of force, as a pass does before it begins.
func (b *Book) letGo() {
	for _, a := range b.held {
		clear(a.holds)
		a.holds, a.points = a.holds[:0], a.points[:0]
	}
	b.held = b.held[:0]
	b.holds = b.holds[:0]
	b.soft, b.softFrom, b.firstFrom, b.lastFrom, b.nextHold = 0, never, never, 0, never
	b.far.drop()
}

// stands reports whether h can be kept as it is: its agents are there, and what
// runs on them leaves its room. One whose time has passed does not: from now on
// its tasks would run for longer than was reckoned with, perhaps into what is held
// for those before it.
func (h *hold) stands(b *Book) bool {
	for i := range h.parts {
		p := &h.parts[i]
		a := p.agent
		if b.byID[a.info.ID] != a || !a.usable() || a.exclusive > 0 && (h.estimated || a.closedAt(p.from)) {
			return false
		}
		if h.estimated {
			continue
		}
		if p.from < b.pass.now || !p.roomAt(p.from) {
			return false
		}
		for _, q := range a.holds {
			if p.from < q.from && q.from < p.to && !p.roomAt(q.from) {
				return false
			}
		}
	}
	return true
}

// closedAt reports whether an exclusive task is still on a at a time: it keeps off
// others whatever amounts are left.
func (a *agent) closedAt(t int64) bool {
	for s := range a.stakes() {
		if s.Exclusive && s.until > t {
			return true
		}
	}
	return false
}

// roomAt reports whether there is room for p at a time beside what is held.
func (p *heldPart) roomAt(t int64) bool {
	return p.room.Fits(p.agent.freeAt(t).Sub(p.agent.heldAt(t, true)))
}

func (h *hold) view() model.HoldView {
	v := model.HoldView{Demand: h.d.ID, Label: h.d.Label, Role: h.d.Role, Tasks: h.tasks, Preempting: h.d.preempting > 0}
	if !h.estimated {
		v.From = time.Unix(0, h.from).UTC()
	}
	at := map[*agent]int{}
	for i := range h.parts {
		p := &h.parts[i]
		k, seen := at[p.agent]
		if !seen {
			k = len(v.Parts)
			at[p.agent] = k
			v.Parts = append(v.Parts, model.HoldPart{Agent: p.agent.info.ID, Name: p.agent.info.Name})
		}
		v.Parts[k].Tasks += p.count
		v.Parts[k].Resources = v.Parts[k].Resources.Add(p.room)
	}
	slices.SortFunc(v.Parts, func(x, y model.HoldPart) int { return strings.Compare(x.Name, y.Name) })
	return v
}
