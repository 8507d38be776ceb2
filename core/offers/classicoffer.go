package offers

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/gpu"
)

// classicPart is what an offer to a subscriber has beside the offer.
type classicPart struct {
	to     *subscriber
	room   model.OfferRoom
	before model.Resources // free on the agent when the offer was made
}

// offerRoom offers give, which a has free, to x.
func (b *Book) offerRoom(p *classicPass, x *subscriber, a *agent, give model.Resources) *offer {
	block := &struct {
		offer offer
		part  classicPart
	}{}
	o, c := &block.offer, &block.part
	*c = classicPart{
		to: x, room: model.OfferRoom{Resources: give}, before: a.free(),
	}
	if x.kind == nil || x.kind.shape != give { // agents are mostly alike
		x.kind = &kind{Claim: Claim{Key: Key{Framework: x.framework}, Role: x.role}, shape: give, node: x.node}
	}
	b.lastOffer++
	o.Offer = model.Offer{ID: b.lastOffer, Framework: x.framework, Role: x.role, MadeAt: p.now, Classic: true}
	o.classic = c
	o.onePart[0] = model.OfferPart{Agent: a.info.ID, Count: 1, Room: &c.room}
	s := &o.oneStake[0]
	*s = stake{kind: x.kind, agent: a, offer: o, since: p.now.UnixNano(), until: never}
	o.oneList[0] = s
	o.Parts, o.stakes = o.onePart[:], o.oneList[:]
	s.link()
	s.take(1)
	c.name(a, s)
	if len(a.holds) > 0 {
		(&window{until: never}).charge(a, give)
	}
	x.node.Charge(give, 1)
	x.offers++
	p.free = p.free.Sub(give)
	b.touch(a) // the index may be behind until the next pass: nothing else is served in this one
	b.putOut(o)
	return o
}

// name puts into the offer's room what it is of by name. Its devices are taken, so
// that nobody else is offered them; ports are many, and are those free now: which
// of them a task gets is settled when the offer is accepted.
func (c *classicPart) name(a *agent, s *stake) {
	if len(a.info.GPUs) > 0 && c.room.GPUMilli > 0 {
		left := c.room.GPUMilli
		for _, u := range a.names().gpus.Free() {
			if u.Milli = min(u.Milli, left); u.Milli > 0 {
				c.room.GPUs = append(c.room.GPUs, u)
				left -= u.Milli
			}
		}
		s.grants = []model.Grant{{GPUs: c.room.GPUs}}
		a.names().take(&s.grants[0])
	}
	if len(a.info.Ports) > 0 {
		c.room.Ports = a.names().ports.freeRanges()
	}
}

// DeclineFor takes an offer back as Decline does; what was offered is not offered
// again to the same framework and role, or the same demand, for that long, at
// most MaxRefuse. A filter for a classic offer ends before when the agent has
// more free than was declined, and with Revive.
func (b *Book) DeclineFor(now time.Time, id model.OfferID, refuse time.Duration) (model.Offer, bool) {
	o := b.offers.get(id)
	if o == nil {
		return model.Offer{}, false
	}
	refuse = min(refuse, MaxRefuse)
	if o.classic == nil {
		b.Decline(id)
		if refuse > 0 {
			b.Refuse(o.Framework, o.Demand, now.Add(refuse))
		}
		return o.Offer, true
	}
	a := o.stakes[0].agent
	b.closeOffer(o)
	if refuse > 0 {
		b.classic.filters.refuse(o.classic.to, a.pos, o.classic.before, now, refuse)
	}
	return o.Offer, true
}

// acceptClassic is Accept for a classic offer: launches of any shapes that all
// together fit its room. What they leave is filtered as if declined for
// DefaultRefuse, as Mesos does.
func (b *Book) acceptClassic(now time.Time, o *offer, launches []model.Launch) (Accepted, *model.Refusal) {
	sum, refusal := b.checkClassic(now, o, launches)
	if refusal == nil {
		refusal = b.grantClassic(o, launches)
	}
	if refusal == nil {
		if refusal = b.claimTasks(o.ID, launches); refusal != nil {
			ungrant(o.stakes[0].agent, launches)
		}
	}
	if refusal != nil {
		// With a filter, so that a framework that repeats itself cannot keep the
		// master busy.
		b.DeclineFor(now, o.ID, DefaultRefuse)
		return Accepted{}, refusal
	}
	c, s := o.classic, o.stakes[0]
	a := s.agent
	s.take(-1)
	s.node.Charge(s.shape, -1)
	done := Accepted{Offer: o.Offer, Claims: make([]Claim, len(launches))}
	for i := range launches {
		l := &launches[i]
		n := len(l.Tasks)
		k := &kind{Claim: s.Claim, shape: l.Shape.Resources, node: s.node}
		k.Group = int(l.Group)
		b.start(a, k, l, now)
		k.node.Charge(k.shape, int64(n))
		done.Claims[i] = k.Claim
	}
	b.closeOffer(o)
	b.gain(a)
	if useful(c.room.Sub(sum)) {
		b.classic.filters.refuse(c.to, a.pos, atLeastNone(c.before.Sub(sum)), now, DefaultRefuse)
	}
	return done, nil
}

