package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent/executor"
	"github.com/tender-scheduler/tender/core/agent/isolation"
)

// procName is the file in an executor's directory that says which process it is.
const procName = "executor.pid"

// destroyWithin is how long one attempt to kill a tree may take; another follows.
const destroyWithin = 10 * time.Second

// children are the executors of this machine, as processes. Each has a goroutine
// that reads and one that writes its connection.
type children struct {
	dir        *dataDir
	spares     *spares
	attributes map[string]string // of the agent
	env        map[string]string // of every task
	log        *slog.Logger

	sink   func(Input)
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu   sync.Mutex // guards byID only
	byID map[ExecID]*child
}

var _ Executors = (*children)(nil)

// child is one executor. Its fields but out are set before ready is closed.
type child struct {
	id     ExecID
	dir    string
	proc   proc
	conn   *executor.Conn
	cgroup isolation.Tree
	ready  chan struct{} // closed when its start has come to an end, either way

	mu     sync.Mutex
	out    []*execpb.ToExecutor
	more   chan struct{} // a token when out has grown
	doomed bool          // KillTree was asked for: its end is no news
}

func newChild(id ExecID, dir string) *child {
	return &child{id: id, dir: dir, ready: make(chan struct{}), more: make(chan struct{}, 1)}
}

// Start implements Executors.
func (c *children) Start(id ExecID, spec []byte) {
	x := newChild(id, c.dir.executorDir(id))
	c.mu.Lock()
	c.byID[id] = x
	c.mu.Unlock()
	c.wg.Go(func() {
		defer close(x.ready)
		st, err := c.start(x, spec)
		if err != nil {
			c.log.Error("cannot start an executor", "job", id.Job, "error", err)
			c.sink(ExecutorFailed{id, err.Error()})
			return
		}
		c.sink(ExecutorUp{id, st})
		c.attend(x)
	})
}

// start finds a process for x and makes it the job's. A spare that turns out to
// be of no use is replaced once.
func (c *children) start(x *child, spec []byte) (*execpb.State, error) {
	defer c.spares.refill(refillAfter)
	var failure error
	for range 2 {
		s, err := c.spares.take()
		if err != nil {
			return nil, err
		}
		st, err := c.adopt(x, s, spec)
		if err == nil {
			return st, nil
		}
		failure = errors.Join(failure, err)
		if err := s.end(); err != nil {
			return nil, err
		}
	}
	return nil, failure
}

func (c *children) adopt(x *child, s *spare, spec []byte) (*execpb.State, error) {
	// On record, with its process, before it can have any task.
	dir, err := c.dir.assign(s.dir, x.id, spec)
	if err != nil {
		return nil, err
	}
	s.dir = dir
	st, err := ask(s.conn, &execpb.ToExecutor{Kind: &execpb.ToExecutor_Adopt{Adopt: &execpb.Adopt{
		Job: string(x.id.Job), Spec: spec, Dir: x.dir,
		Cgroup:     string(c.dir.meta.AgentID) + "/" + x.id.String(),
		Attributes: c.attributes, Env: c.env,
	}}})
	switch {
	case err != nil:
		return nil, fmt.Errorf("give an executor its job: %w", err)
	case st.Error != "":
		return nil, errors.New(st.Error)
	}
	x.proc, x.conn, x.cgroup = s.proc, s.conn, s.cgroup
	return st, nil
}

// attend begins to carry messages.
func (c *children) attend(x *child) {
	c.wg.Go(func() { c.read(x) })
	c.wg.Go(func() { c.write(x) })
}

func (c *children) read(x *child) {
	defer context.AfterFunc(c.ctx, func() { x.conn.Close() })()
	for {
		msg, err := x.conn.Recv()
		if err != nil {
			x.conn.Close()
			if !x.isDoomed() && c.ctx.Err() == nil {
				c.sink(ExecutorDied{x.id})
			}
			return
		}
		switch k := msg.Kind.(type) {
		case *execpb.FromExecutor_State:
			c.sink(ExecutorUp{x.id, k.State})
		case *execpb.FromExecutor_Updates:
			c.sink(FromExecutor{x.id, k.Updates.Updates})
		case *execpb.FromExecutor_GpuWanted:
			c.sink(GPUWanted{x.id, k.GpuWanted.On})
		case *execpb.FromExecutor_RemoteWanted:
			c.sink(RemoteWanted{x.id, k.RemoteWanted})
		case *execpb.FromExecutor_JobMessage:
			c.sink(ExecutorSays{x.id, k.JobMessage})
		}
	}
}

// write sends what Send has queued. An executor that does not read, stopped
// perhaps, must not stop the agent's loop.
func (c *children) write(x *child) {
	for {
		select {
		case <-x.more:
		case <-c.ctx.Done():
			return
		}
		x.mu.Lock()
		out, doomed := x.out, x.doomed
		x.out = nil
		x.mu.Unlock()
		if doomed {
			return
		}
		for _, msg := range out {
			if x.conn.Send(msg) != nil {
				return // the reader notices too
			}
		}
	}
}

// Send implements Executors.
func (c *children) Send(id ExecID, msg *execpb.ToExecutor) {
	if x := c.child(id); x != nil {
		x.mu.Lock()
		x.out = append(x.out, msg)
		x.mu.Unlock()
		x.poke()
	}
}

func (x *child) poke() {
	select {
	case x.more <- struct{}{}:
	default:
	}
}

func (x *child) isDoomed() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.doomed
}

func (c *children) child(id ExecID) *child {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byID[id]
}

// KillTree implements Executors.
func (c *children) KillTree(id ExecID) {
	x := c.child(id)
	if x == nil {
		c.sink(TreeKilled{Exec: id})
		return
	}
	x.mu.Lock()
	x.doomed = true
	x.mu.Unlock()
	x.poke()
	c.wg.Go(func() {
		<-x.ready
		for wait := 100 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
			log, err := c.killTree(x)
			if err == nil {
				c.mu.Lock()
				delete(c.byID, id)
				c.mu.Unlock()
				c.sink(TreeKilled{id, log})
				return
			}
			if c.ctx.Err() != nil {
				return // the next start of the agent goes on here
			}
			c.log.Error("cannot kill what an executor ran; trying again", "job", id.Job, "error", err)
			pause(c.ctx, wait)
		}
	})
}

// killTree kills the executor and then everything in its cgroups, and reads
// what it has left in writing.
func (c *children) killTree(x *child) (ExecutorLog, error) {
	if x.conn != nil {
		defer x.conn.Close()
	}
	if err := x.proc.kill(c.ctx); err != nil {
		return ExecutorLog{}, err
	}
	past, err := readPast(x.dir)
	if err != nil {
		c.log.Error("cannot read what an executor has written down; its tasks count as lost", "job", x.id.Job, "error", err)
	}
	trees := x.cgroup
	if trees == nil {
		trees = past.Cgroups
	}
	if len(trees) > 0 {
		if err := trees.Destroy(destroyWithin); err != nil {
			return ExecutorLog{}, err
		}
	}
	return logOf(past), nil
}

// readPast reads a state.log; a missing one is empty.
func readPast(dir string) (*executor.Past, error) {
	past, err := executor.ReadStateLog(filepath.Join(dir, executor.StateLogName))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if past == nil {
		past = &executor.Past{}
	}
	return past, err
}

func logOf(p *executor.Past) ExecutorLog {
	return ExecutorLog{Live: p.Live, Unacked: p.Unacked, Ended: p.Ended}
}

// Close implements Executors.
func (c *children) Close() error {
	c.cancel()
	c.spares.close()
	c.wg.Wait()
	return nil
}
