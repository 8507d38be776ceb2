package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// split starts a master and one agent as separate daemons.
func split(t *testing.T, agentFlags ...string) (c *cluster, master, agent *daemon) {
	t.Helper()
	c = newCluster(t)
	c.addr = freeAddress(t)
	master = c.startMaster()
	agent = c.startAgent("a1", agentFlags...)
	return c, master, agent
}

func (c *cluster) startMaster() *daemon {
	c.t.Helper()
	return c.start(true, "master", "--listen", c.addr, "--data-dir", filepath.Join(c.dir, "master"))
}

func (c *cluster) startAgent(name string, flags ...string) *daemon {
	c.t.Helper()
	args := []string{"agent", "--masters", c.addr, "--data-dir", filepath.Join(c.dir, name), "--name", name}
	return c.start(true, append(args, flags...)...)
}

// TestAgentKilled: kill -9 of an agent leaves its tasks alone; what they end
// with while it is away is reported when it is back.
func TestAgentKilled(t *testing.T) {
	c, _, agent := split(t)
	goOn := filepath.Join(c.dir, "go")
	id := c.submit(c.script("stay", `array { range = "0-1" }`, fmt.Sprintf(
		`while [ ! -e %s ]; do sleep 0.02; done; echo done; exit $((TENDER_ARRAY_INDEX + 6))`, goOn)))
	c.running(id, 2)
	scripts := func() int { return len(c.processesNamed("/local/script")) }
	c.eventually("both scripts run", func() bool { return scripts() == 2 })
	agent.kill9()
	if err := os.WriteFile(goOn, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	c.eventually("both have ended, unseen", func() bool { return scripts() == 0 })
	agent = c.startAgent("a1")
	r := c.run("wait", id)
	if r.code != 7 {
		t.Errorf("exit code %d, want 7: the larger of the two\n%s", r.code, r.stderr)
	}
	if got := c.must("logs", id, "--index", "1"); got != "done\n" {
		t.Errorf("the output is %q", got)
	}
	c.endAgent(agent)
}

// processesNamed lists this test's processes with a text in their arguments, in
// ascending order, so that two lists compare.
func (c *cluster) processesNamed(text string) []int {
	var out []int
	for pid, args := range c.processes() {
		if strings.Contains(args, text) {
			out = append(out, pid)
		}
	}
	slices.Sort(out)
	return out
}

// endAgent removes what an agent leaves running on purpose when it is stopped.
func (c *cluster) endAgent(d *daemon) {
	c.t.Helper()
	d.stop()
}

// TestExecutorKilled: kill -9 of an executor takes its tasks along; they are
// reported lost and, if the job says so, tried again.
func TestExecutorKilled(t *testing.T) {
	c, _, agent := split(t)
	marks := filepath.Join(c.dir, "marks")
	again := c.submit(c.script("again", `restart { 
		attempts = 1 
	    delay = "10ms" 
	}`, fmt.Sprintf(`echo x >> %s; [ $(wc -l < %s) -ge 2 ] || sleep 1000`, marks, marks)))
	lost := c.submit(c.script("lost", "", "sleep 1000"))
	c.running(again, 1)
	c.running(lost, 1)
	// It counts its attempts in a file.
	c.eventually("the first attempt is counted", func() bool { return exists(marks) })
	for pid, args := range c.processes() {
		if strings.Contains(args, "__executor") {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	if r := c.run("wait", lost); r.code != model.ExitLost {
		t.Errorf("the lost job ends with %d, want %d\n%s", r.code, model.ExitLost, r.stderr)
	}
	if v := c.job(lost); v.Cause != model.CauseExecutorLost {
		t.Errorf("its cause is %s", v.Cause)
	}
	if r := c.run("wait", again); r.code != 0 {
		t.Errorf("the job with a retry ends with %d\n%s", r.code, r.stderr)
	}
	if n := c.processesNamed("sleep 1000"); len(n) > 0 {
		t.Errorf("tasks of a killed executor still run: %v", n)
	}
	c.endAgent(agent)
}

// TestMasterKilled: kill -9 of the master in the middle of an array; after a
// restart on the same data directory nothing is lost and nothing runs twice.
func TestMasterKilled(t *testing.T) {
	c, master, agent := split(t, "--cpus", "20")
	out := filepath.Join(c.dir, "out")
	if err := os.Mkdir(out, 0o777); err != nil {
		t.Fatal(err)
	}
	const tasks = 1000
	id := c.submit(c.script("many", fmt.Sprintf(`array { range = "0-%d" }`, tasks-1),
		fmt.Sprintf("echo x >> %s/$TENDER_ARRAY_INDEX", out)))
	count := func() int {
		es, _ := os.ReadDir(out)
		return len(es)
	}
	c.eventually("a hundred have run", func() bool { return count() >= 100 })
	master.kill9()
	at := count()
	if at == tasks {
		t.Fatal("the array was over before the master could be killed: make it larger")
	}
	c.startMaster()
	if r := c.run("wait", id); r.code != 0 {
		t.Fatalf("exit code %d\n%s", r.code, r.stderr)
	}
	if v := c.job(id); v.Slots.Succeeded != tasks {
		t.Errorf("%d of %d succeeded: %+v", v.Slots.Succeeded, tasks, v.Slots)
	}
	for i := range tasks {
		b, err := os.ReadFile(filepath.Join(out, strconv.Itoa(i)))
		if err != nil || string(b) != "x\n" {
			t.Errorf("index %d ran %d times (%v)", i, strings.Count(string(b), "x"), err)
		}
	}
	c.endAgent(agent)
}

// TestFailover: two masters on one etcd; kill -9 the leader and the other leads
// within the session's TTL plus a second, with running tasks undisturbed.
func TestFailover(t *testing.T) {
	c := newCluster(t)
	etcd := startEtcd(t)
	addrs := []string{freeAddress(t), freeAddress(t)}
	c.addr = strings.Join(addrs, ",")
	masters := make([]*daemon, 2)
	masters[0] = c.start(true, "master", "--listen", addrs[0], "--etcd", etcd, "--session-ttl", "2s")
	masters[1] = c.start(false, "master", "--listen", addrs[1], "--etcd", etcd, "--session-ttl", "2s")
	agent := c.startAgent("a1")
	goOn := filepath.Join(c.dir, "go")
	marks := filepath.Join(c.dir, "marks")
	id := c.submit(c.script("stay", "", fmt.Sprintf(
		`echo x >> %s; while [ ! -e %s ]; do sleep 0.02; done; exit 9`, marks, goOn)))
	c.eventually("it runs", func() bool { return c.job(id).Slots.Running == 1 })
	masters[0].kill9()
	killed := time.Now()
	other := &cluster{t: t, dir: c.dir, addr: addrs[1]}
	c.eventually("the other master leads", func() bool {
		var st model.MasterStatus
		r := other.run("status", "-o", "json") // 250 while nobody leads
		return json.Unmarshal([]byte(r.stdout), &st) == nil && st.Leading
	})
	t.Logf("the other master leads %v after the kill, the session's TTL being 2 s", time.Since(killed).Round(time.Millisecond))
	after := c.submit(c.script("after", "", "true"))
	if r := c.run("wait", after); r.code != 0 {
		t.Errorf("the job submitted after the failover ends with %d\n%s", r.code, r.stderr)
	}
	if err := os.WriteFile(goOn, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if r := c.run("wait", id); r.code != 9 {
		t.Errorf("the job that ran through the failover ends with %d, want 9\n%s", r.code, r.stderr)
	}
	if b, _ := os.ReadFile(marks); string(b) != "x\n" {
		t.Errorf("it ran %d times", strings.Count(string(b), "x"))
	}
	c.endAgent(agent)
}
