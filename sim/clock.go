package sim

import "time"

// schedule is the virtual clock: what is to happen, by time, and among equal
// times in the order in which it was asked for.
type schedule struct {
	now   time.Duration
	seq   uint64
	queue []event // a binary heap
	ran   int
}

type event struct {
	at  time.Duration
	seq uint64
	run func()
}

func (e *event) before(o *event) bool { return e.at < o.at || e.at == o.at && e.seq < o.seq }

// after has run called once d has passed.
func (s *schedule) after(d time.Duration, run func()) { s.at(s.now+max(d, 0), run) }

func (s *schedule) at(t time.Duration, run func()) {
	s.seq++
	s.queue = append(s.queue, event{max(t, s.now), s.seq, run})
	q := s.queue
	for i := len(q) - 1; i > 0; {
		p := (i - 1) / 2
		if !q[i].before(&q[p]) {
			break
		}
		q[i], q[p] = q[p], q[i]
		i = p
	}
}

// next runs the earliest event; false if there is none until the given time.
func (s *schedule) next(until time.Duration) bool {
	if len(s.queue) == 0 || s.queue[0].at > until {
		s.now = until
		return false
	}
	e := s.pop()
	s.now = e.at
	s.ran++
	e.run()
	return true
}

func (s *schedule) pop() event {
	q := s.queue
	top := q[0]
	n := len(q) - 1
	q[0] = q[n]
	q[n] = event{}
	q = q[:n]
	s.queue = q
	for i := 0; ; {
		c := 2*i + 1
		if c >= n {
			break
		}
		if c+1 < n && q[c+1].before(&q[c]) {
			c++
		}
		if !q[c].before(&q[i]) {
			break
		}
		q[i], q[c] = q[c], q[i]
		i = c
	}
	return top
}

// hostClock is one host's own idea of the time: it starts anywhere and runs a
// little fast or slow.
type hostClock struct {
	base     time.Time     // what it showed
	from     time.Duration // at this virtual time
	perMille int64         // how much passes on it in a thousand of virtual time
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newHostClock(r random, drift int) hostClock {
	return hostClock{
		base:     epoch.Add(r.between(-time.Minute, time.Minute)).Truncate(time.Microsecond),
		perMille: int64(1000 + r.count(-drift, drift)),
	}
}

func (c *hostClock) read(now time.Duration) time.Time {
	return c.base.Add(time.Duration(int64(now-c.from) * c.perMille / 1000))
}

// until returns how much virtual time passes until the clock shows t or later.
func (c *hostClock) until(now time.Duration, t time.Time) time.Duration {
	left := t.Sub(c.read(now))
	if left <= 0 {
		return 0
	}
	return left*1000/time.Duration(c.perMille) + time.Microsecond
}

// setRate changes how fast the clock runs from now on, as slewing does.
func (c *hostClock) setRate(now time.Duration, perMille int64) {
	c.base, c.from, c.perMille = c.read(now), now, perMille
}

// jump sets the clock, as a reboot may.
func (c *hostClock) jump(d time.Duration) { c.base = c.base.Add(d) }
