package executor

import (
	"fmt"
	"time"

	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/agent/executor/taskenv"
	"github.com/tender-scheduler/tender/core/agent/isolation"
	"github.com/tender-scheduler/tender/core/agent/tasklog"
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/mpi"
)

// rank is one main process of a task. Most tasks have one; the main task of a
// gang's allocation may have several, in one cell, with logs of their own.
type rank struct {
	local  int // among the allocation's, from 0
	cmd    *isolation.Command
	stdout *stream
	stderr *stream

	pmi *pmiEnd // nil where it speaks no PMI

	// Under the run's lock.
	exit  isolation.Exit
	ended bool
	fault *mpi.Fault // why it has failed whatever its exit code says
}

// ended well.
func (r *rank) ok() bool { return r.exit.Status.ExitStatus() == 0 && r.fault == nil }

// processes returns how many of the task there are.
func (t *run) processes() int {
	if t.plan.task.Lifecycle != nil || t.given.gang == nil {
		return 1
	}
	return t.plan.group.Processes()
}

// StreamName is the name of an output stream in an allocation's logs directory,
// for tasklog. The main task of a gang with several ranks in each allocation has
// streams for each of them.
func StreamName(g *model.Group, task *model.TaskSpec, rank int, stderr bool) string {
	name := task.Name
	if task.Lifecycle == nil && g.Processes() > 1 {
		name = fmt.Sprintf("%s.rank-%d", name, rank)
	}
	if stderr {
		return name + ".stderr"
	}
	return name + ".stdout"
}

// number is a rank's number in its gang.
func (t *run) number(r *rank) int { return int(t.key.Index)*t.plan.group.Ranks() + r.local }

// who names a rank of a gang, or with nil all that the task has, and its node;
// empty for what is not a rank.
func (t *run) who(r *rank) string {
	if t.given.gang == nil || t.plan.task.Lifecycle != nil {
		return ""
	}
	node := t.plan.adopt.Attributes["node.unique.name"]
	n := t.processes()
	if r == nil && n > 1 {
		first := int(t.key.Index) * t.plan.group.Ranks()
		return fmt.Sprintf("ranks %d to %d on node %s", first, first+n-1, node)
	}
	if r == nil {
		r = &rank{}
	}
	return fmt.Sprintf("rank %d on node %s", t.number(r), node)
}

// arm makes everything ready for the task's processes.
func (t *run) arm() error {
	if err := t.makeRanks(); err != nil {
		return err
	}
	s, err := t.runner.pool.get(t.plan.task.Driver)
	if err != nil {
		return err
	}
	if err := t.bound(s.cell.Group); err != nil {
		t.runner.pool.discard(s)
		return err
	}
	t.ready = s
	for _, r := range t.ranks {
		if err := t.armRank(r); err != nil {
			t.disarm()
			return err
		}
	}
	return nil
}

// makeRanks works out what each rank runs.
func (t *run) makeRanks() error {
	t.ranks = nil
	for i := range t.processes() {
		env := t.env
		if i > 0 {
			var err error
			if env, err = t.plan.env(t.key, t.sandbox, t.given, i); err != nil {
				return err
			}
			for name, v := range t.fromTemplates {
				env.Set(name, v)
			}
		}
		r := &rank{local: i}
		if err := t.commandOf(r, env); err != nil {
			return err
		}
		t.ranks = append(t.ranks, r)
	}
	return nil
}

func (t *run) commandOf(r *rank, env *taskenv.Env) (err error) {
	r.cmd, err = t.command(env)
	return err
}

// armRank gives a rank its descriptors. The first has the slot's own pipes.
func (t *run) armRank(r *rank) (err error) {
	null, err := devNull()
	if err != nil {
		return err
	}
	r.cmd.Files = []uintptr{null, null, null}
	if r.stdout, r.stderr = t.ready.stdout, t.ready.stderr; r.local > 0 {
		if r.stdout, err = newStream(); err != nil {
			return err
		}
		if r.stderr, err = newStream(); err != nil {
			return err
		}
	}
	if logs := t.plan.task.Logs; !logs.Disabled {
		dir, n := t.sandbox.logs(), t.number(r)
		r.stdout.attach(tasklog.NewWriter(dir, StreamName(t.plan.group, t.plan.task, n, false), logs))
		r.stderr.attach(tasklog.NewWriter(dir, StreamName(t.plan.group, t.plan.task, n, true), logs))
		r.cmd.Files[1], r.cmd.Files[2] = uintptr(r.stdout.w), uintptr(r.stderr.w)
	}
	if !t.speaksPMI() {
		return nil
	}
	if r.pmi, err = openPMI(t.runner.inbox, attemptOf(t.key), t.number(r)); err != nil {
		return err
	}
	r.pmi.give(r.cmd, t.number(r), t.given.gang.Size*t.plan.group.Ranks())
	return nil
}

