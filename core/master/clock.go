package master

import "time"

// clock gives times that never go back and never jump: durations the machine
// measures (fences above all) must not shrink because somebody set the clock.
// It runs on the monotonic clock and moves towards the wall clock at no more
// than a tenth of the time that passes.
type clock struct {
	wall func() time.Time // time.Now, whose values carry the monotonic clock
	last time.Time
	now  time.Time
}

func newClock(wall func() time.Time) *clock {
	t := wall()
	return &clock{wall: wall, last: t, now: t.Round(0).UTC()}
}

// ahead returns how far the wall clock is ahead, as of the last read.
func (c *clock) ahead() time.Duration { return c.last.Round(0).UTC().Sub(c.now) }

// read returns the time now, in UTC and without a monotonic reading.
func (c *clock) read() time.Time {
	t := c.wall()
	passed := max(t.Sub(c.last), 0)
	c.last = t
	c.now = c.now.Add(passed)
	behind := t.Round(0).UTC().Sub(c.now)
	c.now = c.now.Add(min(max(behind, -passed/10), passed/10))
	return c.now
}
