package agent

import (
	"slices"
	"time"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/model"
)

// exitWithin is how long an executor may take to follow an Exit.
const exitWithin = 30 * time.Second

// process is one executor of a job, or what is left of it.
type process struct {
	id      ExecID
	job     *job
	state   execState
	exiting bool // Exit was sent: it gets no more launches
	fenced  bool // its tasks were killed for want of contact
	settled bool
	touched bool

	live    int    // tasks of it that have not ended
	gpus    bool   // it wants to be told what goes on on the devices
	pending int    // updates about its tasks that the master has not acknowledged
	kept    int    // sandboxes
	lastSeq uint64 // the highest of its updates that was taken in
	// unacked is which updates up to lastSeq were not acknowledged when it
	// connected: it is about to repeat them.
	unacked map[uint64]bool

	acks     []uint64             // for its next Acknowledge
	outbox   []*execpb.ToExecutor // while it is not up
	patience time.Duration        // how long it goes on without an agent, as last told
	killBy   time.Time            // when its tree is killed if tasks of it still live; zero = never
}

type execState uint8

const (
	execStarting execState = iota // StartExecutor was asked for
	execFound                     // alive after a restart of the agent, not connected yet
	execUp
	execLost // KillTree was asked for
	execOver // nothing of it runs
)

func (m *Machine) touch(x *process) {
	if !x.touched {
		x.touched = true
		m.dirty = append(m.dirty, x)
	}
}

// current is the executor that is not over, nil if there is none.
func (j *job) current() *process {
	if n := len(j.execs); n > 0 && j.execs[n-1].state != execOver {
		return j.execs[n-1]
	}
	return nil
}

func (m *Machine) process(id ExecID) *process {
	j := m.jobs[id.Job]
	if j == nil {
		return nil
	}
	for _, x := range j.execs {
		if x.id == id {
			return x
		}
	}
	return nil
}

func (m *Machine) addExecutor(j *job, gen uint16, state execState) *process {
	x := &process{id: ExecID{j.id, gen}, job: j, state: state}
	j.gen = max(j.gen, gen)
	j.execs = append(j.execs, x)
	m.touch(x)
	return x
}

// pump hands the job's waiting launches to its executor, and starts one if there
// is none. While the one before is on its way out they go on waiting.
func (m *Machine) pump(j *job) {
	if len(j.waiting) == 0 || m.leaving != nil {
		return
	}
	x := j.current()
	switch {
	case x == nil && j.spec == nil:
		m.failWaiting(j, "the description of the job is not known on this agent")
	case x == nil:
		x = m.addExecutor(j, j.gen+1, execStarting)
		m.do(StartExecutor{x.id, j.spec})
	case x.state == execUp && !x.exiting:
		for _, l := range j.waiting {
			for _, k := range launchKeys(l) {
				t := j.tasks[k]
				t.gen = x.id.Gen
				j.tasks[k] = t
				x.live++
			}
			m.do(SendExecutor{x.id, &execpb.ToExecutor{Kind: &execpb.ToExecutor_Launch{Launch: l}}})
		}
		j.waiting = nil
	}
}

func launchKeys(l *execpb.Launch) []taskKey {
	out := make([]taskKey, len(l.Indices))
	for i, index := range l.Indices {
		var attempt uint32
		if len(l.Attempts) > 0 {
			attempt = l.Attempts[i]
		}
		out[i], _ = newKey(l.Group, index, attempt)
	}
	return out
}

func (m *Machine) executorUp(in ExecutorUp) {
	x := m.process(in.Exec)
	if x == nil || x.state == execLost || x.state == execOver {
		return
	}
	x.unacked = m.updates.of(x)
	if x.state == execUp {
		return // it answers another Hello, and repeats its updates after this
	}
	x.state = execUp
	x.patience = m.recovery
	m.gpuWanted(x, in.State.GetGpuWanted())
	m.touch(x)
	m.adoptLive(x, in.State.GetLive())
	m.setPatience(x)
	for _, msg := range x.outbox {
		m.do(SendExecutor{x.id, msg})
	}
	x.outbox = nil
	m.pump(x.job)
}

