// Package agentsim is a load generator: agents whose executors start no
// processes but end tasks after a given time, many of them in one process. All
// else is the product's: the agent's machine and loop, and its stream to a real
// master over gRPC.
package agentsim

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent"
	"github.com/tender-scheduler/tender/core/model"
)

// Executors are an agent's executors without processes. Each keeps what the
// real one keeps between its messages, and nothing outlives it.
type Executors struct {
	// Duration is how long a task runs; nil = it ends at once.
	Duration func(model.TaskID) time.Duration

	mu     sync.Mutex
	sink   func(agent.Input)
	execs  map[agent.ExecID]*executor
	closed bool
}

var _ agent.Executors = (*Executors)(nil)

// executor is one job's.
type executor struct {
	id   agent.ExecID
	seq  uint64
	live map[taskKey]*time.Timer
	held map[taskKey]bool // of gangs, until told to start
}

type taskKey struct{ group, index, attempt uint32 }

// Recover implements agent.Executors: there is never anything left.
func (e *Executors) Recover(_ context.Context, sink func(agent.Input)) ([]agent.RecoveredExecutor, error) {
	e.sink = sink
	e.execs = map[agent.ExecID]*executor{}
	return nil, nil
}

// Start implements agent.Executors.
func (e *Executors) Start(id agent.ExecID, _ []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.execs[id] = &executor{id: id, live: map[taskKey]*time.Timer{}, held: map[taskKey]bool{}}
	e.sink(agent.ExecutorUp{Exec: id, State: &execpb.State{Job: string(id.Job)}})
}

// Send implements agent.Executors.
func (e *Executors) Send(id agent.ExecID, msg *execpb.ToExecutor) {
	e.mu.Lock()
	defer e.mu.Unlock()
	x := e.execs[id]
	if x == nil {
		return
	}
	switch k := msg.Kind.(type) {
	case *execpb.ToExecutor_Hello:
		e.sink(agent.ExecutorUp{Exec: id, State: &execpb.State{Job: string(id.Job)}})
	case *execpb.ToExecutor_Launch:
		e.launch(x, k.Launch)
	case *execpb.ToExecutor_Start:
		e.start(x, k.Start)
	case *execpb.ToExecutor_Kill:
		e.kill(x, k.Kill)
	case *execpb.ToExecutor_Exit:
		delete(e.execs, id)
		e.sink(agent.ExecutorDied{Exec: id})
	}
}

// KillTree implements agent.Executors.
func (e *Executors) KillTree(id agent.ExecID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.drop(id)
	e.sink(agent.TreeKilled{Exec: id})
}

// Die ends a job's executor as a crash would: its tasks are lost.
func (e *Executors) Die(id agent.ExecID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.drop(id) {
		e.sink(agent.ExecutorDied{Exec: id})
	}
}

func (e *Executors) drop(id agent.ExecID) bool {
	x := e.execs[id]
	if x == nil {
		return false
	}
	for _, t := range x.live {
		t.Stop()
	}
	delete(e.execs, id)
	return true
}

// Close implements agent.Executors. Nothing reaches the sink afterwards.
func (e *Executors) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	for id := range e.execs {
		e.drop(id)
	}
	return nil
}

func (e *Executors) launch(x *executor, l *execpb.Launch) {
	now := time.Now()
	updates := make([]*execpb.Update, 0, 2*len(l.Indices))
	for i, index := range l.Indices {
		k := taskKey{group: l.Group, index: index}
		if len(l.Attempts) > 0 {
			k.attempt = l.Attempts[i]
		}
		if l.Gang != nil {
			x.held[k] = true
			updates = append(updates, x.update(k, model.TaskStarting, time.Time{}, now))
			continue
		}
		updates = e.run(x, k, now, updates)
	}
	e.sink(agent.FromExecutor{Exec: x.id, Updates: updates})
}

// start lets the members of a gang run that wait for it.
func (e *Executors) start(x *executor, s *execpb.Start) {
	now := time.Now()
	var updates []*execpb.Update
	for _, t := range s.Tasks {
		k := taskKey{t.Group, t.Index, t.Attempt}
		if x.held[k] {
			delete(x.held, k)
			updates = e.run(x, k, now, updates)
		}
	}
	if len(updates) > 0 {
		e.sink(agent.FromExecutor{Exec: x.id, Updates: updates})
	}
}

// run begins a task and adds what there is to tell of it.
func (e *Executors) run(x *executor, k taskKey, now time.Time, updates []*execpb.Update) []*execpb.Update {
	updates = append(updates, x.update(k, model.TaskRunning, now, now))
	var d time.Duration
	if e.Duration != nil {
		d = e.Duration(model.TaskID{Job: x.id.Job, Group: uint16(k.group), Index: k.index, Attempt: uint16(k.attempt)})
	}
	if d <= 0 {
		return append(updates, x.update(k, model.TaskFinished, now, now))
	}
	x.live[k] = time.AfterFunc(d, func() { e.finish(x, k, now) })
	return updates
}

func (e *Executors) finish(x *executor, k taskKey, started time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if x.live[k] == nil || e.closed {
		return
	}
	delete(x.live, k)
	e.sink(agent.FromExecutor{Exec: x.id, Updates: []*execpb.Update{x.update(k, model.TaskFinished, started, time.Now())}})
}

func (e *Executors) kill(x *executor, in *execpb.Kill) {
	var keys []taskKey
	for _, t := range in.Tasks {
		keys = append(keys, taskKey{t.Group, t.Index, t.Attempt})
	}
	if in.Tasks == nil {
		for k := range x.live {
			keys = append(keys, k)
		}
		for k := range x.held {
			keys = append(keys, k)
		}
	}
	var updates []*execpb.Update
	now := time.Now()
	for _, k := range keys {
		t := x.live[k]
		if t == nil && !x.held[k] {
			continue // it has ended
		}
		if t != nil {
			t.Stop()
		}
		delete(x.live, k)
		delete(x.held, k)
		u := x.update(k, model.TaskKilled, time.Time{}, now)
		u.Reason = in.Reason
		u.Result = &execpb.Result{Cause: string(model.CauseKilled), Signal: 15}
		updates = append(updates, u)
	}
	if len(updates) > 0 {
		e.sink(agent.FromExecutor{Exec: x.id, Updates: updates})
	}
}

func (x *executor) update(k taskKey, st model.TaskState, started, at time.Time) *execpb.Update {
	x.seq++
	u := &execpb.Update{
		Seq:  x.seq,
		Task: &execpb.Task{Group: k.group, Index: k.index, Attempt: k.attempt, State: uint32(st)},
		At:   at.UnixNano(),
	}
	if !started.IsZero() {
		u.Started = started.UnixNano()
	}
	if st.Terminal() {
		u.Finished = u.At
		u.Result = &execpb.Result{Cause: string(model.CauseFinished)}
	}
	return u
}

// noLogs answers every wish for output.
type noLogs struct{}

func (noLogs) Open(context.Context, *agentpb.OpenLog, <-chan struct{}) (io.ReadCloser, error) {
	return nil, model.Refuse(model.ReasonNotFound, "simulated tasks have no output")
}
