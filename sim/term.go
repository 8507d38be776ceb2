package sim

import (
	"time"

	"github.com/tender-scheduler/tender/core/master"
	"github.com/tender-scheduler/tender/core/model"
)

// term is one leadership: core/master's loop and core/journal's Term.
type term struct {
	w     *world
	m     *masterNode
	lease *lease
	index uint64 // last committed

	inbox     []master.Input
	ticking   bool // Effects.Wake has come
	wakes     int  // the latest wake-up's number
	busy      bool // a turn is under way
	appending bool
	started   bool // the first turn is through: sessions and requests may come
	over      bool
	lost      string // why it ends after the present turn

	sessions map[master.SessionID]*stream
	replies  map[uint64]func(model.Reply)
	nextID   uint64

	groups, snapshotAfter int
}

func newTerm(m *masterNode, l *lease) *term {
	return &term{
		w: m.w, m: m, lease: l, index: m.applied,
		sessions: map[master.SessionID]*stream{}, replies: map[uint64]func(model.Reply){},
		snapshotAfter: m.w.random.count(20, 400),
	}
}

// put hands an input to the loop.
func (t *term) put(in master.Input) {
	if !t.over {
		t.inbox = append(t.inbox, in)
		t.kick()
	}
}

// kick begins a turn if there is something to do and none is under way.
func (t *term) kick() {
	if t.busy || t.over || len(t.inbox) == 0 && !t.ticking {
		return
	}
	t.busy = true
	t.m.later(t.w.random.between(20*time.Microsecond, 300*time.Microsecond), t.turn)
}

// turn decides, commits and then delivers, as core/master's loop does.
func (t *term) turn() {
	if t.over {
		return
	}
	inputs := t.inbox
	t.inbox = nil
	if t.ticking {
		inputs = append(inputs, master.Tick{})
		t.ticking = false
	}
	e := t.m.machine.Step(t.m.time(), inputs)
	t.w.checks.stepped(t, inputs, &e)
	if len(e.Records) == 0 {
		t.deliver(&e)
		return
	}
	t.appending = true
	t.append(t.index+1, e.Records, func(err error) {
		t.appending = false
		if err != nil {
			t.w.say(t.m.name, "cannot commit group %d: %v", t.index+1, err)
			t.m.endTerm(t, "its commit failed: "+err.Error())
			return
		}
		t.index++
		t.groups++
		t.deliver(&e)
	})
}

// deliver sends what a turn has to say. Its records are durable.
func (t *term) deliver(e *master.Effects) {
	sends := e.Sends
	crash := t.m.dying == crashSending && len(sends) > 0 && len(e.Records) > 0
	if crash {
		sends = sends[:t.w.random.IntN(len(sends))]
	}
	for _, s := range sends {
		if x := t.sessions[s.Session]; x != nil {
			x.toAgent(s.Message)
		}
	}
	if crash {
		t.w.say(t.m.name, "dies after %d of %d messages", len(sends), len(e.Sends))
		t.m.crash(false)
		return
	}
	for _, c := range e.Closes {
		if x := t.sessions[c.Session]; x != nil {
			x.masterCloses()
		}
	}
	for _, r := range e.Replies {
		if reply := t.replies[r.ID]; reply != nil {
			delete(t.replies, r.ID)
			reply(r)
		}
	}
	t.started = true
	t.setTimer(e.Wake)
	t.snapshotIfDue()
	t.busy = false
	if t.lost != "" {
		t.m.endTerm(t, t.lost)
		return
	}
	t.w.checks.turned(t)
	t.kick()
}

func (t *term) setTimer(at time.Time) {
	t.wakes++
	if at.IsZero() {
		return
	}
	n := t.wakes
	t.m.later(t.m.clock.until(t.w.now, at), func() {
		if n == t.wakes && !t.over {
			t.ticking = true
			t.kick()
		}
	})
}

// lose ends the term; if a commit is under way, after its outcome is known.
func (t *term) lose(why string) {
	if t.over {
		return
	}
	if t.appending {
		t.lost = why
		return
	}
	t.m.endTerm(t, why)
}

// lastWord is how long a commit is asked for after the session has ended.
const lastWord = time.Second

// append has etcd commit a group and calls done with the outcome, once, unless
// the process ends before.
func (t *term) append(index uint64, records [][]byte, done func(error)) {
	e, m := t.w.etcd, t.m
	boot := m.boot
	var lostAt time.Duration
	var attempt func()
	again := func() {
		t.w.after(t.w.random.between(50*time.Millisecond, 300*time.Millisecond), func() { m.enter(boot, attempt) })
	}
	attempt = func() {
		if t.lost != "" && lostAt == 0 {
			lostAt = t.w.now
		}
		if lostAt != 0 && t.w.now-lostAt > lastWord {
			done(errOutcomeUnknown)
			return
		}
		if !e.answers(m) {
			again()
			return
		}
		t.w.after(e.latency(), func() {
			if e.outages > 0 {
				again()
				return
			}
			err := e.commit(t.lease.epoch, index, records)
			if err == nil && m.dying == crashCommitted && m.boot == boot {
				m.crash(false)
				return
			}
			t.w.after(e.latency(), func() {
				if m.cut > 0 {
					again() // the answer did not get through
					return
				}
				m.enter(boot, func() { done(err) })
			})
		})
	}
	attempt()
}

// snapshotIfDue saves the state as it is after the last commit, beside the turns.
func (t *term) snapshotIfDue() {
	if t.groups < t.snapshotAfter {
		return
	}
	t.groups, t.snapshotAfter = 0, t.w.random.count(50, 1500)
	data, err := t.m.machine.Snapshot()
	if err != nil {
		t.w.fail("snapshot", "%s cannot take a snapshot: %v", t.m.name, err)
		return
	}
	s := snapshot{t.index, data}
	t.m.later(t.w.etcd.latency()+t.w.random.between(0, 500*time.Millisecond), func() {
		if t.w.etcd.answers(t.m) && t.w.etcd.saveSnapshot(t.lease.epoch, s) {
			t.w.say(t.m.name, "snapshot of group %d, %d bytes", s.index, len(s.data))
		}
	})
}
