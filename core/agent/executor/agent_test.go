package executor

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/model"
)

// Tasks go on without an agent; what happened is told when one comes back, and
// again until it is acknowledged.
func TestAgentComesBack(t *testing.T) {
	r := newRig(t, sh(`[ $TENDER_ALLOC_INDEX = 0 ] || exit 0; echo up >up; while [ ! -e go ]; do sleep 0.01; done; echo done >finished; exit 6`))
	r.acks = false
	r.launch(0, 0)
	r.awaitReached(lifecycle.Key{}, model.TaskRunning)
	r.awaitFile("t/up")
	r.conn.Close()
	r.must(os.WriteFile(filepath.Join(r.sandbox("g", 0), "t/go"), nil, 0o600))
	r.awaitFile("t/finished")

	r.states, r.seqs = map[lifecycle.Key][]model.TaskState{}, nil
	r.connect(filepath.Join(r.dir, SocketName))
	r.expect(r.await(lifecycle.Key{}), "FAILED cause=failed code=6 COMMAND_EXECUTOR_FAILED: exit code 6")
	if got := r.states[lifecycle.Key{}]; !slices.Equal(got, []model.TaskState{model.TaskRunning, model.TaskFailed}) {
		t.Errorf("after the reconnect states are %v, want both that were not acknowledged", got)
	}
	if !slices.Equal(r.seqs, []uint64{1, 2}) {
		t.Errorf("sequence numbers %v, want 1 and 2", r.seqs)
	}

	r.acknowledge()
	r.sync()
	r.reconnect()
	if r.state.Job != "j1" || len(r.state.Live) != 0 || int(r.state.Pid) != r.cmd.Process.Pid {
		t.Errorf("state is %v", r.state)
	}
	r.seqs = nil
	r.launch(0, 1)
	r.await(lifecycle.Key{Index: 1})
	if !slices.Equal(r.seqs, []uint64{3, 4}) {
		t.Errorf("sequence numbers %v after an acknowledgement, want 3 and 4", r.seqs)
	}
}

func TestStateNamesWhatLives(t *testing.T) {
	r := newRig(t, sh("exec sleep 1000"))
	r.launchWith(&execpb.Launch{Indices: []uint32{3, 1}, Attempts: []uint32{0, 2}})
	r.awaitReached(lifecycle.Key{Index: 3}, model.TaskRunning)
	r.awaitReached(lifecycle.Key{Index: 1, Attempt: 2}, model.TaskRunning)
	r.reconnect()
	live := r.state.Live
	if len(live) != 2 || taskKey(live[0]) != (lifecycle.Key{Index: 1, Attempt: 2}) || taskKey(live[1]) != (lifecycle.Key{Index: 3}) ||
		live[0].State != uint32(model.TaskRunning) {
		t.Errorf("live is %v", live)
	}
}

// An agent that repeats its launches after a restart starts nothing twice.
func TestLaunchTwice(t *testing.T) {
	r := newRig(t, sh(`echo once >>$TENDER_ALLOC_DIR/count`))
	r.launch(0, 0)
	r.launch(0, 0)
	r.await(lifecycle.Key{})
	r.reconnect()
	r.launch(0, 0)
	r.launch(0, 1) // a mark: what came before has been handled
	r.await(lifecycle.Key{Index: 1})
	if got := r.awaitFile("alloc/count"); got != "once" {
		t.Errorf("the task ran as often as it says: %q", got)
	}
}

func TestNewestAgentWins(t *testing.T) {
	r := newRig(t, sh("true"))
	old := r.conn
	r.connect(filepath.Join(r.dir, SocketName))
	if _, err := old.Recv(); err == nil {
		t.Error("the older connection was not closed")
	}
	old.Close()
	r.run(0)
}

