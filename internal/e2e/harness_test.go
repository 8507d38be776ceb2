// Package e2e runs the built program as its users do: real daemons, etcd,
// processes and cgroups, and the command line.
package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/core/model"
)

// binary is the program under test.
var binary string

func TestMain(m *testing.M) {
	if args := os.Getenv(etcdMemberEnv); args != "" {
		runEtcdMember(args)
	}
	// What a killed daemon leaves behind becomes this process's child, so that
	// it can be seen to end: PID 1 of a container may reap nobody.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, "become a subreaper:", err)
		os.Exit(1)
	}
	dir, err := os.MkdirTemp("", "tender-e2e")
	if err == nil {
		err = findBinary(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	reapOrphans()
	os.RemoveAll(dir)
	os.Exit(code)
}

// findBinary takes the program that TENDER_BINARY names (make test sets it), or
// builds one.
func findBinary(dir string) error {
	if binary = os.Getenv("TENDER_BINARY"); binary != "" {
		return nil
	}
	binary = filepath.Join(dir, "tender")
	build := exec.Command("go", "build", "-o", binary, "github.com/tender-scheduler/tender/cmd/tender")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build tender: %w\n%s", err, out)
	}
	return nil
}

// needRoot leaves a test out where tasks cannot be isolated.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root for cgroups and namespaces")
	}
}

// cluster is the daemons and files of one test.
type cluster struct {
	t    *testing.T
	dir  string
	addr string // of the masters, comma-separated
	in   *netns // where commands and daemons run; nil = where the test does
}

// daemon is a running tender process.
type daemon struct {
	t      *testing.T
	cmd    *exec.Cmd
	log    *bytes.Buffer
	exited chan struct{}
	err    error
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	needRoot(t)
	c := &cluster{t: t, dir: t.TempDir()}
	t.Cleanup(c.checkNothingLeft)
	return c
}

// dev starts a cluster of one and waits until it takes jobs.
func dev(t *testing.T, flags ...string) (*cluster, *daemon) {
	t.Helper()
	c := newCluster(t)
	c.addr = freeAddress(t)
	d := c.startDev(flags...)
	return c, d
}

func (c *cluster) startDev(flags ...string) *daemon {
	c.t.Helper()
	args := append([]string{"dev", "--data-dir", filepath.Join(c.dir, "dev"), "--listen", c.addr}, flags...)
	return c.start(true, args...)
}

// start runs a daemon; with ready it waits for the word on standard output.
func (c *cluster) start(ready bool, args ...string) *daemon {
	c.t.Helper()
	return c.startIn(c.in, ready, args...)
}

// startIn is start in a network namespace.
func (c *cluster) startIn(in *netns, ready bool, args ...string) *daemon {
	c.t.Helper()
	d := &daemon{t: c.t, cmd: in.command(binary, args...), log: &bytes.Buffer{}, exited: make(chan struct{})}
	d.cmd.Stderr = d.log
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := d.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	word := make(chan string, 1)
	go func() {
		s := bufio.NewScanner(out)
		s.Scan()
		word <- s.Text()
		for s.Scan() {
		}
		d.err = d.cmd.Wait()
		close(d.exited)
	}()
	c.t.Cleanup(func() {
		d.stop()
		if c.t.Failed() {
			c.t.Logf("log of tender %s:\n%s", strings.Join(args, " "), d.log)
		}
	})
	if !ready {
		return d
	}
	select {
	case w := <-word:
		if w != "ready" {
			<-d.exited
			c.t.Fatalf("tender %s said %q and ended with %v\n%s", args[0], w, d.err, d.log)
		}
	case <-time.After(patience):
		c.t.Fatalf("tender %s is not ready after %v", args[0], patience)
	}
	return d
}

// kill9 kills the process alone, as a crash would.
func (d *daemon) kill9() {
	d.t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		d.t.Fatal(err)
	}
	<-d.exited
}

// stop ends the daemon as an operator would.
func (d *daemon) stop() {
	select {
	case <-d.exited:
		return
	default:
	}
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.exited:
	case <-time.After(patience):
		d.t.Errorf("%v did not stop within %v of SIGTERM", d.cmd.Args, patience)
		_ = d.cmd.Process.Kill()
		<-d.exited
	}
}

// result is what a command line printed and its exit code.
type result struct {
	stdout, stderr string
	code           int
}

// run runs the command line against the cluster.
func (c *cluster) run(args ...string) result {
	c.t.Helper()
	cmd := c.command(args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.t.Fatal(err)
	}
	return result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// command is the command line against the cluster, not yet started.
func (c *cluster) command(args ...string) *exec.Cmd {
	cmd := c.in.command(binary, args...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "TENDER_ADDR="+c.addr, "NO_COLOR=1")
	return cmd
}

// must runs a command line that has to succeed, and returns its output.
func (c *cluster) must(args ...string) string {
	c.t.Helper()
	r := c.run(args...)
	if r.code != 0 {
		c.t.Fatalf("tender %s: exit code %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// file writes a job file and returns its path.
func (c *cluster) file(name, text string) string {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// script is a job file whose one group runs a shell script; more goes into the
// group (array, count, restart …).
func (c *cluster) script(name, more, text string) string {
	return c.file(name+".hcl", fmt.Sprintf(`
job %q {
  group "g" {
%s
    task "t" {
      driver = "exec"
      config {
        script = <<EOT
%s
EOT
      }
      resources {
        cpus   = 0.1
        memory = "64MiB"
      }
    }
  }
}
`, name, more, text))
}

// submit submits a file and returns the job's id.
func (c *cluster) submit(path string, flags ...string) string {
	c.t.Helper()
	var r model.SubmitReply
	c.json(&r, append([]string{"submit", path, "-o", "json"}, flags...)...)
	return string(r.ID)
}

// json runs a command and reads its JSON output.
func (c *cluster) json(v any, args ...string) {
	c.t.Helper()
	out := c.must(args...)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		c.t.Fatalf("tender %s printed no such JSON: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func (c *cluster) job(id string) model.JobView {
	c.t.Helper()
	var v model.JobView
	c.json(&v, "job", id, "-o", "json")
	return v
}

// patience is how long a test waits for what must happen. It is no figure of the
// program: a machine of two cores that others load as well must not fail a test.
const patience = 90 * time.Second

// eventually waits for a condition of the world outside, which has no event to
// wait for.
func (c *cluster) eventually(what string, ok func() bool) {
	c.t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			c.t.Fatalf("after %v still not: %s", patience, what)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// nextPort counts on, so that nobody gets what another was given and does not listen
// on yet. Where it begins is chance, so that two runs on one machine do not meet.
var nextPort = func() (n atomic.Uint32) { n.Store(rand.Uint32N(8000)); return }()

// freeAddress returns a loopback address nobody listens on. It is neither of those
// that the kernel gives to outgoing connections, one of which might have it before
// a daemon does, or while a daemon is killed and started again, nor of those that
// agents give to tasks.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 10000+nextPort.Add(1)%8000)
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no free port from 10000 to 18000")
	return ""
}
