package sim

import "time"

// lease is the leader key and who holds it.
type lease struct {
	owner   *masterNode
	boot    int
	epoch   int64
	expires time.Duration
	deleted bool          // the key is, the lease lives on: only a watch or a commit tells
	unseen  time.Duration // how long the owner's watch stalls
}

// take gives m the leader key if it is free.
func (e *etcd) take(m *masterNode, boot int) *lease {
	if e.lease != nil {
		return nil
	}
	e.revision++
	l := &lease{owner: m, boot: boot, epoch: e.revision}
	e.lease = l
	e.renew(l)
	e.expireLater(l)
	e.w.say("etcd", "%s holds the leader key, epoch %d", m.name, l.epoch)
	return l
}

func (e *etcd) renew(l *lease) { l.expires = e.w.now + sessionTTL }

func (e *etcd) expireLater(l *lease) {
	e.w.at(l.expires, func() {
		switch {
		case e.lease != l:
		case e.outages > 0: // nobody is there to notice
			e.w.after(sessionTTL, func() { e.expireLater(l) })
		case e.w.now < l.expires:
			e.expireLater(l)
		default:
			e.free(l, "expired")
		}
	})
}

// free deletes the leader key.
func (e *etcd) free(l *lease, why string) {
	if e.lease != l {
		l.deleted = false // the lease goes as well
		return
	}
	e.lease = nil
	e.revision++
	e.w.say("etcd", "the leader key of %s, epoch %d, %s", l.owner.name, l.epoch, why)
	l.owner.leaderKeyGone(l)
	for _, m := range e.w.masters {
		m.campaign()
	}
}

// campaign tries to take the leader key, if this master is ready to.
func (m *masterNode) campaign() {
	if !m.up || !m.loaded || m.term != nil || m.campaigning || m.w.etcd.lease != nil {
		return
	}
	m.campaigning = true
	m.later(m.w.random.between(time.Millisecond, 30*time.Millisecond), m.stand)
}

func (m *masterNode) stand() {
	e := m.w.etcd
	m.campaigning = false
	if !m.loaded || m.term != nil || !e.answers(m) {
		return // looked at again when etcd answers
	}
	l := e.take(m, m.boot)
	if l == nil {
		return
	}
	m.session = session{lease: l, renewed: m.w.now}
	m.later(sessionTTL/3, func() { m.keepAlive(l) })
	m.later(e.latency(), func() { m.elected(l) })
}

// session is a master's own view of its lease.
type session struct {
	lease   *lease
	renewed time.Duration // the last time it heard that it has it
}

// expired reports whether m can know by itself that its lease has run out.
func (m *masterNode) expired() bool { return m.w.now-m.session.renewed >= sessionTTL }

func (m *masterNode) keepAlive(l *lease) {
	e := m.w.etcd
	if m.session.lease != l {
		return
	}
	switch {
	case e.answers(m) && (e.lease == l || l.deleted):
		e.renew(l)
		m.session.renewed = m.w.now
	case e.answers(m):
		m.loseSession(l, "its lease is gone")
		return
	case m.expired():
		m.loseSession(l, "its session expired")
		return
	}
	m.later(sessionTTL/3, func() { m.keepAlive(l) })
}

// leaderKeyGone has the owner's watch tell it, sooner or later.
func (m *masterNode) leaderKeyGone(l *lease) {
	if m.session.lease != l || m.boot != l.boot {
		return
	}
	r := m.w.random
	lag := r.between(time.Millisecond, 50*time.Millisecond)
	if r.chance(0.3) {
		lag = r.between(500*time.Millisecond, 5*time.Second)
	}
	lag = max(lag, l.unseen)
	m.later(lag, func() {
		if m.w.etcd.answers(m) {
			m.loseSession(l, "its leader key was deleted")
		}
	})
}

func (m *masterNode) loseSession(l *lease, why string) {
	if m.session.lease != l {
		return
	}
	m.session = session{}
	if m.term != nil {
		m.term.lose(why)
	}
}
