package isolation

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Cell is a place in which one task runs at a time: a group, a thread of ours
// that forks into it, and perhaps a pid and a mount namespace with an init.
//
// On cgroup v1 a process enters a group without a race only by being forked from
// inside, and moving a thread in can take the kernel 15 ms (it waits for an RCU
// grace period); on v2 clone3 takes the target group. Namespaces too are entered
// by being forked from a thread that unshared them. So a cell keeps one locked
// thread for its whole life, and starting a task in it costs a fork and an exec.
type Cell struct {
	Group *Group

	host       *Host
	reaper     *Reaper
	namespaces bool
	requests   chan func()
	stopped    chan struct{}

	initPid  int
	initGone chan struct{}
	mounts   *mountWatch // nil without a namespace

	mu    sync.Mutex
	mains map[*mainProcess]int // the task's main processes that run, with their pids
}

// mainProcess is one that Start started. Its end may be known before its pid is.
type mainProcess struct{ ended bool }

// Command is a process to start. Path is absolute; Files become descriptors 0, 1, ….
type Command struct {
	Path       string
	Args       []string
	Env        []string
	Dir        string
	Files      []uintptr
	Credential *syscall.Credential
	Terminal   bool // of Join: descriptor 0 becomes its controlling terminal
}

// NewCell makes a cell with group rel. With namespaces, tasks see only their own
// processes and mounts they make stay theirs.
func (h *Host) NewCell(rel string, reaper *Reaper, namespaces bool) (*Cell, error) {
	if namespaces && !h.Namespaces {
		return nil, errors.New("make namespaces: driver exec needs the agent to run as root with CAP_SYS_ADMIN; use raw_exec, or run the agent so")
	}
	g, err := h.NewGroup(rel)
	if err != nil {
		return nil, err
	}
	c := &Cell{
		Group: g, host: h, reaper: reaper, namespaces: namespaces,
		requests: make(chan func()), stopped: make(chan struct{}), mains: map[*mainProcess]int{},
	}
	ready := make(chan error)
	go c.thread(ready)
	if err := <-ready; err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// thread owns an OS thread for the cell's life and runs requests on it. It is
// never unlocked, so the runtime ends the thread with the goroutine.
func (c *Cell) thread(ready chan<- error) {
	lockWorkerThread(func() {
		defer close(c.stopped)
		err := c.unshare()
		if err == nil {
			err = c.enter()
		}
		ready <- err
		for run := range c.requests {
			run()
		}
		c.leave()
	})
}

// lockWorkerThread runs f locked to a thread that is not the process's first
// one: that one cannot be ended, and its namespaces and cgroups are what
// /proc/PID shows of the whole process.
func lockWorkerThread(f func()) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		f()
		return
	}
	locked := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		close(locked)
		f()
	}()
	<-locked // until then this goroutine keeps the first thread occupied
	runtime.UnlockOSThread()
}

// onThread runs f on the cell's thread and waits for it.
func (c *Cell) onThread(f func()) {
	done := make(chan struct{})
	c.requests <- func() { f(); close(done) }
	<-done
}

func (c *Cell) unshare() error {
	if !c.namespaces {
		return nil
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("make mount namespace: %w", err)
	}
	// Slave: what the host mounts or unmounts later is seen inside, what is
	// mounted inside stays inside.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("detach mount namespace: %w", err)
	}
	if err := unix.Unshare(unix.CLONE_NEWPID); err != nil {
		return fmt.Errorf("make pid namespace: %w", err)
	}
	c.initGone = make(chan struct{})
	pid, err := startInit(func(path string, argv []string, attr *syscall.ProcAttr) (int, error) {
		return c.reaper.Start(
			func() (int, error) { return syscall.ForkExec(path, argv, attr) },
			func(Exit) { close(c.initGone) }, false)
	})
	if err != nil {
		return err
	}
	c.initPid = pid
	// This thread sees the namespace's own /proc by now, and its init as 1.
	c.mounts, err = newMountWatch("/proc/1/mountinfo")
	return err
}

