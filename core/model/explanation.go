package model

import "time"

// Tier ranks how far a waiting demand is from starting.
type Tier string

// The tiers, hardest first.
const (
	TierNever   Tier = "never"   // not possible as written on the agents there are
	TierBlocked Tier = "blocked" // by policy: dependency, limit, quota
	TierWaiting Tier = "waiting" // for resources
	TierHeld    Tier = "held"    // resources are held for it
)

// Explanation is why a demand waits. The code that rejects an agent for a
// demand returns the Reason counted here.
type Explanation struct {
	Demand  string      `json:"demand,omitempty"`
	Label   string      `json:"label,omitempty"`
	Tier    Tier        `json:"tier"`
	Summary string      `json:"summary"` // one line for people
	Why     []WhyReason `json:"why"`     // hardest first
	// Expected is when it starts at the latest if nothing that goes before it is
	// added: from running tasks' time limits and the holds of those before it.
	// Zero = cannot be told. Estimated is when that was found out.
	Expected  time.Time `json:"expected,omitzero"`
	Estimated time.Time `json:"estimated,omitzero"`
	Asked     int       `json:"asked"`         // tasks wanted now
	Fits      int       `json:"fits"`          // how many of them would start now
	Fix       string    `json:"fix,omitempty"` // Change in words: "would start now with count ≤ 4"
	// Change is the smallest single change to the job that would start it now.
	Change *Change   `json:"change,omitempty"`
	Hold   *HoldView `json:"hold,omitempty"` // what is held for it
	At     time.Time `json:"at"`
}

// Change is a change to a demand, as data. Value is in the job file's notation.
type Change struct {
	Kind  ChangeKind `json:"kind"`
	Group int        `json:"group"`           // of the demand
	Value string     `json:"value,omitempty"` // what to set: "4", "2GiB", "1h29m", an attribute's right name
	Old   string     `json:"old,omitempty"`   // a constraint given up or corrected
}

// ChangeKind says what of a demand to change.
type ChangeKind string

// The kinds of change.
const (
	ChangeCount      ChangeKind = "count"
	ChangeCPUs       ChangeKind = "cpus"
	ChangeMemory     ChangeKind = "memory"
	ChangeDisk       ChangeKind = "disk"
	ChangeGPUs       ChangeKind = "gpus"
	ChangeTimeLimit  ChangeKind = "time_limit"
	ChangePerAgent   ChangeKind = "max_per_agent"
	ChangeExclusive  ChangeKind = "exclusive"
	ChangeConstraint ChangeKind = "constraint" // without Old, or with Value in its place
)

// HoldView is room held for a demand from a time on.
type HoldView struct {
	Demand string     `json:"demand"`
	Label  string     `json:"label,omitempty"`
	Role   string     `json:"role,omitempty"`
	From   time.Time  `json:"from,omitzero"` // zero = as soon as it is free: nobody can tell when that is
	Tasks  int        `json:"tasks"`
	Parts  []HoldPart `json:"parts"`
	// Preempting says that inverse offers are out for the room.
	Preempting bool `json:"preempting,omitempty"`
}

// HoldPart is what is held on one agent.
type HoldPart struct {
	Agent     AgentID   `json:"agent"`
	Name      string    `json:"name"`
	Tasks     int       `json:"tasks"`
	Resources Resources `json:"resources"`
}

// WhyReason is one ranked reason with the agents behind it.
type WhyReason struct {
	Reason Reason   `json:"reason"`
	Tier   Tier     `json:"tier"`
	Text   string   `json:"text"`
	Count  int      `json:"count,omitempty"`  // agents concerned
	Agents []string `json:"agents,omitempty"` // names, at most ten
	Clears string   `json:"clears,omitempty"` // what would clear it
	// For are the labels of demands that the agents are held for or on offer to,
	// or that go first; at most ten.
	For   []string  `json:"for,omitempty"`
	Until time.Time `json:"until,omitzero"` // when it clears at the latest, where that can be told
	Role  string    `json:"role,omitempty"` // whose limit or share it is
}
