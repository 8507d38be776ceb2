package agent_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/model"
)

// node is a machine with an agent's data directory on it and, most of the time,
// an agent process.
type node struct {
	t      *testing.T
	dir    string
	master *scriptedMaster
	args   []string
	cmd    *exec.Cmd
	ended  chan struct{} // closed when cmd has ended, with err
	err    error
	stderr *bytes.Buffer
}

// newNode starts an agent process. In the end nothing of it may be left.
func newNode(t *testing.T, args ...string) *node {
	t.Helper()
	n := &node{t: t, dir: filepath.Join(t.TempDir(), "agent"), master: startMaster(t), args: args}
	t.Cleanup(n.clean)
	n.start()
	return n
}

func (n *node) start() {
	n.t.Helper()
	n.stderr = &bytes.Buffer{}
	n.cmd = exec.Command("/proc/self/exe", append([]string{agentCommand, n.dir, n.master.address}, n.args...)...)
	n.cmd.Stderr = n.stderr
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	cmd, ended := n.cmd, make(chan struct{})
	n.ended = ended
	go func() {
		n.err = cmd.Wait()
		close(ended)
	}()
}

// session waits for the agent to register and lets it in.
func (n *node) session(r *agentpb.Registered) *agentSession {
	n.t.Helper()
	select {
	case s := <-n.master.arrived:
		s.send(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Registered{Registered: r}})
		return s
	case <-n.ended:
		n.t.Fatalf("the agent ended: %v", n.err)
		return nil
	}
}

func (n *node) wait() error {
	<-n.ended
	n.cmd = nil
	return n.err
}

func (n *node) kill9() {
	n.t.Helper()
	n.cmd.Process.Kill()
	n.wait()
}

// stop ends the agent in an orderly way.
func (n *node) stop() {
	n.t.Helper()
	n.cmd.Process.Signal(unix.SIGTERM)
	if err := n.wait(); err != nil {
		n.t.Errorf("agent: %v\n%s", err, n.stderr)
	}
}

// clean kills whatever is left, after saying so if the test was to leave nothing.
func (n *node) clean() {
	if n.cmd != nil {
		n.kill9()
	}
	for _, p := range n.processes() {
		unix.Kill(p, unix.SIGKILL)
	}
	if n.t.Failed() {
		log, _ := os.ReadFile(filepath.Join(n.dir, "executors.log"))
		n.t.Logf("agent:\n%s\nexecutors:\n%s", n.stderr, log)
	}
	for len(n.processes()) > 0 {
		reap()
	}
	for _, dir := range n.cgroups() {
		for i := 0; os.Remove(dir) != nil && i < 1000; i++ {
			reap()
		}
	}
}

// reap collects children of killed agents. The agents themselves are Go's.
var reap = func() func() {
	var mu sync.Mutex
	return func() {
		mu.Lock()
		defer mu.Unlock()
		for _, p := range descendants() {
			var st unix.WaitStatus
			unix.Wait4(p, &st, unix.WNOHANG, nil)
		}
	}
}()

// descendants lists this process' zombie children.
func descendants() (out []int) {
	entries, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range entries {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		if len(f) > 1 && f[0] == "Z" && f[1] == strconv.Itoa(os.Getpid()) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			out = append(out, pid)
		}
	}
	return out
}

// processes lists those that have the node's directory in their command line or
// environment: executors and tasks.
func (n *node) processes() (out []int) {
	reap()
	entries, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range entries {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		if pid == os.Getpid() || n.cmd != nil && pid == n.cmd.Process.Pid {
			continue
		}
		for _, name := range []string{"cmdline", "environ"} {
			b, _ := os.ReadFile(filepath.Join(dir, name))
			if bytes.Contains(b, []byte(n.dir)) {
				out = append(out, pid)
				break
			}
		}
	}
	return out
}

// cgroups lists what is left of the agent's, children first.
func (n *node) cgroups() (out []string) {
	b, err := os.ReadFile(filepath.Join(n.dir, "agent.json"))
	if err != nil {
		return nil
	}
	var meta struct {
		AgentID string `json:"agent_id"`
	}
	json.Unmarshal(b, &meta)
	filepath.WalkDir("/sys/fs/cgroup", func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.Contains(path, "/"+meta.AgentID) {
			out = append([]string{path}, out...)
		}
		return nil
	})
	return out
}

