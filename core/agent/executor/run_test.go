package executor

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/model"
)

// testdata/run tells how tasks end and what is said about it: the input is a
// task's changes to the default in JSON, the output its end and what it printed.
func TestRunScenarios(t *testing.T) {
	datadriven.RunTest(t, "testdata/run", func(t *testing.T, d *datadriven.TestData) string {
		task := shTask("t", "true")
		task.Config = model.TaskConfig{}
		if err := json.Unmarshal([]byte(d.Input), &task); err != nil {
			d.Fatalf(t, "%v", err)
		}
		r := newRig(t, job(task))
		u := r.run(0)
		got := summary(u) + "\n"
		for _, stream := range []string{"t.stdout", "t.stderr"} {
			if text := r.output(stream); text != "" {
				got += stream + ": " + text
			}
		}
		r.end()
		got = strings.ReplaceAll(got, r.sandbox("g", 0), "SANDBOX")
		return strings.ReplaceAll(got, os.Getenv("PATH"), "PATH")
	})
}

func TestStatesOfATask(t *testing.T) {
	drivers(t, func(t *testing.T, driver string) {
		r := newRig(t, sh("exit 3", func(t *model.TaskSpec) { t.Driver = driver }))
		before := time.Now().UnixNano()
		u := r.run(0)
		r.expect(u, "FAILED cause=failed code=3 COMMAND_EXECUTOR_FAILED: exit code 3")
		if got := r.states[lifecycle.Key{}]; !slices.Equal(got, []model.TaskState{model.TaskRunning, model.TaskFailed}) {
			t.Errorf("%s: states %v", driver, got)
		}
		if u.Started < before || u.Finished < u.Started || u.At < u.Finished || u.At > time.Now().UnixNano() {
			t.Errorf("%s: times are %d, %d, %d; the test began at %d", driver, u.Started, u.Finished, u.At, before)
		}
		if u.CpuNs <= 0 || u.PeakMemoryBytes <= 0 {
			t.Errorf("%s: usage is %d ns, %d bytes", driver, u.CpuNs, u.PeakMemoryBytes)
		}
	})
}

// drivers runs a test with each driver.
func drivers(t *testing.T, f func(t *testing.T, driver string)) {
	for _, driver := range []string{model.DriverExec, model.DriverRawExec} {
		t.Run(driver, func(t *testing.T) { f(t, driver) })
	}
}

func TestUsageOfTheWholeTree(t *testing.T) {
	r := newRig(t, sh(`(i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done) & x=$(head -c 20000000 /dev/zero | tr '\0' x); wait`))
	u := r.run(0)
	r.expect(u, "FINISHED cause=finished code=0")
	if u.CpuNs < int64(5*time.Millisecond) || u.PeakMemoryBytes < 20_000_000 {
		t.Errorf("usage is %v, %d bytes", time.Duration(u.CpuNs), u.PeakMemoryBytes)
	}
}

func TestOutOfMemory(t *testing.T) {
	r := newRig(t, sh(`x=$(head -c 200000000 /dev/zero | tr '\0' x); echo survived`, func(t *model.TaskSpec) {
		t.Resources.MemoryBytes = 32 << 20
	}))
	u := r.run(0)
	if u.Result.Cause != string(model.CauseOOM) || model.TaskReason(u.Reason) != model.ReasonContainerLimitMemory ||
		!strings.HasPrefix(u.Message, "out of memory: its limit is 32MiB, its peak was 3") {
		t.Errorf("ended as %s", summary(u))
	}
	// The cell is used again, and nobody is blamed for what came before.
	r.launch(0, 1)
	r.await(lifecycle.Key{Index: 1})
}

func TestOwnEnvironmentOnly(t *testing.T) {
	r := newRig(t, sh("env"))
	r.run(0)
	out := r.output("t.stdout")
	for _, want := range []string{"TENDER_JOB_ID=j1\n", "NOMAD_TASK_NAME=t\n", "SITE=lab\n", "TENDER_NODE_NAME=n1\n", "HOME=/root\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("environment lacks %q: %s", want, out)
		}
	}
	if strings.Contains(out, "TENDER_TEST_SECRET") {
		t.Errorf("the daemon's environment leaks: %s", out)
	}
}

