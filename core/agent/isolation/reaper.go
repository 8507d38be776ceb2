package isolation

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Exit is how a process ended.
type Exit struct {
	Status unix.WaitStatus
	Rusage unix.Rusage // of the process and of children it waited for
	At     time.Time
}

// Reaper collects every child of this process: those it started and orphans
// that came to it as subreaper. A process that uses a Reaper must not wait for
// children in any other way.
type Reaper struct {
	mu       sync.Mutex
	work     sync.Cond // there may be a child
	children map[int]child
	starting int          // forks whose pid is not known yet
	early    map[int]Exit // exits seen while starting > 0, perhaps of such a fork
	idle     bool         // the kernel says there is no child
	closed   bool
}

// child is what was asked for at its start.
type child struct {
	done  func(Exit)
	sweep bool
}

// StartReaper makes the process a subreaper (PR_SET_CHILD_SUBREAPER, prctl(2))
// and begins to collect children.
func StartReaper() (*Reaper, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("become subreaper: %w", err)
	}
	r := &Reaper{children: map[int]child{}, early: map[int]Exit{}}
	r.work.L = &r.mu
	go r.loop()
	return r, nil
}

// Start runs fork and arranges for done to be called once, from the reaper's
// goroutine, when the process has ended. done must not block. With sweep, what
// is left of the process's group is killed when it ends: a makeshift where there
// is no cgroup.
func (r *Reaper) Start(fork func() (int, error), done func(Exit), sweep bool) (int, error) {
	r.mu.Lock()
	r.starting++
	r.mu.Unlock()

	pid, err := fork()

	r.mu.Lock()
	r.starting--
	exit, over := r.early[pid]
	if r.starting == 0 {
		clear(r.early)
	} else {
		delete(r.early, pid)
	}
	if err == nil && !over {
		r.children[pid] = child{done, sweep}
	}
	r.idle = false
	r.work.Signal()
	r.mu.Unlock()
	if err == nil && over {
		if sweep {
			_ = unix.Kill(-pid, unix.SIGKILL)
		}
		done(exit)
	}
	return pid, err
}

// Signal sends sig to a child, or with group to its process group. A child that
// has been collected gets nothing, whoever has its number now.
func (r *Reaper) Signal(pid int, sig unix.Signal, group bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.children[pid]; !ok {
		return unix.ESRCH
	}
	if group {
		return unix.Kill(-pid, sig)
	}
	return unix.Kill(pid, sig)
}

// Close ends the reaper once no child is left.
func (r *Reaper) Close() {
	r.mu.Lock()
	r.closed = true
	r.work.Signal()
	r.mu.Unlock()
}

func (r *Reaper) loop() {
	for {
		r.mu.Lock()
		for r.idle && !r.closed {
			r.work.Wait()
		}
		if r.idle && r.closed {
			r.mu.Unlock()
			return
		}
		r.idle = true // unless a Start proves otherwise meanwhile
		r.mu.Unlock()
		// Peek first, collect under the lock: between the two the number still
		// belongs to the dead child, so Signal cannot hit a stranger.
		var info unix.Siginfo
		err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOWAIT|unix.WALL, nil)
		switch {
		case err == nil:
			r.collect(siginfoPid(&info))
		case errors.Is(err, unix.EINTR):
			r.busy()
		}
	}
}

func (r *Reaper) busy() {
	r.mu.Lock()
	r.idle = false
	r.mu.Unlock()
}

// siginfoPid returns si_pid, which package unix leaves in the blank part.
func siginfoPid(info *unix.Siginfo) int {
	const offset = 16 // signo, errno, code, padding: sigaction(2), 64-bit
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(info), offset)))
}

func (r *Reaper) collect(pid int) {
	r.mu.Lock()
	c, known := r.children[pid]
	if c.sweep {
		// While the leader is not collected, the group's number is still its own.
		_ = unix.Kill(-pid, unix.SIGKILL)
	}
	var e Exit
	got, err := unix.Wait4(pid, &e.Status, unix.WNOHANG|unix.WALL, &e.Rusage)
	r.idle = false
	if err != nil || got != pid {
		r.mu.Unlock()
		return
	}
	e.At = time.Now()
	delete(r.children, pid)
	if !known && r.starting > 0 {
		r.early[pid] = e
	}
	r.mu.Unlock()
	if known {
		c.done(e)
	}
}

// KillOrphans kills every child that was not started here: what tasks without a
// cgroup have left behind. It is for the end of the process.
func (r *Reaper) KillOrphans() {
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, list := range lists {
		b, _ := os.ReadFile(list)
		for f := range bytes.FieldsSeq(b) {
			pid, err := strconv.Atoi(string(f))
			if _, known := r.children[pid]; err == nil && !known {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
	}
}
