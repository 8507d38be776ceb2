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
	"github.com/tender-scheduler/tender/gpu"
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
	first  bool            // of its attempt
	hold   bool            // it is prepared first and runs when told
	ctx    context.Context // of the preparation
	cancel context.CancelFunc

	sandbox       *sandbox
	env           *taskenv.Env
	fromTemplates map[string]string // the part of env that templates gave
	pass          *pass
	ready         *slot // made ready for its processes
	ranks         []*rank

	launched chan struct{} // closed when fire is over
	beside   *beside       // sessions

	mu      sync.Mutex
	slot    *slot // while its processes run
	held    bool  // it is ready and waits
	pending int   // ranks that run
	culprit *rank // the first that did not end well
	broken  error // why not all ranks could be started
	stopped bool
	grace   time.Duration // of the last stop
	killer  *time.Timer
	gpus    *gpu.Meter // nil until its processes run, and without devices
}

// begin makes the task ready and starts its processes, on a worker's goroutine.
// One that is held comes here twice.
func (t *run) begin() {
	if t.env == nil && !t.prepare() {
		return
	}
	if t.ready == nil {
		if !t.hold {
			// Those of a gang run together however many they are.
			t.pass = t.runner.gate.enter()
		}
		if err := t.arm(); err != nil {
			t.pass.end()
			t.failed(err)
			return
		}
		if t.hold {
			t.wait()
			return
		}
	}
	if err := t.fire(); err != nil {
		t.pass.end()
		t.failed(err)
	}
}

// wait holds a task that is ready, unless it has been stopped meanwhile.
func (t *run) wait() {
	t.mu.Lock()
	stopped := t.stopped
	t.held = !stopped
	t.mu.Unlock()
	if stopped {
		t.disarm()
		t.failed(errStopped)
		return
	}
	t.runner.inbox.put(lifecycle.Prepared{Key: t.key, Task: t.task})
}

// unhold ends the wait and reports whether there was one: who ends it goes on.
func (t *run) unhold() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.held
	t.held = false
	return was
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
	if err == nil && t.first && t.given.grant != nil {
		err = checkPorts(t.plan.group.Network, t.given.grant.Ports)
	}
	if err != nil {
		return err
	}
	t.sandbox, err = t.runner.sandboxes.make(t.plan, t.key, owner)
	if err != nil {
		return err
	}
	t.env, err = t.plan.env(t.key, t.sandbox, t.given, 0)
	if err == nil {
		err = t.equipMPIRun(owner)
	}
	if err == nil {
		err = t.fill(owner)
	}
	return err
}

// failed reports that the task could not be started.
func (t *run) failed(err error) {
	t.cancel()
	t.beside.end()
	if t.ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errStopped
	}
	t.runner.inbox.put(lifecycle.Ended{Key: t.key, Task: t.task, Exit: lifecycle.Exit{
		At: time.Now(), Failure: err.Error(), Who: t.who(nil),
	}})
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

// noteLoss adds a word about output that was lost.
func noteLoss(note string, w *tasklog.Writer) string {
	if w == nil {
		return note
	}
	if n, cause := w.Lost(); n > 0 {
		note = joinNotes(note, fmt.Sprintf("%s of output lost: %v", model.FormatBytes(n), cause))
	}
	return note
}

func joinNotes(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// stop ends the task. Before its process runs, it will not run; after that it
// gets its kill signal and, grace later, everything it started SIGKILL.
func (t *run) stop(grace time.Duration) {
	t.cancel()
	t.mu.Lock()
	t.stopped, t.grace = true, grace
	t.mu.Unlock()
	if t.unhold() {
		go func() {
			t.disarm()
			t.failed(errStopped)
		}()
		return
	}
	t.strike(grace)
}

// strike signals the task if its process runs.
func (t *run) strike(grace time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	// Under the lock: once finish has taken the slot, it may be another task's.
	s := t.slot
	if s == nil {
		return // fire looks once more
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
