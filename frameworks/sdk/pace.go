package sdk

import "time"

// How often policies do what has to be done again.
const (
	// RekillEvery is how often a kill is repeated until the task reports that it is
	// being killed: a kill may be lost with its agent's connection.
	RekillEvery = 30 * time.Second
	// SweepEvery is the least time between two looks at the history for age.
	SweepEvery = time.Minute
	// RefuseUnfit is how long an offer that a demand cannot use is not wanted again:
	// Mesos' default filter.
	RefuseUnfit = 5 * time.Second
)
