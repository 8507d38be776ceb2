package batch

import (
	"sort"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// Limits on what is kept of a group. They take part in folding the journal: a
// change of one is a change of format.
const (
	pageSlots        = 1024
	maxMessages      = 10_000 // slots whose message is kept
	maxMessageBytes  = 1024
	maxFreeReturns   = 10               // times in a row a slot goes back to the queue for what was not its fault
	freeAgainAfter   = 10 * time.Minute // an attempt that ran for so long ends such a row
	maxAttemptNumber = 1<<16 - 1
)

// group is one group of a job and its slots.
type group struct {
	job   *job
	spec  *model.Group
	num   uint16
	size  int
	hosts *hosts // of a sysbatch job's
	first []int  // slot number at which each range of an array begins

	// Folded.
	pages    [][]slot // nil = nothing of this page was ever launched
	counts   [numClasses]int
	tries    map[uint32]tries // of slots that went back to the queue; a gang's at slot 0
	messages map[uint32]string
	gpus     map[uint32][]model.TaskGPU // by slot, what its last attempt did with its devices
	abort    abort
	place    place

	killing int // derived: live attempts that are to be killed

	// Transient.
	ready    sdk.SlotSet // waiting, not delayed, not claimed
	claimed  int         // slots in accepts that are neither staged nor refused yet
	refusals sdk.Refusals
	dirty    bool                         // its demand may have changed in this step
	demandID string                       // made when first needed
	build    func(count int) model.Demand // likewise
	promoted bool                         // goes before all others of its line
	score    int64                        // that its rank falls with; 0 = not known
	keys     habitKeys
}

// tries is what is remembered of a slot that went back to the queue.
type tries struct {
	retries sdk.Tries
	free    uint8         // returns that were not its fault
	since   sdk.Micros    // of the present delay: when it began, on the agent's clock
	wait    time.Duration // and how long it is
	due     time.Time     // transient: when the leader will end it
}

// abort is why a gang is being stopped, 0 = it is not.
type abort uint8

const (
	abortFault   abort = iota + 1 // one of its tasks failed
	abortFree                     // one of its tasks was lost through no fault of its own
	abortStop                     // one of its tasks was killed from outside
	abortPreempt                  // one of its tasks was stopped for another job
)

func (g *group) init(j *job, num int) {
	g.job, g.spec, g.num = j, &j.spec.Groups[num], uint16(num)
	g.size = g.spec.Size()
	if everywhere(j.spec) {
		g.size, g.hosts = 0, &hosts{byAgent: map[model.AgentID]int{}, vacant: map[int]bool{}}
	}
	if a := g.spec.Array; a != nil && len(a.Ranges) > 1 {
		g.first = make([]int, len(a.Ranges))
		n := 0
		for i, r := range a.Ranges {
			g.first[i] = n
			n += r.Len()
		}
	}
	g.pages = make([][]slot, (g.size+pageSlots-1)/pageSlots)
	g.counts[classWaiting] = g.size
}

func (g *group) gang() bool { return g.spec.Gang != nil }

// front reports whether a gang goes before all others of its priority: it had its
// turn, and lost its room with a node.
func (g *group) front() bool {
	return g.gang() && g.size > 0 && g.peek(0).flags&flagFront != 0
}

func (g *group) live() int { return g.counts[classStaging] + g.counts[classRunning] }

// peek returns the slot n for reading; never-launched slots read as zero.
func (g *group) peek(n int) slot {
	if p := g.pages[n/pageSlots]; p != nil {
		return p[n%pageSlots]
	}
	return slot{}
}

// at returns the slot n for writing.
func (g *group) at(n int) *slot {
	p := &g.pages[n/pageSlots]
	if *p == nil {
		*p = make([]slot, min(pageSlots, g.size-n/pageSlots*pageSlots))
	}
	return &(*p)[n%pageSlots]
}

// launched calls f for every slot that may differ from one never launched.
func (g *group) launched(f func(n int, s *slot)) {
	for i, p := range g.pages {
		for k := range p {
			f(i*pageSlots+k, &p[k])
		}
	}
}

// indexAt is model.Group.IndexAt in O(log ranges).
func (g *group) indexAt(n int) uint32 {
	if g.first == nil {
		return g.spec.IndexAt(n)
	}
	i := sort.SearchInts(g.first, n+1) - 1
	r := g.spec.Array.Ranges[i]
	return r.First + uint32(n-g.first[i])*r.Step
}

// slotOf is model.Group.SlotOf in O(log ranges).
func (g *group) slotOf(index uint32) (int, bool) {
	if g.hosts != nil {
		return int(index), int(index) < g.size && !g.hosts.vacant[int(index)]
	}
	if g.first == nil {
		return g.spec.SlotOf(index)
	}
	rs := g.spec.Array.Ranges
	i := sort.Search(len(rs), func(i int) bool { return rs[i].Last >= index })
	if i == len(rs) || index < rs[i].First || (index-rs[i].First)%rs[i].Step != 0 {
		return 0, false
	}
	return g.first[i] + int((index-rs[i].First)/rs[i].Step), true
}

func (g *group) taskID(n int, s slot) model.TaskID {
	id := model.TaskID{Job: g.job.id, Group: g.num, Index: g.indexAt(n)}
	if s.attempts > 0 {
		id.Attempt = s.attempts - 1
	}
	return id
}

// set moves slot n to a state and keeps the counts and the ready set right.
func (g *group) set(n int, s *slot, to slotState) {
	was, is := s.state.class(), to.class()
	s.state = to
	if was != is {
		g.counts[was]--
		g.counts[is]++
		j := g.job
		j.live += btoi(is.live()) - btoi(was.live())
		j.open += btoi(!is.ended()) - btoi(!was.ended())
	}
	if to == slotWaiting {
		g.ready.Add(n)
	} else if was == classWaiting || was == classDelayed {
		g.ready.Remove(n)
	}
}

// fillReady makes the ready set from the slots' states.
func (g *group) fillReady() {
	g.ready = sdk.NewSlotSet(g.size)
	g.ready.Fill()
	g.launched(func(n int, s *slot) {
		if s.state != slotWaiting {
			g.ready.Remove(n)
		}
	})
	if g.hosts != nil {
		for n := range g.hosts.vacant {
			g.ready.Remove(n)
		}
	}
}

// say keeps a message about slot n, or forgets the one there was.
func (g *group) say(n int, message string) {
	k := uint32(n)
	if message == "" {
		delete(g.messages, k)
		return
	}
	if _, had := g.messages[k]; !had && len(g.messages) >= maxMessages {
		return
	}
	if g.messages == nil {
		g.messages = map[uint32]string{}
	}
	g.messages[k] = g.job.intern(clip(message, maxMessageBytes))
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
