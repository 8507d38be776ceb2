package lifecycle

import (
	"fmt"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// launchFailedCode is the exit code of a task that never ran: what a shell says
// of a command it cannot find. The cause tells it from a task's own 127.
const launchFailedCode = 127

// faultCode is the exit code of a task whose processes ended well, but which
// failed all the same.
const faultCode = 1

// timeLimitCode is the exit code of a task that ran out of time and ended well
// all the same, or never ran: what timeout(1) says.
const timeLimitCode = 124

// unhealthyCode is the exit code of a task that was ended for its checks and ended
// well all the same.
const unhealthyCode = 1

func (m *Machine) preparing(a *alloc) {
	if a.state == model.TaskStaging && !a.together {
		m.report(a, model.TaskStarting)
	}
}

func (m *Machine) started(a *alloc, in Started) {
	t := &a.tasks[in.Task]
	if t.phase != phaseStarting {
		return
	}
	t.phase, t.ran = phaseRunning, true
	if a.started.IsZero() {
		a.started = in.At
	}
	m.advance(a)
}

func (m *Machine) ended(a *alloc, in Ended) {
	t := &a.tasks[in.Task]
	if t.phase == phaseEnded {
		return
	}
	t.phase, t.exit = phaseEnded, in.Exit
	if in.Exit.Fault != "" && in.Exit.Code == 0 && in.Exit.Signal == 0 {
		t.exit.Code = faultCode
	}
	switch {
	case a.outcome != nil: // it was to end
	case !in.Exit.ok():
		a.outcome = a.failure(in.Task)
	case a.group.Tasks[in.Task].Leader:
		a.outcome = &outcome{state: model.TaskFinished, cause: model.CauseFinished, task: in.Task}
	}
	m.advance(a)
}

// failure returns the outcome of an attempt of which one task failed.
func (a *alloc) failure(i int) *outcome {
	e := a.tasks[i].exit
	o := &outcome{state: model.TaskFailed, task: i}
	switch {
	case e.Failure != "":
		o.cause, o.reason = model.CauseLaunchFailed, model.ReasonContainerLaunchFailed
	case e.OOM:
		o.cause, o.reason = model.CauseOOM, model.ReasonContainerLimitMemory
	default:
		o.cause, o.reason = model.CauseFailed, model.ReasonCommandExecutorFailed
	}
	o.message = a.explain(i)
	return o
}

// explain says in a sentence how task i failed.
func (a *alloc) explain(i int) string {
	e, spec := a.tasks[i].exit, &a.group.Tasks[i]
	name := ""
	if len(a.tasks) > 1 {
		name = fmt.Sprintf("task %q: ", spec.Name)
	}
	if e.Who != "" {
		return e.Who + " " + e.explainRank(spec)
	}
	switch {
	case e.Failure != "":
		return name + e.Failure
	case e.OOM:
		limit := max(spec.Resources.MemoryBytes, spec.Resources.MemoryMaxBytes)
		return fmt.Sprintf("%sout of memory: its limit is %s, its peak was %s. Raise memory or memory_max in its resources",
			name, model.FormatBytes(limit), model.FormatBytes(e.Usage.PeakMemoryBytes))
	case e.Signal != 0:
		return fmt.Sprintf("%sended by signal %d%s", name, e.Signal, signalName(e.Signal))
	}
	return fmt.Sprintf("%sexit code %d", name, e.Code)
}

// signalName returns the name of a signal that people know by name, in brackets.
func signalName(n int) string {
	names := map[int]string{
		1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL",
		10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ",
	}
	if names[n] == "" {
		return ""
	}
	return " (" + names[n] + ")"
}

func (m *Machine) kill(a *alloc, in Kill) {
	if in.Grace < 0 {
		a.force, a.leaves = true, time.Time{}
	}
	if a.outcome == nil {
		m.delay(a, in.Grace)
		a.outcome = &outcome{state: model.TaskKilled, reason: in.Reason, cause: model.CauseKilled, message: "killed on request", task: -1}
		switch in.Reason {
		case model.ReasonContainerPreempted:
			a.outcome.cause, a.outcome.message = model.CausePreempted, "preempted"
		case model.ReasonAgentDraining:
			a.outcome.cause, a.outcome.message = model.CauseDrained, "stopped for a drain"
		case model.ReasonResourcesUnknown:
			a.outcome.cause, a.outcome.message = model.CauseDeviceLost, "stopped: a device of it must not be used any more"
		}
	}
	if a.state == model.TaskRunning || a.state == model.TaskStarting {
		m.reportKilling(a, in.Reason)
	}
	if in.Grace != 0 && !m.leaving(a) {
		m.stopActive(a, in.Grace)
	}
	m.advance(a)
}

// stopActive stops everything that runs, with the same grace.
func (m *Machine) stopActive(a *alloc, grace time.Duration) {
	for i := range a.tasks {
		if a.tasks[i].active() {
			m.stop(a, i, grace)
		}
	}
}

// timeUp is the end of the time limit, or of what poststop tasks may take.
func (m *Machine) timeUp(a *alloc) {
	switch {
	case a.outcome == nil:
		a.outcome = &outcome{
			state: model.TaskFailed, reason: model.ReasonMaxCompletionTimeReached, cause: model.CauseTimeLimit, task: -1,
			message: fmt.Sprintf("ran longer than its time limit of %s", a.limit),
		}
	case a.bounded:
		a.force = true
		m.stopActive(a, -1)
	}
	m.advance(a)
}

// end makes the terminal report. Every task has ended.
func (m *Machine) end(a *alloc) {
	o := a.outcome
	if o.task < 0 {
		o.task = a.firstMain()
	}
	// Only now it is known: a process may have been on its way when the kill came.
	if o.state == model.TaskKilled && a.started.IsZero() {
		o.message = "killed before it started"
		if o.reason == model.ReasonNone {
			o.reason = model.ReasonTaskKilledDuringLaunch
		}
	}
	e := a.tasks[o.task].exit
	s := model.TaskStatus{
		Task: a.key.task(), State: o.state, Reason: o.reason, Message: o.message, At: m.now,
		Started: a.started, Finished: m.now,
		Result: &model.Result{Cause: o.cause, ExitCode: e.Code, Signal: e.Signal},
		Usage:  a.usage(),
	}
	switch {
	case o.cause == model.CauseLaunchFailed:
		s.Result.ExitCode = launchFailedCode
	case o.cause == model.CauseUnhealthy && s.Result.Code() == 0:
		s.Result.ExitCode = unhealthyCode
	case o.cause == model.CauseTimeLimit && s.Result.Code() == 0:
		s.Result.ExitCode = timeLimitCode
	}
	if len(a.tasks) > 1 {
		s.Result.Task = a.group.Tasks[o.task].Name
	}
	if len(a.tasks) == 1 && !e.At.IsZero() {
		s.Finished = e.At
	}
	for i := range a.tasks {
		t := &a.tasks[i]
		if t.kind == kindPoststop && t.phase == phaseEnded && !t.stopped && !t.exit.ok() {
			s.Message = join(s.Message, a.explain(i)) // a word, no verdict: the work is done
		}
		s.Message = join(s.Message, t.exit.Note)
	}
	a.state = o.state
	m.do(Report{s})
	m.forget(a)
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

func (a *alloc) firstMain() int {
	for i := range a.tasks {
		if a.tasks[i].kind == kindMain {
			return i
		}
	}
	return 0
}

// usage adds up what the tasks used. The sum of the peaks is what the
// allocation would have needed had they come together.
func (a *alloc) usage() *model.Usage {
	var u model.Usage
	for i := range a.tasks {
		u.CPU += a.tasks[i].exit.Usage.CPU
		u.PeakMemoryBytes += a.tasks[i].exit.Usage.PeakMemoryBytes
		u.GPUs = append(u.GPUs, a.tasks[i].exit.Usage.GPUs...)
	}
	return &u
}

func (m *Machine) reportRunning(a *alloc) {
	if a.state == model.TaskStaging || a.state == model.TaskStarting {
		m.report(a, model.TaskRunning)
	}
}

func (m *Machine) reportKilling(a *alloc, r model.TaskReason) {
	a.state = model.TaskKilling
	m.do(Report{model.TaskStatus{Task: a.key.task(), State: a.state, Reason: r, At: m.now, Started: a.started}})
}

func (m *Machine) report(a *alloc, s model.TaskState) {
	a.state = s
	at := m.now
	if s == model.TaskRunning && len(a.tasks) == 1 {
		at = a.started
	}
	m.do(Report{model.TaskStatus{Task: a.key.task(), State: s, At: at, Started: a.started}})
}
