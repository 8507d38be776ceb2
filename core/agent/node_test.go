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
