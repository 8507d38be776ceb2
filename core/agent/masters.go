package agent

import (
	"math/rand/v2"
	"time"
)

const (
	retryFirst = 25 * time.Millisecond
	retryMost  = 250 * time.Millisecond // while a takeover is to be expected
	retrySlow  = 2 * time.Second        // after patientTries
	// patientTries at about retryMost last longer than a master's session, so
	// that a takeover finds every agent asking often.
	patientTries = 120
)

// masters says which master to try next and when. It belongs to one goroutine.
type masters struct {
	addresses []string
	next      int
	hint      string // where the leader is said to be
	tries     int    // since the last registration
	rand      *rand.Rand
}

// address returns where to go next: the leader if somebody named it, else the
// masters in turn.
func (m *masters) address() string {
	if a := m.hint; a != "" {
		m.hint = ""
		return a
	}
	a := m.addresses[m.next%len(m.addresses)]
	m.next++
	return a
}

// failed notes a try that did not end in a registration and returns how long to
// wait. A leader that was just named is tried at once, but two masters that name
// each other do not make a busy loop.
func (m *masters) failed(hint string) time.Duration {
	m.hint = hint
	m.tries++
	if hint != "" && m.tries <= 2 {
		return 0
	}
	return m.delay()
}

func (m *masters) delay() time.Duration {
	d, most := retryFirst, retryMost
	for range min(m.tries/max(len(m.addresses), 1), 16) {
		d = min(d*2, most)
	}
	for t := patientTries; m.tries > t && d < retrySlow; t += 4 {
		d = min(d*2, retrySlow)
	}
	return d/2 + time.Duration(m.rand.Int64N(int64(d/2)+1))
}

// registered starts over: what is lost now was a leader, and there will soon be
// another one.
func (m *masters) registered() { m.tries = 0 }
