package agent

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent/executor"
)

// recoverAtOnce bounds how many executors are talked to at the same time.
const recoverAtOnce = 16

// Recover implements Executors.
func (c *children) Recover(ctx context.Context, sink func(Input)) ([]RecoveredExecutor, error) {
	c.sink = sink
	if err := clearSpares(ctx, c.dir); err != nil {
		return nil, fmt.Errorf("clear spare executors: %w", err)
	}
	entries, err := os.ReadDir(c.dir.file(jobsName))
	if err != nil {
		return nil, fmt.Errorf("list executors: %w", err)
	}
	var (
		found = make([]*RecoveredExecutor, len(entries))
		wg    sync.WaitGroup
		slots = make(chan struct{}, recoverAtOnce)
	)
	for i, e := range entries {
		id, err := parseExecID(e.Name())
		if err != nil {
			c.log.Warn("an unknown file lies among the executors' directories", "name", e.Name())
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			found[i] = c.recover(ctx, id)
			<-slots
		})
	}
	wg.Wait()
	out := make([]RecoveredExecutor, 0, len(found))
	for _, r := range found {
		if r != nil {
			out = append(out, *r)
		}
	}
	c.clearCgroups(ctx)
	c.spares.refill(0)
	return out, ctx.Err()
}

// recover looks at one executor's directory; nil means that there was nothing in it.
func (c *children) recover(ctx context.Context, id ExecID) *RecoveredExecutor {
	dir := c.dir.executorDir(id)
	x := newChild(id, dir)
	close(x.ready)
	x.proc, _ = loadProc(filepath.Join(dir, procName))
	st, up := c.reconnect(x)
	past, err := readPast(dir)
	if err != nil {
		c.log.Error("cannot read what an executor has written down", "job", id.Job, "error", err)
	}
	x.cgroup = past.Cgroups
	r := &RecoveredExecutor{Exec: id, Alive: up, Log: logOf(past)}
	if up {
		c.remember(x)
		c.log.Info("found an executor", "job", id.Job, "pid", st.Pid, "tasks", len(st.Live))
		r.Sandboxes = c.dir.sandboxes(id, unended(r.Log))
		// After the Recovered that this becomes part of: the loop reads its inbox then.
		c.sink(ExecutorUp{id, st})
		c.attend(x)
		return r
	}
	if _, err := os.Stat(filepath.Join(dir, settledName)); err == nil && !x.proc.alive() {
		r.Settled = true
		r.Log = ExecutorLog{Ended: slices.Concat(past.Ended, past.Live, updated(past.Unacked))}
		r.Sandboxes = c.dir.sandboxes(id, nil)
		return r
	}
	if err == nil && past.Pid == 0 && !x.proc.alive() {
		os.RemoveAll(dir) // the agent died before the executor had noted that it is this job's
		return nil
	}
	c.remember(x)
	r.Sandboxes = c.dir.sandboxes(id, unended(r.Log))
	return r
}

func (c *children) remember(x *child) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID[x.id] = x
}

// reconnect talks to the executor. The log is read after its answer: nothing
// that an earlier agent sent is carried out behind that.
func (c *children) reconnect(x *child) (*execpb.State, bool) {
	conn, err := executor.Dial(filepath.Join(x.dir, executor.SocketName))
	if err != nil {
		return nil, false
	}
	st, err := hello(conn, c.dir.meta.AgentID, c.spares.recovery)
	if err == nil && st.Job != string(x.id.Job) {
		err = fmt.Errorf("it belongs to job %q", st.Job)
	}
	if err != nil {
		conn.Close()
		c.log.Error("an executor is of no use and will be killed", "job", x.id.Job, "error", err)
		return nil, false
	}
	if p, err := procOf(int(st.Pid)); err == nil {
		x.proc = p
	}
	x.conn = conn
	return st, true
}

// unended is the tasks whose end is still to be reported: the machine counts
// their sandboxes then.
func unended(l ExecutorLog) map[taskKey]bool {
	out := map[taskKey]bool{}
	for _, t := range slices.Concat(l.Live, updated(l.Unacked)) {
		out[keyOf(t)] = true
	}
	return out
}

func updated(us []*execpb.Update) []*execpb.Task {
	out := make([]*execpb.Task, len(us))
	for i, u := range us {
		out[i] = u.Task
	}
	return out
}

// clearCgroups removes what executors left that died together with their agent
// and have no directory any more.
func (c *children) clearCgroups(ctx context.Context) {
	agent := c.spares.cgroup
	names, err := c.spares.host.List(agent)
	if err != nil {
		c.log.Warn("cannot list the cgroups of this agent", "error", err)
		return
	}
	used := map[string]bool{}
	c.mu.Lock()
	for _, x := range c.byID {
		for _, dir := range x.cgroup {
			used[filepath.Base(dir)] = true
		}
	}
	c.mu.Unlock()
	for _, name := range names {
		if used[name] {
			continue
		}
		c.spares.wg.Go(func() {
			if err := c.spares.host.Tree(agent + "/" + name).Destroy(destroyWithin); err != nil && ctx.Err() == nil {
				c.log.Warn("cannot remove a cgroup that is left over", "error", err)
			}
		})
	}
}
