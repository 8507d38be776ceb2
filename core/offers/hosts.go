package offers

import (
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// Fleet changes whenever what agents there are, or what may be placed on them, has.
func (b *Book) Fleet() uint64 { return b.fleet }

// Knows reports whether the book has an agent, with what it said of itself.
func (b *Book) Knows(id model.AgentID) bool {
	a := b.byID[id]
	return a != nil && a.known
}

// Hosts returns the agents that a group matches, were they empty, and those that
// are out of contact and would; both sorted. An agent that nothing may be placed on,
// drained perhaps, is in neither.
func (b *Book) Hosts(dg *model.DemandGroup) (fit, away []model.AgentID) {
	d := model.Demand{Groups: []model.DemandGroup{*dg}}
	g := plainGroup(&d, 0)
	g.room = newRoom(&d.Groups[0])
	if !g.possible() {
		return nil, nil
	}
	for _, a := range b.agents {
		switch {
		case a == nil || a.barred != "" || !a.known:
		case g.mostOn(a.vacated(), 1) == 0:
		case !a.available:
			away = append(away, a.info.ID)
		default:
			fit = append(fit, a.info.ID)
		}
	}
	slices.Sort(fit)
	slices.Sort(away)
	return fit, away
}
