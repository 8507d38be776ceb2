package sim

import (
	"encoding/json"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent"
	"github.com/tender-scheduler/tender/core/model"
)

// executor is an executor's process: it outlives its agent, writes down before
// it tells, and repeats what is not acknowledged.
type executor struct {
	w       *world
	dir     *execDir
	alive   bool
	conn    *execConn
	tasks   []*process // that have not ended
	unacked []*execpb.Update
	unwrit  []logRecord // goes into the log with the next update
	seq     uint64

	exiting  bool
	careless bool // ends although updates are not acknowledged

	patience time.Duration // without an agent for this long it gives up
	lonely   int           // counts the times it was left alone
}

// startExecutor makes an executor's directory and, a little later, its process.
func (a *agentProc) startExecutor(e agent.StartExecutor) {
	w, h := a.w, a.host
	d := &execDir{h: h, id: e.Exec, spec: new(model.Job), sandboxes: map[model.TaskID]time.Time{}}
	if err := json.Unmarshal(e.Spec, d.spec); err != nil {
		w.fail("job description", "%s was sent a description of job %s that cannot be read: %v", h.name, e.Exec.Job, err)
		return
	}
	if old := h.dirs[e.Exec]; old != nil {
		w.fail("one executor", "%s starts executor %s, which is there already", h.name, e.Exec)
		return
	}
	h.dirs[e.Exec] = d
	w.after(w.random.between(2*time.Millisecond, 60*time.Millisecond), func() {
		switch {
		case !h.up || h.dirs[e.Exec] != d || !a.alive && w.random.chance(0.5):
		case w.rough && w.random.chance(0.005):
			a.enter(func() { a.input(agent.ExecutorFailed{Exec: e.Exec, Message: "cannot fork"}) })
		default:
			d.proc = &executor{w: w, dir: d, alive: true}
			if a.alive {
				a.connect(d.proc)
			} else {
				d.proc.leftAlone()
			}
		}
	})
}

// killTree ends an executor and all that it started.
func (a *agentProc) killTree(id agent.ExecID) {
	w := a.w
	delay := w.random.between(time.Millisecond, 50*time.Millisecond)
	if w.random.chance(0.03) {
		delay = w.random.between(time.Second, 3*time.Second)
	}
	a.later(delay, func() {
		in := agent.TreeKilled{Exec: id}
		if d := a.host.dirs[id]; d != nil {
			if d.proc != nil {
				d.proc.die()
			}
			d.killProcesses("its executor's tree was killed")
			in.Log = d.read()
		}
		delete(a.conns, id)
		a.input(in)
	})
}

// handle takes a message of the agent in.
func (x *executor) handle(msg *execpb.ToExecutor) {
	if !x.alive {
		return
	}
	switch k := msg.Kind.(type) {
	case *execpb.ToExecutor_Hello:
		x.patience = time.Duration(k.Hello.RecoveryTimeoutNs)
		x.answerHello()
	case *execpb.ToExecutor_Launch:
		x.launch(k.Launch)
	case *execpb.ToExecutor_Start:
		x.start(k.Start)
	case *execpb.ToExecutor_Kill:
		x.kill(k.Kill)
	case *execpb.ToExecutor_Acknowledge:
		for _, seq := range k.Acknowledge.Seqs {
			x.unwrit = append(x.unwrit, logRecord{acked: seq})
		}
		x.unacked = slices.DeleteFunc(x.unacked, func(u *execpb.Update) bool {
			return slices.Contains(k.Acknowledge.Seqs, u.Seq)
		})
		x.exitIfDone()
	case *execpb.ToExecutor_Exit:
		x.exiting = true
		x.exitIfDone()
	}
}

// answerHello says what runs and repeats what is not acknowledged.
func (x *executor) answerHello() {
	st := &execpb.State{Pid: 1, Job: string(x.dir.id.Job)}
	for _, p := range x.tasks {
		st.Live = append(st.Live, execTask(p.id, p.state))
	}
	x.tell(agent.ExecutorUp{Exec: x.dir.id, State: st})
	if len(x.unacked) > 0 {
		x.tell(agent.FromExecutor{Exec: x.dir.id, Updates: slices.Clone(x.unacked)})
	}
}

func (x *executor) tell(in agent.Input) {
	if x.conn != nil {
		x.conn.toAgent(in)
	}
}

func (x *executor) launch(l *execpb.Launch) {
	if x.exiting {
		return // the agent hears of its end
	}
	delay := time.Duration(0)
	for i, index := range l.Indices {
		id := model.TaskID{Job: x.dir.id.Job, Group: uint16(l.Group), Index: index}
		if len(l.Attempts) > 0 {
			id.Attempt = uint16(l.Attempts[i])
		}
		p := newProcess(x, id, time.Duration(l.TimeLimitNs))
		p.together = l.Gang != nil
		x.tasks = append(x.tasks, p)
		x.dir.processes = append(x.dir.processes, p)
		x.dir.sandboxes[id] = time.Time{}
		x.unwrit = append(x.unwrit, logRecord{launched: execTask(id, model.TaskStaging)})
		delay += x.w.random.between(300*time.Microsecond, 3*time.Millisecond)
		if p.does.prepares > 0 && !p.together {
			x.w.after(delay, p.prepare)
		}
		if p.together {
			x.w.after(delay+p.does.prepares, p.prepare)
			continue
		}
		x.w.after(delay+p.does.prepares, p.spawn)
	}
}