// enter moves the thread into the v1 groups, once.
func (c *Cell) enter() error {
	g := c.Group
	if g.control1 == nil {
		return nil
	}
	tid := strconv.Itoa(unix.Gettid())
	for _, controller := range controllers {
		if dir := c.host.dir1(controller, g.rel); dir != "" {
			if err := write(dir, "tasks", tid); err != nil {
				return fmt.Errorf("enter cgroup %s: %w", dir, err)
			}
		}
	}
	g.thread = true
	return nil
}

// leave moves the thread out, so that the groups can be removed at once.
func (c *Cell) leave() {
	if !c.Group.thread {
		return
	}
	tid := strconv.Itoa(unix.Gettid())
	for _, controller := range controllers {
		if root := c.host.roots[controller]; root != "" {
			_ = write(filepath.Dir(root), "tasks", tid)
		}
	}
	c.Group.thread = false
}

// Start starts cmd in a session of its own. done is called once, on the reaper's
// goroutine, when the process has ended; others may still be in the cell then. A
// task may have several main processes: each is started so.
func (c *Cell) Start(cmd *Command, done func(Exit)) (pid int, err error) {
	attr := c.attr(cmd)
	c.Group.refill()
	p := &mainProcess{}
	c.onThread(func() {
		pid, err = c.reaper.Start(
			func() (int, error) { return syscall.ForkExec(cmd.Path, cmd.Args, attr) },
			func(e Exit) {
				c.dropMain(p)
				done(e)
			}, c.host.Mode == ModeNone)
	})
	if err == nil {
		c.addMain(p, pid)
	}
	return pid, err
}

func (c *Cell) addMain(p *mainProcess, pid int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !p.ended {
		c.mains[p] = pid
	}
}

func (c *Cell) dropMain(p *mainProcess) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p.ended = true
	delete(c.mains, p)
}

// Signal sends sig to the process group of each main process. Without a running
// task it does nothing.
func (c *Cell) Signal(sig unix.Signal) error {
	c.mu.Lock()
	pids := slices.Sorted(maps.Values(c.mains))
	c.mu.Unlock()
	var errs []error
	for _, pid := range pids {
		if err := c.reaper.Signal(pid, sig, true); !errors.Is(err, unix.ESRCH) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// KillNow sends SIGKILL to everything in the cell and does not wait. What is
// being forked meanwhile may be left to a later Kill.
func (c *Cell) KillNow() error {
	if c.host.Mode == ModeNone {
		return c.Signal(unix.SIGKILL)
	}
	return c.Group.killOnce()
}

// Kill kills everything in the cell and waits for it, at most for patience.
func (c *Cell) Kill(patience time.Duration) error {
	if c.host.Mode == ModeNone {
		return c.Signal(unix.SIGKILL)
	}
	return c.Group.Kill(patience)
}

// Clean makes the cell ready for another task after Kill. It returns ErrDirty if
// the cell must be closed instead.
func (c *Cell) Clean() error {
	if c.host.Mode == ModeNone {
		return fmt.Errorf("%w: there are no cgroups to tell", ErrDirty)
	}
	if c.mounts != nil && c.mounts.spoilt() {
		return fmt.Errorf("%w: the mount table has changed", ErrDirty)
	}
	return c.Group.Reset()
}

// closePatience bounds the wait for killed processes to leave a cell.
const closePatience = 10 * time.Second

// Close kills everything in the cell and removes it.
func (c *Cell) Close() error {
	err := c.Kill(closePatience)
	close(c.requests)
	if c.initPid != 0 {
		_ = c.reaper.Signal(c.initPid, unix.SIGKILL, false)
		<-c.initGone
	}
	<-c.stopped
	if c.mounts != nil {
		c.mounts.close()
	}
	return errors.Join(err, c.Group.Remove())
}
