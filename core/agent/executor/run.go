package executor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/agent/executor/taskenv"
	"github.com/tender-scheduler/tender/core/agent/isolation"
	"github.com/tender-scheduler/tender/core/agent/tasklog"
	"github.com/tender-scheduler/tender/core/model"
)

// killPatience is how long killed processes may take to vanish before the task
// is reported as ended all the same, with a word about it.
const killPatience = 30 * time.Second

// errStopped is why a task that was told to stop before it ran did not run.
var errStopped = errors.New("stopped before it started")

// run is one task of one attempt.
type run struct {
	runner *runner
	key    lifecycle.Key
	task   int
	plan   *plan
	given  launchFacts
	ctx    context.Context // of the preparation
	cancel context.CancelFunc

	sandbox *sandbox
	env     *taskenv.Env
	pass    *pass

	launched chan struct{} // closed when spawn is over
	beside   *beside       // sessions

	mu      sync.Mutex
	slot    *slot // while its process runs
	stopped bool
	grace   time.Duration // of the last stop
	killer  *time.Timer
}

// begin starts the task's process, on a worker's goroutine.
func (t *run) begin() {
	if t.env == nil && !t.prepare() {
		return
	}
	t.pass = t.runner.gate.enter()
	if err := t.spawn(); err != nil {
		t.pass.end()
		t.failed(err)
	}
}

// prepare makes the sandbox and what belongs into it.
func (t *run) prepare() bool {
	err := t.build()
	if err != nil {
		t.failed(err)
	}
	return err == nil
}

func (t *run) build() error {
	if t.ctx.Err() != nil {
		return errStopped
	}
	owner, err := t.plan.account()
	if err != nil {
		return err
	}
	t.sandbox, err = t.runner.sandboxes.make(t.plan, t.key, owner)
	if err != nil {
		return err
	}
	t.env, err = t.plan.env(t.key, t.sandbox, t.given)
	if err == nil {
		err = t.fill(owner)
	}
	return err
}

// failed reports that the task could not be started.
func (t *run) failed(err error) {
	t.cancel()
	if t.ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errStopped
	}
	t.runner.inbox.put(lifecycle.Ended{Key: t.key, Task: t.task, Exit: lifecycle.Exit{
		At: time.Now(), Failure: err.Error(),
	}})
}

// spawn starts the process in a slot.
func (t *run) spawn() error {
	cmd, err := t.command()
	if err != nil {
		return err
	}
	s, err := t.runner.pool.get(t.plan.task.Driver)
	if err != nil {
		return err
	}
	if err := s.cell.Group.SetLimits(t.plan.limits); err != nil {
		t.runner.pool.discard(s)
		return err
	}
	null, err := devNull()
	if err != nil {
		t.runner.pool.put(s)
		return err
	}
	cmd.Files = []uintptr{null, null, null}
	if logs := t.plan.task.Logs; !logs.Disabled {
		dir, name := t.sandbox.logs(), t.plan.task.Name
		s.stdout.attach(tasklog.NewWriter(dir, name+".stdout", logs))
		s.stderr.attach(tasklog.NewWriter(dir, name+".stderr", logs))
		cmd.Files[1], cmd.Files[2] = uintptr(s.stdout.w), uintptr(s.stderr.w)
	}
	return t.launch(s, cmd)
}

// launch forks. From here on the task can be signalled.
func (t *run) launch(s *slot, cmd *isolation.Command) error {
	t.mu.Lock()
	stopped := t.stopped
	t.mu.Unlock()
	if stopped {
		t.release(s)
		return errStopped
	}
	// Without the lock: the fork may take a while, and stop must not wait for it.
	at := time.Now()
	if _, err := s.cell.Start(cmd, func(e isolation.Exit) { go t.finish(s, e) }); err != nil {
		t.release(s)
		return startFailure(cmd, err)
	}
	t.pass.begin()
	t.runner.inbox.put(lifecycle.Started{Key: t.key, Task: t.task, At: at})
	t.mu.Lock()
	t.slot = s
	stopped, grace := t.stopped, t.grace
	t.mu.Unlock()
	if stopped {
		t.strike(grace)
	}
	close(t.launched)
	return nil
}

