package batch

import (
	"cmp"
	"slices"

	"github.com/tender-scheduler/tender/frameworks/sdk"
)

func (w *writer) place(s *place) {
	w.uint(s.ticket)
	if !s.in {
		w.byte(0)
		return
	}
	w.byte(1)
	w.int(int64(s.since))
	w.int(s.base)
	w.int(s.behind)
}

func (r *reader) place(s *place) {
	s.ticket = r.uint()
	if s.in = r.below(2, "place mark") == 1; s.in {
		s.since, s.base, s.behind = sdk.Micros(r.int()), r.int(), r.int()
	}
}

// formLines puts the groups that stand in a line there.
func (s *state) formLines() {
	for _, j := range s.order {
		for i := range j.groups {
			g := &j.groups[i]
			if !g.place.in {
				continue
			}
			l := s.lineOf(g, true)
			l.waiting = append(l.waiting, g)
			l.overtaken += g.place.behind
		}
	}
	for _, l := range s.lines {
		slices.SortFunc(l.waiting, func(a, b *group) int { return cmp.Compare(a.place.ticket, b.place.ticket) })
	}
}