// grantClassic chooses the devices and ports that launches ask for by name, and
// takes them; none if one cannot be had. A v1 framework asks for the scalar gpus
// and gets whole devices.
func (b *Book) grantClassic(o *offer, launches []model.Launch) *model.Refusal {
	s := o.stakes[0]
	a := s.agent
	for i := range s.grants { // what is offered is what may be chosen from
		a.names().release(&s.grants[i])
	}
	s.grants = nil
	for i := range launches {
		l := &launches[i]
		if len(l.Grants) > 0 {
			if r := takeNamed(a, o.ID, i, l); r != nil {
				ungrant(a, launches[:i])
				return r
			}
			continue
		}
		if n := l.Shape.GPUMilli / gpu.Whole; n > 0 && len(l.Shape.GPUs) == 0 {
			l.Shape.GPUs = []model.GPURequest{{Count: int(n)}}
		}
		asks := newNamed(&l.Shape)
		if asks.none() {
			continue
		}
		if l.Grants = asks.grant(a.names(), len(l.Tasks), nil); len(l.Grants) < len(l.Tasks) {
			ungrant(a, launches[:i+1])
			return model.Refuse(model.ReasonBeyondOffer,
				"accept offer %s: the devices or ports that launch %d of job %s asks for are not free on %s", o.ID, i, l.Job, a.info.Name)
		}
	}
	return nil
}

// takeNamed takes what a launch names, all of it or nothing.
func takeNamed(a *agent, id model.OfferID, i int, l *model.Launch) *model.Refusal {
	if len(l.Grants) != len(l.Tasks) {
		return model.Refuse(model.ReasonBadRequest, "accept offer %s: launch %d of job %s has %d grants for %d tasks", id, i, l.Job, len(l.Grants), len(l.Tasks))
	}
	for n := range l.Grants {
		g, milli := &l.Grants[n], int64(0)
		for _, u := range g.GPUs {
			milli += u.Milli
		}
		if milli != l.Shape.GPUMilli || !a.names().holds(g) {
			for k := range n {
				a.names().release(&l.Grants[k])
			}
			return model.Refuse(model.ReasonBeyondOffer,
				"accept offer %s: launch %d of job %s names devices or ports that are not free on %s, or not what its tasks ask for", id, i, l.Job, a.info.Name)
		}
		a.names().take(g)
	}
	return nil
}

func ungrant(a *agent, launches []model.Launch) {
	for i := range launches {
		for n := range launches[i].Grants {
			a.names().release(&launches[i].Grants[n])
		}
		launches[i].Grants = nil
	}
}

// checkClassic returns what the launches need in all.
func (b *Book) checkClassic(now time.Time, o *offer, launches []model.Launch) (sum model.Resources, _ *model.Refusal) {
	if len(launches) == 0 {
		return sum, model.Refuse(model.ReasonBadRequest, "accept offer %s: it launches nothing; decline the offer instead", o.ID)
	}
	room := &o.classic.room
	for i := range launches {
		l := &launches[i]
		switch r := &l.Shape.Resources; {
		case len(l.Tasks) == 0:
			return sum, model.Refuse(model.ReasonBadRequest, "accept offer %s: launch %d of job %s has no tasks", o.ID, i, l.Job)
		case l.Agent != o.Parts[0].Agent:
			return sum, model.Refuse(model.ReasonUnknownAgent, "accept offer %s: agent %q is not part of it", o.ID, l.Agent)
		case r.CPUMilli < 0 || r.MemoryBytes < 0 || r.DiskBytes < 0 || r.GPUMilli < 0:
			return sum, model.Refuse(model.ReasonBadRequest, "accept offer %s: launch %d of job %s asks for a negative amount: %s", o.ID, i, l.Job, *r)
		case r.TimesIn(room.Sub(sum), int64(len(l.Tasks))) < int64(len(l.Tasks)):
			return sum, model.Refuse(model.ReasonBeyondOffer,
				"accept offer %s: %d tasks of %s are more than the %s that the offer has left beside the launches before them; it has %s in all",
				o.ID, len(l.Tasks), *r, room.Sub(sum), room.Resources)
		}
		if r := pastUnavailability(now, o, i, l); r != nil {
			return sum, r
		}
		sum = sum.Add(l.Shape.Times(int64(len(l.Tasks))))
	}
	return sum, nil
}