func TestLaunchEnvironment(t *testing.T) {
	r := newRig(t, sh("echo $TENDER_RANK of $WORLD_SIZE"))
	r.launchWith(&execpb.Launch{Indices: []uint32{0}, Env: map[string]string{"TENDER_RANK": "3", "WORLD_SIZE": "8"}})
	r.await(lifecycle.Key{})
	if out := r.output("t.stdout"); out != "3 of 8\n" {
		t.Errorf("output %q", out)
	}
}

func TestGrants(t *testing.T) {
	j := sh("echo $TENDER_PORT_http $CUDA_VISIBLE_DEVICES")
	j.Groups[0].Network = &model.Network{Ports: []model.Port{{Label: "http"}}}
	j.Groups[0].Tasks[0].Resources.GPU = &model.GPURequest{Count: 1}
	r := newRig(t, j)
	grant := func(port uint32, uuid string) *execpb.Grant {
		return &execpb.Grant{Ports: []uint32{port}, Gpus: []*execpb.GpuShare{{Uuid: uuid, Milli: 1000}}}
	}
	r.launchWith(&execpb.Launch{Indices: []uint32{0, 1}, Grants: []*execpb.Grant{grant(7, "GPU-x"), grant(8, "GPU-y")}})
	r.await(lifecycle.Key{Index: 1})
	r.await(lifecycle.Key{})
	if out := r.output("t.stdout"); out != "7 GPU-x\n" {
		t.Errorf("output %q", out)
	}
}

// A port that somebody else has is the launch's failure, and said in our words; a
// static one is the task's business.
func TestPortsOfOthers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := uint16(l.Addr().(*net.TCPAddr).Port)
	try := func(t *testing.T, static uint16, want string) {
		j := sh("true")
		j.Groups[0].Network = &model.Network{Ports: []model.Port{{Label: "http", Static: static}}}
		r := newRig(t, j)
		r.launchWith(&execpb.Launch{Indices: []uint32{0}, Grants: []*execpb.Grant{{Ports: []uint32{uint32(taken)}}}})
		if got := summary(r.await(lifecycle.Key{})); !strings.Contains(got, want) {
			t.Errorf("ended as %q, want %q", got, want)
		}
	}
	t.Run("picked", func(t *testing.T) {
		try(t, 0, fmt.Sprintf("CONTAINER_LAUNCH_FAILED: port %d, picked for \"http\", is taken on this node", taken))
	})
	t.Run("static", func(t *testing.T) { try(t, taken, "FINISHED cause=finished code=0") })
}

func TestSeesOnlyItself(t *testing.T) {
	r := newRig(t, sh(`cd /proc; ls -d [0-9]* | wc -l; cat 1/comm`))
	r.run(0)
	if out := strings.Fields(r.output("t.stdout")); len(out) != 2 || out[0] > "5" || out[1] != "tender-init" {
		t.Errorf("/proc shows %q processes, the first of which is %q", out[0], out[1])
	}
}

func TestRunsAsAUser(t *testing.T) {
	r := newRig(t, sh(`id -un; id -gn; touch local/x tmp/x secrets/x $TENDER_ALLOC_DIR/x && stat -c %U local/x`, func(t *model.TaskSpec) {
		t.User = "nobody"
	}))
	os.Chmod(filepath.Dir(r.dir), 0o755)
	u := r.run(0)
	r.expect(u, "FINISHED cause=finished code=0")
	if out := r.output("t.stdout"); out != "nobody\nnogroup\nnobody\n" {
		t.Errorf("output %q, errors %q", out, r.output("t.stderr"))
	}
}

