package offers

import "github.com/tender-scheduler/tender/core/model"

// scout remembers for one room (or one capped group) where the agents without
// room for it are, so that no agent is looked at twice between two gains.
//
// Room only shrinks until an agent gains. So an agent that had none keeps having
// none as long as its gain stamp is not later than the gain count of that time.
type scout struct {
	seen    uint64 // all agents with a gain stamp up to seen have no room
	pos     int    // and those before pos have none
	posSeen uint64 // ... if their stamp is up to posSeen
}

// start returns where a search at gain count now begins.
func (s *scout) start(now uint64) int {
	if s.posSeen == now {
		return s.pos
	}
	return 0
}

// next returns the first agent at or after position i that may have room, or -1.
func (s *scout) next(b *Book, i int, g *group) int {
	need := &g.kind.shape
	x := &b.index
	if b.sight == far {
		x = &b.far.index
	}
	if list, ok := g.room.shortlist(); ok {
		return s.nextOf(list, x, i, need)
	}
	if i < s.pos {
		if at := x.next(i, s.pos, need, max(s.posSeen, s.seen)); at >= 0 {
			return at
		}
		i = s.pos
	}
	return x.next(i, len(b.agents), need, s.seen)
}

// nextOf is next among the agents at the given positions only.
func (s *scout) nextOf(list []int32, x *index, i int, need *model.Resources) int {
	for _, at := range list {
		pos, after := int(at), s.seen
		if pos < s.pos {
			after = max(s.posSeen, s.seen)
		}
		if pos >= i && x.nodes[x.size+pos].holds(need, after) {
			return pos
		}
	}
	return -1
}

// stop notes that a search at gain count now found no room before position i.
func (s *scout) stop(i int, now uint64) { s.pos, s.posSeen = i, now }

// exhaust notes that a search at gain count now found no room at all.
func (s *scout) exhaust(now uint64) { *s = scout{seen: now} }

// scout returns the memory for a search for g, as far as what is in sight allows
// one.
func (b *Book) scout(g *group) *scout {
	switch {
	case b.sight == near:
		return b.scoutOf(g)
	case b.sight == far && g.caps == nil:
		if g.room.farGen != b.far.gen {
			g.room.farGen, g.room.far = b.far.gen, scout{}
		}
		return &g.room.far
	}
	b.scratch.scout = scout{}
	return &b.scratch.scout
}

// foundBefore notes that a search with s found nothing before position at, and
// took of the agent there what it wanted.
func (b *Book) foundBefore(s *scout, at int) {
	if !b.win.barred {
		s.stop(at, b.gains)
	}
}

// foundNone notes that a search with s has seen all agents, and none of them has
// room for g any more.
func (b *Book) foundNone(s *scout, g *group) {
	if b.win.barred {
		return
	}
	s.exhaust(b.gains)
	switch {
	case g.caps != nil:
	case b.sight == near:
		b.hopeless.add(g.room, b.gains)
	case b.sight == far:
		b.far.hopeless.add(g.room, b.gains)
	}
}

// knownFull reports whether it is known that no agent in sight has room for r.
func (b *Book) knownFull(r *room) bool {
	return b.hopeless.covers(r, b.gains) || b.sight == far && b.far.hopeless.covers(r, b.gains)
}

// scoutOf returns the group's memory of what is near, brought up to what is known
// of its room.
func (b *Book) scoutOf(g *group) *scout {
	if g.caps == nil {
		return &g.room.scout
	}
	s := &g.caps.scout
	if g.caps.spread != nil && s.seen != b.gains && s.posSeen != b.gains {
		// A gain anywhere may have made room on all agents that share the property.
		*s = scout{}
	}
	s.seen = max(s.seen, g.room.scout.seen)
	return s
}