func TestSpareEndsWithItsAgent(t *testing.T) {
	r := newSpare(t)
	if r.state.Job != "" {
		t.Errorf("a spare says it belongs to job %q", r.state.Job)
	}
	r.conn.Close()
	r.must(r.wait())
	if _, err := os.Stat(filepath.Join(r.spare, SocketName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its socket is still there: %v", err)
	}
}

func TestExitWaitsForAcknowledgement(t *testing.T) {
	r := newRig(t, sh("true"))
	r.acks = false
	r.run(0)
	r.exit(false)
	r.sync()
	r.reconnect() // it is still there
	r.awaitReached(lifecycle.Key{}, model.TaskFinished)
	r.acknowledge()
	r.must(r.wait())
	past, err := ReadStateLog(filepath.Join(r.dir, StateLogName))
	r.must(err)
	if len(past.Ended) != 1 || len(past.Unacked) != 0 || len(past.Live) != 0 {
		t.Errorf("the log says %d ended, %d unacknowledged, %d live", len(past.Ended), len(past.Unacked), len(past.Live))
	}
}

func TestExitWaitsForTasks(t *testing.T) {
	r := newRig(t, sh(`echo up >up; while [ ! -e go ]; do sleep 0.01; done`))
	r.launch(0, 0)
	r.awaitFile("t/up")
	r.exit(false)
	r.must(os.WriteFile(filepath.Join(r.sandbox("g", 0), "t/go"), nil, 0o600))
	r.expect(r.await(lifecycle.Key{}), "FINISHED cause=finished code=0")
	r.must(r.wait())
}

func TestForcedExitKills(t *testing.T) {
	r := newRig(t, sh(`trap "" TERM; (setsid sleep 1000 &); echo up >up; while :; do sleep 1; done`))
	r.launch(0, 0)
	r.awaitFile("t/up")
	r.exit(true)
	r.must(r.wait())
}

func TestSIGTERMKills(t *testing.T) {
	r := newRig(t, sh(`echo up >up; exec sleep 1000`))
	r.launch(0, 0)
	r.awaitFile("t/up")
	r.must(r.cmd.Process.Signal(unix.SIGHUP)) // none of its business
	r.must(r.cmd.Process.Signal(unix.SIGTERM))
	r.must(r.wait())
}

// Without an agent for too long, tasks are killed: the master will run them elsewhere.
func TestAbandoned(t *testing.T) {
	r := newRig(t, sh(`echo up >up; exec sleep 1000`))
	r.hello(time.Nanosecond) // a second is the least
	r.awaitState()
	r.launch(0, 0)
	r.awaitFile("t/up")
	r.conn.Close()
	r.must(r.wait())
	past, err := ReadStateLog(filepath.Join(r.dir, StateLogName))
	r.must(err)
	last := past.Unacked[len(past.Unacked)-1]
	r.expect(last, "KILLED cause=killed code=137 AGENT_DISCONNECTED: killed on request")
}

// kill -9 of the executor: its tasks die with it, what they left behind can be
// found and removed, and the log says what had been going on.
func TestExecutorKilled(t *testing.T) {
	drivers(t, func(t *testing.T, driver string) {
		script := `trap "" TERM; echo $$ >pid; if [ $TENDER_ALLOC_INDEX = 0 ]; then exit 0; fi
			(setsid sh -c 'trap "" TERM; sleep 1000; sleep 1000' &); echo up >up; while :; do sleep 1; done`
		r := newRig(t, sh(script, func(t *model.TaskSpec) { t.Driver = driver }))
		r.acks = false
		r.launch(0, 0, 1, 2)
		r.await(lifecycle.Key{})
		for _, i := range []uint32{1, 2} {
			r.awaitReached(lifecycle.Key{Index: i}, model.TaskRunning)
			for {
				if _, err := os.Stat(filepath.Join(r.sandbox("g", i), "t/up")); err == nil {
					break
				}
				unix.Poll(nil, 1)
			}
		}
		r.kill9()
		r.expectEOF()
		past, err := ReadStateLog(filepath.Join(r.dir, StateLogName))
		r.must(err)
		r.must(past.Cgroups.Destroy(10 * time.Second))
		if past.Job != "j1" || past.Pid != r.cmd.Process.Pid {
			t.Errorf("the log is of job %q, process %d", past.Job, past.Pid)
		}
		if len(past.Live) != 2 || past.Live[0].Index != 1 || past.Live[1].State != uint32(model.TaskRunning) {
			t.Errorf("live are %v, want 1 and 2 running", past.Live)
		}
		if n := len(past.Unacked); n != 4 {
			t.Errorf("%d updates are unacknowledged, want 4", n)
		}
	})
}

// An executor whose directory has a log goes on counting where that ends.
func TestNextExecutorOfAJob(t *testing.T) {
	r := newRig(t, sh("true"))
	r.acks = false
	r.run(0)
	r.kill9()
	past, err := ReadStateLog(filepath.Join(r.dir, StateLogName))
	r.must(err)
	r.must(past.Cgroups.Destroy(10 * time.Second))
	// A record that was being written when it died.
	f, err := os.OpenFile(filepath.Join(r.dir, StateLogName), os.O_APPEND|os.O_WRONLY, 0)
	r.must(err)
	f.Write([]byte{0x50, 1, 2, 3})
	r.must(f.Close())
	next := newSpare(t)
	r.must(os.Rename(filepath.Join(r.dir, StateLogName), filepath.Join(next.spare, StateLogName)))
	next.adopt(sh("true"))
	next.launch(0, 5)
	next.await(lifecycle.Key{Index: 5})
	if !slices.Equal(next.seqs, []uint64{3, 4}) {
		t.Errorf("sequence numbers %v, want 3 and 4", next.seqs)
	}
	next.end()
	past, err = ReadStateLog(filepath.Join(next.dir, StateLogName))
	r.must(err)
	if past.LastSeq != 4 || len(past.Unacked) != 2 || past.Pid != next.cmd.Process.Pid {
		t.Errorf("the log says sequence number %d, %d unacknowledged", past.LastSeq, len(past.Unacked))
	}
}

func TestAdoptionFails(t *testing.T) {
	for _, c := range []struct {
		name  string
		adopt *execpb.Adopt
		want  string
	}{
		{"bad description", &execpb.Adopt{Job: "j1", Spec: []byte("{"), Dir: "/tmp/x"}, `read description of job "j1"`},
		{"relative directory", &execpb.Adopt{Job: "j1", Spec: []byte("{}"), Dir: "x"}, "want an absolute path"},
		{"no place", &execpb.Adopt{Job: "j1", Spec: []byte("{}"), Dir: "/proc/x"}, "find the socket in the job's directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newSpare(t)
			r.send(&execpb.ToExecutor{Kind: &execpb.ToExecutor_Adopt{Adopt: c.adopt}})
			r.awaitState()
			if r.state.Job != "" || !strings.Contains(r.state.Error, c.want) {
				t.Errorf("state is %v, want an error with %q", r.state, c.want)
			}
			r.launch(0, 0) // nobody is there to run it, and that is no reason to fall over
			r.sync()
		})
	}
}

func TestSecondJobIsRefused(t *testing.T) {
	r := newRig(t, sh("true"))
	r.send(&execpb.ToExecutor{Kind: &execpb.ToExecutor_Adopt{Adopt: &execpb.Adopt{Job: "j2", Spec: []byte("{}"), Dir: "/tmp/x"}}})
	r.awaitState()
	if r.state.Job != "j1" || !strings.Contains(r.state.Error, `belongs to job "j1"`) {
		t.Errorf("state is %v", r.state)
	}
	r.run(0)
}

// Socket addresses are short, data directories need not be.
func TestLongPaths(t *testing.T) {
	r := newSpare(t)
	r.dir = filepath.Join(r.dir, strings.Repeat("long/", 60))
	r.must(os.MkdirAll(filepath.Dir(r.dir), 0o755))
	r.adopt(sh("true"))
	r.reconnect()
	r.run(0)
}

func TestMainRefusesNonsense(t *testing.T) {
	for _, args := range [][]string{nil, {"--nope"}, {"--dir"}} {
		if code := Main(args); code != 2 {
			t.Errorf("Main(%q) = %d, want 2", args, code)
		}
	}
}
