package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/core/model"
)

// sleeper submits a job whose task runs until it is told to end.
func (c *cluster) sleeper(name string) string {
	c.t.Helper()
	id := c.submit(c.script(name, "", "echo up; exec sleep 1000"))
	c.eventually(name+" runs", func() bool { return c.job(id).Slots.Running == 1 })
	return id
}

// with runs the command line with standard input.
func (c *cluster) with(stdin string, args ...string) result {
	c.t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "TENDER_ADDR="+c.addr, "NO_COLOR=1")
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run() // its exit code is what counts
	return result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// The command has what the task has, and its streams and exit code are its own.
func TestExec(t *testing.T) {
	c, _ := dev(t)
	id := c.sleeper("host")

	r := c.run("exec", id, "--", "sh", "-c", "echo out; echo err >&2; exit 7")
	if r != (result{"out\n", "err\n", 7}) {
		t.Errorf("separate streams and exit code: %+v", r)
	}
	if r := c.run("exec", id, "--", "sh", "-c", "kill -KILL $$"); r.code != 128+9 {
		t.Errorf("ended by SIGKILL: %+v", r)
	}
	// In the task's pid namespace, its sandbox and environment, and its cgroup.
	r = c.run("exec", id, "--", "sh", "-c", `cat /proc/1/comm; test -e local/script && echo sandbox; echo $TENDER_JOB_ID
		a=$(cat /proc/self/cgroup); b=$(cat /proc/2/cgroup); test "$a" = "$b" && echo same cgroup`)
	if want := "tender-init\nsandbox\n" + id + "\nsame cgroup\n"; r.stdout != want || r.code != 0 {
		t.Errorf("the task's place: %+v, want %q", r, want)
	}
	if r := c.with("a\nb\n", "exec", id, "--", "sh", "-c", "cat; echo eof"); r != (result{"a\nb\neof\n", "", 0}) {
		t.Errorf("the end of input is passed on: %+v", r)
	}
	if r := c.with("unread", "exec", id, "-i=false", "--", "cat"); r != (result{"", "", 0}) {
		t.Errorf("without input: %+v", r)
	}
	// Far more than any buffer on the way holds, both ways at once.
	big := strings.Repeat("0123456789abcde\n", 1<<18)
	if r := c.with(big, "exec", id, "--", "cat"); r.stdout != big || r.code != 0 {
		t.Errorf("%d bytes went, %d came back; %s", len(big), len(r.stdout), r.stderr)
	}
	// A command that reads nothing ends all the same, and so does one whose
	// background process keeps its output open.
	if r := c.with(big, "exec", id, "--", "true"); r != (result{}) {
		t.Errorf("input that nobody reads: %+v", r)
	}
	if r := c.run("exec", id, "--", "sh", "-c", "sleep 1000 & echo started"); r != (result{"started\n", "", 0}) {
		t.Errorf("a process left behind: %+v", r)
	}

	events := c.must("events", id)
	for _, want := range []string{"exec_started", "exec_ended", "sh -c kill -KILL $$: exit code 137"} {
		if !strings.Contains(events, want) {
			t.Errorf("the events lack %q:\n%s", want, events)
		}
	}
	c.must("cancel", id)
}

func TestExecRefusals(t *testing.T) {
	c, _ := dev(t)
	for _, tc := range []struct{ args, want string }{
		{"exec nosuch -- true", "no job"},
	} {
		if r := c.run(strings.Fields(tc.args)...); r.code != model.ExitRejected || !strings.Contains(r.stderr, tc.want) {
			t.Errorf("tender %s: %+v, want %q", tc.args, r, tc.want)
		}
	}
	ended := c.submit(c.script("ended", "", "true"), "--wait")
	if r := c.run("exec", ended, "--", "true"); r.code != model.ExitRejected || !strings.Contains(r.stderr, "has ended") {
		t.Errorf("beside an ended task: %+v", r)
	}
	id := c.sleeper("host")
	for command, want := range map[string]string{
		"no-such-program": `command "no-such-program" does not exist on this agent`,
		"/":               `is a directory`,
	} {
		if r := c.run("exec", id, "--", command); r.code != model.ExitRejected || !strings.Contains(r.stderr, want) {
			t.Errorf("exec %s: %+v, want %q", command, r, want)
		}
	}
	if r := c.run("exec", id, "--task", "other", "--", "true"); r.code != model.ExitRejected || !strings.Contains(r.stderr, `no task "other"`) {
		t.Errorf("another task: %+v", r)
	}
	if r := c.run("exec", id, "--index", "5", "--", "true"); r.code != model.ExitRejected || !strings.Contains(r.stderr, "index 5") {
		t.Errorf("another index: %+v", r)
	}
	c.must("cancel", id)
}