// speaksPMI reports whether the task's processes are ranks that find each other
// over PMI.
func (t *run) speaksPMI() bool {
	return t.given.gang != nil && t.plan.task.Lifecycle == nil && t.plan.group.Gang != nil && t.plan.group.Gang.Launch == model.LaunchPMI
}

// endLogs takes what is left of the ranks' output and ends their logs. It returns
// a word about what was lost.
func (t *run) endLogs() (note string) {
	for _, r := range t.ranks {
		for _, out := range []*stream{r.stdout, r.stderr} {
			if out == nil {
				continue
			}
			note = noteLoss(note, out.drain())
			if r.local > 0 {
				out.close()
			}
		}
		r.stdout, r.stderr = nil, nil
	}
	return note
}

// disarm gives back what arm took; nothing has run.
func (t *run) disarm() {
	t.endLogs()
	for _, r := range t.ranks {
		if r.pmi != nil {
			r.pmi.given()
			r.pmi.close()
		}
	}
	if t.ready != nil {
		t.runner.pool.put(t.ready)
		t.ready = nil
	}
}

// fire forks. From here on the task can be signalled. With several ranks the
// first that cannot be started takes the others along.
func (t *run) fire() error {
	t.mu.Lock()
	stopped := t.stopped
	t.pending = len(t.ranks)
	t.mu.Unlock()
	if stopped {
		t.disarm()
		return errStopped
	}
	// Without the lock: the fork may take a while, and stop must not wait for it.
	at, s := time.Now(), t.ready
	var broken error
	for i, r := range t.ranks {
		_, err := s.cell.Start(r.cmd, func(e isolation.Exit) { go t.rankEnded(r, e) })
		if err != nil && i == 0 {
			t.disarm()
			return startFailure(r.cmd, err)
		}
		if err != nil {
			broken = startFailure(r.cmd, err)
			t.mu.Lock()
			t.pending -= len(t.ranks) - i
			t.broken = broken
			t.mu.Unlock()
			break
		}
	}
	for _, r := range t.ranks {
		if r.pmi != nil {
			r.pmi.given()
		}
	}
	t.pass.begin()
	if broken == nil {
		t.runner.inbox.put(lifecycle.Started{Key: t.key, Task: t.task, At: at})
	}
	t.mu.Lock()
	t.slot = s
	stopped, grace := t.stopped, t.grace
	t.mu.Unlock()
	switch {
	case broken != nil:
		t.strike(-1)
	case stopped:
		t.strike(grace)
	}
	close(t.launched)
	return nil
}

// rankEnded takes in the end of one of the task's processes. The first that did
// not end well stops the others: what they do has lost its sense.
func (t *run) rankEnded(r *rank, e isolation.Exit) {
	<-t.launched
	t.mu.Lock()
	r.exit, r.ended = e, true
	t.pending--
	last := t.pending == 0
	guilty := !r.ok() && t.culprit == nil
	if guilty {
		t.culprit = r
	}
	t.mu.Unlock()
	switch {
	case last:
		t.finish()
	case guilty:
		t.strike(model.GangGrace.Std())
	}
}

// finish is called when the last main process has ended: the rest is killed,
// output is brought in, and the slot given back.
func (t *run) finish() {
	t.mu.Lock()
	s := t.slot
	t.slot = nil
	if t.killer != nil {
		t.killer.Stop()
	}
	t.mu.Unlock()
	t.cancel()
	t.pass.end()
	t.beside.end()
	killed := s.cell.Kill(killPatience)
	t.endPMI(killed == nil)
	exit := t.exit()
	if killed != nil {
		exit.Note = killed.Error()
	}
	if note := t.endLogs(); note != "" {
		exit.Note = joinNotes(exit.Note, note)
	}
	t.measure(s, &exit)
	if killed != nil {
		go t.runner.pool.discard(s) // takes until the processes are gone
	} else {
		t.runner.sandboxes.nursery.take(t.plan, t.sandbox)
		t.runner.pool.put(s)
	}
	t.runner.inbox.put(lifecycle.Ended{Key: t.key, Task: t.task, Exit: exit})
}

