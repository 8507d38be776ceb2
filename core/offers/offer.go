package offers

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// offer is an outstanding offer. stakes[i] holds the room of Parts[i]; parts are
// ordered by the agents' positions, then by group.
type offer struct {
	model.Offer
	demand     *demand
	stakes     []*stake
	prev, next *offer       // by age
	classic    *classicPart // nil for an offer to a demand
	// The part and the stake of an offer that has just one, as most do when many
	// are out at once.
	onePart  [1]model.OfferPart
	oneStake [1]stake
	oneList  [1]*stake
}

// Withdrawal is an offer that the book took back by itself, and why.
type Withdrawal struct {
	Offer  model.Offer
	Reason model.Reason
}

// makeOffer offers places, whose room is reserved, to d.
func (b *Book) makeOffer(now time.Time, d *demand, places []place) *offer {
	b.lastOffer++
	o := &offer{
		Offer: model.Offer{
			ID: b.lastOffer, Framework: d.Framework, Demand: d.ID, Label: d.Label, Role: d.Role,
			AllOrNothing: d.AllOrNothing, MadeAt: now,
		},
		demand: d,
	}
	o.Parts, o.stakes = o.onePart[:0], o.oneList[:0]
	block := o.oneStake[:]
	if len(places) > 1 {
		o.Parts, o.stakes = make([]model.OfferPart, 0, len(places)), make([]*stake, 0, len(places))
		block = make([]stake, len(places))
	}
	o.extend(places, block)
	b.putOut(o)
	return o
}

// putOut enters o among the outstanding offers, as the youngest.
func (b *Book) putOut(o *offer) {
	if o.prev = b.last; b.last != nil {
		b.last.next = o
	} else {
		b.first = o
	}
	b.last = o
	b.offers.put(o)
}

// extend adds places, whose room is reserved, to o; block is memory for as many
// stakes.
func (o *offer) extend(places []place, block []stake) {
	since := o.MadeAt.UnixNano()
	until := endOf(since, o.demand.TimeLimit)
	for i, p := range places {
		g := &o.demand.groups[p.group]
		o.Parts = append(o.Parts, model.OfferPart{Agent: p.agent.info.ID, Group: p.group, Count: p.count, Grants: p.grants})
		s := &block[i]
		*s = stake{kind: g.kind, agent: p.agent, count: p.count, offer: o, since: since, until: until, grants: p.grants}
		o.stakes = append(o.stakes, s)
		s.link()
		g.offered += p.count
		o.UnavailableFrom = earlier(o.UnavailableFrom, p.agent.wantedFrom(until))
	}
}

// finish brings the parts in their order, those for the same group on the same
// agent joined.
func (o *offer) finish() {
	inOrder := true
	for i := 1; i < len(o.stakes) && inOrder; i++ {
		inOrder = o.comparePart(i-1, i) < 0
	}
	if inOrder {
		return
	}
	sort.Sort((*partOrder)(o))
	n := 0
	for i := 1; i < len(o.stakes); i++ {
		if o.comparePart(n, i) == 0 {
			joined, s := o.stakes[n], o.stakes[i]
			s.unlink()
			joined.count += s.count
			joined.grants = append(joined.grants, s.grants...)
			o.Parts[n].Count += s.count
			o.Parts[n].Grants = append(o.Parts[n].Grants, o.Parts[i].Grants...)
			continue
		}
		n++
		o.stakes[n], o.Parts[n] = o.stakes[i], o.Parts[i]
	}
	o.stakes, o.Parts = o.stakes[:n+1], o.Parts[:n+1]
}

func (o *offer) comparePart(i, j int) int {
	return cmp.Or(cmp.Compare(o.stakes[i].agent.pos, o.stakes[j].agent.pos), cmp.Compare(o.Parts[i].Group, o.Parts[j].Group))
}

// partOrder sorts the parts of an offer by the agents' positions, then by group.
type partOrder offer

