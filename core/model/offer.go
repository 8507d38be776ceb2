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
}

// DemandGroup is Count equal tasks of a demand.
type DemandGroup struct {
	Count       int          `json:"count"`
	Shape       Shape        `json:"shape"`
	Constraints []Constraint `json:"constraints,omitempty"`
	// MaxPerAgent bounds how many tasks of this group may be on one agent at
	// once, those already running included; 0 = no bound.
	MaxPerAgent int    `json:"max_per_agent,omitempty"`
	Exclusive   bool   `json:"exclusive,omitempty"` // only on agents that run nothing else, and nothing else beside them
	Topology    string `json:"topology,omitempty"`
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
}

// OfferPart is room for Count tasks of the demand's group Group on Agent.
type OfferPart struct {
	Agent AgentID `json:"agent"`
	Group int     `json:"group"`
	Count int     `json:"count"`
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
	// Env is added to every task's environment (a gang's node list and sizes).
	Env map[string]string `json:"env,omitempty"`
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
