package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/model"
)

// Executors runs executors. Its methods are called from the loop's goroutine
// and must not wait for what they start: what comes of it goes to the sink.
type Executors interface {
	// Recover finds the executors of an earlier run and connects to the living
	// ones. Sink may be called from any goroutine, until Close has returned.
	Recover(ctx context.Context, sink func(Input)) ([]RecoveredExecutor, error)
	// Start answers with ExecutorUp or ExecutorFailed.
	Start(id ExecID, spec []byte)
	Send(id ExecID, msg *execpb.ToExecutor)
	// KillTree answers with TreeKilled, however long that takes.
	KillTree(id ExecID)
	// Close lets go of the executors, which go on without the agent.
	Close() error
}

// Store keeps what must outlive the agent's process. It is called from the
// loop's goroutine.
type Store interface {
	Save(Meta) error         // durably, also on a full disk
	Contact(time.Time) error // see the Contact effect
	Settle(ExecID) error
	// Discard takes an executor's directory out of use, so that another one can
	// have its name. Files.Sweep removes what was in it.
	Discard(ExecID) error
}

// Files is the slow side of the data directory. It is called from a goroutine
// of its own.
type Files interface {
	RemoveSandbox(ExecID, *execpb.Task) error
	Sweep() error
	Measure() (Measured, error)
}

// Logs opens the output of tasks for the master. Following ends when ended is
// closed, as it is at once for a task that does not live. An attempt of
// 4294967295 means the latest there is. An error that is a
// *model.Refusal reaches the user as it is.
type Logs interface {
	Open(ctx context.Context, r *agentpb.OpenLog, ended <-chan struct{}) (io.ReadCloser, error)
}

// latestAttempt in an OpenLog asks for the latest attempt there is.
const latestAttempt = 1<<32 - 1

// ErrRemoved is returned when the master has removed the agent.
var ErrRemoved = errors.New("the master has removed this agent")

// Loop is an agent: a Machine and what connects it to the world.
type Loop struct {
	Options   Options
	Masters   []string // host:port, at least one
	Conns     *Conns
	Executors Executors
	Store     Store
	Files     Files
	Logs      Logs
	// LastContact is what Store.Contact was last told; zero for a new agent.
	LastContact time.Time
	Log         *slog.Logger // nil = none
	Sessions    Sessions     // nil = no command can run beside a task
	GPUs        GPUSource    // of Options.Info's devices; nil = nobody watches them
	// Metrics is where the agent's figures are registered while it runs; nil = nowhere.
	Metrics prometheus.Registerer
	// Ready is called once, on the loop's goroutine, after the first registration.
	Ready func()
	// StopTasks makes the end of the context kill all tasks, which otherwise go
	// on. Each has StopGrace after its kill signal.
	StopTasks bool
	StopGrace time.Duration

	machine  *Machine
	inbox    *inbox
	stream   *stream
	out      []*agentpb.AgentMessage // of this turn
	timer    *time.Timer
	janitor  *janitor
	pushes   *pushes
	attached *attached
	watched  map[model.TaskID][]chan struct{} // closed when the task has ended
	sampler  sampler
	stop     *Stop
	ready    bool
}

// Run is an agent's life. It returns nil when ctx has ended, ErrRemoved if the
// master has removed the agent, and an error if the agent's own state cannot be
// stored any more.
func (l *Loop) Run(ctx context.Context) error {
	if l.Log == nil {
		l.Log = slog.New(slog.DiscardHandler)
	}
	l.machine = NewMachine(l.Options)
	l.inbox = newInbox()
	l.watched = map[model.TaskID][]chan struct{}{}
	l.sampler = newSampler()
	l.timer = time.NewTimer(time.Hour)
	defer l.timer.Stop()

	found, err := l.Executors.Recover(ctx, func(in Input) { l.inbox.put(event{input: in}) })
	if err != nil {
		return errors.Join(fmt.Errorf("recover executors: %w", err), l.Executors.Close())
	}
	l.janitor = newJanitor(l.Files, l.inbox, l.Log)
	l.pushes = newPushes(l.Logs)
	l.attached = newAttached(l.Sessions)
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	lk := &link{conns: l.Conns, inbox: l.inbox, log: l.Log, masters: masters{
		addresses: l.Masters, rand: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())),
	}}
	linkDone := make(chan struct{})
	go func() {
		defer close(linkDone)
		lk.run(inner)
	}()
	var watching sync.WaitGroup
	if l.GPUs != nil && len(l.Options.Info.GPUs) > 0 {
		watching.Go(func() { l.watchGPUs(inner) })
		watching.Go(func() { l.sampleGPUs(inner) })
	}

	unregister, err := l.register(inner)
	if err != nil {
		l.Log.Warn("the agent's metrics are not told", "error", err)
	}
	defer unregister()
	err = l.turns(ctx, Recovered{LastContact: l.LastContact, Executors: found})

	cancel()
	l.pushes.close()
	l.attached.close()
	<-linkDone
	watching.Wait()
	l.janitor.close()
	return errors.Join(err, l.Executors.Close())
}

