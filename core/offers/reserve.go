package offers

import (
	"slices"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/offers/shares"
)

// reservation is an amount of an agent kept for a role and those below it.
type reservation struct {
	node   *shares.Node
	amount model.Resources
}

// unreserved returns what is free on a for a role: all that is free less what
// reservations for others keep that their roles do not use there yet.
func (a *agent) unreserved(n *shares.Node) model.Resources {
	free := a.free()
	for i := range a.reserved {
		r := &a.reserved[i]
		if within(n, r.node) {
			continue
		}
		rest := r.amount
		for s := range a.stakes() {
			if s.node != nil && within(s.node, r.node) {
				rest = rest.Sub(s.shape.Times(int64(s.count)))
			}
		}
		free = free.Sub(atLeastNone(rest))
	}
	return free
}

// within reports whether n is r or below it.
func within(n, r *shares.Node) bool {
	for ; n != nil; n = n.Parent() {
		if n == r {
			return true
		}
	}
	return false
}

// atLeastNone returns r without what is negative.
func atLeastNone(r model.Resources) model.Resources {
	return model.Resources{
		CPUMilli: max(r.CPUMilli, 0), MemoryBytes: max(r.MemoryBytes, 0),
		DiskBytes: max(r.DiskBytes, 0), GPUMilli: max(r.GPUMilli, 0),
	}
}

// SetReservation replaces what is reserved for a role on the agent with the given
// name, now or when it registers; a zero amount takes the reservation away.
func (b *Book) SetReservation(r model.Reservation) {
	list := b.reservations[r.Agent]
	list = slices.DeleteFunc(list, func(x model.Reservation) bool { return x.Role == r.Role })
	if !r.Amount.IsZero() {
		list = append(list, r)
	}
	if len(list) == 0 {
		delete(b.reservations, r.Agent)
	} else {
		b.reservations[r.Agent] = list
	}
	for _, a := range b.agents {
		if a != nil && a.info.Name == r.Agent {
			b.reserveOn(a)
		}
	}
	b.replan, b.dirty = true, true
}

// reserveOn brings a's reservations up to date.
func (b *Book) reserveOn(a *agent) {
	for _, r := range a.reserved {
		r.node.Release()
	}
	b.reserves -= len(a.reserved)
	a.reserved = nil
	for _, r := range b.reservations[a.info.Name] {
		a.reserved = append(a.reserved, reservation{b.roles.Node(r.Role).Retain(), r.Amount})
	}
	b.reserves += len(a.reserved)
	b.gain(a)
}