// release gives back a slot in which nothing ran.
func (t *run) release(s *slot) {
	s.stdout.drain()
	s.stderr.drain()
	t.runner.pool.put(s)
}

// startFailure explains why execve or what precedes it failed.
func startFailure(cmd *isolation.Command, err error) error {
	switch {
	case errors.Is(err, unix.ENOEXEC):
		return fmt.Errorf("run %q: it is neither a program for this machine nor a script with a #! line", cmd.Path)
	case errors.Is(err, unix.EACCES):
		return fmt.Errorf("run %q in %q: permission denied for the task's user", cmd.Path, cmd.Dir)
	case errors.Is(err, unix.E2BIG):
		return fmt.Errorf("run %q: its arguments and environment are too large for the kernel; pass large data in a file", cmd.Path)
	case errors.Is(err, unix.EAGAIN):
		return fmt.Errorf("run %q: the limit on processes was reached (pids_max, or the user's limit)", cmd.Path)
	case errors.Is(err, unix.ENOMEM):
		return fmt.Errorf("run %q: not enough memory to start it; raise memory in its resources", cmd.Path)
	}
	return fmt.Errorf("run %q: %w", cmd.Path, err)
}

// finish is called when the main process has ended: the rest is killed, output
// is brought in, and the slot given back.
func (t *run) finish(s *slot, e isolation.Exit) {
	<-t.launched
	t.mu.Lock()
	t.slot = nil
	if t.killer != nil {
		t.killer.Stop()
	}
	t.mu.Unlock()
	t.cancel()
	t.pass.end()
	t.beside.end()
	exit := lifecycle.Exit{At: e.At}
	killed := s.cell.Kill(killPatience)
	if killed != nil {
		exit.Note = killed.Error()
	}
	for _, out := range []*stream{s.stdout, s.stderr} {
		exit.Note = noteLoss(exit.Note, out.drain())
	}
	usage := s.cell.Group.Usage()
	exit.OOM = usage.OOMKills > 0
	exit.Usage = model.Usage{CPU: model.Duration(usage.CPU), PeakMemoryBytes: usage.PeakMemoryBytes}
	if usage.CPU == 0 {
		exit.Usage.CPU = model.Duration(e.Rusage.Utime.Nano() + e.Rusage.Stime.Nano())
	}
	if usage.PeakMemoryBytes == 0 {
		exit.Usage.PeakMemoryBytes = e.Rusage.Maxrss << 10
	}
	if e.Status.Signaled() {
		exit.Signal = int(e.Status.Signal())
	} else {
		exit.Code = e.Status.ExitStatus()
	}
	if killed != nil {
		go t.runner.pool.discard(s) // takes until the processes are gone
	} else {
		t.runner.sandboxes.nursery.take(t.plan, t.sandbox)
		t.runner.pool.put(s)
	}
	t.runner.inbox.put(lifecycle.Ended{Key: t.key, Task: t.task, Exit: exit})
}

// noteLoss adds a word about output that was lost.
func noteLoss(note string, w *tasklog.Writer) string {
	if w == nil {
		return note
	}
	if n, cause := w.Lost(); n > 0 {
		if note != "" {
			note += "; "
		}
		note += fmt.Sprintf("%s of output lost: %v", model.FormatBytes(n), cause)
	}
	return note
}

// stop ends the task. Before its process runs, it will not run; after that it
// gets its kill signal and, grace later, everything it started SIGKILL.
func (t *run) stop(grace time.Duration) {
	t.cancel()
	t.mu.Lock()
	t.stopped, t.grace = true, grace
	t.mu.Unlock()
	t.strike(grace)
}

// strike signals the task if its process runs.
func (t *run) strike(grace time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	// Under the lock: once finish has taken the slot, it may be another task's.
	s := t.slot
	if s == nil {
		return // launch looks once more
	}
	var err error
	if grace > 0 {
		err = s.cell.Signal(t.plan.signal)
		t.killer = time.AfterFunc(grace, func() { t.strike(-1) })
	} else {
		err = s.cell.KillNow()
	}
	if err != nil {
		t.runner.log.Warn("cannot stop a task", "task", t.key, "error", err)
	}
}
