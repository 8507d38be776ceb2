package offers

import (
	"iter"

	"github.com/tender-scheduler/tender/core/model"
)

// agent is one agent's page of the book.
type agent struct {
	info      model.AgentInfo
	pos       int  // in Book.agents and in the index
	known     bool // false: only heard of by its tasks (Use), SetAgent is still to come
	available bool
	barred    string // why nothing may be placed there, for people; empty = it may
	touched   bool   // is in Book.touched
	gained    bool   // has had a gain since it was touched
	gain      uint64 // when it last gained room

	used    model.Resources
	offered model.Resources
	tasks   int // running or on their way
	promise int // tasks on offer
	// exclusive counts stakes of exclusive groups; nothing may join them.
	exclusive int
	// lasting is the part of used that no hold counts on: of lasting tasks that
	// cannot be preempted.
	lasting model.Resources
	// excess says that facts (Use, SetAgent) put more there than there is.
	excess   bool
	running  stakeList
	onOffer  stakeList
	ends     *ends
	holds    []*heldPart // in the order in which they were made
	points   []point     // see hold.go
	reserved []reservation
	// things are its devices and ports; nil until somebody asks. A copy of an
	// agent has borrowed them and must make them its own before it changes them.
	things   *things
	stamp    uint64 // another one whenever what is free may have changed, as of the index
	borrowed bool
}

func (a *agent) free() model.Resources {
	return a.info.Capacity.Sub(a.used).Sub(a.offered)
}

// usable reports whether the agent takes tasks at all: it is in contact and not barred.
func (a *agent) usable() bool { return a.known && a.available && a.barred == "" }

// open reports whether anything at all may be put there now.
func (a *agent) open() bool { return a.usable() && a.exclusive == 0 }

func (a *agent) empty() bool { return a.tasks == 0 && a.promise == 0 }

// count returns how many of key's tasks are on a, offered ones included.
func (a *agent) count(key *Key) int {
	n := 0
	for s := range a.stakes() {
		if s.Key == *key {
			n += s.count
		}
	}
	return n
}