// A task has only so many sessions, and room again when they have ended.
func TestExecLimit(t *testing.T) {
	c, _ := dev(t)
	id := c.sleeper("host")
	var all sync.WaitGroup
	gate := filepath.Join(c.dir, "gate")
	for i := range 32 {
		all.Go(func() {
			if r := c.run("exec", id, "--", "sh", "-c", fmt.Sprintf("touch %s.%d; until test -e %s; do sleep 0.1; done", gate, i, gate)); r.code != 0 {
				t.Errorf("session %d: %+v", i, r)
			}
		})
	}
	c.eventually("32 sessions run", func() bool {
		found, _ := filepath.Glob(gate + ".*")
		return len(found) == 32
	})
	if r := c.run("exec", id, "--", "true"); r.code != model.ExitRejected || !strings.Contains(r.stderr, "32 commands run beside") {
		t.Errorf("one more: %+v", r)
	}
	c.file("gate", "")
	all.Wait()
	c.must("exec", id, "--", "true")
	c.must("cancel", id)
}

// The session ends when its task does, and says so.
func TestExecEndsWithTheTask(t *testing.T) {
	c, _ := dev(t)
	id := c.sleeper("host")
	up := filepath.Join(c.dir, "up")
	done := make(chan result)
	go func() {
		done <- c.run("exec", id, "--", "sh", "-c", "touch "+up+"; trap '' TERM HUP; while :; do sleep 1; done")
	}()
	c.eventually("the command runs", func() bool { return exists(up) })
	c.must("cancel", id)
	if r := <-done; r.code != 128+9 || !strings.Contains(r.stderr, "the task has ended") {
		t.Errorf("%+v", r)
	}
}

// When the caller dies, the command is killed, however it resists.
func TestExecCallerGone(t *testing.T) {
	c, _ := dev(t)
	id := c.sleeper("host")
	file := filepath.Join(c.dir, "pid")
	cmd := exec.Command(binary, "exec", id, "--", "sh", "-c", "trap '' TERM HUP PIPE; sleep 1000 & echo up > "+file+"; while :; do sleep 1; done")
	cmd.Env = append(os.Environ(), "TENDER_ADDR="+c.addr)
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	c.eventually("the command runs", func() bool { return exists(file) })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	// Only the task's own processes are left: init, sleep, and who is asking.
	c.eventually("the command is gone", func() bool {
		return c.must("exec", id, "--", "sh", "-c", "ls -d /proc/[0-9]* | wc -l") == "5\n"
	})
	c.eventually("the record says so", func() bool { return strings.Contains(c.must("events", id), "broken off") })
	c.must("cancel", id)
}

func TestExecTerminal(t *testing.T) {
	c, _ := dev(t)
	id := c.sleeper("host")
	p := c.atTerminal(30, 100, "exec", id, "--", "/bin/sh", "-i")
	p.await("# ")
	if !p.raw() {
		t.Error("the local terminal is not in raw mode")
	}
	p.kind("stty size; echo TERM=$TERM; tty\r")
	p.await("30 100\r\n")
	p.await("TERM=vt100\r\n")
	p.await("/dev/pts/")
	// A new size comes with its signal. The marks are computed, so that the echo
	// of what is typed is not taken for the answer.
	p.kind("trap 'echo new $((1+1)) $(stty size)' WINCH\r")
	p.kind("echo rea$((40+2))dy\r")
	p.await("rea42dy\r\n")
	p.resize(40, 120)
	// The shell does it before its next prompt, and keys may overtake the signal.
	c.eventually("the shell has heard of the new size", func() bool {
		p.kind("\r")
		return strings.Contains(p.screen(), "new 2 40 120\r\n")
	})
	// Ctrl-C ends what runs in the foreground, and nothing else.
	p.kind("echo in$((40+2)); sleep 1000\r")
	p.await("in42\r\n")
	p.kind("\x03")
	p.kind("echo after=$((40+2))\r")
	p.await("after=42\r\n")
	p.kind("exit 5\r")
	<-p.exited
	if code := p.cmd.ProcessState.ExitCode(); code != 5 {
		t.Errorf("exit code %d, want 5\n%s", code, p.screen())
	}
	if p.raw() {
		t.Error("the local terminal is left in raw mode")
	}
	// ENTER ~ . breaks off.
	p = c.atTerminal(24, 80, "exec", id, "--", "/bin/sh", "-i")
	p.await("# ")
	p.kind("\r~.")
	<-p.exited
	if p.raw() {
		t.Error("the local terminal is left in raw mode")
	}
	c.must("cancel", id)
}

func exists(path string) bool { return unix.Access(path, unix.F_OK) == nil }

// A standby passes a session on to the leader.
func TestExecThroughStandby(t *testing.T) {
	c := newCluster(t)
	etcd := startEtcd(t)
	leader, standby := freeAddress(t), freeAddress(t)
	c.addr = leader
	c.start(true, "master", "--listen", leader, "--etcd", etcd)
	agent := c.startAgent("a1")
	c.start(true, "master", "--listen", standby, "--etcd", etcd)
	id := c.sleeper("host")
	other := &cluster{t: t, dir: c.dir, addr: standby}
	if r := other.with("in", "exec", id, "--", "sh", "-c", "cat; echo; echo err >&2; exit 9"); r != (result{"in\n", "err\n", 9}) {
		t.Errorf("through a standby: %+v", r)
	}
	if r := other.run("exec", "nosuch", "--", "true"); r.code != model.ExitRejected || !strings.Contains(r.stderr, "no job") {
		t.Errorf("a refusal through a standby: %+v", r)
	}
	c.must("cancel", id)
	c.run("wait", id, "--timeout", "30s")
	c.endAgent(agent)
}
