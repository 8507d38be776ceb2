package schedule

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// rule is one expression.
type rule interface {
	next(after time.Time, loc *time.Location, anchor time.Time) time.Time
}

// Schedule is when a job is due: whenever one of its expressions is.
type Schedule struct {
	rules  []rule
	loc    *time.Location
	anchor time.Time
}

// New returns the schedule of a periodic block. anchor, taken to the next whole
// second, is what @every and a repetition without a start are counted from. A chained job has none: its Schedule
// is never due.
func New(p *model.Periodic, loc *time.Location, anchor time.Time) (*Schedule, *Fault) {
	s := &Schedule{loc: loc, anchor: anchor.UTC().Add(time.Second).Truncate(time.Second)}
	for _, text := range p.Crons {
		c, fault := ParseCron(text)
		if fault != nil {
			return nil, fault
		}
		s.rules = append(s.rules, c)
	}
	if p.Schedule != "" {
		r, fault := ParseRepeat(p.Schedule)
		if fault != nil {
			return nil, fault
		}
		s.rules = append(s.rules, r)
	}
	return s, nil
}

// Next returns the first due time after a time, in UTC; zero if there is none.
func (s *Schedule) Next(after time.Time) (first time.Time) {
	for _, r := range s.rules {
		if t := r.next(after, s.loc, s.anchor); !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first.UTC()
}

// Upcoming returns the next n due times after a time.
func (s *Schedule) Upcoming(after time.Time, n int) []time.Time {
	out := []time.Time{}
	for range n {
		if after = s.Next(after); after.IsZero() {
			break
		}
		out = append(out, after)
	}
	return out
}