// stakes yields the running ones, then those on offer.
func (a *agent) stakes() iter.Seq[*stake] {
	return func(yield func(*stake) bool) {
		for _, l := range [...]stakeList{a.running, a.onOffer} {
			for _, s := range l {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// promised reports whether what is on offer is there beside what runs.
func (a *agent) promised() bool {
	free := a.free()
	return (a.offered.CPUMilli == 0 || free.CPUMilli >= 0) &&
		(a.offered.MemoryBytes == 0 || free.MemoryBytes >= 0) &&
		(a.offered.DiskBytes == 0 || free.DiskBytes >= 0) &&
		(a.offered.GPUMilli == 0 || free.GPUMilli >= 0) &&
		(a.promise == 0 || a.exclusive == 0 || a.promise+a.tasks == 1) &&
		(a.promise == 0 || a.things == nil || a.things.within() && a.sound())
}

// within reports whether what runs there is no more than there is.
func (a *agent) within() bool {
	free := a.info.Capacity.Sub(a.used)
	return free.CPUMilli >= 0 && free.MemoryBytes >= 0 && free.DiskBytes >= 0 && free.GPUMilli >= 0 && (a.exclusive == 0 || a.tasks <= 1) &&
		(a.things == nil || a.things.within())
}

// reckon takes note of a fact: what is there, or what runs. Offers that are not
// there any more are withdrawn.
func (b *Book) reckon(a *agent) {
	if !a.promised() {
		b.withdrawFrom(a, model.WaitBusy)
	}
	a.excess = !a.within()
}

// SetAgent adds an agent, which starts available, or replaces what is known of
// one. Offers on an agent that has become too small for them are withdrawn. The
// attributes are the book's from now on and must not be changed.
func (b *Book) SetAgent(info model.AgentInfo) {
	a := b.byID[info.ID]
	if a == nil {
		a = b.addAgent(info.ID)
	}
	if !a.known {
		a.known, a.available = true, true
	}
	b.setInfo(a, info)
	b.reckon(a)
	b.gain(a)
}

// SetAvailable says whether an agent is in contact. One that is not gets no
// offers, and those it is part of are withdrawn; what runs there stays counted.
func (b *Book) SetAvailable(id model.AgentID, ok bool) {
	a := b.byID[id]
	if a == nil || !a.known || a.available == ok {
		return
	}
	a.available = ok
	b.fleet++
	if ok {
		b.gain(a)
		return
	}
	b.withdrawFrom(a, model.ReasonAgentGone)
	b.touch(a)
}

// Bar says that nothing may be placed on an agent, and why in words for people;
// without words it may again. Offers it is part of are withdrawn, holds do not
// count it, and what runs there stays counted.
func (b *Book) Bar(id model.AgentID, why string) {
	a := b.byID[id]
	if a == nil || a.barred == why {
		return
	}
	before := a.usable()
	a.barred = why
	if a.usable() == before {
		return
	}
	b.fleet++
	if a.barred == "" {
		b.gain(a)
		return
	}
	b.withdrawFrom(a, model.WaitIneligible)
	b.touch(a)
}

// RemoveAgent forgets an agent and withdraws the offers it is part of. With
// tasks still on it, it leaves the book when the last of them is released.
func (b *Book) RemoveAgent(id model.AgentID) {
	a := b.byID[id]
	if a == nil {
		return
	}
	b.withdrawFrom(a, model.ReasonAgentGone)
	a.known, a.available = false, false
	b.setInfo(a, model.AgentInfo{ID: id, Name: a.info.Name})
	if a.tasks == 0 {
		b.dropAgent(a)
		return
	}
	b.reckon(a)
	b.touch(a)
}

// addAgent gives a new agent a page at a vacant position, or at the end.
func (b *Book) addAgent(id model.AgentID) *agent {
	a := &agent{info: model.AgentInfo{ID: id, Name: string(id)}}
	if n := len(b.vacant); n > 0 {
		a.pos, b.vacant = b.vacant[n-1], b.vacant[:n-1]
		b.agents[a.pos] = a
	} else {
		a.pos = len(b.agents)
		b.agents = append(b.agents, a)
	}
	b.byID[id] = a
	return a
}

func (b *Book) dropAgent(a *agent) {
	b.settle()
	if a.pos < b.index.size {
		b.index.set(a.pos, model.Resources{}, 0)
	}
	b.classic.filters.forget(a.pos)
	b.agents[a.pos] = nil
	b.vacant = append(b.vacant, a.pos)
	delete(b.byID, a.info.ID)
}

// gain notes that a may have more room than before, or room of another kind.
func (b *Book) gain(a *agent) {
	a.gained = true
	b.touch(a)
	b.dirty = true
}

// touch notes that a's leaf in the index is out of date.
func (b *Book) touch(a *agent) {
	if !a.touched {
		a.touched = true
		b.touched = append(b.touched, a)
	}
}

// settle brings the index up to date.
func (b *Book) settle() {
	b.index.grow(len(b.agents))
	// Where many leaves change their common ancestors are brought up to date once.
	bulk := len(b.touched) > b.index.size/bulkShare
	for i, a := range b.touched {
		b.touched[i] = nil
		if a.gained {
			b.gains++
			a.gain = b.gains
			b.classic.gain(a)
		}
		a.touched, a.gained = false, false
		if free, gain := b.leaf(a); bulk {
			b.index.setLeaf(a.pos, free, gain)
		} else {
			b.index.set(a.pos, free, gain)
		}
	}
	if bulk {
		b.index.rebuild()
	}
	b.touched = b.touched[:0]
}

// leaf returns what stands in the index for a. It is asked for whenever that may
// have changed, and so is where a is stamped.
func (b *Book) leaf(a *agent) (free model.Resources, gain uint64) {
	b.stamps++
	a.stamp = b.stamps
	if !a.open() {
		return model.Resources{}, 0
	}
	return a.free(), a.gain
}

func (b *Book) reindex(a *agent) {
	free, gain := b.leaf(a)
	b.index.set(a.pos, free, gain)
}

// AgentUsage is what of an agent is used and on offer.
type AgentUsage struct {
	Info      model.AgentInfo
	Known     bool // false: it has tasks in the book but was never set, or was removed
	Available bool
	Barred    string // why nothing may be placed there; empty = it may
	Allocated model.Resources
	Offered   model.Resources
	Tasks     int // live
}

func (a *agent) usage() AgentUsage {
	return AgentUsage{a.info, a.known, a.available, a.barred, a.used, a.offered, a.tasks}
}

// Agent returns one agent's usage. Its Info's attributes are shared with the
// book and must not be changed.
func (b *Book) Agent(id model.AgentID) (AgentUsage, bool) {
	a := b.byID[id]
	if a == nil {
		return AgentUsage{}, false
	}
	return a.usage(), true
}

// Agents yields all agents' usage in the book's order.
func (b *Book) Agents() iter.Seq[AgentUsage] {
	return func(yield func(AgentUsage) bool) {
		for _, a := range b.agents {
			if a != nil && !yield(a.usage()) {
				return
			}
		}
	}
}