// endPMI waits until all that the ranks have said is in the inbox, before the
// end of the task.
func (t *run) endPMI(gone bool) {
	for _, r := range t.ranks {
		if r.pmi == nil {
			continue
		}
		if !gone {
			r.pmi.close()
		}
		select {
		case <-r.pmi.done:
		case <-time.After(time.Second): // it has given its end to somebody elsewhere
			r.pmi.close()
			<-r.pmi.done
		}
		r.pmi.close()
	}
}

// blame notes that a rank has failed, by what it said or did not say. If it is
// to go no further, or has ended, the others are stopped.
func (r *runner) blame(k lifecycle.Key, local int, f mpi.Fault) {
	a := r.attempts[k]
	main := r.job.Groups[k.Group].MainTask()
	if a == nil || main < 0 || a.runs[main] == nil {
		return
	}
	t := a.runs[main]
	t.mu.Lock()
	if local >= len(t.ranks) {
		t.mu.Unlock()
		return
	}
	who := t.ranks[local]
	who.fault = &f
	guilty := (f.Now || who.ended) && t.culprit == nil
	if guilty {
		t.culprit = who
	}
	t.mu.Unlock()
	if guilty {
		t.strike(model.GangGrace.Std())
	}
}

// amend adds to an exit what was said of the ranks since it was worked out.
func (r *runner) amend(e *lifecycle.Ended) {
	a := r.attempts[e.Key]
	if a == nil || a.runs[e.Task] == nil || e.Exit.Failure != "" {
		return
	}
	t := a.runs[e.Task]
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, who := range t.ranks {
		if who.fault == nil || t.culprit != nil && t.culprit != who {
			continue
		}
		if who == t.culprit || e.Exit.Code == 0 && e.Exit.Signal == 0 {
			e.Exit.Who = t.who(who)
			blamed(who.fault, &e.Exit)
			return
		}
	}
}

// exit is how the task ended: as the rank that was the first to fail, or else as
// its first one.
func (t *run) exit() lifecycle.Exit {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.ranks[0]
	if t.culprit != nil {
		r = t.culprit
	}
	e := lifecycle.Exit{At: r.exit.At, Who: t.who(r)}
	for _, other := range t.ranks {
		if other.exit.At.After(e.At) && t.culprit == nil {
			e.At = other.exit.At
		}
	}
	if t.broken != nil {
		e.Failure, e.Who = t.broken.Error(), t.who(nil)
	}
	if st := r.exit.Status; st.Signaled() {
		e.Signal = int(st.Signal())
	} else {
		e.Code = st.ExitStatus()
	}
	if r.fault != nil {
		blamed(r.fault, &e)
	}
	return e
}

// blamed puts a rank's fault into an exit. The code that it asked for counts, not
// what it met with on its way out.
func blamed(f *mpi.Fault, e *lifecycle.Exit) {
	if f.Code != 0 {
		e.Code, e.Signal = f.Code, 0
	}
	if f.Now || e.Code == 0 && e.Signal == 0 {
		e.Fault = f.Message
	}
}

// measure adds what the task used.
func (t *run) measure(s *slot, exit *lifecycle.Exit) {
	usage := s.cell.Group.Usage()
	exit.OOM = usage.OOMKills > 0
	exit.Usage = model.Usage{CPU: model.Duration(usage.CPU), PeakMemoryBytes: usage.PeakMemoryBytes}
	for _, r := range t.ranks {
		if usage.CPU == 0 {
			exit.Usage.CPU += model.Duration(r.exit.Rusage.Utime.Nano() + r.exit.Rusage.Stime.Nano())
		}
		if usage.PeakMemoryBytes == 0 {
			exit.Usage.PeakMemoryBytes += r.exit.Rusage.Maxrss << 10
		}
	}
}