// nothingLeft waits until no process of the node but its agent is there and no
// cgroup, and fails if that does not come.
func (n *node) nothingLeft() {
	n.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for len(n.processes()) > 0 || len(n.cgroups()) > 0 {
		if time.Now().After(deadline) {
			for _, p := range n.processes() {
				cmd, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p))
				n.t.Errorf("left: process %d %q", p, bytes.ReplaceAll(cmd, []byte{0}, []byte{' '}))
			}
			n.t.Fatalf("left: cgroups %v", n.cgroups())
		}
		<-time.After(5 * time.Millisecond)
	}
}

// executors lists the pids of the node's executors.
func (n *node) executors() (out []int) {
	for _, p := range n.processes() {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p))
		if bytes.Contains(b, []byte("__executor")) {
			out = append(out, p)
		}
	}
	return out
}

// executorOf returns the process that has a job.
func (n *node) executorOf(name string) int {
	n.t.Helper()
	var p struct{ Pid int }
	b, err := os.ReadFile(filepath.Join(n.dir, "jobs", name, "executor.pid"))
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil {
		n.t.Fatal(err)
	}
	return p.Pid
}

// script is a job of one group whose task runs a shell script.
func script(driver, text string) []byte {
	job := model.Job{Name: "test", Type: model.JobBatch, Groups: []model.Group{{
		Name: "g.1", Count: 1000,
		Tasks: []model.TaskSpec{{
			Name: "main", Driver: driver,
			Config:      model.TaskConfig{Script: text},
			Resources:   model.TaskResources{CPUMilli: 100, MemoryBytes: 64 << 20},
			KillTimeout: model.Duration(2 * time.Second),
			Logs:        model.LogConfig{MaxFiles: 3, MaxFileBytes: 1 << 20},
		}},
	}}}
	b, err := json.Marshal(job)
	if err != nil {
		panic(err)
	}
	return b
}

func (n *node) openLog(s *agentSession, request string, follow bool) {
	s.send(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_OpenLog{OpenLog: &agentpb.OpenLog{
		Request: request, Task: &agentpb.TaskId{Job: "j1", Index: 0, Attempt: 1<<32 - 1}, Follow: follow,
	}}})
}

func TestRealTasks(t *testing.T) {
	n := newNode(t)
	s := n.session(leading(7))
	if a := s.register.Attributes; a["meta.rack"] != "r7" || a["node.unique.name"] != "node1" || s.register.CpuMilli != 8000 {
		t.Errorf("registers as %v", s.register)
	}
	s.launch("j1", script("raw_exec", `
		echo index $TENDER_ALLOC_INDEX on $TENDER_NODE_NAME
		exit $TENDER_ALLOC_INDEX`), 0)
	n.openLog(s, "r1", true) // before it has started, perhaps
	s.send(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Launch{Launch: &agentpb.Launch{Job: "j1", Indices: []uint32{3}}}})
	for index, code := range map[uint32]int32{0: 0, 3: 3} {
		if u := s.terminal("j1", index); u.Result.GetExitCode() != code {
			t.Errorf("task %d ended as %v", index, u)
		}
	}
	if p := <-n.master.pushes; p.data != "index 0 on node1\n" || p.err != "" {
		t.Errorf("followed %+v", p)
	}
	n.openLog(s, "r2", false)
	if p := <-n.master.pushes; p.data != "index 0 on node1\n" || p.err != "" {
		t.Errorf("read %+v", p)
	}
	s.launch("j2", script("exec", "kill -9 $$"), 0)
	if u := s.terminal("j2", 0); u.Result.GetSignal() != 9 {
		t.Errorf("task ended as %v", u)
	}
	s.launch("j3", script("exec", "exec sleep 1000"), 0)
	s.running("j3", 0)
	s.killTask("j3", 0)
	if u := s.terminal("j3", 0); model.TaskState(u.State) != model.TaskKilled {
		t.Errorf("task ended as %v", u)
	}
	for _, job := range []string{"j1", "j2", "j3"} {
		s.ack(s.pending...)
		s.jobDone(job)
	}
	n.openLog(s, "r3", false) // its output stays for a while
	if p := <-n.master.pushes; p.data == "" {
		t.Errorf("read %+v", p)
	}
	n.stop()
}