func TestKill(t *testing.T) {
	for _, c := range []struct {
		name, script string
		change       func(*model.TaskSpec)
		kill         *execpb.Kill
		want         string
	}{
		{"by SIGTERM", "echo up >up; exec sleep 1000", nil, &execpb.Kill{},
			"KILLED cause=killed code=143: killed on request"},
		{"raw", "echo up >up; exec sleep 1000", raw, &execpb.Kill{},
			"KILLED cause=killed code=143: killed on request"},
		{"by its own signal", `trap "exit 7" USR1; echo up >up; while :; do sleep 0.01; done`,
			func(t *model.TaskSpec) { t.KillSignal = "SIGUSR1" }, &execpb.Kill{},
			"KILLED cause=killed code=7: killed on request"},
		{"deaf", `trap "" TERM; (trap "" TERM; setsid sleep 1000 & ) ; echo up >up; while :; do sleep 1; done`,
			func(t *model.TaskSpec) { t.KillTimeout = model.Duration(10 * time.Millisecond) }, &execpb.Kill{},
			"KILLED cause=killed code=137: killed on request"},
		{"deaf and raw", `trap "" TERM; (setsid sh -c 'trap "" TERM; sleep 1000; sleep 1000' &) ; echo up >up; while :; do sleep 1; done`,
			func(t *model.TaskSpec) {
				t.Driver, t.KillTimeout = model.DriverRawExec, model.Duration(10*time.Millisecond)
			}, &execpb.Kill{},
			"KILLED cause=killed code=137: killed on request"},
		{"without patience", "echo up >up; exec sleep 1000", nil, &execpb.Kill{GraceNs: -1},
			"KILLED cause=killed code=137: killed on request"},
		{"for another", "echo up >up; exec sleep 1000", nil, &execpb.Kill{Reason: uint32(model.ReasonContainerPreempted)},
			"KILLED cause=preempted code=143 CONTAINER_PREEMPTED: preempted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			change := c.change
			if change == nil {
				change = func(*model.TaskSpec) {}
			}
			r := newRig(t, sh(c.script, change))
			r.launch(0, 0)
			r.awaitReached(lifecycle.Key{}, model.TaskRunning)
			r.awaitFile("t/up")
			r.kill(c.kill)
			r.expect(r.await(lifecycle.Key{}), c.want)
			if got := r.states[lifecycle.Key{}]; !slices.Equal(got, []model.TaskState{model.TaskRunning, model.TaskKilling, model.TaskKilled}) {
				t.Errorf("states %v", got)
			}
		})
	}
}

func TestTimeLimit(t *testing.T) {
	r := newRig(t, sh("exec sleep 1000"))
	r.launchWith(&execpb.Launch{Indices: []uint32{0}, TimeLimitNs: int64(time.Second)})
	r.expect(r.await(lifecycle.Key{}), "FAILED cause=time_limit code=143 MAX_COMPLETION_TIME_REACHED: ran longer than its time limit of 1s")
}

// What a task leaves in the background ends with it.
func TestDaemonsEndWithTheTask(t *testing.T) {
	drivers(t, func(t *testing.T, driver string) {
		r := newRig(t, sh(`(setsid sh -c 'sleep 1000 & echo up >up; sleep 1000' &); while [ ! -e up ]; do sleep 0.01; done`,
			func(t *model.TaskSpec) { t.Driver = driver }))
		r.expect(r.run(0), "FINISHED cause=finished code=0")
		if pids := r.taskPids(); len(pids) > 0 {
			t.Errorf("%s: processes %v run after the task", driver, pids)
		}
		r.launch(0, 1)
		r.expect(r.await(lifecycle.Key{Index: 1}), "FINISHED cause=finished code=0")
	})
}

// taskPids returns the processes in the executor's cgroups, but for its own threads.
func (r *rig) taskPids() []int {
	pids, err := r.host.Tree(r.cgroup).Pids()
	r.must(err)
	return slices.DeleteFunc(pids, func(p int) bool { return p == r.cmd.Process.Pid })
}

func TestForkBombIsContained(t *testing.T) {
	r := newRig(t, sh(`f() { f & f & wait; f; }; f 2>/dev/null; while :; do f 2>/dev/null; done`, func(t *model.TaskSpec) {
		t.Resources.PidsMax = 50
		t.KillTimeout = model.Duration(time.Millisecond)
	}))
	r.launch(0, 0)
	r.awaitReached(lifecycle.Key{}, model.TaskRunning)
	r.kill(&execpb.Kill{})
	r.await(lifecycle.Key{})
	if pids := r.taskPids(); len(pids) > 0 {
		t.Errorf("processes %v are left", pids)
	}
}

