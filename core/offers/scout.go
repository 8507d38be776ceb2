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
	if list, ok := g.room.shortlist(); ok {
		return s.nextOf(list, b, i, need)
	}
	if i < s.pos {
		if at := b.index.next(i, s.pos, need, max(s.posSeen, s.seen)); at >= 0 {
			return at
		}
		i = s.pos
	}
	return b.index.next(i, len(b.agents), need, s.seen)
}

// nextOf is next among the agents at the given positions only.
func (s *scout) nextOf(list []int32, b *Book, i int, need *model.Resources) int {
	for _, at := range list {
		pos, after := int(at), s.seen
		if pos < s.pos {
			after = max(s.posSeen, s.seen)
		}
		if pos >= i && b.index.nodes[b.index.size+pos].holds(need, after) {
			return pos
		}
	}
	return -1
}

// stop notes that a search at gain count now found no room before position i.
func (s *scout) stop(i int, now uint64) { s.pos, s.posSeen = i, now }

// exhaust notes that a search at gain count now found no room at all.
func (s *scout) exhaust(now uint64) { *s = scout{seen: now} }

// scout returns the group's memory, brought up to what is known of its room.
func (b *Book) scout(g *group) *scout {
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
