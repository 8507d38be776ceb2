package master

import (
	"testing"
	"time"
)

// TestClockAhead: a clock that is set moves the time of the steps by no more than a tenth of
// what passes, and how far it is ahead is told.
func TestClockAhead(t *testing.T) {
	wall := time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)
	c := newClock(func() time.Time { return wall })
	if c.read(); c.ahead() != 0 {
		t.Errorf("at first it is %s ahead", c.ahead())
	}
	wall = wall.Add(time.Hour) // without a monotonic reading all of it has passed
	c.read()
	if got := c.ahead(); got != 0 {
		t.Errorf("after an hour has passed it is %s ahead", got)
	}
	wall = wall.Add(-time.Hour)
	before := c.now
	if now := c.read(); now.Before(before) || c.ahead() != -time.Hour {
		t.Errorf("set back by an hour: it is %s, after %s, and %s ahead", now, before, c.ahead())
	}
	wall = wall.Add(10 * time.Minute)
	if c.read(); c.ahead() != -time.Hour+time.Minute {
		t.Errorf("ten minutes later it is %s ahead", c.ahead())
	}
}
