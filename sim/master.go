package sim

import (
	"fmt"
	"time"

	"github.com/tender-scheduler/tender/core/master"
	"github.com/tender-scheduler/tender/core/model"
)

// masterNode is one master: its host, its process, and in it a standby or a term.
type masterNode struct {
	w     *world
	num   int
	name  string
	clock hostClock
	cut   int           // > 0: it cannot reach etcd
	lag   time.Duration // of its look at the log

	up     bool
	boot   int // counts its processes
	paused bool
	held   []func() // what came while it was paused

	machine     *master.Machine
	applied     uint64
	loaded      bool // the machine has the log, as of a while ago
	looking     bool
	campaigning bool
	session     session
	term        *term
	dying       crashPoint
}

// crashPoint is where in a turn a master is to die.
type crashPoint uint8

const (
	crashNot       crashPoint = iota
	crashCommitted            // its group is durable, it has not heard so
	crashSending              // some of what it had to send is sent
)

func newMasterNode(w *world, r random, num int) *masterNode {
	// A master moves towards the wall clock by up to a tenth of what passes.
	return &masterNode{w: w, num: num, name: fmt.Sprintf("master-%d", num), clock: newHostClock(r, 50)}
}

func (m *masterNode) time() time.Time { return m.clock.read(m.w.now) }

// later has f run in this process after d, if it still is there.
func (m *masterNode) later(d time.Duration, f func()) {
	boot := m.boot
	m.w.after(d, func() { m.enter(boot, f) })
}

// enter runs f in the process of that number: not if it is gone, and not before
// it goes on if it is paused.
func (m *masterNode) enter(boot int, f func()) {
	switch {
	case !m.up || m.boot != boot:
	case m.paused:
		m.held = append(m.held, f)
	default:
		f()
	}
}

func (m *masterNode) start() {
	if m.up {
		return
	}
	m.boot++
	m.up, m.paused, m.held = true, false, nil
	m.looking, m.campaigning, m.loaded, m.dying = false, false, false, crashNot
	m.session = session{}
	m.w.say(m.name, "starts")
	m.later(m.w.random.between(10*time.Millisecond, 300*time.Millisecond), m.load)
}

// crash ends the process. Silent means that its host goes too: nobody is told.
func (m *masterNode) crash(silent bool) {
	if !m.up {
		return
	}
	m.w.say(m.name, "crashes%s", map[bool]string{true: " with its host"}[silent])
	m.up, m.held = false, nil
	t := m.term
	m.term, m.machine, m.loaded, m.session = nil, nil, false, session{}
	if t != nil {
		t.over = true
	}
	for _, s := range m.w.network.open(func(s *stream) bool { return s.master == m }) {
		s.masterDied(silent)
	}
}

// pause stops the process for a while, as a long garbage collection or a
// suspended machine does. It does not know.
func (m *masterNode) pause(d time.Duration) {
	if !m.up || m.paused {
		return
	}
	m.w.say(m.name, "is paused for %s", d)
	m.paused = true
	boot := m.boot
	m.w.after(d, func() {
		if m.up && m.boot == boot && m.paused {
			m.resume()
		}
	})
}

// resume goes on with what has gathered, in the order in which it came. Whether
// it first finds out that it has lost its lease is a matter of luck.
func (m *masterNode) resume() {
	m.w.say(m.name, "goes on")
	m.paused = false
	held := m.held
	m.held = nil
	if l := m.session.lease; l != nil && m.expired() {
		check := func() {
			if m.expired() {
				m.loseSession(l, "its session expired while it was paused")
			}
		}
		if m.w.random.chance(0.5) {
			check()
		} else {
			m.later(m.w.random.between(0, 20*time.Millisecond), check)
		}
	}
	boot := m.boot
	for _, f := range held {
		m.enter(boot, f)
	}
}

// endTerm makes a leader a standby again, which starts over with an empty machine.
func (m *masterNode) endTerm(t *term, why string) {
	if m.term != t {
		return
	}
	m.w.say(m.name, "leads epoch %d no more: %s", t.lease.epoch, why)
	t.over = true
	m.term, m.machine, m.loaded = nil, nil, false
	for _, s := range m.w.network.open(func(s *stream) bool { return s.term == t }) {
		s.masterCloses()
	}
	for id := uint64(1); id <= t.nextID; id++ {
		if reply := t.replies[id]; reply != nil {
			reply(model.Reply{Err: model.Refuse(model.ReasonUnavailable, "the leading master changed")})
		}
	}
	if e, l := m.w.etcd, t.lease; e.answers(m) && m.session.lease == l {
		m.w.after(e.latency(), func() { e.free(l, "was given back") })
	}
	m.session = session{}
	m.later(m.w.random.between(5*time.Millisecond, 100*time.Millisecond), m.load)
}

// leading returns the term in which this master takes requests, nil without one.
func (m *masterNode) leading() *term {
	if m.term != nil && m.term.started && !m.term.over {
		return m.term
	}
	return nil
}

// leaderName is what this master knows of who leads.
func (m *masterNode) leaderName() string {
	if l := m.w.etcd.lease; l != nil && l.owner != m && m.w.etcd.answers(m) {
		return l.owner.name
	}
	return ""
}
