package isolation

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestProcShowsOnlyTheTask(t *testing.T) {
	b := newBench(t)
	c := b.cell(true)
	got := b.ok(c, "sh", `cd /proc; for p in [0-9]*; do read n < $p/comm; echo $n; done; echo self $$`)
	lines := strings.Split(got, "\n")
	if len(lines) != 3 || lines[0] != initName || lines[1] != "sh" {
		t.Errorf("/proc shows %q, want %s and sh", lines, initName)
	}
}

// A process without a handler for it ends by SIGTERM: it is not the namespace's
// first process, which the kernel would protect.
func TestSIGTERMEndsSleep(t *testing.T) {
	for _, namespaces := range []bool{false, true} {
		b := newBench(t)
		c := b.cell(namespaces)
		done := b.start(c, "sh", "echo up >"+b.out+".up; exec sleep 1000")
		b.awaitFile(b.out + ".up")
		if err := c.Signal(unix.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if e := <-done; !e.Status.Signaled() || e.Status.Signal() != unix.SIGTERM {
			t.Errorf("ended with %v, want SIGTERM", e.Status)
		}
		if err := c.Signal(unix.SIGTERM); err != nil {
			t.Errorf("signal to an ended task: %v", err)
		}
	}
}

// eachHost runs a test on the host as it is and, where that is hybrid, as if its
// v2 hierarchy were not there, with and without namespaces.
func eachHost(t *testing.T, f func(b *bench, c *Cell)) {
	for _, namespaces := range []bool{false, true} {
		t.Run(fmt.Sprintf("namespaces=%v", namespaces), func(t *testing.T) {
			b := newBench(t)
			f(b, b.cell(namespaces))
		})
		t.Run(fmt.Sprintf("namespaces=%v on v1", namespaces), func(t *testing.T) {
			b := newBench(t)
			if b.host.Mode != ModeHybrid {
				t.Skip("this host has no v1 controllers")
			}
			b.host.Mode, b.host.root2 = ModeV1, ""
			if dir := mountPoint + "/freezer"; exists(dir) {
				b.host.roots["freezer"] = dir + "/" + treeName
			}
			f(b, b.cell(namespaces))
		})
	}
}

// Daemons that left the task's session and whose parents are gone die too.
func TestKillReachesDaemons(t *testing.T) {
	eachHost(t, func(b *bench, c *Cell) {
		b.ok(c, "sh", `for i in 1 2 3; do (setsid sh -c '(sleep 1000 & sleep 1000) & exit' &); done; sleep 0.05; exit 0`)
		b.clean(c)
		if !c.Group.Empty() {
			b.Error("processes are left")
		}
		b.ok(c, "sh", "true")
	})
}

func TestKillEndsAForkBomb(t *testing.T) {
	eachHost(t, func(b *bench, c *Cell) {
		b.limit(c, Limits{PidsMax: 60, CPUMilli: 500, CPUQuota: true, MemoryBytes: 128 * mib})
		done := b.start(c, "sh", `echo up >`+b.out+`.up; f() { f & f & wait; f; }; f 2>/dev/null; while :; do f 2>/dev/null; done`)
		b.awaitFile(b.out + ".up")
		b.kill(c)
		<-done
		if !c.Group.Empty() {
			b.Error("processes are left")
		}
	})
}

// Where a controller is missing, the rest works.
func TestMissingControllers(t *testing.T) {
	for _, missing := range []string{"cpu", "cpuacct", "memory", "pids"} {
		t.Run(missing, func(t *testing.T) {
			b := newBench(t)
			if b.host.Mode == ModeV2 {
				b.host.have2 = slices.DeleteFunc(b.host.have2, func(c string) bool { return c == missing })
			} else {
				b.host.Mode, b.host.root2 = ModeV1, ""
				delete(b.host.roots, missing)
			}
			c := b.cell(true)
			b.limit(c, Limits{CPUMilli: 500, CPUQuota: true, MemoryBytes: 64 * mib, PidsMax: 50})
			b.ok(c, "sh", "(setsid sleep 1000 &); exit 0")
			b.clean(c)
			b.ok(c, "sh", "true")
		})
	}
}

// Orphans that end in the namespace vanish: a reaped process has no directory
// in /proc any more, a zombie has.
func TestOrphansAreReaped(t *testing.T) {
	b := newBench(t)
	c := b.cell(true)
	b.ok(c, "sh", `
		sh -c 'sleep 0.01 & echo $! >`+b.out+`.pid'
		read pid <`+b.out+`.pid
		while [ -e /proc/$pid ]; do sleep 0.01; done`)
}

// The same with the init that is a Go program.
func TestInitMain(t *testing.T) {
	b := newBench(t)
	smallInit = false
	t.Cleanup(func() { smallInit = true })
	c := b.cell(true)
	got := b.ok(c, "sh", `cat /proc/1/cmdline | tr '\0' ' '`)
	if want := initName + " " + InitCommand + " proc /proc"; got != want {
		t.Errorf("the first process is %q, want %q", got, want)
	}
	b.ok(c, "sh", `
		sh -c 'sleep 0.01 & echo $! >`+b.out+`.pid'
		read pid <`+b.out+`.pid
		while [ -e /proc/$pid ]; do sleep 0.01; done`)
	b.clean(c)
}

func TestInitRefusesToBeAnybodyElse(t *testing.T) {
	if code := InitMain(nil); code != 2 {
		t.Errorf("InitMain outside of a namespace returned %d, want 2", code)
	}
}

// When the process that holds the cell dies, so does what runs in it.
func TestTasksDieWithTheirExecutor(t *testing.T) {
	for _, kind := range []string{"namespaces", "raw"} {
		b := newBench(t)
		script := `trap "" TERM; echo up >` + b.out + `.up; while :; do sleep 1000; done`
		holder, done := b.process("__hold", b.rel+"/held", kind, script)
		b.awaitFile(b.out + ".up")
		task := b.taskPid()
		fd, err := unix.PidfdOpen(task, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if err := b.reaper.Signal(holder, unix.SIGKILL, false); err != nil {
			t.Fatal(err)
		}
		<-done
		awaitExit(t, fd)
		if err := b.host.Tree(b.rel + "/held").Destroy(10 * time.Second); err != nil {
			t.Error(err)
		}
	}
}

// taskPid reads the pid that hold prints.
func (b *bench) taskPid() int {
	for line := range strings.Lines(b.awaitFile(b.out)) {
		if pid, err := strconv.Atoi(strings.TrimSpace(line)); err == nil {
			return pid
		}
	}
	b.Fatal("hold printed no pid")
	return 0
}

// awaitExit waits until a process has ended; its pid file descriptor becomes
// readable then (pidfd_open(2)).
func awaitExit(t *testing.T, fd int) {
	t.Helper()
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
		if n == 1 {
			return
		}
		if err != nil && err != unix.EINTR {
			t.Fatal(err)
		}
	}
}

// A task that changes the mount table spoils the cell for others.
func TestMountsSpoilACell(t *testing.T) {
	b := newBench(t)
	c := b.cell(true)
	dir := t.TempDir()
	b.ok(c, "sh", "mount -t tmpfs none "+dir)
	b.kill(c)
	if err := c.Clean(); !errors.Is(err, ErrDirty) {
		t.Errorf("clean after a mount: %v, want ErrDirty", err)
	}
	if slices.Contains(mountPoints(t), dir) {
		t.Error("the mount is seen outside of the cell")
	}
}

// So does one that takes a mount away; what the host mounts does not.
func TestUnmountsSpoilACellAndTheHostDoesNot(t *testing.T) {
	b := newBench(t)
	dir := t.TempDir()
	mount := func() {
		if err := unix.Mount("none", dir, "tmpfs", 0, "size=4k"); err != nil {
			t.Fatal(err)
		}
	}
	mount()
	c := b.cell(true)
	if err := unix.Unmount(dir, 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(dir); err != nil { // takes the cell's copy along
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	b.clean(c)
	mount()
	defer unix.Unmount(dir, 0)
	b.clean(c)
	other := b.cellNamed("2", true)
	b.ok(other, "sh", "umount "+dir)
	b.kill(other)
	if err := other.Clean(); !errors.Is(err, ErrDirty) {
		t.Errorf("clean after an unmount: %v, want ErrDirty", err)
	}
}

// Memory that stays behind, here in a file system in memory, spoils it too.
func TestLeftoverMemorySpoilsACell(t *testing.T) {
	b := newBench(t)
	c := b.cell(true)
	b.limit(c, Limits{MemoryBytes: 256 * mib})
	file := "/dev/shm/" + b.rel
	t.Cleanup(func() { os.Remove(file) })
	b.ok(c, "sh", "dd if=/dev/zero of="+file+" bs=1048576 count=32 2>/dev/null")
	b.kill(c)
	if err := c.Clean(); !errors.Is(err, ErrDirty) {
		t.Errorf("clean with 32 MiB left: %v, want ErrDirty", err)
	}
}

// Page cache that a task leaves is dropped, not held against the next one.
func TestPageCacheIsShed(t *testing.T) {
	b := newBench(t)
	var fs unix.Statfs_t
	if err := unix.Statfs(filepath.Dir(b.out), &fs); err != nil || fs.Type == unix.TMPFS_MAGIC {
		t.Skip("temporary files are in memory here: there is no page cache to drop")
	}
	c := b.cell(true)
	b.limit(c, Limits{MemoryBytes: 256 * mib})
	b.ok(c, "sh", "dd if=/dev/zero of="+b.out+".data bs=1048576 count=32 conv=fsync 2>/dev/null")
	b.clean(c)
	b.ok(c, "sh", "true")
	if u := c.Group.Usage(); u.PeakMemoryBytes > 16*mib {
		t.Errorf("peak of the next task is %d", u.PeakMemoryBytes)
	}
}

// Without cgroups raw_exec still works; exec's namespaces need no cgroup either.
func TestHostWithoutCgroups(t *testing.T) {
	b := newBench(t)
	none := &Host{Mode: ModeNone, Namespaces: true}
	for _, namespaces := range []bool{false, true} {
		c, err := none.NewCell(b.rel, b.reaper, namespaces)
		if err != nil {
			t.Fatal(err)
		}
		b.limit(c, Limits{MemoryBytes: mib})
		done := b.start(c, "sh", "sleep 1000 & sleep 1000")
		b.kill(c)
		if e := <-done; !e.Status.Signaled() {
			t.Errorf("ended with %v", e.Status)
		}
		if err := c.Clean(); !errors.Is(err, ErrDirty) {
			t.Errorf("clean: %v, want ErrDirty", err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestExecNeedsRoot(t *testing.T) {
	_, err := (&Host{}).NewCell("x", nil, true)
	if err == nil || !strings.Contains(err.Error(), "root") {
		t.Errorf("error is %v, want one that says what is needed", err)
	}
}

func TestStartFailureLeavesTheCellUsable(t *testing.T) {
	b := newBench(t)
	c := b.cell(true)
	_, err := c.Start(&Command{Path: "/no/such/program", Args: []string{"x"}, Dir: "/", Files: []uintptr{0, 1, 2}}, func(Exit) {})
	if !errors.Is(err, unix.ENOENT) {
		t.Fatalf("start: %v, want ENOENT", err)
	}
	b.clean(c)
	b.ok(c, "sh", "true")
}
