package batch

import (
	"cmp"
	"fmt"
	"slices"
)

// Who stands in a line follows from the groups' places; of the line itself
// only what it has done is written.

func (w *writer) lines(ls []*line) {
	w.uint(uint64(len(ls)))
	for _, l := range ls {
		w.bytes([]byte(l.role))
		w.int(int64(l.priority))
		w.int(l.done)
	}
}

func (r *reader) lines() (ls []*line) {
	n := r.uint()
	for i := uint64(0); i < n && r.err == nil; i++ {
		ls = append(ls, &line{role: string(r.bytes()), priority: int(r.int()), done: r.int()})
	}
	return ls
}

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
		s.since, s.base, s.behind = micros(r.int()), r.int(), r.int()
	}
}

// formLines puts the groups that stand in a line there.
func (s *state) formLines() error {
	for _, j := range s.order {
		for i := range j.groups {
			g := &j.groups[i]
			if !g.place.in {
				continue
			}
			l := s.lineOf(g, false)
			if l == nil {
				return fmt.Errorf("job %s: it stands in a line that is not there", j.id)
			}
			l.waiting = append(l.waiting, g)
			l.overtaken += g.place.behind
		}
	}
	for _, l := range s.lines {
		slices.SortFunc(l.waiting, func(a, b *group) int { return cmp.Compare(a.place.ticket, b.place.ticket) })
	}
	return nil
}