func (p *partOrder) Len() int           { return len(p.stakes) }
func (p *partOrder) Less(i, j int) bool { return (*offer)(p).comparePart(i, j) < 0 }
func (p *partOrder) Swap(i, j int) {
	p.stakes[i], p.stakes[j] = p.stakes[j], p.stakes[i]
	p.Parts[i], p.Parts[j] = p.Parts[j], p.Parts[i]
}

// earlier returns the earlier of two times, of which zero means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// closeOffer forgets o and frees what is left of its room.
func (b *Book) closeOffer(o *offer) {
	for i, s := range o.stakes {
		s.unlink()
		for n := range s.grants {
			s.agent.names().release(&s.grants[n])
		}
		if o.classic != nil {
			o.classic.to.offers--
		} else {
			o.demand.groups[s.Group].offered -= o.Parts[i].Count
		}
		if s.count > 0 {
			s.node.Charge(s.shape, -int64(s.count))
			s.take(-s.count)
			b.gain(s.agent)
		}
	}
	if o.prev != nil {
		o.prev.next = o.next
	} else {
		b.first = o.next
	}
	if o.next != nil {
		o.next.prev = o.prev
	} else {
		b.last = o.prev
	}
	o.prev, o.next = nil, nil
	b.offers.drop(o.ID)
}

// Decline takes an offer back; its room may be offered again at once, also to
// the same demand (but see Refuse). It reports whether the offer was out.
func (b *Book) Decline(id model.OfferID) (model.Offer, bool) {
	o := b.offers.get(id)
	if o == nil {
		return model.Offer{}, false
	}
	if o.classic != nil {
		b.closeOffer(o)
		return o.Offer, true
	}
	b.delist(o.demand)
	b.closeOffer(o)
	b.relist(o.demand)
	return o.Offer, true
}

// withdrawFrom withdraws the offers that a is part of, oldest first.
func (b *Book) withdrawFrom(a *agent, why model.Reason) {
	var out []*offer
	for _, s := range a.onOffer {
		out = append(out, s.offer)
	}
	slices.SortFunc(out, func(x, y *offer) int { return cmp.Compare(x.ID, y.ID) })
	for _, o := range slices.Compact(out) {
		b.Decline(o.ID)
		b.withdrawn = append(b.withdrawn, Withdrawal{o.Offer, why})
	}
}

// withdrawFor withdraws the offers out for d, which must not be listed. There
// are few offers out at any time: frameworks answer at once.
func (b *Book) withdrawFor(d *demand) {
	for o := b.first; o != nil && d.offered(); {
		next := o.next
		if o.demand == d {
			b.closeOffer(o)
			b.withdrawn = append(b.withdrawn, Withdrawal{o.Offer, model.ReasonStaleOffer})
		}
		o = next
	}
}

// Withdrawn returns the offers that the book has taken back by itself since the
// last call, oldest withdrawal first: their agent was lost or is too full, or
// their demand has gone or changed. Their frameworks should be told.
func (b *Book) Withdrawn() []Withdrawal {
	out := b.withdrawn
	b.withdrawn = nil
	return out
}

// Offers returns the outstanding offers, oldest first.
func (b *Book) Offers() []model.Offer {
	var out []model.Offer
	for o := b.first; o != nil; o = o.next {
		out = append(out, o.Offer)
	}
	return out
}

// Offer returns an outstanding offer.
func (b *Book) Offer(id model.OfferID) (model.Offer, bool) {
	o := b.offers.get(id)
	if o == nil {
		return model.Offer{}, false
	}
	return o.Offer, true
}

// Expired returns the outstanding offers made at or before the given time,
// oldest first. They stay outstanding until they are declined.
func (b *Book) Expired(madeBy time.Time) []model.Offer {
	var out []model.Offer
	for o := b.first; o != nil && !o.MadeAt.After(madeBy); o = o.next {
		out = append(out, o.Offer)
	}
	return out
}

// OldestOffer returns when the oldest outstanding offer was made; zero if none is out.
func (b *Book) OldestOffer() time.Time {
	if b.first == nil {
		return time.Time{}
	}
	return b.first.MadeAt
}
