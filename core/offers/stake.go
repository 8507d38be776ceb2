package offers

import (
	"math"
	"slices"
	"sort"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/offers/shares"
)

// Key names one group of a demand: what MaxPerAgent, distinct_hosts and
// distinct_property count by. It outlives the demand: a demand set again under
// the same ID finds the tasks of the earlier one counted.
type Key struct {
	Framework model.FrameworkID
	Demand    string // the demand's Kin, or else its ID
	Group     int    // position of the group in the demand
}

// Claim is on whose account tasks run: what Accept found out about a launch and
// Use needs to know when the launch is found again in the journal.
type Claim struct {
	Key
	Exclusive   bool           `json:",omitempty"` // nothing else may join them on their agent
	Label       string         `json:",omitempty"` // their demand's, for people
	Role        string         `json:",omitempty"` // that pays for them
	Priority    int            `json:",omitempty"`
	Preemptible bool           `json:",omitempty"`
	Grace       model.Duration `json:",omitempty"` // to end in when preempted
	Lasting     bool           `json:",omitempty"` // not expected to end: see model.Demand
}

// kind is what the tasks of a stake have in common.
type kind struct {
	Claim
	shape model.Resources
	node  *shares.Node // that is charged for them; nil where nobody is: in what-ifs
}

// stake is room on one agent held by equal tasks: those of one launch, or those
// of one part of an offer.
type stake struct {
	*kind
	agent *agent
	count int
	offer *offer      // nil once running
	job   model.JobID // of running tasks
	since int64       // when the latest of the tasks started, Unix nanoseconds
	until int64       // when their time limit ends them at the latest, Unix nanoseconds; never = unbounded
	next  *stake      // of Book.spare
	// inverse is the inverse offer that wants the tasks back, and was their until
	// before it.
	inverse *inverse
	was     int64
	// grants are what each of the tasks has by name; nil where nothing is. Tasks
	// that run with a grant have a stake of their own.
	grants []model.Grant
}

// never is the time at which what has no time limit ends, in Unix nanoseconds.
const never = math.MaxInt64

// endOf returns when tasks started at a time end by their limit, 0 = none.
func endOf(start int64, limit model.Duration) int64 {
	if limit <= 0 || int64(limit) > never-start {
		return never
	}
	return start + int64(limit)
}

// stakeList is stakes in the order in which they end; of those that end together
// the one added first comes first.
type stakeList []*stake

func (l *stakeList) add(s *stake) {
	i := len(*l)
	for i > 0 && i > len(*l)-8 && (*l)[i-1].until > s.until {
		i--
	}
	if i > 0 && (*l)[i-1].until > s.until {
		i = sort.Search(i, func(i int) bool { return (*l)[i].until > s.until })
	}
	*l = slices.Insert(*l, i, s)
}

// remove takes s out; it must be in.
func (l *stakeList) remove(s *stake) {
	i := sort.Search(len(*l), func(i int) bool { return (*l)[i].until >= s.until })
	for (*l)[i] != s {
		i++
	}
	*l = slices.Delete(*l, i, i+1)
}

// lastOf returns the stake that ends at the given time and was added last.
func (l stakeList) lastOf(until int64) *stake {
	i := len(l)
	if i > 0 && l[i-1].until > until {
		i = sort.Search(i, func(i int) bool { return l[i].until > until })
	}
	if i == 0 || l[i-1].until != until {
		return nil
	}
	return l[i-1]
}

// take puts count tasks of s's kind on s's agent.
func (s *stake) take(count int) {
	a := s.agent
	a.ends.changed()
	s.count += count
	room := s.shape.Times(int64(count))
	if s.offer != nil {
		a.offered = a.offered.Add(room)
		a.promise += count
	} else {
		a.used = a.used.Add(room)
		a.tasks += count
	}
	if s.Exclusive {
		a.exclusive += count
	}
	if s.stays() {
		a.lasting = a.lasting.Add(room)
	}
}

// stays reports whether s runs and nothing ends it but a person.
func (s *stake) stays() bool { return s.Lasting && !s.Preemptible && s.offer == nil }

