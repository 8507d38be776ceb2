package offers

import (
	"cmp"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

type demandID struct {
	framework model.FrameworkID
	id        string
}

// demand is one demand in the book. Its groups' Counts are what is still
// wanted, tasks on offer included.
type demand struct {
	model.Demand
	groups []group
	class  *class

	place        [queueKinds]int // in class.ready and Book.asleep, -1 where it is not
	refusedUntil time.Time
	barring      bool      // is in Book.barring
	parked       bool      // out of class.ready until the pass is over
	since        time.Time // when it was set, or got something last
	asked        time.Time // when it was set: the first pass after that
	hold         *hold     // as last found, in force or not
	hopelessAt   int64     // when no hold was found, Unix nanoseconds; 0 = one was
	hopelessGen  uint64    // Book.gains at the time
	preempting   int       // inverse offers out for it
	current      *offer    // made in the pass with the number inPass
	inPass       uint64
	// The groups of a demand that has just one, as most do.
	oneGroup [1]model.DemandGroup
	one      [1]group
}

// set makes d a book's own copy of the demand given.
func (d *demand) set(given model.Demand) {
	groups := given.Groups
	d.Demand = given
	if len(groups) == 1 {
		d.Groups = append(d.oneGroup[:0], groups...)
	} else {
		d.Groups = slices.Clone(groups)
	}
	for i := range d.Groups {
		d.Groups[i].Count = max(d.Groups[i].Count, 0)
	}
}

// wakeAt is the time before which d gets no offer; zero = none.
func (d *demand) wakeAt() time.Time {
	if d.refusedUntil.After(d.EarliestStart) {
		return d.refusedUntil
	}
	return d.EarliestStart
}

// SetDemand adds a demand or replaces the one with the same framework and ID;
// one that wants no task is a DropDemand. Offers out for the replaced one stay
// as long as their tasks are the same; else they are withdrawn. A demand unlike
// the one it replaces has no filter: REQUEST with something new is also REVIVE.
func (b *Book) SetDemand(d model.Demand) {
	if !slices.ContainsFunc(d.Groups, func(g model.DemandGroup) bool { return g.Count > 0 }) {
		b.DropDemand(d.Framework, d.ID)
		return
	}
	id := demandID{d.Framework, d.ID}
	x := b.demands[id]
	if x == nil {
		x = &demand{place: [queueKinds]int{-1, -1}}
		x.set(d)
		b.demands[id] = x
		b.arrived = append(b.arrived, x)
		b.seeMix(x)
		b.compileGroups(x)
		b.enlist(x)
		return
	}
	changed, unlike := compareDemands(&x.Demand, &d)
	if !changed {
		return
	}
	b.changed(x)
	b.delist(x)
	if unlike {
		b.pardon(x)
		b.withdrawFor(x)
		b.releaseRooms(x)
	}
	x.set(d)
	x.refusedUntil = time.Time{}
	if unlike {
		b.seeMix(x)
		b.compileGroups(x)
	}
	b.enlist(x)
}

// compareDemands reports whether anything of a demand changed, and whether what
// its offers promise did.
func compareDemands(a, b *model.Demand) (changed, unlike bool) {
	unlike = a.AllOrNothing != b.AllOrNothing || len(a.Groups) != len(b.Groups) || a.Kin != b.Kin || a.Every != b.Every || a.Lasting != b.Lasting
	changed = a.Label != b.Label || a.Role != b.Role || a.Rank != b.Rank || a.Seq != b.Seq ||
		a.TimeLimit != b.TimeLimit || !a.EarliestStart.Equal(b.EarliestStart)
	for i := 0; i < len(a.Groups) && !unlike; i++ {
		g, h := &a.Groups[i], &b.Groups[i]
		if g.Count != h.Count {
			changed = true
			unlike = a.AllOrNothing
		}
		unlike = unlike || g.MaxPerAgent != h.MaxPerAgent || g.Exclusive != h.Exclusive ||
			g.Topology != h.Topology || !g.Shape.Equal(&h.Shape) || !slices.Equal(g.Constraints, h.Constraints) || !slices.Equal(g.Avoid, h.Avoid) ||
			!slices.Equal(g.Only, h.Only)
	}
	return changed || unlike, unlike
}

// DropDemand withdraws a demand, and the offers out for it. Running tasks stay.
func (b *Book) DropDemand(fw model.FrameworkID, id string) {
	if d := b.demands[demandID{fw, id}]; d != nil {
		b.changed(d)
		b.delist(d)
		b.withdrawFor(d)
		b.forget(d)
	}
}

func (b *Book) forget(d *demand) {
	b.changed(d)
	b.delist(d)
	b.pardon(d)
	b.releaseRooms(d)
	delete(b.demands, demandID{d.Framework, d.ID})
}

// Refuse keeps offers from a demand until the given time, or until it is set anew.
func (b *Book) Refuse(fw model.FrameworkID, id string, until time.Time) {
	if d := b.demands[demandID{fw, id}]; d != nil {
		b.changed(d)
		b.delist(d)
		d.refusedUntil = until
		b.enlist(d)
	}
}

// Demand returns a demand with the counts still wanted, offered tasks included.
func (b *Book) Demand(fw model.FrameworkID, id string) (model.Demand, bool) {
	d := b.demands[demandID{fw, id}]
	if d == nil {
		return model.Demand{}, false
	}
	return d.export(), true
}

// Idle reports whether no demand is in the book: nothing waits.
func (b *Book) Idle() bool { return len(b.demands) == 0 }

// Demands returns all demands in plan order, those not to be served yet included.
func (b *Book) Demands() []model.Demand {
	all := make([]*demand, 0, len(b.demands))
	for _, d := range b.demands {
		all = append(all, d)
	}
	slices.SortFunc(all, planOrder)
	out := make([]model.Demand, len(all))
	for i, d := range all {
		out[i] = d.export()
	}
	return out
}

func (d *demand) export() model.Demand {
	out := d.Demand
	out.Groups = slices.Clone(out.Groups)
	return out
}

// planOrder is the order in which demands are served.
func planOrder(a, b *demand) int {
	switch {
	case a.Rank != b.Rank:
		return cmp.Compare(b.Rank, a.Rank)
	case a.Seq != b.Seq:
		return cmp.Compare(a.Seq, b.Seq)
	case a.Framework != b.Framework:
		return cmp.Compare(a.Framework, b.Framework)
	}
	return cmp.Compare(a.ID, b.ID)
}

// wanted returns how many tasks of group i are to be offered.
func (d *demand) wanted(i int) int { return max(d.Groups[i].Count-d.groups[i].offered, 0) }

// satisfied reports whether everything wanted is on offer. A gang's offer is
// all there is to it.
func (d *demand) satisfied() bool {
	for i := range d.groups {
		if d.wanted(i) > 0 {
			return false
		}
	}
	return true
}

// total returns how many tasks are to be offered.
func (d *demand) total() int {
	n := 0
	for i := range d.groups {
		n += d.wanted(i)
	}
	return n
}

// firstWanted returns the first group of which something is to be offered.
func (d *demand) firstWanted() int {
	for i := range d.groups {
		if d.wanted(i) > 0 {
			return i
		}
	}
	return 0
}

// capped reports whether where tasks may go depends on where others of d are.
func (d *demand) capped() bool {
	return slices.ContainsFunc(d.groups, func(g group) bool { return g.caps != nil })
}

// hopeful reports whether agents might ever meet what d asks.
func (d *demand) hopeful() bool {
	return !slices.ContainsFunc(d.groups, func(g group) bool { return !g.possible() })
}

// asks returns which resources d asks for, of all its groups.
func (d *demand) asks() model.Resources {
	if len(d.groups) == 1 {
		return d.groups[0].kind.shape
	}
	var sum model.Resources
	for i := range d.groups {
		sum = sum.Add(d.groups[i].kind.shape)
	}
	return sum
}

// offered reports whether an offer is out for d.
func (d *demand) offered() bool {
	return slices.ContainsFunc(d.groups, func(g group) bool { return g.offered > 0 })
}

// empty reports whether d wants nothing any more, nor has any of it on offer.
func (d *demand) empty() bool {
	return !d.offered() && !slices.ContainsFunc(d.Groups, func(g model.DemandGroup) bool { return g.Count > 0 })
}
