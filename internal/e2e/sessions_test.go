package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tender-scheduler/tender/core/model"
)

// two starts two masters on one etcd, and an agent.
func two(t *testing.T, flags ...string) (c *trio, agent *daemon) {
	t.Helper()
	c = &trio{cluster: newCluster(t), masters: make([]*daemon, 2)}
	etcd := startEtcd(t)
	for range c.masters {
		c.addrs = append(c.addrs, freeAddress(t))
	}
	c.addr = strings.Join(c.addrs, ",")
	for i := range c.addrs {
		c.flags = append(c.flags, append([]string{"--etcd", etcd, "--session-ttl", "2s"}, flags...))
		c.startMaster(i)
	}
	return c, c.startAgent("a1", "--stop-tasks")
}

// numbered checks that lines are "line 0" and so on, each once, and returns how many.
func numbered(t *testing.T, lines []string) int {
	t.Helper()
	for i, l := range lines {
		if want := fmt.Sprint("line ", i); l != want {
			t.Fatalf("%q came where %q was due", l, want)
		}
	}
	return len(lines)
}

// counting prints lines until a file exists, and one about the end.
const counting = `i=0; until test -e %s; do echo line $i; i=$((i+1)); sleep 0.01; done; exit 3`

// TestRunFailover: the output of tender run is whole, and its exit code the command's,
// when the leading master is killed in the middle.
func TestRunFailover(t *testing.T) {
	c, agent := two(t)
	leader := c.leader("the start")
	goOn := filepath.Join(c.dir, "go")
	r := c.background("run", "-q", "--", "sh", "-c", fmt.Sprintf(counting, goOn))
	c.eventually("lines come", func() bool { return strings.Count(r.out.String(), "\n") > 50 })
	c.masters[leader].kill9()
	at := strings.Count(r.out.String(), "\n")
	c.leader("kill -9 of the leader")
	c.eventually("more lines come", func() bool { return strings.Count(r.out.String(), "\n") > at+50 })
	c.file("go", "")
	end := r.end()
	if end.code != 3 {
		t.Errorf("exit code %d, want 3\n%s", end.code, end.stderr)
	}
	numbered(t, strings.Split(strings.TrimSuffix(end.stdout, "\n"), "\n"))
	c.endAgent(agent)
}

// TestExecFailover: a session goes on through the next leader, or the same one once it
// is back, with both its streams whole.
func TestExecFailover(t *testing.T) {
	c, agent := two(t)
	leader := c.leader("the start")
	id := c.sleeper("host")

	goOn := filepath.Join(c.dir, "go")
	out := c.background("exec", id, "-i=false", "--", "sh", "-c", fmt.Sprintf(counting, goOn))
	through := exec.Command(binary, "exec", id, "--", "sh", "-c", "while read x; do echo $x; done")
	through.Env = append(os.Environ(), "TENDER_ADDR="+c.addr)
	back := &syncBuffer{}
	through.Stdout = back
	in, err := through.StdinPipe()
	if err == nil {
		err = through.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = through.Process.Kill() })
	said := 0
	say := func() {
		for range 1000 {
			fmt.Fprintln(in, "line", said)
			said++
		}
	}
	say()
	c.eventually("both run", func() bool {
		return strings.Count(out.out.String(), "\n") > 50 && strings.Contains(back.String(), "line 500")
	})
	for _, how := range []struct {
		name string
		do   func(leader int)
	}{
		{"kill -9 of the leader", func(n int) { c.masters[n].kill9() }},
		{"kill -9 of both masters", func(n int) {
			c.masters[n].kill9()
			say()
			c.startMaster(n)
		}},
	} {
		how.do(leader)
		say()
		at := strings.Count(out.out.String(), "\n")
		last := fmt.Sprintf("line %d\n", said-1)
		if how.name == "kill -9 of the leader" {
			leader = c.leader(how.name)
		}
		c.eventually("both go on after "+how.name, func() bool {
			return strings.Count(out.out.String(), "\n") > at+50 && strings.HasSuffix(back.String(), last)
		})
	}
	in.Close()
	if err := through.Wait(); err != nil {
		t.Errorf("the one with input: %v", err)
	}
	if n := numbered(t, strings.Split(strings.TrimSuffix(back.String(), "\n"), "\n")); n != said {
		t.Errorf("%d lines of %d came back", n, said)
	}
	c.file("go", "")
	end := out.end()
	if end.code != 3 {
		t.Errorf("exit code %d, want 3\n%s", end.code, end.stderr)
	}
	numbered(t, strings.Split(strings.TrimSuffix(end.stdout, "\n"), "\n"))
	if events := c.must("events", id); !strings.Contains(events, "exec_resumed") {
		t.Errorf("the record does not say that sessions were resumed:\n%s", events)
	}
	c.must("cancel", id)
	c.run("wait", id, "--timeout", "30s")
	c.endAgent(agent)
}

