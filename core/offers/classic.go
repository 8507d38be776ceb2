package offers

import (
	"slices"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/offers/shares"
)

// Classic offers are for frameworks that send no demands, as those written for
// Apache Mesos: after all demands are served, what an agent has left is offered
// wholly to one of them, the one with the smallest share (DRF). It takes it for
// any tasks, or declines and gets no offer of that room for a while.

// Subscription is a framework that sends no demands.
type Subscription struct {
	Framework  model.FrameworkID
	Roles      []string
	Suppressed []string // of Roles: those for which it wants no offers until Revive
	GPUs       bool     // whether it announced GPU_RESOURCES; else it is offered no GPUs
}

// subscriber is a framework in one of its roles: what gets offers, declines
// them, and is revived.
type subscriber struct {
	framework  model.FrameworkID
	role       string
	node       *shares.Node // a member of the role; its Tag is slot
	slot       int          // in classic.subscribers
	gpus       bool
	suppressed bool
	filtered   bitset // agents of which it has declined what they have free
	offers     int    // outstanding
	kind       *kind  // of the latest

	// all says that the next pass is to look at all agents for it, not just at
	// those that gained something: it is new or revived, or filters ended.
	all bool
	// held says that agents have more for it and a limit or others' guarantees
	// were in the way.
	held   bool
	cursor int    // agents before it have been looked at
	pass   uint64 // in this pass
}

// classic is the part of the book that is about subscribers.
type classic struct {
	subscribers []*subscriber // by slot; nil where one has left
	vacant      []int
	frameworks  map[model.FrameworkID][]*subscriber
	room        bitset // agents that may have something free
	rooms       int    // agents in room
	gained      bitset // those of them that gained something since the last pass
	anyGained   bool
	changed     bool          // limits or guarantees may be less in the way
	eager       []*subscriber // those with all set
	held        []*subscriber // those with held set
	filters     filters
	pass        uint64
	due         model.Resources // at the last pass
}

func (b *Book) initClassic() {
	c := &b.classic
	c.frameworks = map[model.FrameworkID][]*subscriber{}
	c.filters = filters{ending: map[int64]*ending{}, subs: &c.subscribers, ended: c.wantAll}
}

// payer returns the node that is charged for a claim's tasks: the claim's role,
// or for tasks of no demand, which are a subscriber's, its member of the role.
func (b *Book) payer(c *Claim) *shares.Node {
	if c.Demand == "" && c.Framework != "" {
		return b.roles.Member(c.Role, string(c.Framework))
	}
	return b.roles.Node(c.Role)
}

// Subscribe adds a framework that gets classic offers, or replaces what is known
// of one: in roles it already had its offers stay, and its filters unless GPUs
// changes.
func (b *Book) Subscribe(s Subscription) {
	c := &b.classic
	if len(c.frameworks) == 0 {
		c.fill(b.agents)
	}
	var now []*subscriber
	for _, x := range c.frameworks[s.Framework] {
		if slices.Contains(s.Roles, x.role) {
			now = append(now, x)
		} else {
			b.dropSubscriber(x)
		}
	}
	for _, role := range s.Roles {
		i := slices.IndexFunc(now, func(x *subscriber) bool { return x.role == role })
		if i < 0 {
			i = len(now)
			now = append(now, b.addSubscriber(s.Framework, role))
		}
		x := now[i]
		b.wantClassic(x, false)
		if x.gpus != s.GPUs {
			c.filters.liftAll(x) // what it declined was something else
		}
		x.gpus, x.suppressed = s.GPUs, slices.Contains(s.Suppressed, role)
		b.wantClassic(x, true)
		c.wantAll(x)
	}
	c.frameworks[s.Framework] = now
	if len(now) == 0 {
		delete(c.frameworks, s.Framework)
	}
}

// Unsubscribe forgets a framework that got classic offers, with its filters, and
// withdraws those that are out. Its tasks stay.
func (b *Book) Unsubscribe(fw model.FrameworkID) {
	for _, x := range b.classic.frameworks[fw] {
		b.dropSubscriber(x)
	}
	delete(b.classic.frameworks, fw)
}

