package sim

import (
	"time"

	"github.com/tender-scheduler/tender/core/agent"
)

// dials says which master an agent's link tries next, as core/agent's masters do.
type dials struct {
	next  int
	tries int
	hint  string
	busy  bool
}

const (
	dialFirst   = 25 * time.Millisecond
	dialMost    = 250 * time.Millisecond
	dialSlow    = 5 * time.Second
	dialPatient = 120
	dialWithin  = 2 * time.Second
)

func (d *dials) delay(r random, masters int) time.Duration {
	wait, most := dialFirst, dialMost
	for range min(d.tries/masters, 16) {
		wait = min(wait*2, most)
	}
	for t := dialPatient; d.tries > t && wait < dialSlow; t += 4 {
		wait = min(wait*2, dialSlow)
	}
	return r.between(wait/2, wait)
}

func (a *agentProc) dialLater(d time.Duration) {
	if a.dials.busy {
		return
	}
	a.dials.busy = true
	a.later(d, a.dial)
}

// failed notes a try that did not end in a registration, and goes on.
func (a *agentProc) failed(hint string) {
	d := &a.dials
	d.busy = false
	d.hint = hint
	d.tries++
	if hint != "" && d.tries <= 2 {
		a.dialLater(0)
		return
	}
	a.dialLater(d.delay(a.w.random, len(a.w.masters)))
}

func (a *agentProc) dial() {
	m := a.target()
	n := &a.w.network
	rtt := a.w.latency() + a.w.latency()
	switch {
	case n.blocked(a.host, m, toMaster) || n.blocked(a.host, m, toAgent) || m.up && m.paused:
		a.later(dialWithin, func() { a.failed("") })
	case !m.up:
		a.later(rtt, func() { a.failed("") })
	default:
		boot := m.boot
		a.later(rtt, func() {
			if !m.up || m.boot != boot {
				a.failed("")
				return
			}
			a.dials.busy = false
			a.stream = newStream(a, m)
			a.input(agent.StreamUp{})
		})
	}
}

func (a *agentProc) target() *masterNode {
	name := a.dials.hint
	a.dials.hint = ""
	for _, m := range a.w.masters {
		if m.name == name {
			return m
		}
	}
	m := a.w.masters[a.dials.next%len(a.w.masters)]
	a.dials.next++
	return m
}

// redial ends the present stream because the machine says so.
func (a *agentProc) redial(e agent.Redial) {
	if s := a.stream; s != nil {
		a.w.say(a.host.name, "the agent leaves %s: %s", s.master.name, e.Reason)
		s.agentCloses()
		a.streamEnded(s, e.Address)
	}
}

// streamEnded tells the machine and looks for another master.
func (a *agentProc) streamEnded(s *stream, hint string) {
	if a.stream != s {
		return
	}
	a.input(agent.StreamDown{})
	a.stream = nil
	a.failed(hint)
}
