package batch

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// turn says when a group's turn is among those of its role that could start. It
// looks at all of them, which a person's question is worth.
func (f *Framework) turn(g *group, now time.Time) *model.TurnView {
	spec := g.job.spec
	v := &model.TurnView{Role: spec.Role, Priority: spec.Priority, Policy: string(f.cfg.Policy), Place: 1, Promoted: g.promoted}
	rank := f.rank(g)
	for _, l := range f.lines {
		if l.role != spec.Role {
			continue
		}
		for _, o := range l.waiting {
			if o.startable() == 0 {
				continue
			}
			v.Of++
			if r := f.rank(o); r > rank || r == rank && o.goesBefore(g) {
				v.Place++
			}
		}
	}
	if f.cfg.Policy.promotes() && g.place.in {
		l := f.lineOf(g, false)
		var behind int64
		for _, o := range l.waiting[l.before(g.place.ticket):] {
			behind += o.place.behind
		}
		v.Overtaken = model.Duration(g.place.overtaken(now, behind, f.done).Truncate(time.Second))
		v.OvertakeLimit = model.Duration(f.cfg.OvertakeLimit)
	}
	return v
}

// goesBefore is the order of groups of one rank.
func (g *group) goesBefore(o *group) bool {
	return g.job.seq < o.job.seq || g.job == o.job && g.num < o.num
}
