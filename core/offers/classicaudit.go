package offers

import "github.com/tender-scheduler/tender/core/model"

// auditClassic checks one classic offer.
func (b *Book) auditClassic(o *offer, report func(string, ...any)) {
	c := o.classic
	switch s := o.stakes[0]; {
	case b.offers.get(o.ID) != o:
		report("offer %s: is not among the offers", o.ID)
	case b.classic.subscribers[c.to.slot] != c.to:
		report("offer %s: is to %s in role %q, which is not subscribed", o.ID, c.to.framework, c.to.role)
	case len(o.Parts) != 1 || s.count != 1 || s.shape != c.room.Resources || s.agent.info.ID != o.Parts[0].Agent:
		report("offer %s: is not backed by its stake", o.ID)
	}
}

// auditShares checks what is charged to the roles, and the filters.
func (b *Book) auditShares(report func(string, ...any)) {
	var sum, total model.Resources
	for _, a := range b.agents {
		if a != nil {
			sum, total = sum.Add(a.used).Add(a.offered), total.Add(a.info.Capacity)
		}
	}
	if used := b.roles.Node("").Used(); used != sum {
		report("roles are charged %s, agents have %s allocated and offered", used, sum)
	}
	if b.roles.Total() != total {
		report("shares are of %s, agents have %s", b.roles.Total(), total)
	}
	for pos := range b.classic.filters.agents {
		f := &b.classic.filters.agents[pos]
		counts := make([]int32, len(f.levels))
		for slot, l := range f.of {
			if l == 0 {
				continue
			}
			counts[l-1]++
			if x := b.classic.subscribers[slot]; x == nil || !x.filtered.has(pos) {
				report("position %d: has a filter of no subscriber", pos)
			}
		}
		for i := range counts {
			if counts[i] != f.levels[i].count {
				report("position %d: %d filters of a level that believes in %d", pos, counts[i], f.levels[i].count)
			}
		}
	}
}
