package offers

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/offers/shares"
	"github.com/tender-scheduler/tender/gpu"
)

// Book is what agents have, what of it is used, offered and wanted.
type Book struct {
	agents   []*agent // by position in the index; nil where one was removed
	byID     map[model.AgentID]*agent
	vacant   []int    // positions without an agent
	touched  []*agent // changed since the index was last brought up to date
	index    index
	gains    uint64 // counts the times an agent gained room; stamps agent.gain
	hopeless hopeless

	demands map[demandID]*demand
	rooms   map[string]*room
	pinned  map[string]*pinned // by attribute
	classes map[string]*class
	active  []*class  // those with a demand ready to be served
	fresh   []*class  // those that got one since the last pass
	arrived []*demand // those that were set since the last pass
	asleep  queue     // demands with a time before which they get no offer

	offers      offerTable
	first, last *offer // outstanding ones, oldest first
	lastOffer   model.OfferID
	withdrawn   []Withdrawal

	tasks taskTable
	spare *stake // released stakes, linked by next

	settings Settings
	roles    *shares.Tree
	classic  classic
	lines    map[string]*line // by role
	inLine   []*line          // in the order of the roles' names
	waiting  int              // roles with something to serve in the pass

	// What is held, as of the last pass.
	holds        []*hold
	barring      []*demand                      // that had one in force since all who wait were looked at
	held         []*agent                       // with holds on them
	firstFrom    int64                          // when the first firm hold begins on some agent
	lastFrom     int64                          // ... and the last
	nextHold     int64                          // when the next hold begins: a pass is due then
	soft         int                            // parts of holds that are not firm
	softFrom     int64                          // when the first of those begins
	reserves     int                            // reservations on agents
	reservations map[string][]model.Reservation // by agent's name
	far          farIndex

	mix     *gpu.Mix
	fgd     *fgdPlacer
	largest model.Resources // of each resource the most that an agent has
	levels  map[string]int  // agents that tell of a topology level, by attribute

	preemptible int // tasks that run
	inverses    []*inverse
	favoured    []*demand // for which tasks were recalled
	newInverse  []model.InverseOffer
	rescinded   []model.InverseOffer

	pass   pass
	passes uint64
	win    window // of the demand that is being served
	sight  sight
	turn   int // tasks until another role goes first

	stamps  uint64   // counts changes to what is free on agents; stamps agent.stamp
	fleet   uint64   // counts what may let agents take more: changes to them, ends of lasting tasks
	settled uint64   // counts starts of lasting tasks
	unseen  []*class // fresh ones that no pass looked at, as they could get nothing
	keptFew int      // how many unfit classes the last pass chose at most
	surveys int      // looks at all agents in the pass
	replan  bool     // what a pass found may not hold, though no agent gained
	dirty   bool     // something changed since the last pass
	planned uint64   // gains at the last pass
	serial  uint64
	scratch scratch
}

// scratch is memory kept from one call to the next.
type scratch struct {
	key       []byte
	places    []place
	taken     []int
	offers    []*offer
	scout     scout
	rated     ratings
	candidate candidate
	forecast  forecast
}

// NewBook returns a book without agents and demands.
func NewBook() *Book {
	b := &Book{
		byID:    make(map[model.AgentID]*agent),
		demands: make(map[demandID]*demand),
		rooms:   make(map[string]*room),
		pinned:  make(map[string]*pinned),
		classes: make(map[string]*class),
		asleep:  queue{kind: sleepQueue},
		tasks:   newTaskTable(),
		lines:   make(map[string]*line),
		mix:     &gpu.Mix{}, levels: map[string]int{},
		roles:        shares.New(),
		reservations: make(map[string][]model.Reservation),

		settings:  DefaultSettings(),
		firstFrom: never, softFrom: never, nextHold: never, fleet: 1,
	}
	b.fgd = newFGDPlacer(b.mix, &b.largest)
	b.initClassic()
	return b
}

// NextWake returns the earliest time at which Plan may find something to offer
// though nothing else happened, because a filter or an earliest start comes due, or
// a hold begins.
// Zero = never. A time in the past means "now".
func (b *Book) NextWake() time.Time {
	next := b.classic.filters.next()
	if b.nextHold != never {
		next = earlier(next, timeOf(b.nextHold))
	}
	if d := b.asleep.peek(); d != nil && (next.IsZero() || d.wakeAt().Before(next)) {
		return d.wakeAt()
	}
	return next
}
