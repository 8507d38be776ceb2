package isolation

import (
	"errors"
	"fmt"
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
	children map[int]func(Exit)
	starting int          // forks whose pid is not known yet
	early    map[int]Exit // exits seen while starting > 0, perhaps of such a fork
	idle     bool         // the kernel says there is no child
	closed   bool
}

// StartReaper makes the process a subreaper (PR_SET_CHILD_SUBREAPER, prctl(2))
// and begins to collect children.
func StartReaper() (*Reaper, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("become subreaper: %w", err)
	}
	r := &Reaper{children: map[int]func(Exit){}, early: map[int]Exit{}}
	r.work.L = &r.mu
	go r.loop()
	return r, nil
}

// Start runs fork and arranges for done to be called once, from the reaper's
// goroutine, when the process has ended. done must not block.
func (r *Reaper) Start(fork func() (int, error), done func(Exit)) (int, error) {
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
		r.children[pid] = done
	}
	r.idle = false
	r.work.Signal()
	r.mu.Unlock()
	if err == nil && over {
		done(exit)
	}
	return pid, err
}

// Signal sends sig to a child, or with group to its process group. A child that
// has been collected gets nothing, whoever has its number now.
func (r *Reaper) Signal(pid int, sig unix.Signal, group bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.children[pid] == nil {
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
	var e Exit
	got, err := unix.Wait4(pid, &e.Status, unix.WNOHANG|unix.WALL, &e.Rusage)
	r.idle = false
	if err != nil || got != pid {
		r.mu.Unlock()
		return
	}
	e.At = time.Now()
	done := r.children[pid]
	delete(r.children, pid)
	if done == nil && r.starting > 0 {
		r.early[pid] = e
	}
	r.mu.Unlock()
	if done != nil {
		done(e)
	}
}
