package sim

import (
	"fmt"
	"time"

	"github.com/tender-scheduler/tender/core/master"
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/batch"
	"github.com/tender-scheduler/tender/frameworks/cron"
)

// newMachine is an empty master machine with its frameworks.
func (w *world) newMachine() *master.Machine {
	f, err := batch.New(w.limits)
	if err != nil {
		panic(err)
	}
	return w.machineWith(f, w.newCron(), w.newServices())
}

func (w *world) newCron() *cron.Framework {
	f, err := cron.New(cron.DefaultConfig())
	if err != nil {
		panic(err)
	}
	return f
}

func (w *world) machineWith(fs ...model.Framework) *master.Machine {
	m, err := master.NewMachine(w.timing, fs...)
	if err != nil {
		panic(err)
	}
	return m
}

// load begins a standby: an empty machine gets the snapshot and the log behind it.
func (m *masterNode) load() {
	if m.loaded || m.term != nil {
		return
	}
	if !m.w.etcd.answers(m) {
		m.later(200*time.Millisecond, m.load)
		return
	}
	m.machine, m.applied = m.w.newMachine(), 0
	m.loaded = true
	m.catchUp()
	m.campaign()
}

// lookAtLog has a standby apply what is new, after a while.
func (m *masterNode) lookAtLog() {
	if !m.up || !m.loaded || m.term != nil || m.looking {
		return
	}
	m.looking = true
	lag := m.w.random.between(200*time.Microsecond, 20*time.Millisecond) + m.lag
	m.later(lag, func() {
		m.looking = false
		if m.loaded && m.term == nil && m.w.etcd.answers(m) {
			m.catchUp()
		}
	})
}

// catchUp applies all that is committed. Where the log was compacted under this
// standby it starts again from the snapshot, with the machine it has.
func (m *masterNode) catchUp() {
	err := m.w.etcd.replay(m.machine, &m.applied)
	if err != nil {
		m.w.fail("replay", "%s cannot follow the journal: %v", m.name, err)
	}
	m.w.checks.sameState(m)
}

// replay brings a machine that has applied the groups up to *applied to head.
func (e *etcd) replay(machine *master.Machine, applied *uint64) error {
	if *applied < e.compacted {
		if err := machine.Restore(e.snapshot.data); err != nil {
			return fmt.Errorf("restore the snapshot of group %d: %w", e.snapshot.index, err)
		}
		*applied = e.snapshot.index
	}
	for *applied < e.head() {
		g := &e.groups[*applied]
		if err := machine.Apply(g.index, g.records); err != nil {
			return err
		}
		*applied = g.index
	}
	return nil
}

// elected makes a standby that holds the leader key the leader.
func (m *masterNode) elected(l *lease) {
	e := m.w.etcd
	switch {
	case m.session.lease != l || !m.loaded || m.term != nil:
		return
	case !e.answers(m):
		m.later(100*time.Millisecond, func() { m.elected(l) })
		return
	case e.lease != l:
		m.session = session{}
		m.campaign()
		return
	}
	m.catchUp()
	m.w.stats.Terms++
	m.w.say(m.name, "leads epoch %d from group %d on", l.epoch, m.applied)
	m.term = newTerm(m, l)
	m.w.checks.newTerm(m)
	m.term.put(master.Lead{Epoch: l.epoch, ClusterID: m.w.random.id(8)})
}
