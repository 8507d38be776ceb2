package sim

import (
	"time"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/agent"
)

// agentProc is one run of an agent's process: core/agent's loop and link around
// a real machine.
type agentProc struct {
	w       *world
	host    *host
	machine *agent.Machine
	alive   bool
	paused  bool
	held    []func()

	inbox   []agent.Input
	turning bool
	out     []*agentpb.AgentMessage // of this turn
	wakes   int                     // the latest wake-up's number
	dieIn   int                     // > 0: after that many effects it dies

	stream *stream // the link's present one
	dials  dials
	conns  map[agent.ExecID]*execConn
	chores pipe // the janitor's, in order
}

// recoveryTimeout is how long executors are told to go on without an agent.
const recoveryTimeout = 2 * time.Minute

// startAgent starts the agent on its data directory.
func (h *host) startAgent() {
	if !h.up || h.agent != nil {
		return
	}
	h.meta.Boot++
	a := &agentProc{w: h.w, host: h, alive: true, conns: map[agent.ExecID]*execConn{}}
	a.chores = pipe{w: h.w, delay: func() time.Duration { return h.w.random.between(0, 5*time.Millisecond) }}
	h.agent = a
	a.machine = agent.NewMachine(agent.Options{Meta: h.meta, Info: h.info, Keep: h.w.keep, Recovery: recoveryTimeout})
	found := agent.Recovered{LastContact: h.contact}
	for _, d := range h.sortedDirs() {
		found.Executors = append(found.Executors, agent.RecoveredExecutor{
			Exec: d.id, Alive: d.proc != nil, Settled: d.settled, Log: d.read(), Sandboxes: d.endedSandboxes(),
		})
		if d.proc != nil {
			a.connect(d.proc)
		}
	}
	h.w.say(h.name, "agent %s starts for the %d. time, finds %d executors", h.meta.AgentID, h.meta.Boot, len(found.Executors))
	// The loop's first input is Recovered, whatever else has come meanwhile.
	a.inbox = append(a.inbox, found)
	a.turnLater()
	a.dialLater(0)
}

func (a *agentProc) later(d time.Duration, f func()) { a.w.after(d, func() { a.enter(f) }) }

// enter runs f in this process: not if it is gone, and not before it goes on if
// it is paused.
func (a *agentProc) enter(f func()) {
	switch {
	case !a.alive:
	case a.paused:
		a.held = append(a.held, f)
	default:
		f()
	}
}

// die ends the process; executors go on. Silent means that the host goes too.
func (a *agentProc) die(silent bool) {
	if !a.alive {
		return
	}
	a.w.say(a.host.name, "the agent dies")
	a.alive, a.held = false, nil
	a.host.agent = nil
	if a.stream != nil {
		a.stream.agentDied(silent)
	}
	for _, d := range a.host.sortedDirs() {
		if c := a.conns[d.id]; c != nil {
			c.agentGone()
		}
	}
}

func (a *agentProc) pause(d time.Duration) {
	if a.paused {
		return
	}
	a.w.say(a.host.name, "the agent is paused for %s", d)
	a.paused = true
	a.w.after(d, func() {
		if !a.alive {
			return
		}
		a.paused = false
		a.w.say(a.host.name, "the agent goes on, %d events are waiting", len(a.held))
		held := a.held
		a.held = nil
		for _, f := range held {
			a.enter(f)
		}
	})
}

// put hands an input of a stream to the loop. A stream's messages count as long
// as it is the present one.
func (a *agentProc) put(s *stream, in agent.Input) {
	if s == a.stream {
		a.input(in)
	}
}

func (a *agentProc) input(in agent.Input) {
	a.inbox = append(a.inbox, in)
	a.turnLater()
}

func (a *agentProc) turnLater() {
	if !a.turning {
		a.turning = true
		a.later(a.w.random.between(10*time.Microsecond, 200*time.Microsecond), a.turn)
	}
}

// turn takes everything in that has come, and sends at its end.
func (a *agentProc) turn() {
	inputs := a.inbox
	a.inbox = nil
	for _, in := range inputs {
		if up, ok := in.(agent.FromMaster); ok {
			a.w.checks.heard(a, up.Message)
		}
		for _, e := range a.machine.Step(a.host.time(), in) {
			a.carryOut(e)
			if a.dieIn > 0 {
				if a.dieIn--; a.dieIn == 0 {
					a.die(false)
				}
			}
			if !a.alive {
				return
			}
		}
	}
	a.turning = false
	if a.stream != nil {
		for _, msg := range a.out {
			a.w.checks.sent(a, msg)
			a.stream.toMaster(msg)
		}
		if a.machine.Registered() {
			a.dials.tries = 0
		}
	}
	a.out = a.out[:0]
	if len(a.inbox) > 0 {
		a.turnLater()
	}
}

// carryOut does one effect. None of it steps the machine at once.
func (a *agentProc) carryOut(e agent.Effect) {
	h := a.host
	switch e := e.(type) {
	case agent.Persist:
		h.meta = e.Meta
	case agent.Contact:
		h.contact = e.At
	case agent.Send:
		a.out = append(a.out, e.Message)
	case agent.Redial:
		a.out = a.out[:0]
		a.redial(e)
	case agent.StartExecutor:
		a.startExecutor(e)
	case agent.SendExecutor:
		if c := a.conns[e.Exec]; c != nil {
			c.toExecutor(e.Message)
		}
	case agent.KillTree:
		a.killTree(e.Exec)
	case agent.Settle:
		if d := h.dirs[e.Exec]; d != nil {
			d.settled = true
		}
	case agent.RemoveExecutor:
		h.discard(e.Exec)
	case agent.RemoveSandbox:
		a.chores.put(func() { a.enter(func() { h.removeSandbox(e) }) })
	case agent.Measure:
		a.later(10*time.Millisecond, func() { a.input(agent.Measured{DiskUsedPercent: 10}) })
	case agent.Wake:
		a.wakes++
		n := a.wakes
		a.later(h.clock.until(a.w.now, e.At), func() {
			if n == a.wakes {
				a.input(agent.Tick{})
			}
		})
	case agent.Stop:
		a.w.say(h.name, "the agent stops: removed=%t %s", e.Removed, e.Message)
		a.die(false)
	}
}

// removeSandbox is the janitor's work, beside the loop.
func (h *host) removeSandbox(e agent.RemoveSandbox) {
	id := taskID(e.Exec.Job, e.Task)
	if p := h.w.truth.processes[id]; p != nil && p.running && p.host == h {
		h.w.fail("sandbox in use", "the sandbox of task %s is removed while it runs on %s", id, h.name)
	}
	if d := h.dirs[e.Exec]; d != nil {
		delete(d.sandboxes, id)
	}
}

// discard takes an executor's directory away.
func (h *host) discard(id agent.ExecID) {
	d := h.dirs[id]
	if d == nil {
		return
	}
	if d.proc != nil || len(d.processes) > 0 {
		h.w.fail("executor in use", "the directory of executor %s on %s is removed while something of it runs", id, h.name)
	}
	delete(h.dirs, id)
}

// stop ends the agent in an orderly way: its tasks first.
func (a *agentProc) stop(grace time.Duration) {
	a.w.say(a.host.name, "the agent is told to stop")
	a.input(agent.StopTasks{Grace: grace})
}