// start lets prepared processes of gangs run.
func (x *executor) start(s *execpb.Start) {
	for _, p := range slices.Clone(x.tasks) {
		wanted := slices.ContainsFunc(s.Tasks, func(t *execpb.Task) bool { return taskID(p.id.Job, t) == p.id })
		if wanted && p.together && p.state == model.TaskStarting && !p.released {
			p.released = true
			x.w.after(x.w.random.between(300*time.Microsecond, 3*time.Millisecond), p.spawn)
		}
	}
}

func (x *executor) kill(k *execpb.Kill) {
	x.w.say(x.dir.h.name, "executor %s is to kill %d tasks (0 = all), grace %s", x.dir.id, len(k.Tasks), time.Duration(k.GraceNs))
	for _, p := range slices.Clone(x.tasks) {
		wanted := len(k.Tasks) == 0 || slices.ContainsFunc(k.Tasks, func(t *execpb.Task) bool {
			return taskID(p.id.Job, t) == p.id
		})
		if wanted {
			p.kill(model.TaskReason(k.Reason), time.Duration(k.GraceNs))
		}
	}
}

// report writes an update down and tells the agent, if there is one.
func (x *executor) report(p *process, u *execpb.Update) {
	x.seq++
	u.Seq = x.seq
	u.Task = execTask(p.id, p.state)
	u.At = x.dir.h.time().UnixNano()
	x.dir.log = append(append(x.dir.log, x.unwrit...), logRecord{update: u})
	x.unwrit = x.unwrit[:0]
	x.unacked = append(x.unacked, u)
	x.tell(agent.FromExecutor{Exec: x.dir.id, Updates: []*execpb.Update{u}})
}

// exitIfDone ends an executor that was told to, or that gave up.
func (x *executor) exitIfDone() {
	if x.alive && x.exiting && len(x.tasks) == 0 && (x.careless || len(x.unacked) == 0) {
		x.dir.log = append(x.dir.log, x.unwrit...)
		x.die()
	}
}

// die ends the process; its tasks go on as orphans.
func (x *executor) die() {
	if !x.alive {
		return
	}
	x.alive = false
	x.dir.proc = nil
	if x.conn != nil {
		x.conn.executorGone()
	}
}

// leftAlone counts the time without an agent. After its patience the executor
// kills its tasks and ends: others may be about to run them.
func (x *executor) leftAlone() {
	x.conn = nil
	x.lonely++
	n := x.lonely
	x.w.after(max(x.patience, time.Second), func() {
		if !x.alive || x.conn != nil || x.lonely != n {
			return
		}
		x.w.say(x.dir.h.name, "executor %s gives up after %s without an agent", x.dir.id, x.patience)
		x.exiting, x.careless = true, true
		x.kill(&execpb.Kill{Reason: uint32(model.ReasonAgentDisconnected), GraceNs: -1})
		x.exitIfDone()
	})
}

// execConn is an agent's connection to an executor.
type execConn struct {
	a    *agentProc
	x    *executor
	to   pipe
	from pipe
}

// connect says hello to a living executor; ExecutorUp follows.
func (a *agentProc) connect(x *executor) {
	w := a.w
	delay := func() time.Duration { return w.random.between(20*time.Microsecond, 500*time.Microsecond) }
	c := &execConn{a: a, x: x, to: pipe{w: w, delay: delay}, from: pipe{w: w, delay: delay}}
	a.conns[x.dir.id] = c
	c.to.put(func() {
		if x.alive {
			x.conn = c
			x.lonely++
		} else {
			c.executorGone()
		}
	})
	c.toExecutor(&execpb.ToExecutor{Kind: &execpb.ToExecutor_Hello{Hello: &execpb.Hello{
		AgentId: string(a.host.meta.AgentID), RecoveryTimeoutNs: int64(recoveryTimeout),
	}}})
}

func (c *execConn) toExecutor(msg *execpb.ToExecutor) {
	m := proto.CloneOf(msg)
	c.to.put(func() { c.x.handle(m) })
}

func (c *execConn) toAgent(in agent.Input) {
	c.from.put(func() {
		c.a.enter(func() {
			if c.a.conns[c.x.dir.id] == c {
				c.a.input(in)
			}
		})
	})
}

// agentGone is the end of the connection as the executor sees it, after what
// was sent before.
func (c *execConn) agentGone() {
	c.from.drop()
	c.to.put(func() {
		if c.x.alive && c.x.conn == c {
			c.x.leftAlone()
			c.x.exitIfDone()
		}
	})
}

// executorGone is its end as the agent sees it.
func (c *execConn) executorGone() {
	c.to.drop()
	c.toAgent(agent.ExecutorDied{Exec: c.x.dir.id})
	c.x.conn = nil
}

// lose breaks the connection although both ends live. The agent then kills the
// executor's tree.
func (c *execConn) lose() {
	c.to.drop()
	c.toAgent(agent.ExecutorDied{Exec: c.x.dir.id})
	c.x.leftAlone()
}