func TestAgentKilled(t *testing.T) {
	for _, driver := range []string{model.DriverExec, model.DriverRawExec} {
		t.Run(driver, func(t *testing.T) {
			n := newNode(t)
			s := n.session(leading(7))
			gate := filepath.Join(t.TempDir(), "gate")
			s.launch("j1", script(driver, fmt.Sprintf(`
				until [ -e %s.$TENDER_ALLOC_INDEX ]; do sleep 0.01; done
				exit $TENDER_ALLOC_INDEX`, gate)), 5, 6)
			s.running("j1", 5)
			s.running("j1", 6)
			n.kill9()
			<-s.done
			// One ends while there is no agent, the other one under the next.
			if err := os.WriteFile(gate+".5", nil, 0o644); err != nil {
				t.Fatal(err)
			}
			for b := []byte(nil); !bytes.Contains(b, []byte("failed")); {
				b, _ = os.ReadFile(filepath.Join(n.dir, "jobs/j1/state.log"))
			}
			n.start()
			s = n.session(leading(7, "j1"))
			if len(s.register.Tasks) != 2 || s.register.Incarnation != "2" {
				t.Errorf("comes back with %v", s.register)
			}
			if u := s.terminal("j1", 5); u.Result.GetExitCode() != 5 {
				t.Errorf("task 5 ended as %v", u)
			}
			os.WriteFile(gate+".6", nil, 0o644)
			u := s.terminal("j1", 6)
			if u.Result.GetExitCode() != 6 {
				t.Errorf("task 6 ended as %v", u)
			}
			s.ack(s.pending...)
			s.ack(u)
			s.jobDone("j1")
			n.kill9()
			n.start()
			n.session(leading(7))
			n.stop()
		})
	}
}

func TestExecutorKilled(t *testing.T) {
	for _, driver := range []string{model.DriverExec, model.DriverRawExec} {
		t.Run(driver, func(t *testing.T) {
			n := newNode(t)
			s := n.session(leading(7))
			spec := script(driver, "sleep 1000 & [ $TENDER_ALLOC_INDEX = 0 ] || exit 4; wait")
			s.launch("j1", spec, 0, 1)
			s.running("j1", 0)
			if u := s.terminal("j1", 1); u.Result.GetExitCode() != 4 {
				t.Errorf("task 1 ended as %v", u)
			}
			unix.Kill(n.executorOf("j1"), unix.SIGKILL)
			u := s.terminal("j1", 0)
			if model.TaskState(u.State) != model.TaskGone || u.Result.GetCause() != string(model.CauseExecutorLost) {
				t.Errorf("task 0 ended as %v", u)
			}
			s.ack(u)
			s.send(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Launch{
				Launch: &agentpb.Launch{Job: "j1", Indices: []uint32{2}}}})
			if u := s.terminal("j1", 2); u.Result.GetExitCode() != 4 {
				t.Errorf("task 2 ended as %v", u)
			}
			if n.executorOf("j1~2") == n.executorOf("j1") {
				t.Error("the dead executor ran a task")
			}
			s.killTask("j1", 2)
			n.stop()
		})
	}
}

func TestAgentEnds(t *testing.T) {
	n := newNode(t, "stop")
	s := n.session(leading(7))
	s.launch("j1", script("exec", "sleep 1000"), 0, 1, 2)
	s.launch("j2", script("raw_exec", "trap '' TERM; sleep 1000 & wait; wait"), 0)
	s.running("j1", 2)
	s.running("j2", 0)
	n.stop()
	n.nothingLeft()
}

func TestAgentRemoved(t *testing.T) {
	n := newNode(t)
	s := n.session(leading(7))
	s.launch("j1", script("exec", "sleep 1000"), 0)
	s.running("j1", 0)
	s.send(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Shutdown{Shutdown: &agentpb.Shutdown{Message: "gone for good"}}})
	err := n.wait()
	if err == nil || !strings.Contains(n.stderr.String(), "gone for good") {
		t.Errorf("agent: %v\n%s", err, n.stderr)
	}
	n.nothingLeft()
	for _, name := range []string{"agent.json", "jobs"} {
		if _, err := os.Stat(filepath.Join(n.dir, name)); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", name, err)
		}
	}
}

