package e2e

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/tender-scheduler/tender/core/model"
)

func TestRun(t *testing.T) {
	c, _ := dev(t)
	if r := c.run("run", "--cpus", "0.1", "--", "sh", "-c", "echo out; echo err >&2; pwd"); r != (result{"out\n" + c.dir + "\n", "err\n", 0}) {
		t.Errorf("%+v", r)
	}
	if r := c.run("run", "sh", "-c", "exit 7"); r != (result{"", "", 7}) {
		t.Errorf("the exit code alone: %+v", r)
	}
	if r := c.run("run", "sh", "-c", "kill -SEGV $$"); r.code != 128+11 || !strings.Contains(r.stderr, "signal 11") {
		t.Errorf("ended by a signal: %+v", r)
	}
	if r := c.run("run", "--chdir", "/no/such/place", "true"); r.code != 127 || !strings.Contains(r.stderr, `"/no/such/place" does not exist`) {
		t.Errorf("a directory that is not there: %+v", r)
	}
	if r := c.run("run", "-e", "A=1", "-e", "HOME", "--", "sh", "-c", "echo $A $HOME"); r.stdout != "1 "+os.Getenv("HOME")+"\n" {
		t.Errorf("variables: %+v", r)
	}
	r := c.run("run", "-n", "2", "--cpus", "0.1", "--", "sh", "-c", "echo $TENDER_RANK of $TENDER_WORLD_SIZE; echo err >&2")
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	slices.Sort(lines)
	if got := strings.Join(lines, "; "); got != "[0] 0 of 2; [1] 1 of 2" || r.code != 0 || !strings.Contains(r.stderr, "[1] err\n") {
		t.Errorf("two ranks: %+v", r)
	}
	if r := c.run("run", "-n", "2", "--no-label", "--cpus", "0.1", "--", "echo", "same"); r.stdout != "same\nsame\n" {
		t.Errorf("without labels: %+v", r)
	}
	var v model.JobView
	c.json(&v, "job", "last", "-o", "json")
	if v.Spec.Groups[0].Gang == nil {
		t.Error("-n 2 is no gang")
	}
	if r := c.run("run", "-n", "2", "--no-gang", "--no-label", "--cpus", "0.1", "--", "sh", "-c", "echo $TENDER_ALLOC_INDEX"); r.code != 0 || len(r.stdout) != 4 {
		t.Errorf("two tasks without a gang: %+v", r)
	}
	id := strings.TrimSpace(c.must("run", "--detach", "--name", "later", "sh", "-c", "exit 3"))
	if r := c.run("wait", id); r.code != 3 {
		t.Errorf("the detached job: %+v", r)
	}
	// What it waits for is told, and a job that is not a job is refused.
	if r := c.run("run", "-n", "0", "true"); r.code != 2 {
		t.Errorf("-n 0: %+v", r)
	}
	if r := c.run("run", "--priority", "1000", "true"); r.code != model.ExitRejected || !strings.Contains(r.stderr, "priority") {
		t.Errorf("--priority 1000: %+v", r)
	}
}

// background is a command line that runs while the test goes on.
type background struct {
	*exec.Cmd
	out, errs *syncBuffer
}

func (c *cluster) background(args ...string) *background {
	c.t.Helper()
	b := &background{exec.Command(binary, args...), &syncBuffer{}, &syncBuffer{}}
	b.Env = append(os.Environ(), "TENDER_ADDR="+c.addr, "NO_COLOR=1")
	b.Dir = c.dir
	b.Stdout, b.Stderr = b.out, b.errs
	if err := b.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = b.Process.Kill() })
	return b
}

func (b *background) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := b.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// end waits for the command's end.
func (b *background) end() result {
	_ = b.Wait() // its exit code is what counts
	return result{b.out.String(), b.errs.String(), b.ProcessState.ExitCode()}
}

func TestRunInterrupted(t *testing.T) {
	c, _ := dev(t)
	start := func(name string) *background {
		b := c.background("run", "--cpus", "0.1", "--name", name, "--", "sh", "-c", "echo up; exec sleep 1000")
		c.eventually(name+" runs", func() bool { return b.out.String() == "up\n" })
		return b
	}
	// Once is a question, twice an answer.
	b := start("twice")
	// The answer has to come soon, which it may not on a slow machine: then it asks
	// again.
	asked := 0
	b.signal(t, syscall.SIGINT)
	c.eventually("it asks and takes the answer", func() bool {
		if n := strings.Count(b.errs.String(), "Ctrl-C again"); n > asked {
			asked = n
			b.signal(t, syscall.SIGINT)
		}
		return strings.Contains(b.errs.String(), "cancelling")
	})
	if r := b.end(); r.code != 128+2 || !strings.Contains(r.stderr, "cancelled") {
		t.Errorf("%+v", r)
	}
	if v := c.job("twice"); v.State != model.JobCancelled {
		t.Errorf("after two Ctrl-C the job is %s", v.State)
	}
	b = start("terminated")
	b.signal(t, syscall.SIGTERM)
	if r := b.end(); r.code != 128+15 {
		t.Errorf("%+v", r)
	}
	if v := c.job("terminated"); v.State != model.JobCancelled {
		t.Errorf("after SIGTERM the job is %s", v.State)
	}
	b = start("left")
	b.signal(t, syscall.SIGQUIT)
	if r := b.end(); r.code != 130 || !strings.Contains(r.stderr, "goes on") {
		t.Errorf("%+v", r)
	}
	if v := c.job("left"); v.State != model.JobRunning {
		t.Errorf("after Ctrl-\\ the job is %s", v.State)
	}
	c.must("cancel", "left")
	// Why it waits is said while it does.
	b = c.background("run", "--cpus", "1000", "--name", "large", "true")
	c.eventually("it says why", func() bool { return strings.Contains(b.errs.String(), "cpus=1000") })
	b.signal(t, syscall.SIGTERM)
	if r := b.end(); r.code != 128+15 {
		t.Errorf("%+v", r)
	}
}