// tell sends to an executor now or, while it is not connected, once it is.
func (m *Machine) tell(x *process, msg *execpb.ToExecutor) {
	switch x.state {
	case execUp:
		m.do(SendExecutor{x.id, msg})
	case execStarting, execFound:
		x.outbox = append(x.outbox, msg)
	}
}

func (m *Machine) executorUpdates(in FromExecutor) {
	x := m.process(in.Exec)
	if x == nil || x.state == execOver {
		return
	}
	for _, u := range in.Updates {
		m.executorUpdate(x, u)
	}
}

// executorUpdate takes one update in. An executor repeats what was not
// acknowledged to it when an agent connects: what the log or an earlier
// connection already brought is known by its number.
func (m *Machine) executorUpdate(x *process, u *execpb.Update) {
	if u.Seq <= x.lastSeq {
		if x.state == execUp && !x.unacked[u.Seq] {
			x.acks = append(x.acks, u.Seq)
			m.touch(x)
		}
		return
	}
	x.lastSeq = u.Seq
	x.unacked = nil
	j, k := x.job, keyOf(u.Task)
	if t, known := j.tasks[k]; known && t.state.Terminal() {
		x.acks = append(x.acks, u.Seq) // it has ended for the master too
		m.touch(x)
		return
	}
	m.report(j, k, wireUpdate(u), x, u.Seq)
}

// wireUpdate turns an executor's update into the master's form. A task killed
// for want of contact, by the fence or by an executor without an agent, is gone,
// not killed: nobody asked for its end.
func wireUpdate(u *execpb.Update) *agentpb.Update {
	out := &agentpb.Update{
		State:           u.Task.GetState(),
		Reason:          u.Reason,
		Message:         u.Message,
		At:              u.At,
		Started:         u.Started,
		Finished:        u.Finished,
		CpuNs:           u.CpuNs,
		PeakMemoryBytes: u.PeakMemoryBytes,
	}
	for _, g := range u.Gpus {
		out.Gpus = append(out.Gpus, &agentpb.TaskGpu{
			Uuid: g.Uuid, Samples: g.Samples, PeakMemoryBytes: g.PeakMemoryBytes, BusyMilli: g.BusyMilli, OfDevice: g.OfDevice,
		})
	}
	if h := u.Health; h != nil {
		out.Health = &agentpb.Health{Healthy: h.Healthy}
		for _, c := range h.Checks {
			out.Health.Checks = append(out.Health.Checks, &agentpb.CheckStatus{Service: c.Service, Check: c.Check, Passing: c.Passing, Output: c.Output})
		}
	}
	if r := u.Result; r != nil {
		out.Result = &agentpb.Result{Cause: r.Cause, ExitCode: r.ExitCode, Signal: r.Signal, Task: r.Task}
	}
	if model.TaskState(u.Task.GetState()) == model.TaskKilled &&
		model.TaskReason(u.Reason) == model.ReasonAgentDisconnected {
		out.State = uint32(model.TaskGone)
		out.Message = fencedMessage
		if out.Result != nil {
			out.Result.Cause = string(model.CauseNodeLost)
		}
	}
	return out
}

func (m *Machine) executorDied(id ExecID) {
	if x := m.process(id); x != nil && x.state != execOver && x.state != execLost {
		m.killTree(x)
	}
}

func (m *Machine) killTree(x *process) {
	x.state = execLost
	m.gpuWanted(x, false)
	x.killBy = time.Time{}
	x.outbox, x.acks = nil, nil
	m.do(KillTree{x.id})
}

// treeKilled ends an executor: what it had written down is reported as it was,
// what it left unfinished is gone.
func (m *Machine) treeKilled(in TreeKilled) {
	x := m.process(in.Exec)
	if x == nil || x.state != execLost {
		return
	}
	j := x.job
	m.touch(x)
	if m.leaving != nil && m.leaving.removed {
		x.state = execOver
		return
	}
	m.readLog(x, in.Log)
	if x.live > 0 {
		m.endAll(x)
	}
	x.state = execOver
	x.acks = nil
	m.pump(j)
}

