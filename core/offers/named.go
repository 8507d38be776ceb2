package offers

import (
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// names returns a's devices and ports, to look at and, if a is no copy, to change.
func (a *agent) names() *things {
	if a.things == nil {
		t := newThings(&a.info)
		a.things, a.borrowed = &t, false
	}
	return a.things
}

// own returns the devices and ports of a copy of an agent, to change.
func (a *agent) own() *things {
	t := a.names()
	if a.borrowed {
		mine := &things{}
		mine.copyFrom(t)
		a.things, a.borrowed = mine, false
	}
	return a.things
}

// rename replaces a's devices and ports by those of info, with what is taken of
// them. a.info is still the old one.
func (a *agent) rename(info model.AgentInfo) {
	if a.things == nil || slices.Equal(a.info.GPUs, info.GPUs) && slices.Equal(a.info.Ports, info.Ports) {
		return
	}
	t := newThings(&info)
	a.things = &t
	for s := range a.stakes() {
		for i := range s.grants {
			t.take(&s.grants[i])
		}
	}
}

// leave takes a stake on a copy of an agent off it.
func (s *stake) leave() {
	for i := range s.grants {
		s.agent.own().release(&s.grants[i])
	}
	s.grants = nil
	s.take(-s.count)
}

func isNothing(g *model.Grant) bool { return len(g.GPUs) == 0 && len(g.Ports) == 0 }

func sameGrant(x, y *model.Grant) bool {
	return slices.Equal(x.GPUs, y.GPUs) && slices.Equal(x.Ports, y.Ports)
}

// candidate returns a as a placer sees it.
func (a *agent) candidate() candidate {
	return candidate{pos: a.pos, attributes: a.info.Attributes, free: a.free(), things: a.names()}
}

// chooser returns how devices for g's tasks are chosen on a, nil for the usual.
func (g *group) chooser(a *agent) deviceChooser {
	if g.rank == nil {
		return nil
	}
	c := a.candidate()
	return g.rank.placer.choose(&c, &g.rank.want)
}

// clipNamed returns how many of n tasks of g may go on a so that what is held
// there finds its devices, too: amounts alone do not tell.
func (w *window) clipNamed(a *agent, g *group, n int) int {
	for _, p := range a.holds {
		r := p.hold.d.groups[p.group].room
		if r.unnamed || len(r.shape.GPUs) == 0 || !w.bars(p) {
			continue
		}
		then := a.namesAt(p.from)
		if then == nil {
			continue
		}
		for n > 0 {
			t := &things{}
			t.copyFrom(then)
			if len(g.room.named.grant(t, n, nil)) == n && r.named.fits(t, p.count) >= p.count {
				break
			}
			n--
		}
	}
	return n
}

// namesAt returns a's devices and ports as they will be when what ends by a time
// has ended.
func (a *agent) namesAt(at int64) *things {
	t := &things{}
	t.copyFrom(a.names())
	for s := range a.stakes() {
		if s.until > at {
			continue
		}
		for i := range s.grants {
			t.release(&s.grants[i])
		}
	}
	return t
}
