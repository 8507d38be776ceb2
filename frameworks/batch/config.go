package batch

import (
	"fmt"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Config says in which order jobs go and bounds what the framework keeps. Nothing
// in it takes part in folding the journal, so it may differ between masters and
// between restarts.
type Config struct {
	Policy Policy
	// OvertakeLimit is for how much of its wait a job may be overtaken by later
	// ones of its role and priority before it goes first.
	OvertakeLimit time.Duration
	// Unjournaled says that no journal is kept, as when a log is replayed: events
	// are folded as they are, and what would be too large for one is let pass.
	Unjournaled bool

	MaxJobs         int           // jobs that have not ended; a submission beyond is refused with ReasonQueueFull
	MaxSlots        int           // their slots in all, likewise
	MaxHistory      int           // ended jobs kept
	MaxHistorySlots int           // their slots in all
	HistoryAge      time.Duration // how long an ended job is kept; 0 = however long
}

// DefaultConfig returns the limits of a master that was told none.
func DefaultConfig() Config {
	return Config{
		Policy:          PolicyDefault,
		OvertakeLimit:   12 * time.Hour,
		MaxJobs:         100_000,
		MaxSlots:        20_000_000,
		MaxHistory:      10_000,
		MaxHistorySlots: 2_000_000,
		HistoryAge:      72 * time.Hour,
	}
}

// Validate returns an error that names the first value that makes no sense.
func (c Config) Validate() error {
	for _, l := range [...]struct {
		name  string
		value int
	}{
		{"max jobs", c.MaxJobs}, {"max slots", c.MaxSlots}, {"max history", c.MaxHistory},
		{"max history slots", c.MaxHistorySlots},
	} {
		if l.value < 1 {
			return fmt.Errorf("check batch limits: %s is %d, want at least 1", l.name, l.value)
		}
	}
	if c.MaxSlots < model.MaxArraySize {
		return fmt.Errorf("check batch limits: max slots is %d, want at least %d, the largest array", c.MaxSlots, model.MaxArraySize)
	}
	if c.HistoryAge < 0 {
		return fmt.Errorf("check batch limits: history age is %s, want 0 or more", c.HistoryAge)
	}
	if c.OvertakeLimit <= 0 {
		return fmt.Errorf("check batch limits: overtake limit is %s, want more than 0", c.OvertakeLimit)
	}
	return c.Policy.validate()
}
