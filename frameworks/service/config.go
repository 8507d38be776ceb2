package service

import (
	"fmt"
	"time"
)

// Config bounds what the framework keeps. Nothing in it takes part in folding
// the journal, so it may differ between masters and between restarts.
type Config struct {
	MaxJobs    int           // that have not ended; a submission beyond is refused with ReasonQueueFull
	MaxAllocs  int           // of them in all, likewise
	MaxHistory int           // ended jobs kept
	HistoryAge time.Duration // how long an ended job is kept; 0 = however long
	// RankShift is by how many bits a priority is shifted to be a demand's rank: as
	// the other frameworks of the master do it, since they share its queue.
	RankShift uint
}

// DefaultConfig returns the limits of a master that was told none.
func DefaultConfig() Config {
	return Config{MaxJobs: 50_000, MaxAllocs: 1_000_000, MaxHistory: 1000, HistoryAge: 72 * time.Hour}
}

// Validate returns an error that names the first value that makes no sense.
func (c Config) Validate() error {
	for _, l := range [...]struct {
		name  string
		value int
	}{{"max jobs", c.MaxJobs}, {"max allocations", c.MaxAllocs}, {"max history", c.MaxHistory}} {
		if l.value < 1 {
			return fmt.Errorf("check service limits: %s is %d, want at least 1", l.name, l.value)
		}
	}
	if c.HistoryAge < 0 {
		return fmt.Errorf("check service limits: history age is %s, want 0 or more", c.HistoryAge)
	}
	if c.RankShift > 55 {
		return fmt.Errorf("check service limits: rank shift is %d, want at most 55", c.RankShift)
	}
	return nil
}