func TestNothingLeft(t *testing.T) {
	n := newNode(t)
	s := n.session(leading(7))
	for _, driver := range []string{model.DriverExec, model.DriverRawExec} {
		job := "job-" + strings.ReplaceAll(driver, "_", "-")
		s.launch(job, script(driver, "setsid sleep 1000 & exit 0"), 0, 1, 2, 3)
		for i := range uint32(4) {
			s.ack(s.terminal(job, i))
		}
		s.ack(s.pending...)
		s.jobDone(job)
	}
	deadline := time.Now().Add(30 * time.Second)
	for len(n.executors()) > 1 { // the spare
		if time.Now().After(deadline) {
			t.Fatalf("executors are left: %v", n.executors())
		}
		<-time.After(5 * time.Millisecond)
	}
	n.stop()
	n.nothingLeft()
}

func TestLongDataDirectory(t *testing.T) {
	n := &node{t: t, dir: filepath.Join(t.TempDir(), strings.Repeat("long-directory-name/", 8), "agent"), master: startMaster(t)}
	t.Cleanup(n.clean)
	n.start()
	s := n.session(leading(7))
	s.launch("j1", script("raw_exec", "exit 7"), 0)
	if u := s.terminal("j1", 0); u.Result.GetExitCode() != 7 {
		t.Errorf("task ended as %v", u)
	}
	n.kill9()
	n.start()
	s = n.session(leading(7, "j1"))
	if u := s.terminal("j1", 0); u.Result.GetExitCode() != 7 {
		t.Errorf("task ended as %v", u)
	}
	n.stop()
}

func TestDataDirectoryInUse(t *testing.T) {
	n := newNode(t)
	n.session(leading(7))
	out, err := exec.Command("/proc/self/exe", agentCommand, n.dir, n.master.address).CombinedOutput()
	want := fmt.Sprintf("already in use by process %d", n.cmd.Process.Pid)
	if err == nil || !strings.Contains(string(out), want) {
		t.Errorf("second agent: %v\n%s", err, out)
	}
	n.stop()
	n.nothingLeft()
}

// TestFenced cuts a real agent off: its tasks are killed while it is alone.
func TestFenced(t *testing.T) {
	n := newNode(t)
	terms := leading(7, "j1")
	terms.FenceAfterNs = int64(time.Second)
	s := n.session(terms)
	s.launch("j1", script("exec", "sleep 1000 & sleep 1000"), 0, 1)
	s.ack(s.running("j1", 0), s.running("j1", 1))
	// No pings come, and that is all it takes. Each registration lasts a fence.
	for {
		s = n.session(terms)
		if model.TaskState(s.register.Tasks[0].State) == model.TaskGone {
			break
		}
		s.cancel()
	}
	for i := range uint32(2) {
		u := s.terminal("j1", i)
		if model.TaskState(u.State) != model.TaskGone || u.Result.GetCause() != string(model.CauseNodeLost) {
			t.Errorf("task %d ended as %v", i, u)
		}
		s.ack(u)
	}
	s.jobDone("j1")
	n.stop()
	n.nothingLeft()
}

// TestAgentStaysAway kills an agent for longer than its executors wait for it.
func TestAgentStaysAway(t *testing.T) {
	n := newNode(t)
	terms := leading(7, "j1")
	terms.PingIntervalNs, terms.FenceAfterNs = int64(time.Second), int64(2*time.Second)
	s := n.session(terms)
	s.launch("j1", script("raw_exec", "sleep 1000 & sleep 1000"), 0)
	s.running("j1", 0)
	n.kill9()
	deadline := time.Now().Add(30 * time.Second)
	for len(n.processes()) > 0 {
		if time.Now().After(deadline) {
			t.Fatalf("still there: %v", n.processes())
		}
		<-time.After(5 * time.Millisecond)
	}
	n.start()
	s = n.session(terms)
	u := s.terminal("j1", 0)
	if model.TaskState(u.State) != model.TaskGone || u.Result.GetCause() != string(model.CauseNodeLost) {
		t.Errorf("the task ended as %v", u)
	}
	s.ack(s.pending...)
	s.ack(u)
	n.stop()
	n.nothingLeft()
}
