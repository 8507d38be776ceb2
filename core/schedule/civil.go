package schedule

import (
	"math/bits"
	"time"
)

// A civil time is what a wall clock shows, kept in a time.Time as if it were UTC.

// horizonYears bounds the search for the next match. The rarest that exists, 29
// February on one day of the week across a century without a leap day, takes 40.
const horizonYears = 50

// wall returns what the clocks of loc show at t.
func wall(t time.Time, loc *time.Location) time.Time {
	_, offset := t.In(loc).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// nextCivil returns the first civil time from t on that matches; ok is false if
// none does in horizonYears.
func (c *Cron) nextCivil(t time.Time) (time.Time, bool) {
	year, month, day := t.Date()
	h, m, s := t.Clock()
	for last := year + horizonYears; year <= last; {
		if c.month&(1<<month) != 0 {
			for n := daysIn(year, month); day <= n; day++ {
				if c.onDay(year, month, day) {
					if h, m, s, ok := c.nextClock(h, m, s); ok {
						return time.Date(year, month, day, h, m, s, 0, time.UTC), true
					}
				}
				h, m, s = 0, 0, 0
			}
		}
		day, h, m, s = 1, 0, 0, 0
		if month++; month > time.December {
			month, year = time.January, year+1
		}
	}
	return time.Time{}, false
}

func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

func (c *Cron) onDay(year int, month time.Month, day int) bool {
	dom := c.dom&(1<<day) != 0
	if !dom && !c.eitherDay {
		return false
	}
	dow := c.dow&(1<<time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Weekday()) != 0
	if c.eitherDay {
		return dom || dow
	}
	return dow
}

// nextClock returns the first time of day from h:m:s on that matches.
func (c *Cron) nextClock(h, m, s int) (int, int, int, bool) {
	if c.hour&(1<<h) != 0 {
		if c.minute&(1<<m) != 0 {
			if s := from(c.second, s); s < 64 {
				return h, m, s, true
			}
		}
		if m := from(c.minute, m+1); m < 64 {
			return h, m, from(c.second, 0), true
		}
	}
	if h := from(c.hour, h+1); h < 64 {
		return h, from(c.minute, 0), from(c.second, 0), true
	}
	return 0, 0, 0, false
}

// from returns the lowest set bit from n on, 64 if there is none.
func from(set uint64, n int) int { return bits.TrailingZeros64(set >> n << n) }

// maxShift is from where on a change of the clocks is not daylight saving but a
// move to another time, such as across the date line; cron(8) has the same.
const maxShift = 3 * time.Hour

// instant returns when the clocks of loc first show civil. If they skip it, it is
// when they do, unless they are moved by maxShift or more: then it never is.
func instant(civil time.Time, loc *time.Location) (time.Time, bool) {
	const widest = 26 * time.Hour // more than any offset, and than any skip
	for t := civil.Add(-widest); ; {
		local := t.In(loc)
		_, seconds := local.Zone()
		offset := time.Duration(seconds) * time.Second
		_, end := local.ZoneBounds()
		at := civil.Add(-offset)
		if !at.Before(t) && (end.IsZero() || at.Before(end)) {
			return at, true
		}
		if end.IsZero() || end.After(civil.Add(widest)) {
			return time.Time{}, false
		}
		_, then := end.In(loc).Zone()
		if next := time.Duration(then) * time.Second; !at.Before(end) && civil.Add(-next).Before(end) {
			return end.UTC(), next-offset < maxShift
		}
		t = end.UTC()
	}
}

// next returns the first due time after a time; zero if there is none.
func (c *Cron) next(after time.Time, loc *time.Location, anchor time.Time) time.Time {
	switch {
	case c.every > 0:
		k := max(after.Sub(anchor)/c.every, 0)
		return anchor.Add((k + 1) * c.every)
	case c.wild:
		return c.nextReal(after, loc)
	}
	civil := wall(after, loc).Truncate(time.Second)
	for {
		var ok bool
		if civil, ok = c.nextCivil(civil.Add(time.Second)); !ok {
			return time.Time{}
		}
		if at, ok := instant(civil, loc); ok && at.After(after) {
			return at
		}
	}
}

// nextReal goes from one change of the clocks to the next: between them a match
// on the wall clock is one moment.
func (c *Cron) nextReal(after time.Time, loc *time.Location) time.Time {
	t := after.UTC().Truncate(time.Second).Add(time.Second)
	for limit := t.AddDate(horizonYears, 0, 0); t.Before(limit); {
		local := t.In(loc)
		_, seconds := local.Zone()
		_, end := local.ZoneBounds()
		civil, ok := c.nextCivil(wall(t, loc))
		if !ok {
			return time.Time{}
		}
		at := civil.Add(-time.Duration(seconds) * time.Second)
		if end.IsZero() || at.Before(end) {
			return at
		}
		t = end.UTC()
	}
	return time.Time{}
}