func TestGroupInOrder(t *testing.T) {
	note := func(s string) string { return "echo " + s + " >>$TENDER_ALLOC_DIR/order" }
	hook := func(h string, sidecar bool) func(*model.TaskSpec) {
		return func(t *model.TaskSpec) { t.Lifecycle = &model.Lifecycle{Hook: h, Sidecar: sidecar} }
	}
	until := "while ! grep -q %s $TENDER_ALLOC_DIR/order; do sleep 0.01; done; "
	wait := func(s string) string { return strings.ReplaceAll(until, "%s", s) }
	r := newRig(t, job(
		shTask("proxy", note("proxy")+"; exec sleep 1000", hook("prestart", true)),
		shTask("first", wait("proxy")+note("first"), hook("prestart", false)),
		shTask("second", note("second"), hook("prestart", false)),
		shTask("a", note("main")+"; "+wait("announce")),
		shTask("b", note("main")+"; "+wait("announce")),
		shTask("announce", "while [ $(grep -c main $TENDER_ALLOC_DIR/order) -lt 2 ]; do sleep 0.01; done; "+note("announce"), hook("poststart", false)),
		shTask("tidy", note("tidy"), hook("poststop", false)),
	))
	r.expect(r.run(0), "FINISHED cause=finished code=0 task=a")
	if order := r.awaitFile("alloc/order"); order != "proxy\nfirst\nsecond\nmain\nmain\nannounce\ntidy" {
		t.Errorf("order is %q", order)
	}
}

func TestGroupFailureStopsTheOthers(t *testing.T) {
	r := newRig(t, job(shTask("a", "exec sleep 1000"), shTask("b", "exit 5")))
	r.expect(r.run(0), `FAILED cause=failed code=5 COMMAND_EXECUTOR_FAILED task=b: task "b": exit code 5`)
}

func TestSignals(t *testing.T) {
	// A task must find signals as a shell would leave them, whatever the daemon does with them.
	// No shell: some ignore a signal themselves.
	r := newRig(t, sh("", func(t *model.TaskSpec) {
		t.Config = model.TaskConfig{Command: "grep", Args: []string{"-E", "Sig(Blk|Ign)", "/proc/self/status"}}
	}))
	r.run(0)
	for line := range strings.Lines(r.output("t.stdout")) {
		f := strings.Fields(line)
		set, err := strconv.ParseUint(f[1], 16, 64)
		// Signals 32 and 33 are the C library's: whoever started the tests may
		// have left them ignored, and nobody can tell.
		if set &^= 3 << 31; err != nil || set != 0 {
			t.Errorf("%s is %s (%v)", f[0], f[1], err)
		}
	}
}

func TestArray(t *testing.T) {
	j := sh("exit 0")
	j.Groups[0].Array = &model.Array{Ranges: []model.IndexRange{{First: 0, Last: 299, Step: 1}}}
	r := newRig(t, j)
	var indices []uint32
	for i := range uint32(300) {
		indices = append(indices, i)
	}
	r.launch(0, indices...)
	for _, i := range indices {
		r.expect(r.await(lifecycle.Key{Index: i}), "FINISHED cause=finished code=0")
	}
	names, err := r.host.List(r.cgroup)
	r.must(err)
	if r.host.Mode != "none" && len(names) > 50 {
		t.Errorf("%d cells were made for 300 short tasks: they are not used again", len(names))
	}
	for i := 1; i < len(r.seqs); i++ {
		if r.seqs[i] != r.seqs[i-1]+1 {
			t.Fatalf("update %d follows %d", r.seqs[i], r.seqs[i-1])
		}
	}
}

func TestStopBeforeStart(t *testing.T) {
	// More tasks than workers, killed at once: some are still queued.
	r := newRig(t, sh("exec sleep 1000"))
	var indices []uint32
	for i := range uint32(40) {
		indices = append(indices, i)
	}
	r.launch(0, indices...)
	r.kill(&execpb.Kill{})
	for _, i := range indices {
		u := r.await(lifecycle.Key{Index: i})
		if model.TaskState(u.Task.State) != model.TaskKilled {
			t.Errorf("ended as %s", summary(u))
		}
	}
}