// turns feeds the machine until ctx ends or the machine says stop.
func (l *Loop) turns(ctx context.Context, found Recovered) error {
	if err := l.step(found); err != nil {
		return err
	}
	ended := ctx.Done()
	var batch []event
	for l.stop == nil {
		l.flush()
		select {
		case <-ended:
			if !l.StopTasks {
				return nil
			}
			ended = nil // from here on the machine says when
			if err := l.step(StopTasks{l.StopGrace}); err != nil {
				return err
			}
		case <-l.timer.C:
			if err := l.step(Tick{}); err != nil {
				return err
			}
		case <-l.inbox.ready:
			batch = l.inbox.take(batch)
			for _, e := range batch {
				if err := l.handle(e); err != nil {
					return err
				}
			}
		}
	}
	if l.stop.Removed {
		return fmt.Errorf("%w: %s", ErrRemoved, l.stop.Message)
	}
	return nil
}

// handle takes one event in. What was to be sent on a stream ends with it.
func (l *Loop) handle(e event) error {
	if e.ask != nil {
		e.ask()
		return nil
	}
	switch e.input.(type) {
	case StreamUp:
		l.stream, l.out = e.stream, l.out[:0]
	case StreamDown:
		l.stream, l.out = nil, l.out[:0]
	}
	return l.step(e.input)
}

func (l *Loop) step(in Input) error {
	for _, e := range l.machine.Step(time.Now(), in) {
		if err := l.carryOut(e); err != nil {
			return err
		}
	}
	return nil
}

// carryOut does one effect. Messages to the master wait for the end of the
// turn, so that what one turn has to say goes out together; an effect that must
// be durable before them is done here and now.
func (l *Loop) carryOut(e Effect) error {
	switch e := e.(type) {
	case Persist:
		if err := l.Store.Save(e.Meta); err != nil {
			return fmt.Errorf("store the agent's state: %w", err)
		}
	case Contact:
		if err := l.Store.Contact(e.At); err != nil {
			l.Log.Warn("cannot note the contact with the master", "error", err)
		}
	case Send:
		l.queue(e.Message)
	case Redial:
		l.redial(e)
	case StartExecutor:
		l.Executors.Start(e.Exec, e.Spec)
	case SendExecutor:
		l.Executors.Send(e.Exec, e.Message)
	case KillTree:
		l.Executors.KillTree(e.Exec)
	case Settle:
		if err := l.Store.Settle(e.Exec); err != nil {
			l.Log.Warn("cannot note that an executor is done with", "executor", e.Exec, "error", err)
		}
	case RemoveExecutor:
		if err := l.Store.Discard(e.Exec); err != nil {
			l.Log.Warn("cannot remove an executor's directory", "executor", e.Exec, "error", err)
		}
		l.janitor.put(e)
	case RemoveSandbox, Measure:
		l.janitor.put(e)
	case OpenLog:
		l.openLog(e.Request)
	case CloseLog:
		l.pushes.end(e.Request)
	case OpenSession:
		l.attached.open(l.stream, e)
	case OpenRemote:
		l.attached.remote(l.stream, e)
	case SampleGPUs:
		l.sampler.ask(e.Often)
	case Wake:
		l.timer.Reset(time.Until(e.At))
	case Stop:
		l.stop = &e
	default:
		panic(fmt.Sprintf("agent: unknown effect %T", e))
	}
	return nil
}

// queue puts a message behind the others of this turn. Updates join those
// before them.
func (l *Loop) queue(msg *agentpb.AgentMessage) {
	if u := msg.GetUpdates(); u != nil && len(l.out) > 0 {
		last := l.out[len(l.out)-1].GetUpdates()
		if last != nil && len(last.Updates)+len(u.Updates) <= updatesPerMessage {
			last.Updates = append(last.Updates, u.Updates...)
			return
		}
	}
	l.out = append(l.out, msg)
}

func (l *Loop) redial(e Redial) {
	l.out = l.out[:0]
	if l.stream != nil {
		l.stream.cancel(errors.New(e.Reason))
	}
}

// openLog starts a log stream. It is told when the task ends.
func (l *Loop) openLog(r *agentpb.OpenLog) {
	t := r.GetTask()
	id := model.TaskID{Job: model.JobID(t.GetJob()), Group: uint16(t.GetGroup()), Index: t.GetIndex()}
	if t.GetAttempt() != latestAttempt {
		id.Attempt = uint16(t.GetAttempt())
	} else if attempt, ok := l.machine.LatestAttempt(id); ok {
		id.Attempt, t.Attempt = attempt, uint32(attempt)
	}
	ended := make(chan struct{})
	if l.machine.Lives(id) {
		l.watched[id] = append(l.watched[id], ended)
	} else {
		close(ended)
	}
	l.pushes.open(l.stream, r, ended)
}

// flush ends a turn.
func (l *Loop) flush() {
	for id, watchers := range l.watched {
		if !l.machine.Lives(id) {
			for _, ended := range watchers {
				close(ended)
			}
			delete(l.watched, id)
		}
	}
	if len(l.out) > 0 && l.stream != nil {
		l.stream.send(l.out)
	}
	clear(l.out)
	l.out = l.out[:0]
	if l.stream != nil && l.machine.Registered() && !l.stream.wasRegistered() {
		l.stream.noteRegistered()
		l.Log.Info("registered", "cluster", l.machine.Meta().ClusterID, "epoch", l.machine.Meta().Epoch)
		if !l.ready && l.Ready != nil {
			l.Ready()
		}
		l.ready = true
	}
}

// refusalOf turns any error into what the wire carries.
func refusalOf(err error) (text, reason string) {
	var r *model.Refusal
	if errors.As(err, &r) {
		return r.Message, string(r.Reason)
	}
	return err.Error(), string(model.ReasonInternal)
}
