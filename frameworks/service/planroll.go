package service

import (
	"cmp"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// roll has further slots of a group replaced, as many as its policy allows.
func (p *planner) roll(d *deployment, x *deployGroup, g *group) bool {
	if p.yield(d, g) {
		return true
	}
	spec := g.want()
	if x.Canaries > 0 && !x.Promoted {
		return p.rollCanaries(d, x, g)
	}
	limit := len(g.Slots)
	if spec.Update != nil && spec.Update.MaxParallel > 0 {
		limit = spec.Update.MaxParallel
	}
	room := limit - rolling(d, g)
	var todo []*slot
	for _, s := range g.Slots {
		if d.stale(g, s) && s.Next == nil && !s.Drop && s.Cur.Stop == 0 {
			todo = append(todo, s)
		}
	}
	if room <= 0 || len(todo) == 0 || p.staggered(d, g, spec) {
		return false
	}
	// What does not work anyhow is replaced first.
	slices.SortStableFunc(todo, func(x, y *slot) int { return cmp.Compare(rank(x), rank(y)) })
	return p.replace(g, todo, room, limit)
}

func rank(s *slot) int {
	if s.Cur.works() {
		return 1
	}
	return 0
}

// replace replaces up to room slots: beside what they have where that can be, else
// in its place, as long as no more than limit are without a healthy task.
func (p *planner) replace(g *group, todo []*slot, room, limit int) bool {
	beside := &replaced{ID: p.j.ID, At: p.at, Group: g.Name}
	inPlace := &replaced{ID: p.j.ID, At: p.at, Group: g.Name, InPlace: true}
	without := g.unwell()
	for _, s := range todo {
		if room == 0 {
			break
		}
		if !s.Cur.Live || !p.inPlaceOnly(g, s) {
			beside.Slots = append(beside.Slots, s.Index)
			room--
			continue
		}
		if s.Cur.works() {
			if without >= limit {
				continue
			}
			without++
		}
		inPlace.Slots = append(inPlace.Slots, s.Index)
		room--
	}
	for _, e := range []*replaced{beside, inPlace} {
		if slices.Sort(e.Slots); e.Slots != nil {
			p.emit(e)
		}
	}
	return beside.Slots != nil || inPlace.Slots != nil
}

// inPlaceOnly reports whether a slot's successor has to wait for the end of what
// it replaces: on a system job's agent, and where both want the same port.
func (p *planner) inPlaceOnly(g *group, s *slot) bool {
	return p.j.system() || g.clashes(s, g.Base) && g.fitsInPlace(s, g.Base)
}

// rolling counts the slots that a deployment is replacing now.
func rolling(d *deployment, g *group) (n int) {
	for _, s := range g.Slots {
		if s.Roll == d.Number && !d.done(g, s) {
			n++
		}
	}
	return n
}

// rollCanaries makes the canaries that are missing. They are always beside what
// they may replace.
func (p *planner) rollCanaries(d *deployment, x *deployGroup, g *group) bool {
	e := &replaced{ID: p.j.ID, At: p.at, Group: g.Name, Canary: true}
	have := 0
	for _, s := range g.Slots {
		if s.Canary && s.Roll == d.Number {
			have++
		}
	}
	for _, s := range g.Slots {
		if have+len(e.Slots) >= x.Canaries {
			break
		}
		if d.stale(g, s) && s.Next == nil && !s.Drop && s.Cur.Stop == 0 {
			e.Slots = append(e.Slots, s.Index)
		}
	}
	if e.Slots == nil {
		return false
	}
	p.emit(e)
	return true
}

// staggered reports whether a system job's next agents are not due yet.
func (p *planner) staggered(d *deployment, g *group, spec *model.Group) bool {
	if !p.j.system() || spec.Update == nil || spec.Update.Stagger <= 0 || d.Rolled == 0 || rolling(d, g) > 0 {
		return false
	}
	return !p.past(d.Rolled.Add(spec.Update.Stagger.Std()).Time())
}

// yield has slots make room for successors that found none beside them for a
// while, if their own will do. A successor that could not run there either waits,
// and what there is goes on.
func (p *planner) yield(d *deployment, g *group) bool {
	spec := g.want()
	limit := len(g.Slots)
	if spec.Update != nil && spec.Update.MaxParallel > 0 {
		limit = spec.Update.MaxParallel
	}
	e := &yielded{ID: p.j.ID, At: p.at, Group: g.Name}
	without := g.unwell()
	for _, s := range g.Slots {
		if s.Roll != d.Number || s.Canary || s.Next == nil || s.Next.Live || s.Next.First != 0 || s.After || s.Cur == nil || !g.fitsInPlace(s, s.Next.Base) {
			continue
		}
		if !p.past(d.Rolled.Time().Add(placePatience)) {
			continue
		}
		if s.Cur.works() {
			if without >= limit {
				continue
			}
			without++
		}
		e.Slots = append(e.Slots, s.Index)
	}
	if e.Slots == nil {
		return false
	}
	p.emit(e)
	return true
}

// move has slots leave agents that are drained, as many at once as the migrate
// policy says.
func (p *planner) move() bool {
	for _, g := range p.j.Groups {
		spec := g.want()
		if spec == nil {
			continue
		}
		limit := 1
		if spec.Migrate != nil {
			limit = max(spec.Migrate.MaxParallel, 1)
		}
		var todo []*slot
		for _, s := range g.Slots {
			switch {
			case s.Moving && s.Next != nil:
				limit--
			case s.Leave != 0 && s.Next == nil && !s.Drop && s.Cur != nil && s.Cur.Stop == 0 && s.Cur.Live:
				todo = append(todo, s)
			}
		}
		if limit <= 0 || len(todo) == 0 {
			continue
		}
		e := &replaced{ID: p.j.ID, At: p.at, Group: g.Name, Moving: true}
		for _, s := range todo[:min(limit, len(todo))] {
			e.Slots = append(e.Slots, s.Index)
		}
		p.emit(e)
		return true
	}
	return false
}
