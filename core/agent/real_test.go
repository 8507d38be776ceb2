package agent_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/model"
)

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
	for len(n.executors()) > 2 { // the spares
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
