package isolation

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ErrDirty says a group cannot be brought back to a clean state and must not be
// used for another task.
var ErrDirty = errors.New("cgroup is not clean")

// leftoverBytes is how much memory a finished task may leave charged to its
// group (page cache, kernel objects) before the group tries to shed it.
const leftoverBytes = 4 << 20

// Reset makes the group ready for another task: counters start again, and CPU
// time that the last task had borrowed is forgiven. It returns ErrDirty when
// something of the last task stays behind.
func (g *Group) Reset() error {
	if g.host.Mode == ModeNone {
		return nil
	}
	if n := g.memory.value(); n > leftoverBytes {
		if g.shed(); g.memory.value() > leftoverBytes {
			return fmt.Errorf("%w: %d bytes of memory stay charged to it", ErrDirty, n)
		}
	}
	// Before Linux 6.12 the peak of a v2 group only grows.
	if g.killed || g.peak != 0 && !g.exactPeak {
		if err := g.renew(); err != nil {
			return err
		}
	}
	g.cpuBase = g.cpuTime()
	g.oomBase = g.oom.field("oom_kill")
	switch {
	case !g.exactPeak:
		return nil
	case g.control2 != nil:
		return g.peak.set("reset")
	}
	return g.peak.set("0")
}

// renew makes the unified cgroup anew. Since Linux 6.14, a cgroup that was
// killed once kills whatever is forked into it by CLONE_INTO_CGROUP: the kernel
// compares its kill_seq with that of the forking process's own cgroup
// (cgroup_css_set_fork, kernel/cgroup/cgroup.c).
func (g *Group) renew() error {
	g.closeFiles()
	if err := os.Remove(g.dir2); err != nil {
		return fmt.Errorf("%w: %w", ErrDirty, err)
	}
	if err := g.create(); err != nil {
		return fmt.Errorf("%w: %w", ErrDirty, err)
	}
	g.open()
	g.killed = false
	if g.host.Mode != ModeV2 {
		return nil
	}
	devices := g.devices
	g.devices = nil
	if err := g.SetDevices(devices); err != nil {
		return err
	}
	if !g.set {
		return nil
	}
	g.set = false
	return g.SetLimits(g.limits)
}

// shed asks the kernel to drop page cache that nobody uses any more.
func (g *Group) shed() {
	if g.control2 != nil {
		_ = write(g.dir2, "memory.reclaim", "1G") // fails with EAGAIN once all is gone
		return
	}
	_ = write(g.host.dir1("memory", g.rel), "memory.force_empty", "0")
}

// refill gives the group a fresh CPU period, so that a task does not start
// throttled by what the one before it used. v1 only: there our own thread forks
// inside the group.
func (g *Group) refill() {
	if g.quota != 0 && g.limits.CPUQuota {
		var buf [20]byte
		_ = g.quota.set(string(appendInt(buf[:0], g.limits.quotaMicros())))
	}
}

// Empty reports whether no process is left in the group. Zombies do not count.
func (g *Group) Empty() bool {
	switch {
	case g.host.Mode == ModeNone:
		return true
	case g.events != 0:
		return g.events.field("populated") == 0
	case g.pidsNow != 0 && g.thread:
		return g.pidsNow.value() <= 1
	}
	n, err := g.tree.others()
	return err == nil && n == 0
}

// Kill sends SIGKILL to every process in the group, also to those being forked
// meanwhile, and waits until none is left, at most for patience.
func (g *Group) Kill(patience time.Duration) error {
	deadline := time.Now().Add(patience)
	for pause := 200 * time.Microsecond; ; pause = min(2*pause, 50*time.Millisecond) {
		if g.Empty() {
			return nil
		}
		if err := g.killOnce(); err != nil {
			return fmt.Errorf("kill cgroup %q: %w", g.rel, err)
		}
		if g.Empty() {
			return nil
		}
		left := time.Until(deadline)
		if left <= 0 {
			return fmt.Errorf("kill cgroup %q: processes are still there after %v, probably waiting for a device or a network file system", g.rel, patience)
		}
		g.awaitChange(min(pause, left))
	}
}

func (g *Group) killOnce() error {
	if g.kill != 0 {
		g.killed = true
		return g.kill.set("1")
	}
	return g.tree.Kill()
}

// awaitChange returns when cgroup.events changes or pause is over.
func (g *Group) awaitChange(pause time.Duration) {
	if g.events == 0 {
		time.Sleep(pause)
		return
	}
	fds := []unix.PollFd{{Fd: int32(g.events), Events: unix.POLLPRI}}
	ts := unix.NsecToTimespec(int64(pause))
	_, _ = unix.Ppoll(fds, &ts, nil)
}
