package batch

import (
	"cmp"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// line is the groups of one role and priority that wait, in the order in which
// they came, and how much work of those behind them was done before theirs.
//
// A policy with an order of its own lets later jobs go first, for ever if enough
// of them come. Here it is counted: of all work (CPU time, GPUs weighed in) that
// was done while a group waited, the share that came from groups behind it in its
// line is the share of its wait that it was overtaken for. A full queue alone
// overtakes nobody, so a group that waits in a crowd is not rushed before the
// crowd; and no number of the cluster's need be known.
type line struct {
	role     string
	priority int

	waiting   []*group // by ticket
	overtaken int64    // what was done before the first of them by groups behind it: the sum of all behind

	// Transient.
	promoted   []*group // that go before all others, in order of promotion
	promotedAt time.Time
}

// place is a group's place in its line.
type place struct {
	ticket uint64 // in the order of standing up; kept when the group has left, its work goes by it
	in     bool   // derived: it stands in the line
	since  sdk.Micros
	base   int64 // state.done then
	behind int64 // work done before it by groups that came after it, and not after the next that waits
}

// touch brings the group's place in its line up to date and marks its demand as one that
// may have changed. It is called wherever either may be so, while folding too.
func (f *Framework) touch(g *group) {
	waits := g.job.active() && g.counts[classWaiting]+g.counts[classDelayed] > 0
	switch {
	case waits && !g.place.in:
		f.standUp(g)
	case !waits && g.place.in:
		f.standDown(g)
	}
	f.out.touch(g)
}

func (f *Framework) touchAll(j *job) {
	for i := range j.groups {
		f.touch(&j.groups[i])
	}
}

// lineOf returns the group's line; with make it is made if need be, else it may be nil.
func (s *state) lineOf(g *group, make bool) *line {
	i, ok := slices.BinarySearchFunc(s.lines, g, func(l *line, g *group) int {
		return cmp.Or(cmp.Compare(l.role, g.job.spec.Role), cmp.Compare(l.priority, g.job.spec.Priority))
	})
	switch {
	case ok:
		return s.lines[i]
	case !make:
		return nil
	}
	l := &line{role: g.job.spec.Role, priority: g.job.spec.Priority}
	s.lines = slices.Insert(s.lines, i, l)
	return l
}

// standUp puts a group at the end of its line.
func (f *Framework) standUp(g *group) {
	l := f.lineOf(g, true)
	f.lastTicket++
	g.place = place{ticket: f.lastTicket, in: true, since: f.clock, base: f.done}
	g.score = 0 // by what is known now
	l.waiting = append(l.waiting, g)
}

// standDown takes a group out of its line. What overtook it has overtaken the one
// before it too.
func (f *Framework) standDown(g *group) {
	l := f.lineOf(g, false)
	i := l.before(g.place.ticket)
	if i > 0 {
		l.waiting[i-1].place.behind += g.place.behind
	} else {
		l.overtaken -= g.place.behind
	}
	l.waiting = slices.Delete(l.waiting, i, i+1)
	g.place.in, g.place.since, g.place.base, g.place.behind = false, 0, 0, 0
	g.promoted = false
	if len(l.waiting) == 0 {
		f.lines = slices.DeleteFunc(f.lines, func(x *line) bool { return x == l })
	}
}

// before returns how many stand in the line before a ticket.
func (l *line) before(ticket uint64) int {
	i, _ := slices.BinarySearchFunc(l.waiting, ticket, func(g *group, t uint64) int { return cmp.Compare(g.place.ticket, t) })
	return i
}

// work notes that a task of the group has run so long, in microseconds.
func (f *Framework) work(g *group, run int64) {
	if run <= 0 {
		return
	}
	w := weigh(g.spec) * (run / 1000) / 1000
	f.done += w
	l := f.lineOf(g, false)
	if l == nil {
		return
	}
	if i := l.before(g.place.ticket); i > 0 {
		l.waiting[i-1].place.behind += w
		l.overtaken += w
	}
}

// tick takes note of the master's time of an event. What an agent says of its
// own time is not compared with it.
func (s *state) tick(at sdk.Micros) { s.clock = max(s.clock, at) }