// readLog takes in what an executor's log knows beyond what it has sent.
func (m *Machine) readLog(x *process, log ExecutorLog) {
	j := x.job
	for _, t := range log.Ended {
		j.ran.add(keyOf(t))
	}
	m.adoptLive(x, log.Live)
	for _, u := range log.Unacked {
		m.executorUpdate(x, u)
	}
}

// adoptLive takes in tasks that an executor has, or had when it died, and this
// machine does not know.
func (m *Machine) adoptLive(x *process, live []*execpb.Task) {
	j := x.job
	for _, t := range live {
		k := keyOf(t)
		if _, known := j.tasks[k]; !known && j.ran.add(k) {
			found := m.adopt(j, k, x)
			found.state = model.TaskState(t.State)
			j.tasks[k] = found
		}
	}
}

// endAll reports every task that still lives in x as gone.
func (m *Machine) endAll(x *process) {
	e := ending{
		state: model.TaskGone, reason: model.ReasonExecutorTerminated, cause: model.CauseExecutorLost,
		message: "the executor of the job died; what it ran was killed",
	}
	if x.fenced {
		e = fencedEnding
	}
	var keys []taskKey
	for k, t := range x.job.tasks {
		if t.gen == x.id.Gen && !t.state.Terminal() {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		m.end(x.job, k, x, e)
	}
}

func (m *Machine) executorFailed(in ExecutorFailed) {
	x := m.process(in.Exec)
	if x == nil || x.state != execStarting {
		return
	}
	x.state = execOver
	m.touch(x)
	m.failWaiting(x.job, in.Message)
}

// failWaiting reports the job's waiting tasks as failed before they began.
func (m *Machine) failWaiting(j *job, message string) {
	m.endWaiting(j, ending{
		state: model.TaskFailed, reason: model.ReasonContainerLaunchFailed, cause: model.CauseLaunchFailed,
		exitCode: launchFailedCode, message: message,
	})
}

// launchFailedCode is what executors report for a task that never ran.
const launchFailedCode = 127

func (m *Machine) endWaiting(j *job, e ending) {
	launches := j.waiting
	j.waiting = nil
	for _, l := range launches {
		for _, k := range launchKeys(l) {
			m.end(j, k, nil, e)
		}
	}
}

func (m *Machine) flushAcks(x *process) {
	if len(x.acks) == 0 || x.state != execUp {
		return
	}
	m.do(SendExecutor{x.id, &execpb.ToExecutor{Kind: &execpb.ToExecutor_Acknowledge{
		Acknowledge: &execpb.Acknowledge{Seqs: x.acks},
	}}})
	x.acks = nil
}

// endIfEmpty takes an executor that has nothing left to do one step further to
// its end: exit, then settled, then removed.
func (m *Machine) endIfEmpty(x *process) {
	j := x.job
	switch {
	case x.live > 0 || x.pending > 0:
	case x.state == execUp && j.done && !x.exiting && len(j.waiting) == 0:
		x.exiting = true
		m.do(SendExecutor{x.id, &execpb.ToExecutor{Kind: &execpb.ToExecutor_Exit{Exit: &execpb.Exit{}}}})
		m.doom(x, exitWithin)
	case x.state == execOver:
		if !x.settled {
			x.settled = true
			m.do(Settle{x.id})
		}
		if x.kept == 0 && m.leaving == nil && (m.keep.For > 0 || j.done) {
			m.do(RemoveExecutor{x.id})
			j.execs = slices.DeleteFunc(j.execs, func(o *process) bool { return o == x })
			m.maybeForget(j)
		}
	}
}

// maybeForget drops a job of which nothing is left here.
func (m *Machine) maybeForget(j *job) {
	if j.done && len(j.execs) == 0 && len(j.tasks) == 0 && len(j.waiting) == 0 {
		delete(m.jobs, j.id)
	}
}

// doom has x's tree killed if it has not ended by itself within d.
func (m *Machine) doom(x *process, d time.Duration) {
	if x.killBy.IsZero() {
		m.doomed = append(m.doomed, x)
	}
	x.killBy = m.now.Add(d)
}