// TestExecTerminalFailover: a shell at a terminal, its size and what is typed while no
// master leads.
func TestExecTerminalFailover(t *testing.T) {
	c, agent := two(t)
	leader := c.leader("the start")
	id := c.sleeper("host")
	p := c.atTerminal(30, 100, "exec", id, "--", "/bin/sh", "-i")
	p.await("# ")
	p.kind("echo before=$((40+2)) $$=\r")
	p.await("before=42 ")
	c.masters[leader].kill9()
	p.kind("echo between=$((40+2)); stty size\r")
	p.resize(40, 120)
	p.await("between=42\r\n")
	c.leader("kill -9 of the leader")
	p.kind("echo rows $(stty size)\r")
	p.await("rows 40 120\r\n")
	if !p.raw() {
		t.Error("the local terminal is not in raw mode any more")
	}
	p.kind("exit 5\r")
	<-p.exited
	if code := p.cmd.ProcessState.ExitCode(); code != 5 {
		t.Errorf("exit code %d, want 5\n%s", code, p.screen())
	}
	if p.raw() {
		t.Error("the local terminal is left in raw mode")
	}
	c.must("cancel", id)
	c.run("wait", id, "--timeout", "30s")
	c.endAgent(agent)
}

// TestExecLost: without a master for longer than the task itself may go on, both ends
// of a session end, and this one says why.
func TestExecLost(t *testing.T) {
	c := newCluster(t)
	c.addr = freeAddress(t)
	master := c.start(true, "master", "--listen", c.addr, "--data-dir", filepath.Join(c.dir, "master"), "--fence-after", "5s")
	agent := c.startAgent("a1", "--stop-tasks")
	id := c.sleeper("host")
	r := c.background("exec", id, "-i=false", "--", "sh", "-c", "echo up; sleep 1000")
	c.eventually("it runs", func() bool { return r.out.String() == "up\n" })
	master.kill9()
	end := r.end()
	if end.code != model.ExitUnreachable || !strings.Contains(end.stderr, "not resumed in time, which is 10s") || !strings.Contains(end.stderr, "master lost; reconnecting") {
		t.Errorf("%+v", end)
	}
	c.eventually("its end is gone too", func() bool { return len(c.processesNamed("sleep 1000")) == 0 })
	c.startMaster()
	c.must("cancel", id) // it would run again
	c.run("wait", id, "--timeout", "30s")
	c.endAgent(agent)
}

