package isolation

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// opening says what comes of opening a device node: "denied" by a filter, or
// whatever the kernel has to say once that has let it through, such as that no
// driver answers to the number.
func opening(args []string) {
	for _, path := range args {
		fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
		switch {
		case errors.Is(err, unix.EPERM):
			fmt.Println("denied")
		case err == nil:
			unix.Close(fd)
			fmt.Println("open")
		default:
			fmt.Println("let through")
		}
	}
}

// devicesBench is a bench whose groups can bound devices, and a directory of
// nodes in the range of NVIDIA's, where no driver answers here.
func devicesBench(t *testing.T) (b *bench, nodes string) {
	b = newBench(t)
	if err := b.host.FilterDevices(); err != nil {
		t.Skip("devices cannot be bounded here: " + err.Error())
	}
	nodes = t.TempDir()
	for minor := range 3 {
		path := fmt.Sprintf("%s/nvidia%d", nodes, minor)
		if err := unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(195, uint32(200+minor)))); err != nil {
			t.Skipf("device nodes cannot be made here: %v", err)
		}
	}
	return b, nodes
}

func (b *bench) opens(c *Cell, paths ...string) string {
	b.Helper()
	return strings.ReplaceAll(b.ok(c, append([]string{"__opening"}, paths...)...), "\n", ", ")
}

func (b *bench) allow(c *Cell, patterns ...string) {
	b.Helper()
	d, err := NewDevices(patterns...)
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Group.SetDevices(d); err != nil {
		b.Fatal(err)
	}
}

// A cell goes from task to task with devices of its own each time, also after
// one that had to be killed.
func TestDevicesOfAReusedCell(t *testing.T) {
	b, nodes := devicesBench(t)
	c := b.cell(true)
	all := []string{nodes + "/nvidia0", nodes + "/nvidia1", nodes + "/nvidia2"}
	want := func(when, want string) {
		t.Helper()
		if got := b.opens(c, all...); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	want("without bounds", "let through, let through, let through")
	b.clean(c)
	b.allow(c, nodes+"/nvidia0")
	want("with the first", "let through, denied, denied")
	b.clean(c)
	b.allow(c, nodes+"/nvidia[12]", nodes+"/nvidia7")
	want("with the others", "denied, let through, let through")
	b.clean(c)
	done := b.start(c, "sh", "(setsid sleep 1000 &); exec sleep 1000")
	b.kill(c)
	<-done
	b.clean(c)
	want("after a kill", "denied, let through, let through")
	b.clean(c)
	b.allow(c)
	want("with none", "denied, denied, denied")
	b.clean(c)
	if err := c.Group.SetDevices(nil); err != nil {
		t.Fatal(err)
	}
	want("without bounds again", "let through, let through, let through")
}

// Whatever a program may expect is there, and a node made inside is of no use.
func TestUsualDevicesStayOpen(t *testing.T) {
	b, nodes := devicesBench(t)
	c := b.cell(true)
	b.allow(c)
	got := b.opens(c, "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
	if want := "open, open, open, open, open, let through"; got != want { // there is no terminal
		t.Errorf("the usual devices: %s, want %s", got, want)
	}
	b.ok(c, "sh", "echo x >/dev/null; head -c 8 /dev/urandom >/dev/null; mknod "+nodes+"/mine c 195 200")
	if got := b.opens(c, nodes+"/mine"); got != "denied" {
		t.Errorf("a node made by a task: %s", got)
	}
}

// Two cells side by side do not share what they may open, without namespaces too.
func TestDevicesAreOfOneCell(t *testing.T) {
	b, nodes := devicesBench(t)
	one, two := b.cellNamed("1", true), b.cellNamed("2", false)
	b.allow(one, nodes+"/nvidia0")
	b.allow(two, nodes+"/nvidia1")
	for c, want := range map[*Cell]string{one: "let through, denied", two: "denied, let through"} {
		if got := b.opens(c, nodes+"/nvidia0", nodes+"/nvidia1"); got != want {
			t.Errorf("%s: %s, want %s", c.Group.rel, got, want)
		}
	}
}

func TestDevicesFromPatterns(t *testing.T) {
	d, err := NewDevices("/dev/nul[l]", "/dev/nonexistent", "/etc/passwd")
	if err != nil || len(d.nodes) != len(usual) {
		t.Errorf("%v, %v: want the usual ones", d, err)
	}
	if _, err := NewDevices("/dev/[a"); !errors.Is(err, filepath.ErrBadPattern) {
		t.Errorf("a bad pattern: %v", err)
	}
}