// Suppress keeps classic offers from a framework in the roles, all its roles if
// none is named, until Revive. Offers that are out stay out.
func (b *Book) Suppress(fw model.FrameworkID, roles []string) {
	b.eachSubscriber(fw, roles, func(x *subscriber) {
		b.wantClassic(x, false)
		x.suppressed = true
	})
}

// Revive undoes Suppress and ends the framework's filters in the roles, all its
// roles if none is named.
func (b *Book) Revive(fw model.FrameworkID, roles []string) {
	b.eachSubscriber(fw, roles, func(x *subscriber) {
		if x.suppressed {
			x.suppressed = false
			b.wantClassic(x, true)
		}
		b.classic.filters.liftAll(x)
		b.classic.wantAll(x)
	})
}

func (b *Book) eachSubscriber(fw model.FrameworkID, roles []string, f func(*subscriber)) {
	for _, x := range b.classic.frameworks[fw] {
		if len(roles) == 0 || slices.Contains(roles, x.role) {
			f(x)
		}
	}
}

func (b *Book) addSubscriber(fw model.FrameworkID, role string) *subscriber {
	c := &b.classic
	x := &subscriber{framework: fw, role: role, node: b.roles.Member(role, string(fw)).Retain(), suppressed: true}
	if n := len(c.vacant); n > 0 {
		x.slot, c.vacant = c.vacant[n-1], c.vacant[:n-1]
		c.subscribers[x.slot] = x
	} else {
		x.slot = len(c.subscribers)
		c.subscribers = append(c.subscribers, x)
	}
	x.node.Tag = x.slot
	return x
}

func (b *Book) dropSubscriber(x *subscriber) {
	c := &b.classic
	b.wantClassic(x, false)
	for o := b.first; o != nil && x.offers > 0; {
		next := o.next
		if o.classic != nil && o.classic.to == x {
			b.closeOffer(o)
			b.withdrawn = append(b.withdrawn, Withdrawal{o.Offer, model.ReasonStaleOffer})
		}
		o = next
	}
	c.filters.liftAll(x)
	c.eager = slices.DeleteFunc(c.eager, func(y *subscriber) bool { return x == y })
	c.held = slices.DeleteFunc(c.held, func(y *subscriber) bool { return x == y })
	x.node.Release()
	c.subscribers[x.slot] = nil
	c.vacant = append(c.vacant, x.slot)
}

// wantClassic enters x among those that get offers, or takes it out.
func (b *Book) wantClassic(x *subscriber, want bool) {
	if x.suppressed {
		return
	}
	// What it asks for decides which guarantees are for it: anything.
	anything := model.Resources{CPUMilli: 1, MemoryBytes: 1, DiskBytes: 1}
	if x.gpus {
		anything.GPUMilli = 1
	}
	n := 1
	if !want {
		n = -1
	}
	b.roles.Ranking(shares.Classic).Want(x.node, anything, n)
}

// fill takes note of all agents, which nobody was there for before.
func (c *classic) fill(agents []*agent) {
	for pos, a := range agents {
		if a != nil {
			c.offerable(pos)
		}
	}
}

// offerable notes that the agent at pos may have something free.
func (c *classic) offerable(pos int) {
	if !c.room.has(pos) {
		c.room.set(pos)
		c.rooms++
	}
}

// spend notes that it has nothing free that is worth an offer.
func (c *classic) spend(pos int) {
	if c.room.has(pos) {
		c.room.clear(pos)
		c.gained.clear(pos)
		c.rooms--
	}
}

// wantAll has the next pass look at all agents for x.
func (c *classic) wantAll(x *subscriber) {
	if !x.all {
		x.all = true
		c.eager = append(c.eager, x)
	}
}

// gain takes note that a, whose page is up to date, has more free than before.
func (c *classic) gain(a *agent) {
	if len(c.frameworks) == 0 {
		return
	}
	c.offerable(a.pos)
	c.gained.set(a.pos)
	c.anyGained = true
	free := a.free()
	c.filters.outgrown(a.pos, &free)
}

// reconsider takes note that limits or guarantees may be less in the way.
func (c *classic) reconsider() { c.changed = true }
