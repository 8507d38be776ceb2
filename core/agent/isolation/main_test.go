package isolation

import (
	"bytes"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// The test program is also what its tests run: see roles.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if os.Args[1] == InitCommand {
			os.Exit(InitMain(os.Args[2:]))
		}
		if role := roles[os.Args[1]]; role != nil {
			role(os.Args[2:])
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

// roles are what a process of this program can be besides the tests.
var roles map[string]func(args []string)

func init() {
	roles = map[string]func([]string){
		"__hog":     hog,
		"__spin":    spin,
		"__hold":    hold,
		"__opening": opening,
		"__orphan":  orphan,
	}
}

// hog touches as many bytes of memory as it is told, then ends well.
func hog(args []string) {
	n, _ := strconv.Atoi(args[0])
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
	for i := 0; i < n; i += 4096 {
		b[i] = 1
	}
}

// spin uses up CPU time.
func spin(args []string) {
	want, _ := time.ParseDuration(args[0])
	for {
		var u unix.Rusage
		unix.Getrusage(unix.RUSAGE_SELF, &u)
		if time.Duration(u.Utime.Nano()+u.Stime.Nano()) >= want {
			return
		}
	}
}

// hold runs a shell command in a cell of its own, prints its pid, and waits to
// be killed: an executor in miniature.
func hold(args []string) {
	h, err := Detect()
	check(err)
	r, err := StartReaper()
	check(err)
	c, err := h.NewCell(args[0], r, args[1] == "namespaces")
	check(err)
	signal.Ignore(unix.SIGTERM)
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	check(err)
	// The command's own output says that it is up.
	pid, err := c.Start(&Command{
		Path: "/bin/sh", Args: []string{"sh", "-c", args[2]}, Dir: "/", Env: os.Environ(),
		Files: []uintptr{null.Fd(), 1, 2},
	}, func(Exit) {})
	check(err)
	fmt.Println(pid)
	select {}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
}

// bench is one test's tree of cgroups and its reaper. At the end nothing may be
// left of it: no cgroup, no process, no mount.
type bench struct {
	*testing.T
	host   *Host
	reaper *Reaper
	rel    string
	out    string // a file for output
}

// theReaper is shared: a process can have but one.
var theReaper = sync.OnceValues(StartReaper)

var benches int

func newBench(t *testing.T) *bench {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("cgroups and namespaces need root")
	}
	h, err := Detect()
	if err != nil {
		t.Fatal(err)
	}
	if h.Mode == ModeNone {
		t.Skip("this machine has no cgroups: " + strings.Join(h.Warnings, "; "))
	}
	if err := h.Prepare(); err != nil {
		t.Fatal(err)
	}
	r, err := theReaper()
	if err != nil {
		t.Fatal(err)
	}
	benches++
	b := &bench{T: t, host: h, reaper: r, rel: fmt.Sprintf("test-%d-%d", os.Getpid(), benches)}
	b.out = filepath.Join(t.TempDir(), "out")
	mounts := mountPoints(t)
	t.Cleanup(func() { b.checkLeaks(mounts) })
	return b
}

func (b *bench) checkLeaks(mounts []string) {
	if dirs := b.host.Tree(b.rel).dirs(); len(dirs) > 0 {
		b.Errorf("cgroups are left behind: %q", dirs)
		b.host.Tree(b.rel).Destroy(10 * time.Second)
	}
	left := children()
	for range 5000 { // killed ones take a moment to be collected
		if len(left) == 0 {
			break
		}
		unix.Poll(nil, 1)
		left = children()
	}
	if len(left) > 0 {
		b.Errorf("processes are left behind: %q", left)
	}
	if now := mountPoints(b); !slices.Equal(now, mounts) {
		b.Errorf("mounts changed from %q to %q", mounts, now)
	}
}

// children returns the command lines of this process's children.
func children() []string {
	var found []string
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, l := range lists {
		b, _ := os.ReadFile(l)
		for pid := range strings.FieldsSeq(string(b)) {
			cmd, _ := os.ReadFile("/proc/" + pid + "/cmdline")
			found = append(found, pid+" "+string(bytes.ReplaceAll(cmd, []byte{0}, []byte(" "))))
		}
	}
	return found
}

// mountPoints returns what is mounted where this package's doings would show:
// at /proc and below temporary directories of this process's tests.
func mountPoints(t testing.TB) []string {
	m, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		return m.Mountpoint != "/proc" && !strings.HasPrefix(m.Mountpoint, t.TempDir()), false
	})
	if err != nil {
		t.Fatal(err)
	}
	var points []string
	for _, m := range m {
		points = append(points, m.Mountpoint)
	}
	return points
}

// cell makes a cell that is closed at the test's end.
func (b *bench) cell(namespaces bool) *Cell { return b.cellNamed("1", namespaces) }

func (b *bench) cellNamed(name string, namespaces bool) *Cell {
	b.Helper()
	c, err := b.host.NewCell(b.rel+"/"+name, b.reaper, namespaces)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := c.Close(); err != nil {
			b.Error(err)
		}
	})
	return c
}

// start starts this program in a role, or with "sh" a shell command.
func (b *bench) start(c *Cell, args ...string) <-chan Exit {
	b.Helper()
	out, err := os.OpenFile(b.out, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	cmd := &Command{Path: "/proc/self/exe", Args: append([]string{"role"}, args...), Dir: "/", Env: os.Environ()}
	if args[0] == "sh" {
		cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", args[1]}
	}
	cmd.Files = []uintptr{null.Fd(), out.Fd(), out.Fd()}
	done := make(chan Exit, 1)
	if _, err := c.Start(cmd, func(e Exit) { done <- e }); err != nil {
		b.Fatal(err)
	}
	return done
}

func (b *bench) run(c *Cell, args ...string) Exit {
	b.Helper()
	return <-b.start(c, args...)
}

// ok runs something that must succeed, and returns what it printed.
func (b *bench) ok(c *Cell, args ...string) string {
	b.Helper()
	os.Remove(b.out)
	e := b.run(c, args...)
	out, _ := os.ReadFile(b.out)
	if !e.Status.Exited() || e.Status.ExitStatus() != 0 {
		b.Fatalf("%q ended with %v: %s", args, e.Status, out)
	}
	return strings.TrimSpace(string(out))
}

// process starts this program in a role outside of any cell.
func (b *bench) process(args ...string) (pid int, done <-chan Exit) {
	b.Helper()
	out, err := os.OpenFile(b.out, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644)
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	ended := make(chan Exit, 1)
	pid, err = b.reaper.Start(func() (int, error) {
		return syscall.ForkExec("/proc/self/exe", append([]string{"role"}, args...), &syscall.ProcAttr{
			Env: os.Environ(), Files: []uintptr{0, out.Fd(), out.Fd()},
		})
	}, func(e Exit) { ended <- e }, false)
	if err != nil {
		b.Fatal(err)
	}
	return pid, ended
}

func (b *bench) limit(c *Cell, l Limits) {
	b.Helper()
	if err := c.Group.SetLimits(l); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) kill(c *Cell) {
	b.Helper()
	if err := c.Kill(10 * time.Second); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) clean(c *Cell) {
	b.Helper()
	b.kill(c)
	if err := c.Clean(); err != nil {
		b.Fatal(err)
	}
}

// awaitFile waits until a file has some content: the other side writes it once.
func (b *bench) awaitFile(path string) string {
	for {
		if s, err := os.ReadFile(path); err == nil && len(s) > 0 {
			return strings.TrimSpace(string(s))
		}
		if b.Context().Err() != nil {
			b.Fatal("the test is over")
		}
		unix.Poll(nil, 1)
	}
}
