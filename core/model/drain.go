package model

import "time"

// Drain empties a node: nothing more is placed there, and what runs there is to
// be elsewhere by Deadline.
type Drain struct {
	Since        time.Time `json:"since"`
	Deadline     time.Time `json:"deadline,omitzero"` // what still runs then is stopped; zero = never
	Force        bool      `json:"force,omitempty"`   // Deadline was "now"
	IgnoreSystem bool      `json:"ignore_system,omitempty"`
	Message      string    `json:"message,omitempty"` // why, in the operator's words
	Done         time.Time `json:"done,omitzero"`     // when nothing was left; the node stays ineligible
}

// DrainMark is on the inverse offers that a drain makes.
type DrainMark struct {
	Node         string `json:"node"`
	IgnoreSystem bool   `json:"ignore_system,omitempty"`
	Force        bool   `json:"force,omitempty"`
}

// DefaultDrainDeadline is how long a drain gives tasks to end or to move, as Nomad's.
const DefaultDrainDeadline = time.Hour

// DrainNode asks for a node to be drained, or, once more, changes the terms of
// its drain. Node is a name, an id or the unique beginning of one. The reply's
// body is a NodeView.
type DrainNode struct {
	Node         string   `json:"-"`
	Deadline     Duration `json:"deadline,omitempty"` // from now; 0 = DefaultDrainDeadline
	NoDeadline   bool     `json:"no_deadline,omitempty"`
	Force        bool     `json:"force,omitempty"`
	IgnoreSystem bool     `json:"ignore_system,omitempty"` // leaves the tasks of system jobs alone
	Message      string   `json:"message,omitempty"`
}

// SetEligibility says whether a node takes new tasks. Making it eligible ends a
// drain only with EndDrain set. The reply's body is a NodeView.
type SetEligibility struct {
	Node     string `json:"-"`
	Eligible bool   `json:"eligible"`
	EndDrain bool   `json:"end_drain,omitempty"` // also without Eligible: the drain stops, nothing new is placed
	Message  string `json:"message,omitempty"`
}