// list returns the list of its agent that s belongs in.
func (s *stake) list() *stakeList {
	if s.offer != nil {
		return &s.agent.onOffer
	}
	return &s.agent.running
}

// link enters s in its agent's list.
func (s *stake) link() {
	s.agent.ends.changed()
	s.list().add(s)
}

func (s *stake) unlink() {
	s.agent.ends.changed()
	s.list().remove(s)
}

// newStake returns an unlinked stake, a released one where there is one: tasks
// come and go by the million, and a slab that one straggler keeps alive would
// hold its whole cohort's memory.
func (b *Book) newStake() *stake {
	const slab = 64
	if b.spare == nil {
		fresh := make([]stake, slab)
		for i := range fresh {
			fresh[i].next, b.spare = b.spare, &fresh[i]
		}
	}
	s := b.spare
	b.spare = s.next
	s.next = nil
	return s
}

// run puts the tasks of l on a, as started at the given time. It joins a's
// latest stake where that is of the same kind. grant is nil, or that of the one
// task.
func (b *Book) run(a *agent, k *kind, l *model.Launch, count int, at time.Time, grant []model.Grant) *stake {
	since := at.UnixNano()
	until := endOf(since, l.TimeLimit)
	s := a.running.lastOf(until)
	if s == nil || s.job != l.Job || grant != nil || s.grants != nil || *s.kind != *k {
		s = b.newStake()
		s.kind, s.agent, s.job, s.until, s.grants = k, a, l.Job, until, grant
		s.link()
	}
	s.since = max(s.since, since)
	if k.Preemptible {
		b.preemptible += count
	}
	if s.stays() {
		b.settled++
	}
	s.take(count)
	return s
}

// Use occupies room for all tasks of l without an offer: they are already on
// their way or running, as the journal or a registering agent says. Tasks the
// book already has are skipped. The agent may still be unknown, and its
// capacity may be exceeded: l is a fact. Offers the agent then has no room for
// are withdrawn.
//
// The claim is the one that Accept returned when the tasks were launched, at the
// time given, from which a time limit counts. Use returns how many tasks were new.
func (b *Book) Use(l *model.Launch, c Claim, at time.Time) int {
	a := b.byID[l.Agent]
	if a == nil {
		a = b.addAgent(l.Agent)
	}
	k := &kind{Claim: c, shape: l.Shape.Resources, node: b.payer(&c)}
	n := 0
	for i := range l.Tasks {
		id := l.ID(i)
		if b.tasks.get(id) == nil {
			var grant []model.Grant
			if i < len(l.Grants) && !isNothing(&l.Grants[i]) {
				grant = l.Grants[i : i+1]
				a.names().take(&grant[0])
			}
			b.tasks.put(id, b.run(a, k, l, 1, at, grant))
			n++
		}
	}
	k.node.Charge(k.shape, int64(n))
	if n == 0 && a.tasks == 0 && !a.known {
		b.dropAgent(a)
		return 0
	}
	b.touch(a)
	b.reckon(a)
	return n
}

// Release frees the room of a task that has become terminal. It reports whether
// the book had it.
func (b *Book) Release(task model.TaskID) bool {
	s := b.tasks.get(task)
	if s == nil {
		return false
	}
	b.tasks.remove(task)
	a := s.agent
	for i := range s.grants {
		a.names().release(&s.grants[i])
	}
	a.ends.changed()
	s.count--
	a.used = a.used.Sub(s.shape)
	a.tasks--
	s.node.Charge(s.shape, -1)
	if s.Preemptible {
		b.preemptible--
	}
	if s.inverse != nil {
		b.gave(s.inverse)
	}
	if s.Exclusive {
		a.exclusive--
	}
	if s.stays() {
		a.lasting = a.lasting.Sub(s.shape)
		b.fleet++
	}
	a.excess = a.excess && !a.within()
	if s.count == 0 {
		s.unlink()
		*s = stake{next: b.spare}
		b.spare = s
	}
	if a.tasks == 0 && !a.known {
		b.dropAgent(a)
		return true
	}
	b.gain(a)
	return true
}
