package sim

import (
	"time"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/model"
)

// behaviour is what a task's process does if nobody stops it.
type behaviour struct {
	duration    time.Duration
	exitCode    int
	oom         bool
	ignoresTerm bool
	startFails  bool
	prepares    time.Duration // before it starts; 0 = nothing to prepare
	killTimeout time.Duration
}

// process is one attempt's process on a host, from the launch to the end.
type process struct {
	w    *world
	host *host
	exec *executor
	id   model.TaskID
	does behaviour

	together bool // one of a gang: it is prepared and waits for the signal
	released bool

	limit   time.Duration
	state   model.TaskState // as its executor last reported it
	started time.Time       // on the host's clock
	running bool
	over    bool
	ending  ending
	endedAt time.Duration
	written bool // its end is in its executor's log

	killed bool // on request
	reason model.TaskReason
}

// ending is how a process really ended.
type ending struct {
	exitCode  int
	signal    int
	oom       bool
	timeLimit bool
	killed    bool   // by somebody here
	neverRan  bool   // it could not be started, or was killed before
	why       string // for the trace
}

func (e ending) result() model.Result {
	return model.Result{ExitCode: e.exitCode, Signal: e.signal}
}

func newProcess(x *executor, id model.TaskID, limit time.Duration) *process {
	p := &process{
		w: x.w, host: x.dir.h, exec: x, id: id, limit: limit, state: model.TaskStaging,
		does: x.w.people.behaviour(x.w.random, x.dir.spec, id),
	}
	x.w.truth.launched(p)
	return p
}

// prepare is what comes before the start of some tasks: artifacts and such.
func (p *process) prepare() {
	if !p.over && p.exec.alive {
		if p.together && p.does.startFails && p.id.Index%2 == 0 { // found out while there is time
			p.end(ending{exitCode: 127, neverRan: true, why: "no such command"})
			return
		}
		p.state = model.TaskStarting
		p.exec.report(p, &execpb.Update{})
	}
}

// spawn starts the process, unless its executor or the wish for it has gone.
func (p *process) spawn() {
	switch {
	case p.over || !p.exec.alive:
		return
	case p.does.startFails:
		p.end(ending{exitCode: 127, neverRan: true, why: "no such command"})
		return
	}
	p.running = true
	p.started = p.host.time()
	p.state = model.TaskRunning
	p.w.truth.start(p)
	p.exec.report(p, &execpb.Update{Started: p.started.UnixNano()})
	p.w.after(p.does.duration, func() {
		if p.does.oom {
			p.end(ending{signal: 9, oom: true, why: "out of memory"})
		} else {
			p.end(ending{exitCode: p.does.exitCode, why: "by itself"})
		}
	})
	if p.limit > 0 {
		p.w.after(p.limit, func() {
			if !p.over && p.exec.alive {
				p.stop(p.does.killTimeout, ending{timeLimit: true, killed: true, why: "ran past its time limit"})
			}
		})
	}
}

// kill stops the process on request. Grace is as in execpb.Kill.
func (p *process) kill(reason model.TaskReason, grace time.Duration) {
	if p.over {
		return
	}
	first := !p.killed
	p.killed = true
	if first {
		p.reason = reason
	}
	if !p.running {
		p.end(ending{killed: true, neverRan: true, why: "killed before it ran"})
		return
	}
	if first {
		p.state = model.TaskKilling
		p.exec.report(p, &execpb.Update{Reason: uint32(reason), Started: p.started.UnixNano()})
	}
	if grace == 0 {
		grace = p.does.killTimeout
	}
	p.stop(grace, ending{killed: true, why: "killed"})
}

// stop sends the kill signal and, after the grace, SIGKILL.
func (p *process) stop(grace time.Duration, e ending) {
	r := p.w.random
	if grace > 0 && !p.does.ignoresTerm {
		by := e
		by.signal = 15
		p.w.after(r.between(5*time.Millisecond, 300*time.Millisecond), func() { p.end(by) })
	}
	e.signal = 9
	p.w.after(max(grace, 0)+r.between(time.Millisecond, 30*time.Millisecond), func() { p.end(e) })
}

// end is the process' end; only the first one counts. Its executor, if it still
// lives, reports it.
func (p *process) end(e ending) {
	if p.over {
		return
	}
	p.over, p.ending, p.endedAt = true, e, p.w.now
	if p.running {
		p.running = false
		p.w.truth.end(p)
	}
	x, d := p.exec, p.exec.dir
	d.processes = remove(d.processes, p)
	d.sandboxes[p.id] = p.host.time()
	x.tasks = remove(x.tasks, p)
	if !x.alive {
		return
	}
	x.report(p, p.final())
	p.written = true
	x.exitIfDone()
}

// final is the last update about the process, and sets its state.
func (p *process) final() *execpb.Update {
	e := p.ending
	u := &execpb.Update{
		Finished: p.host.time().UnixNano(), Message: e.why,
		Result: &execpb.Result{ExitCode: int32(e.exitCode), Signal: int32(e.signal)},
	}
	if !p.started.IsZero() {
		u.Started = p.started.UnixNano()
		u.CpuNs, u.PeakMemoryBytes = u.Finished-u.Started, 1<<20
	}
	cause := model.CauseFailed
	p.state = model.TaskFailed
	switch {
	case p.killed:
		p.state, cause, u.Reason = model.TaskKilled, model.CauseKilled, uint32(p.reason)
		switch p.reason {
		case model.ReasonContainerPreempted:
			cause = model.CausePreempted
		case model.ReasonAgentDraining:
			cause = model.CauseDrained
		case model.ReasonResourcesUnknown:
			cause = model.CauseDeviceLost
		}
	case e.oom:
		cause, u.Reason = model.CauseOOM, uint32(model.ReasonContainerLimitMemory)
	case e.timeLimit:
		cause, u.Reason = model.CauseTimeLimit, uint32(model.ReasonMaxCompletionTimeReached)
	case e.neverRan:
		cause, u.Reason = model.CauseLaunchFailed, uint32(model.ReasonContainerLaunchFailed)
	case e.exitCode == 0 && e.signal == 0:
		p.state, cause = model.TaskFinished, model.CauseFinished
	}
	u.Result.Cause = string(cause)
	return u
}

func remove[T comparable](from []T, x T) []T {
	for i := range from {
		if from[i] == x {
			copy(from[i:], from[i+1:])
			var zero T
			from[len(from)-1] = zero
			return from[:len(from)-1]
		}
	}
	return from
}
