package offers

import (
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// Rooms that name what they want, such as "node.unique.name = a17", would make
// a search over all agents for each of them. For the attributes in such
// constraints the book keeps which agents have which value.

// pinned is an attribute that some room's constraint compares with a fixed value.
type pinned struct {
	name   string
	rooms  int
	values map[string][]int32 // positions of the agents with the value, ascending
}

// pin is one such constraint.
type pin struct {
	attribute *pinned
	value     string
}

// maxPinned is how many agents are looked at one by one rather than through the index.
const maxPinned = 64

// usePins gives r its pins.
func (b *Book) usePins(r *room) {
	for i := range r.rules {
		rule := &r.rules[i]
		value, fixed := rule.right.literal()
		names := rule.left.names()
		if rule.source.Operator != "=" || !fixed || len(names) != 1 || rule.left.text != "${"+names[0]+"}" {
			continue
		}
		p := b.pinned[names[0]]
		if p == nil {
			p = &pinned{name: names[0], values: map[string][]int32{}}
			b.pinned[names[0]] = p
			for _, a := range b.agents {
				if a != nil {
					p.add(a.info.Attributes, a.pos)
				}
			}
		}
		p.rooms++
		r.pins = append(r.pins, pin{p, value})
	}
}

func (b *Book) releasePins(r *room) {
	for _, p := range r.pins {
		if p.attribute.rooms--; p.attribute.rooms == 0 {
			delete(b.pinned, p.attribute.name)
		}
	}
}

// setInfo replaces what is known of an agent, and keeps the pins right.
func (b *Book) setInfo(a *agent, info model.AgentInfo) {
	for _, p := range b.pinned {
		p.remove(a.info.Attributes, a.pos)
		p.add(info.Attributes, a.pos)
	}
	b.fleet++
	b.grow(info.Capacity)
	b.countLevels(a.info.Attributes, -1)
	b.countLevels(info.Attributes, 1)
	b.roles.AddTotal(info.Capacity.Sub(a.info.Capacity))
	a.rename(info)
	a.info = info
	if len(a.reserved) > 0 || len(b.reservations[info.Name]) > 0 {
		b.reserveOn(a)
	}
}

func (p *pinned) add(attrs map[string]string, pos int) {
	v, ok := attrs[p.name]
	if !ok {
		return
	}
	list := p.values[v]
	if i, found := slices.BinarySearch(list, int32(pos)); !found {
		p.values[v] = slices.Insert(list, i, int32(pos))
	}
}

func (p *pinned) remove(attrs map[string]string, pos int) {
	v, ok := attrs[p.name]
	if !ok {
		return
	}
	list := p.values[v]
	if i, found := slices.BinarySearch(list, int32(pos)); found {
		list = slices.Delete(list, i, i+1)
	}
	if len(list) == 0 {
		delete(p.values, v)
		return
	}
	p.values[v] = list
}

// shortlist returns the only agents that can meet r's constraints, if they are few.
func (r *room) shortlist() (positions []int32, ok bool) {
	for _, p := range r.pins {
		if list := p.attribute.values[p.value]; len(list) <= maxPinned && (!ok || len(list) < len(positions)) {
			positions, ok = list, true
		}
	}
	return positions, ok
}
