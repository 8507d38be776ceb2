package model

import "time"

// Demand is what a framework wants: REQUEST carries it. Identical tasks are one
// group with a count, however many there are.
type Demand struct {
	Framework FrameworkID `json:"framework"`
	ID        string      `json:"id"`    // unique within the framework; a later one with the same ID replaces it
	Label     string      `json:"label"` // for people: "train.workers"
	Role      string      `json:"role"`
	Rank      int64       `json:"rank"` // higher goes first inside a role
	Seq       uint64      `json:"seq"`  // lower goes first among equal ranks
	// AllOrNothing makes the demand a gang: one atomic offer for all groups' full counts, or none.
	AllOrNothing  bool          `json:"all_or_nothing,omitempty"`
	TimeLimit     Duration      `json:"time_limit,omitempty"` // 0 = unbounded
	EarliestStart time.Time     `json:"earliest_start,omitzero"`
	Groups        []DemandGroup `json:"groups"`
	// Priority is the job's, 0..100. A demand may preempt Preemptible tasks of its
	// role whose priority is lower, and in other roles those that borrow what its
	// role is guaranteed.
	Priority int `json:"priority"`
	// Preemptible says that its tasks may be stopped for another demand, with
	// Grace to end in; they go back to the queue.
	Preemptible bool     `json:"preemptible,omitempty"`
	Grace       Duration `json:"grace,omitempty"`
	// Placement is how agents are chosen among those that fit; empty = PlacePack.
	Placement Placement `json:"placement,omitempty"`
	// Kin is whose tasks count as this demand's for MaxPerAgent, distinct_property
	// and spreads: those of all demands of the framework with the same Kin. Empty = ID.
	Kin string `json:"kin,omitempty"`
	// Every says that the demand is for as many tasks as fit, on agents yet to come
	// too. It waits for none of them: nothing is held or preempted for it.
	Every bool `json:"every,omitempty"`
	// Lasting says that its tasks are not expected to end by themselves: those of
	// services and system jobs. Nobody's start is reckoned from their end.
	Lasting bool `json:"lasting,omitempty"`
}

// Placement names how a demand's agents are chosen among those that fit.
type Placement string

// The placements.
const (
	PlacePack   Placement = "pack"   // those with least left over: keeps others whole
	PlaceSpread Placement = "spread" // those with most left over
	// PlaceFGD is fragmentation gradient descent (Weng et al., USENIX ATC 2023):
	// where the GPU capacity that the recent mix of demands cannot use grows
	// least. What PlacePack does for tasks that ask for GPUs.
	PlaceFGD Placement = "fgd"
)

// DemandGroup is Count equal tasks of a demand.
type DemandGroup struct {
	Count       int          `json:"count"`
	Shape       Shape        `json:"shape"`
	Constraints []Constraint `json:"constraints,omitempty"`
	// MaxPerAgent bounds how many tasks of this group may be on one agent at
	// once, those already running included; 0 = no bound.
	MaxPerAgent int  `json:"max_per_agent,omitempty"`
	Exclusive   bool `json:"exclusive,omitempty"` // only on agents that run nothing else, and nothing else beside them
	// Topology is the level a gang should stay inside, if it can be had: "node",
	// "island", or the name of an agent attribute with or without "meta." or
	// "attr." before it ("rack", "meta.switch"). Empty = as low as can be had.
	Topology   string     `json:"topology,omitempty"`
	Affinities []Affinity `json:"affinities,omitempty"`
	Spreads    []Spread   `json:"spreads,omitempty"`
	// Avoid are agents that get none of it.
	Avoid []AgentID `json:"avoid,omitempty"`
	// Only are the agents, sorted, that may get some of it; nil = all.
	Only []AgentID `json:"only,omitempty"`
}

// Offer is room on one or more agents, made for one demand. It is taken wholly,
// in part or not at all; a gang's only wholly or not at all.
type Offer struct {
	ID           OfferID     `json:"id"`
	Framework    FrameworkID `json:"framework"`
	Demand       string      `json:"demand"`
	Label        string      `json:"label,omitempty"`
	Role         string      `json:"role,omitempty"`
	AllOrNothing bool        `json:"all_or_nothing,omitempty"`
	Parts        []OfferPart `json:"parts"`
	// UnavailableFrom is Mesos' unavailability.start: what is launched here
	// must end by then. Zero = no bound.
	UnavailableFrom time.Time `json:"unavailable_from,omitzero"`
	MadeAt          time.Time `json:"made_at"`
	// Classic says that the offer was made for no demand, to a framework that
	// sends none: each part is what Resources and so on say, for any tasks.
	Classic bool `json:"classic,omitempty"`
}

