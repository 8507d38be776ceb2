package executor

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/api/session"
	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/model"
)

const (
	// firstContact bounds how long a new executor waits for its first agent.
	firstContact = 10 * time.Second
	// linger is how long updates may be gathered while many tasks run: one
	// message for ten updates costs agent and master a tenth.
	linger      = 2 * time.Millisecond
	lingerTasks = 8
	// maxUpdates bounds one message.
	maxUpdates = 1000
	// forceWithin bounds a forced end.
	forceWithin = 10 * time.Second
)

// Events of the loop itself.
type (
	wakeUp    struct{ key lifecycle.Key }
	terminate struct{ cause string }
)

// loop owns the executor's state.
type loop struct {
	inbox  *inbox
	server *server
	log    *slog.Logger
	runner *runner // starts and stops tasks

	adopted bool
	job     string
	dir     string
	machine *lifecycle.Machine
	state   *stateLog
	timers  map[lifecycle.Key]*time.Timer
	pmi     map[attemptID]*pmiServer
	// watching ends the checks of the attempts that have some and run.
	watching map[lifecycle.Key]*watched

	gpuTasks []*run // those with devices that run

	remotes map[string]session.Stream // asked for by tasks, by request, until the agent comes
	held    map[string]*held          // sessions that can be resumed, by id

	agent *peer // nil while there is none
	// greeted says that it has said hello. Before, it is sent no updates: it is to
	// hear of all that are not acknowledged, in their order, and of each once.
	greeted  bool
	recovery time.Duration
	alone    *time.Timer // runs while there is no agent

	seq     uint64
	unacked []*execpb.Update // in order of Seq
	fresh   []*execpb.Update // not yet written and sent
	acked   []uint64         // not yet written
	ended   endedSet

	flushed time.Time // last
	later   *time.Timer

	begin    *execpb.Begin
	exiting  bool
	careless bool             // ends although updates are not acknowledged
	deadline <-chan time.Time // of a forced end
}

// run works until the executor's end.
func (l *loop) run() error {
	l.remotes, l.held = map[string]session.Stream{}, map[string]*held{}
	l.timers, l.pmi = map[lifecycle.Key]*time.Timer{}, map[attemptID]*pmiServer{}
	l.alone = time.NewTimer(firstContact)
	l.later = time.NewTimer(time.Hour)
	l.later.Stop()
	var events []any
	for {
		select {
		case <-l.inbox.wake:
		case <-l.later.C:
		case <-l.alone.C:
			l.abandoned()
		case <-l.deadline:
			return errors.New("tasks could not be killed in time")
		}
		events = l.inbox.take(events)
		for i, e := range events {
			l.event(e)
			events[i] = nil
		}
		l.settle()
		if l.over() {
			return nil
		}
	}
}

func (l *loop) event(e any) {
	switch e := e.(type) {
	case peerUp:
		// The newest agent wins: the one before has lost its process or its mind.
		if l.agent != nil {
			l.agent.close()
		}
		l.agent, l.greeted = e.peer, false
		l.alone.Stop()
	case peerDown:
		if l.agent == e.peer {
			l.lostAgent()
		}
	case peerSays:
		if l.agent == e.peer {
			l.message(e.msg)
		}
	case sessionAsked:
		l.session(e)
	case remoteAsked:
		l.remote(e)
	case heldOver:
		delete(l.held, e.id)
	case remoteLate:
		l.remoteLate(e.request)
	case wakeUp:
		l.step(lifecycle.TimeUp{Key: e.key})
	case terminate:
		l.log.Info("ending", "cause", e.cause)
		l.end(model.ReasonExecutorTerminated)
	case lifecycle.Ended:
		l.runner.amend(&e)
		l.gpuTaskEnded(e)
		l.step(e)
	case lifecycle.Started:
		l.gpuTaskRuns(e)
		l.step(e)
	case lifecycle.Input:
		l.step(e)
	default:
		l.pmiEvent(e)
	}
}

func (l *loop) lostAgent() {
	l.agent = nil
	if !l.adopted {
		l.exiting = true // a spare is of no use to anybody
		return
	}
	l.alone.Reset(max(l.recovery, time.Second))
}

// abandoned ends the executor: no agent has come for too long.
func (l *loop) abandoned() {
	if l.agent != nil {
		return
	}
	l.log.Warn("no agent for too long: killing all tasks", "timeout", l.recovery)
	// Without grace: the master counts on it that they end now, and may start
	// them elsewhere. Whoever comes later reads state.log.
	l.end(model.ReasonAgentDisconnected)
}

// end kills everything at once, and ends when nothing runs any more.
func (l *loop) end(reason model.TaskReason) {
	l.exiting, l.careless = true, true
	if l.deadline == nil {
		l.deadline = time.After(forceWithin)
	}
	l.killAll(reason, -1)
}

func (l *loop) over() bool {
	idle := l.machine == nil || l.machine.Len() == 0
	return l.exiting && idle && len(l.fresh) == 0 && (l.careless || len(l.unacked) == 0)
}

func (l *loop) message(m *execpb.ToExecutor) {
	switch k := m.Kind.(type) {
	case *execpb.ToExecutor_Hello:
		l.recovery = time.Duration(k.Hello.RecoveryTimeoutNs)
		l.flush()
		l.greeted = true
		l.sendState(nil)
		l.sendUpdates(l.unacked)
	case *execpb.ToExecutor_Adopt:
		err := l.adopt(k.Adopt)
		if err != nil {
			l.log.Error("cannot be adopted", "job", k.Adopt.Job, "error", err)
		}
		l.sendState(err)
	case *execpb.ToExecutor_Launch:
		l.launch(k.Launch)
	case *execpb.ToExecutor_Start:
		for _, t := range k.Start.Tasks {
			l.step(lifecycle.Release{Key: taskKey(t)})
		}
	case *execpb.ToExecutor_Kill:
		l.kill(k.Kill)
	case *execpb.ToExecutor_JobMessage:
		l.jobMessage(k.JobMessage)
	case *execpb.ToExecutor_GpuSample:
		l.gpuSample(k.GpuSample)
	case *execpb.ToExecutor_Acknowledge:
		l.acknowledge(k.Acknowledge.Seqs)
	case *execpb.ToExecutor_Exit:
		if k.Exit.Force {
			l.end(model.ReasonExecutorTerminated)
		}
		l.exiting = true
	}
}