// TestMPIRunFailover: an mpirun and the ranks that it has started in another allocation
// go on when the leading master is killed, when an agent's connections are, and when an
// agent itself is.
func TestMPIRunFailover(t *testing.T) {
	for _, lib := range []struct{ name, driver, compiler, mpirun, flags string }{
		{"Open MPI", "exec", "mpicc.openmpi", "mpirun.openmpi", "--mca oob_tcp_if_include eth0 --mca btl_tcp_if_include eth0"},
		{"MPICH", "raw_exec", "mpicc.mpich", "mpiexec.hydra", "-iface eth0"},
	} {
		t.Run(lib.name, func(t *testing.T) {
			if _, err := exec.LookPath(lib.mpirun); err != nil {
				t.Skipf("needs %s: apt-get install mpich openmpi-bin libopenmpi-dev", lib.mpirun)
			}
			c := &trio{cluster: newCluster(t), masters: make([]*daemon, 3)}
			program := c.compileMPI(lib.compiler, "rounds")
			c.in, c.hosts = newHosts(t, 3)
			for _, h := range c.hosts {
				c.addrs = append(c.addrs, h.address+":7070")
			}
			c.addr = strings.Join(c.addrs, ",")
			for i := range c.addrs {
				c.flags = append(c.flags, []string{"--peers", c.addr, "--data-dir", filepath.Join(c.dir, fmt.Sprint("m", i))})
				c.startMaster(i)
			}
			startAgent := func(i int) *daemon {
				name := fmt.Sprintf("n%d", i+1)
				return c.startIn(c.hosts[i], true, "agent", "--masters", c.addr, "--data-dir", filepath.Join(c.dir, name), "--name", name, "--cpus", "4", "--stop-tasks")
			}
			agents := []*daemon{startAgent(0), startAgent(1)}
			leader := c.leader("the start")
			goOn := filepath.Join(c.dir, "go")
			id := c.submit(c.mpirunJob(lib.driver, "rounds", apartHosts, "exec "+lib.mpirun+" "+lib.flags+" -n 4 "+program+" "+goOn))
			rounds := func() int { return strings.Count(c.run("logs", id, "--index", "0").stdout, "rank 3 ") }
			further := func(after string) {
				at := rounds()
				c.eventually("the ranks go on after "+after, func() bool { return rounds() > at+20 })
			}
			further("the start")

			c.masters[leader].kill9()
			c.leader("kill -9 of the leader")
			further("kill -9 of the leader")

			// All connections of the second agent are reset, and new ones refused.
			c.hosts[1].sh(`nft -f - <<'END'
table inet cut {
  chain out { type filter hook output priority 0; tcp dport 7070 reject with tcp reset; }
}
END`)
			c.eventually("the agent is missed", func() bool { return strings.Contains(c.run("nodes").stdout, "unreachable") })
			c.hosts[1].heal()
			c.eventually("the agent is back", func() bool { return !strings.Contains(c.run("nodes").stdout, "unreachable") })
			further("the agent's connections broke")

			agents[1].kill9()
			agents[1] = startAgent(1)
			further("kill -9 of the agent")

			c.file("go", "")
			r := c.run("wait", id)
			out := c.must("logs", id, "--index", "0")
			if r.code != 0 {
				t.Fatalf("exit code %d\n%s\n%s", r.code, r.stderr, c.run("logs", id, "--index", "0", "--stderr").stdout)
			}
			n := strings.Count(out, "rank 0 ")
			var want strings.Builder
			for round := range n {
				for rank := range 4 {
					fmt.Fprintf(&want, "rank %d round %d\n", rank, round)
				}
			}
			fmt.Fprintf(&want, "rounds %d\n", n)
			if sortedLines(out) != sortedLines(want.String()) {
				t.Errorf("the output is not that of %d rounds:\n%s", n, out)
			}
			for _, a := range agents {
				c.endAgent(a)
			}
		})
	}
}

// TestStoppedMaster: a leader whose process is stopped keeps all its connections and
// answers nothing. Commands go to the next master, and so do sessions and streams that
// went through it; with no other master they end.
func TestStoppedMaster(t *testing.T) {
	c, agent := two(t)
	leader := c.leader("the start")
	first := &cluster{t: t, dir: c.dir, addr: c.addrs[leader] + "," + c.addrs[1-leader]} // the leader is asked first
	id := c.sleeper("host")
	goOn := filepath.Join(c.dir, "go")
	session := first.background("exec", id, "-i=false", "--", "sh", "-c", fmt.Sprintf(counting, goOn))
	run := first.background("run", "-q", "--cpus", "0.1", "--memory", "64MiB", "--", "sh", "-c", fmt.Sprintf(counting, goOn))
	lines := func(b *background) int { return strings.Count(b.out.String(), "\n") }
	c.eventually("both run", func() bool { return lines(session) > 50 && lines(run) > 50 })

	c.masters[leader].pause(t)
	if r := first.run("status"); r.code != 0 || !strings.Contains(r.stdout, c.addrs[1-leader]) {
		t.Errorf("status: %+v", r)
	}
	at := [2]int{lines(session), lines(run)}
	c.eventually("both go on", func() bool { return lines(session) > at[0]+50 && lines(run) > at[1]+50 })
	c.file("go", "")
	for _, b := range []*background{session, run} {
		end := b.end()
		if end.code != 3 {
			t.Errorf("exit code %d, want 3\n%s", end.code, end.stderr)
		}
		numbered(t, strings.Split(strings.TrimSuffix(end.stdout, "\n"), "\n"))
	}

	alone := &cluster{t: t, dir: c.dir, addr: c.addrs[leader]}
	if r := alone.run("jobs"); r.code != model.ExitUnreachable || !strings.Contains(r.stderr, "takes connections, but does not answer") {
		t.Errorf("with the stopped master alone: %+v", r)
	}
	c.masters[leader].resume(t)
	c.must("cancel", id)
	c.run("wait", id, "--timeout", "30s")
	c.endAgent(agent)
}

// pause stops the process, until resume or the test's end.
func (d *daemon) pause(t *testing.T) {
	t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.cmd.Process.Signal(syscall.SIGCONT) })
}

func (d *daemon) resume(t *testing.T) {
	t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}
