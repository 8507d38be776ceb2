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
	Demand   string      `json:"demand,omitempty"`
	Label    string      `json:"label,omitempty"`
	Tier     Tier        `json:"tier"`
	Summary  string      `json:"summary"` // one line for people
	Why      []WhyReason `json:"why"`     // hardest first
	Expected time.Time   `json:"expected,omitzero"`
	Asked    int         `json:"asked"`         // tasks wanted now
	Fits     int         `json:"fits"`          // how many of them would start now
	Fix      string      `json:"fix,omitempty"` // the smallest change that would start it now
	At       time.Time   `json:"at"`
}

// WhyReason is one ranked reason with the agents behind it.
type WhyReason struct {
	Reason Reason   `json:"reason"`
	Tier   Tier     `json:"tier"`
	Text   string   `json:"text"`
	Count  int      `json:"count,omitempty"`  // agents concerned
	Agents []string `json:"agents,omitempty"` // names, at most ten
	Clears string   `json:"clears,omitempty"` // what would clear it
}