// OfferPart is room for Count tasks of the demand's group Group on Agent.
type OfferPart struct {
	Agent AgentID `json:"agent"`
	Group int     `json:"group"`
	Count int     `json:"count"`
	// Grants are what each of the Count tasks gets; nil where the shape asks for
	// no named things.
	Grants []Grant `json:"grants,omitempty"`
	// Room is all of a classic offer's part, nil in others.
	Room *OfferRoom `json:"room,omitempty"`
}

// OfferRoom is room for any tasks on one agent.
type OfferRoom struct {
	Resources
	GPUs  []GPUShare  `json:"gpus,omitempty"`
	Ports []PortRange `json:"ports,omitempty"`
}

// InverseOffer asks a framework to give tasks back by Deadline: Mesos' inverse
// offer with its unavailability. At Deadline the master stops those that still
// run, whatever the framework answered.
type InverseOffer struct {
	ID        OfferID     `json:"id"` // from the same sequence as offers
	Framework FrameworkID `json:"framework"`
	Tasks     []TaskID    `json:"tasks"`
	Agents    []AgentID   `json:"agents"` // beside Tasks
	For       string      `json:"for"`    // label of the demand that needs the room
	ForRole   string      `json:"for_role,omitempty"`
	Deadline  time.Time   `json:"deadline"`
	MadeAt    time.Time   `json:"made_at"`
	// Drain says that the node of the tasks is being drained; nil = preemption. A
	// zero Deadline is then none: the tasks may take the time they need.
	Drain *DrainMark `json:"drain,omitempty"`
}

// Affinity is a constraint that is preferred rather than required. Weight is
// -100..100, negative to keep away; as Nomad's affinity block.
type Affinity struct {
	Constraint
	Weight int `json:"weight"`
}

// Spread asks for a group's tasks to be distributed over an attribute's values,
// as Nomad's spread block: evenly, or by Targets' percentages.
type Spread struct {
	Attribute string         `json:"attribute"`
	Weight    int            `json:"weight"` // 1..100
	Targets   []SpreadTarget `json:"targets,omitempty"`
}

// SpreadTarget is the share of a group's tasks wanted at one value, in percent.
type SpreadTarget struct {
	Value   string `json:"value"`
	Percent int    `json:"percent"`
}

// Launch is some of one job group's slots, going to one agent. All its tasks
// have the same shape.
type Launch struct {
	Agent     AgentID  `json:"agent"`
	Job       JobID    `json:"job"`
	Group     uint16   `json:"group"`
	Shape     Shape    `json:"shape"`
	TimeLimit Duration `json:"time_limit,omitempty"`
	// Tasks are the slots and their attempt numbers, ascending by index.
	Tasks []Attempt `json:"tasks"`
	// Grants are beside Tasks; nil where the shape asks for no named things. Left
	// out of an ACCEPT, the master gives the offer's in their order.
	Grants []Grant `json:"grants,omitempty"`
	// Env is added to every task's environment (a gang's sizes).
	Env map[string]string `json:"env,omitempty"`
	// Facts are the master's to fill in.
	Facts *LaunchFacts `json:"facts,omitempty"`
	// GangSize is how many tasks of the job group start together: each is prepared
	// and waits until all are. 0 = it starts by itself. The master sets it.
	GangSize int `json:"gang,omitempty"`
	// Gang is what they are told of each other; as Spec, it is not journaled.
	Gang *GangPlan `json:"-"`
	// Spec is what to run. It is not journaled with the launch: a launch that
	// never reached its agent is dropped and made again.
	Spec *Job `json:"-"`
}

// Attempt names one task within a Launch.
type Attempt struct {
	Index   uint32 `json:"i"`
	Attempt uint16 `json:"a,omitempty"`
}

// ID returns the full task id of the n-th task of l.
func (l *Launch) ID(n int) TaskID {
	t := l.Tasks[n]
	return TaskID{Job: l.Job, Group: l.Group, Index: t.Index, Attempt: t.Attempt}
}
