package cron

import (
	"errors"
	"fmt"
	"time"

	"github.com/tender-scheduler/tender/core/schedule"
)

// Config bounds what the framework keeps and does at once. Nothing in it takes part
// in folding the journal, so it may differ between masters and between restarts.
type Config struct {
	// Zone loads a time zone by its IANA name, as time.LoadLocation.
	Zone func(name string) (*time.Location, error)

	MaxSchedules int // that have not ended; a submission beyond is refused with ReasonQueueFull
	MaxEnded     int // that have ended and are remembered
	MaxCatchUp   int // runs made up for at once under catch_up = "all": the latest
	MaxActive    int // runs of one schedule that have not ended, where they may overlap; further ones are skipped
	MaxWaiting   int // runs of one schedule that wait for the one before; further ones are skipped
	StepRuns     int // runs created in one step; the rest follows in the next turn
}

// MaxRuns is how many runs of each schedule are remembered. It is no setting, as the
// fold forgets by it.
const MaxRuns = 50

// DefaultConfig returns the limits of a master that was told none. It knows UTC only.
func DefaultConfig() Config {
	return Config{
		Zone:         onlyUTC,
		MaxSchedules: 20_000, MaxEnded: 1000, MaxCatchUp: 1000, MaxActive: 1000, MaxWaiting: 1000, StepRuns: 250,
	}
}

func onlyUTC(name string) (*time.Location, error) {
	if name != schedule.UTC {
		return nil, errors.New("no time zone but UTC is known here")
	}
	return time.UTC, nil
}

// Validate returns an error that names the first value that makes no sense.
func (c Config) Validate() error {
	for _, l := range [...]struct {
		name  string
		value int
	}{
		{"max schedules", c.MaxSchedules}, {"max ended", c.MaxEnded}, {"max catch-up", c.MaxCatchUp},
		{"max active", c.MaxActive}, {"max waiting", c.MaxWaiting}, {"runs in a step", c.StepRuns},
	} {
		if l.value < 1 {
			return fmt.Errorf("check cron limits: %s is %d, want at least 1", l.name, l.value)
		}
	}
	if c.Zone == nil {
		return errors.New("check cron limits: there is nothing to load time zones with")
	}
	return nil
}