func (l *loop) sendState(failure error) {
	s := &execpb.State{Pid: int32(os.Getpid()), Job: l.job, GpuWanted: len(l.gpuTasks) > 0}
	if failure != nil {
		s.Error = failure.Error()
	}
	if l.machine != nil {
		s.Live = l.live()
	}
	l.send(&execpb.FromExecutor{Kind: &execpb.FromExecutor_State{State: s}})
}

func (l *loop) send(m *execpb.FromExecutor) {
	if l.agent != nil {
		l.agent.send(m)
	}
}

func (l *loop) sendUpdates(u []*execpb.Update) {
	if !l.greeted {
		return // Hello sends them all
	}
	for len(u) > 0 {
		n := min(len(u), maxUpdates)
		l.send(&execpb.FromExecutor{Kind: &execpb.FromExecutor_Updates{Updates: &execpb.Updates{Updates: u[:n:n]}}})
		u = u[n:]
	}
}

// adopt makes the executor a job's.
func (l *loop) adopt(a *execpb.Adopt) error {
	if l.adopted {
		if l.job == a.Job {
			return nil
		}
		return fmt.Errorf("adopt executor for job %q: it belongs to job %q", a.Job, l.job)
	}
	job := &model.Job{}
	if err := json.Unmarshal(a.Spec, job); err != nil {
		return fmt.Errorf("read description of job %q: %w", a.Job, err)
	}
	if !filepath.IsAbs(a.Dir) {
		return fmt.Errorf("job directory %q: want an absolute path", a.Dir)
	}
	if err := l.server.moved(a.Dir); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(a.Dir, tasksDir), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make job directory: %w", err)
	}
	state, past, err := openStateLog(a.Dir)
	if err != nil {
		return err
	}
	l.seq = past.LastSeq
	l.runner.adopt(job, a)
	l.begin = &execpb.Begin{
		Job: a.Job, Pid: int32(os.Getpid()), At: time.Now().UnixNano(), Cgroups: l.runner.pool.tree(),
	}
	if err := state.add(&execpb.LogRecord{Kind: &execpb.LogRecord_Begin{Begin: l.begin}}); err != nil {
		return err
	}
	if err := state.flush(); err != nil {
		return err
	}
	l.adopted, l.job, l.dir, l.state = true, a.Job, a.Dir, state
	l.machine = lifecycle.New(job)
	return nil
}

func (l *loop) launch(in *execpb.Launch) {
	if l.machine == nil || l.exiting {
		return // the agent finds these tasks missing from the next State
	}
	l.record(&execpb.LogRecord{Kind: &execpb.LogRecord_Launch{Launch: in}})
	n, gang := 0, gangOf(in)
	for k := range launched(in) {
		l.runner.prepareLaunch(k, launchFacts{in.Env, grantOf(in, n), nodesOf(in, n), gang})
		n++
		l.servePMI(k, gang)
		l.step(lifecycle.Launch{Key: k, TimeLimit: time.Duration(in.TimeLimitNs), Together: gang != nil})
	}
}

func (l *loop) kill(in *execpb.Kill) {
	reason, grace := model.TaskReason(in.Reason), time.Duration(in.GraceNs)
	if len(in.Tasks) == 0 {
		l.killAll(reason, grace)
	}
	for _, t := range in.Tasks {
		l.step(lifecycle.Kill{Key: taskKey(t), Reason: reason, Grace: grace})
	}
}

func (l *loop) killAll(reason model.TaskReason, grace time.Duration) {
	if l.machine == nil {
		return
	}
	for _, t := range l.live() {
		l.step(lifecycle.Kill{Key: taskKey(t), Reason: reason, Grace: grace})
	}
}

// step feeds the machine and carries out what it asks for.
func (l *loop) step(in lifecycle.Input) {
	if l.machine == nil {
		return
	}
	now := time.Now()
	for _, e := range l.machine.Step(now, in) {
		switch e := e.(type) {
		case lifecycle.Start:
			l.runner.start(e.Key, e.Task, e.Hold)
			if w := l.watching[e.Key]; w != nil {
				w.checks.add(l.runner.attempts[e.Key].runs[e.Task])
			}
		case lifecycle.Go:
			l.runner.release(e.Key, e.Task)
		case lifecycle.Stop:
			l.runner.stop(e.Key, e.Task, e.Grace)
		case lifecycle.Report:
			l.seq++
			u := wireUpdate(l.seq, &e.Status)
			l.fresh = append(l.fresh, u)
			l.watch(keyOfStatus(&e.Status), &e.Status)
		case lifecycle.Wake:
			l.wake(e.Key, e.At.Sub(now))
		case lifecycle.Forget:
			if t := l.timers[e.Key]; t != nil {
				t.Stop()
				delete(l.timers, e.Key)
			}
			l.forgetPMI(e.Key)
			l.runner.forget(e.Key)
		}
	}
}

func (l *loop) wake(k lifecycle.Key, after time.Duration) {
	if t := l.timers[k]; t != nil {
		t.Stop()
	}
	l.timers[k] = time.AfterFunc(after, func() { l.inbox.put(wakeUp{k}) })
}
