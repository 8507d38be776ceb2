package offers

import (
	"cmp"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// inverse is an inverse offer that is out: tasks of one framework that are to end
// for a demand.
type inverse struct {
	model.InverseOffer
	d    *demand // that the room is for
	left int     // tasks that have not ended
}

// Inverse returns the inverse offers made since the last call, oldest first.
// Their frameworks are to be told; whoever has not stopped the tasks by Deadline
// has them stopped.
func (b *Book) Inverse() []model.InverseOffer {
	out := b.newInverse
	b.newInverse = nil
	return out
}

// NextOffer returns an id for an offer that the caller makes itself.
func (b *Book) NextOffer() model.OfferID {
	b.lastOffer++
	return b.lastOffer
}

// RescindedInverse returns the inverse offers that are not needed any more, of
// those that Inverse returned, since the last call.
func (b *Book) RescindedInverse() []model.InverseOffer {
	out := b.rescinded
	b.rescinded = nil
	return out
}

// InverseOffers returns the inverse offers that are out, oldest first, each with
// the tasks that have not ended.
func (b *Book) InverseOffers() []model.InverseOffer {
	out := make([]model.InverseOffer, 0, len(b.inverses))
	for _, v := range b.inverses {
		o := v.InverseOffer
		o.Tasks, o.Agents = nil, nil
		for i, id := range v.Tasks {
			if b.tasks.get(id) != nil {
				o.Tasks, o.Agents = append(o.Tasks, id), append(o.Agents, v.Agents[i])
			}
		}
		out = append(out, o)
	}
	return out
}

// NextDeadline returns when the first inverse offer that is out comes due; zero
// if none is out.
func (b *Book) NextDeadline() time.Time {
	var first time.Time
	for _, v := range b.inverses {
		first = earlier(first, v.Deadline)
	}
	return first
}

// recall makes inverse offers for victims, one for each framework, in favour of d.
func (b *Book) recall(d *demand, victims []victim, deadline time.Time) {
	slices.SortStableFunc(victims, func(x, y victim) int { return cmp.Compare(x.stake.Framework, y.stake.Framework) })
	var v *inverse
	for _, x := range victims {
		if v == nil || v.Framework != x.stake.Framework {
			b.lastOffer++
			v = &inverse{d: d, InverseOffer: model.InverseOffer{
				ID: b.lastOffer, Framework: x.stake.Framework, For: d.label(), ForRole: d.Role,
				Deadline: deadline, MadeAt: b.pass.at,
			}}
			b.inverses = append(b.inverses, v)
			d.preempting++
		}
		ids := b.tasks.of(x.stake, x.count)
		s := b.splitStake(x.stake, ids)
		s.inverse, s.was = v, s.until
		b.moveEnd(s, min(s.until, deadline.UnixNano()))
		for _, id := range ids {
			v.Tasks, v.Agents = append(v.Tasks, id), append(v.Agents, s.agent.info.ID)
		}
		v.left += len(ids)
	}
	for _, v := range b.inverses {
		if v.d == d && v.MadeAt.Equal(b.pass.at) {
			b.newInverse = append(b.newInverse, v.InverseOffer)
		}
	}
	if !slices.Contains(b.favoured, d) {
		b.favoured = append(b.favoured, d)
	}
}

// splitStake makes a stake of its own of some of s's tasks.
func (b *Book) splitStake(s *stake, ids []model.TaskID) *stake {
	if len(ids) == s.count {
		return s
	}
	part := b.newStake()
	next := part.next
	*part = *s
	part.next, part.count = next, len(ids)
	s.count -= len(ids)
	part.link()
	for _, id := range ids {
		b.tasks.put(id, part)
	}
	return part
}

// moveEnd changes when s is taken to end.
func (b *Book) moveEnd(s *stake, until int64) {
	s.unlink()
	s.until = until
	s.link()
}

// gave notes that a task of a recalled stake has ended.
func (b *Book) gave(v *inverse) {
	if v.left--; v.left == 0 {
		b.closeInverse(v)
	}
}

func (b *Book) closeInverse(v *inverse) {
	v.d.preempting--
	b.inverses = slices.DeleteFunc(b.inverses, func(x *inverse) bool { return x == v })
}

// pardon takes back the inverse offers out for d: it does not need the room.
func (b *Book) pardon(d *demand) {
	if d.preempting == 0 {
		return
	}
	for _, v := range slices.Clone(b.inverses) {
		if v.d != d {
			continue
		}
		for _, id := range v.Tasks {
			if s := b.tasks.get(id); s != nil && s.inverse == v {
				s.inverse = nil
				b.moveEnd(s, s.was)
			}
		}
		b.closeInverse(v)
		if i := slices.IndexFunc(b.newInverse, func(o model.InverseOffer) bool { return o.ID == v.ID }); i >= 0 {
			b.newInverse = slices.Delete(b.newInverse, i, i+1)
		} else {
			b.rescinded = append(b.rescinded, v.InverseOffer)
		}
	}
	b.favoured = slices.DeleteFunc(b.favoured, func(x *demand) bool { return x == d })
}

// serveFavoured serves those for which tasks were recalled before all others: the
// room is theirs.
func (b *Book) serveFavoured() {
	for _, d := range slices.Clone(b.favoured) {
		if d.parked || d.place[readyQueue] < 0 {
			continue
		}
		want := d.total()
		if allowed := b.headroom(d, want); allowed > 0 {
			b.holdPending()
			b.serve(d, allowed)
		}
		switch {
		case d.satisfied():
			b.delist(d)
			b.pardon(d)
			b.favoured = slices.DeleteFunc(b.favoured, func(x *demand) bool { return x == d })
		case d.preempting == 0:
			b.favoured = slices.DeleteFunc(b.favoured, func(x *demand) bool { return x == d })
		default:
			b.pass.holds++ // beside those that the settings allow
			b.pass.pending = append(b.pass.pending, d)
			b.pass.parked = append(b.pass.parked, d)
			d.class.ready.remove(d)
			d.parked = true
		}
	}
}
