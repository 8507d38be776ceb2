package schedule

import (
	"sort"
	"strconv"
	"strings"
	"time"
)

// Repeat is an ISO 8601 repeating interval, R[n]/[start]/period, as Chronos has it.
type Repeat struct {
	count  int // runs in all; -1 = without end
	start  time.Time
	civil  bool // start is on the wall clock of the job's time zone
	period period
}

// period is an ISO 8601 duration. Years to days go by the calendar and the wall
// clock, the rest by real time.
type period struct {
	months, days int
	rest         time.Duration
}

func (p period) calendar() bool { return p.months > 0 || p.days > 0 }

// shortest is less than or equal to what any one period lasts.
func (p period) shortest() time.Duration {
	return time.Duration(p.months)*28*24*time.Hour + time.Duration(p.days)*24*time.Hour - shift(p.calendar()) + p.rest
}

// shift is what a change of the clocks may take from a period.
func shift(calendar bool) time.Duration {
	if calendar {
		return maxShift
	}
	return 0
}

const (
	repeatForm = `such as "R/2026-01-01T00:00:00Z/PT1H", "R5/2026-01-01T06:00:00/P1D", or "R//PT10M" from the submission on`
	maxPeriod  = 100 * 366 * 24 * time.Hour
	maxCount   = 1_000_000_000
)

var startForms = []struct {
	layout string
	civil  bool
}{
	{time.RFC3339, false}, {"2006-01-02T15:04Z07:00", false},
	{"2006-01-02T15:04:05", true}, {"2006-01-02T15:04", true}, {"2006-01-02", true},
}

// ParseRepeat reads a repetition.
func ParseRepeat(text string) (*Repeat, *Fault) {
	whole := span{text, 0}
	parts := whole.split('/')
	switch {
	case len(text) > MaxText:
		return nil, whole.fault("", "the repetition has %d bytes; it may have %d", len(text), MaxText)
	case !strings.HasPrefix(text, "R"):
		return nil, whole.fault(repeatForm+"; a cron expression goes into cron", "%q is no ISO 8601 repetition", text)
	case len(parts) == 2:
		parts = []span{parts[0], {"", parts[1].from}, parts[1]}
	case len(parts) != 3:
		return nil, whole.fault(repeatForm, "a repetition has three parts: R, when it starts, and the period")
	}
	r := &Repeat{count: -1}
	if n := parts[0].text[1:]; n != "" {
		v, err := strconv.Atoi(n)
		if err != nil || v < 1 || v > maxCount {
			return nil, parts[0].fault("write R alone for no end", "%q is no number of runs from 1 to %d", n, maxCount)
		}
		r.count = v
	}
	if s := parts[1].text; s != "" {
		ok := false
		for _, f := range startForms {
			if t, err := time.Parse(f.layout, s); err == nil {
				r.start, r.civil, ok = t.UTC(), f.civil, true
				break
			}
		}
		if !ok || r.start.Year() < 1970 || r.start.Year() > 9000 {
			return nil, parts[1].fault("such as 2026-01-01T00:00:00Z, or without the Z in the job's time zone", "%q is no time to start at", s)
		}
	}
	if s := parts[2]; s.text != "" && s.text[0] != 'P' {
		return nil, s.fault("such as PT15M, PT1H, P1D, P1W or P1M", "%q is no period", s.text)
	}
	p, fault := parsePeriod(parts[2])
	r.period = p
	return r, fault
}

// parsePeriod reads PnYnMnWnDTnHnMnS.
func parsePeriod(s span) (p period, fault *Fault) {
	bad := s.fault("such as PT15M, PT1H, P1D, P1W or P1M", "%q is no period", s.text)
	text, ok := strings.CutPrefix(s.text, "P")
	date, clock, timed := strings.Cut(text, "T")
	if !ok || text == "" || timed && clock == "" {
		return p, bad
	}
	d, ok1 := amounts(date, "YMWD")
	t, ok2 := amounts(clock, "HMS")
	if !ok1 || !ok2 {
		return p, bad
	}
	p = period{months: 12*d[0] + d[1], days: 7*d[2] + d[3]}
	p.rest = time.Duration(t[0])*time.Hour + time.Duration(t[1])*time.Minute + time.Duration(t[2])*time.Second
	switch {
	case p == period{}:
		return p, s.fault("the shortest is PT1S", "the period is empty")
	case p.months > 1200 || p.days > 36600 || p.rest > maxPeriod:
		return p, s.fault("", "the period is more than a hundred years")
	}
	return p, nil
}

// amounts reads numbers that are each followed by one of units, in their order.
func amounts(text, units string) (out [4]int, ok bool) {
	next := 0
	for text != "" {
		i := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
		if i < 1 {
			return out, false
		}
		n, err := strconv.Atoi(text[:i])
		at := strings.IndexByte(units[next:], text[i])
		if err != nil || at < 0 || n > 1_000_000 {
			return out, false
		}
		out[next+at] = n
		next += at + 1
		text = text[i+1:]
	}
	return out, true
}

// due returns when run k is due, counted from 0. Each is reckoned from the start, so
// that the 31st is not lost after a February.
func (r *Repeat) due(k int, loc *time.Location, start time.Time) time.Time {
	if k == 0 || !r.period.calendar() { // the start may be in the second of two equal hours
		return start.Add(time.Duration(k) * r.period.rest)
	}
	c := wall(start, loc)
	if r.civil {
		c = r.start
	}
	year, month, day := c.Date()
	h, m, s := c.Clock()
	first := time.Date(year, month+time.Month(k*r.period.months), 1, 0, 0, 0, 0, time.UTC)
	day = min(day, daysIn(first.Year(), first.Month())) + k*r.period.days
	at, ok := instant(time.Date(first.Year(), first.Month(), day, h, m, s, 0, time.UTC), loc)
	if !ok { // skipped with a whole day: there is none but the one before
		at, _ = instant(time.Date(first.Year(), first.Month(), day-1, h, m, s, 0, time.UTC), loc)
	}
	return at.Add(time.Duration(k) * r.period.rest)
}

func (r *Repeat) begin(loc *time.Location, anchor time.Time) time.Time {
	switch {
	case r.start.IsZero():
		return anchor
	case !r.civil:
		return r.start
	}
	if at, ok := instant(r.start, loc); ok {
		return at
	}
	return r.start
}

// next returns the first due time after a time; zero if there is none.
func (r *Repeat) next(after time.Time, loc *time.Location, anchor time.Time) time.Time {
	start := r.begin(loc, anchor)
	if after.Before(start) {
		return start
	}
	high := int(after.Sub(start)/r.period.shortest()) + 2
	k := sort.Search(high, func(k int) bool { return r.due(k, loc, start).After(after) })
	if r.count >= 0 && k >= r.count {
		return time.Time{}
	}
	return r.due(k, loc, start)
}
