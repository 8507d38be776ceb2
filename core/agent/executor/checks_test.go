package executor

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/model"
)

// checked gives a job's group a service with one check.
func checked(j *model.Job, c model.Check) *model.Job {
	c.Name = "it"
	if c.Interval == 0 {
		c.Interval = model.Duration(100 * time.Millisecond)
	}
	if c.Timeout == 0 {
		c.Timeout = model.Duration(10 * time.Second)
	}
	j.Groups[0].Services = []model.Service{{Name: "web", Checks: []model.Check{c}}}
	return j
}

// awaitHealth returns the first health that comes and is as wanted.
func (r *rig) awaitHealth(healthy bool) *execpb.Update {
	r.Helper()
	for {
		for i, u := range r.healths {
			if u.Health.Healthy == healthy {
				r.healths = r.healths[i+1:]
				return u
			}
		}
		r.healths = nil
		r.must(r.receive())
	}
}

// A script check runs where its task runs: in its process and mount namespaces,
// its cgroup and its environment, in its directory.
func TestScriptCheckRunsInTheTask(t *testing.T) {
	drivers(t, func(t *testing.T, driver string) {
		j := sh(`echo $$ > local/pid; cat /proc/self/cgroup > local/cgroup; while :; do sleep 0.02; done`, func(t *model.TaskSpec) {
			t.Driver, t.Env = driver, map[string]string{"WHO": "me"}
		})
		r := newRig(t, checked(j, model.Check{Type: model.CheckScript, Command: "sh", Args: []string{"-c",
			`test -s local/cgroup && kill -0 $(cat local/pid) && cat /proc/self/cgroup | cmp - local/cgroup && test "$WHO" = me && test "${TENDER_ALLOC_INDEX}" = 0`}}))
		r.launch(0, 0)
		u := r.awaitHealth(true)
		if model.TaskState(u.Task.State) != model.TaskRunning || u.Reason != uint32(model.ReasonTaskHealthCheckStatusUpdated) {
			t.Errorf("health came with %v", u)
		}
		// Its cgroup must be the task's own: what is left of it ends with the task.
		r.kill(&execpb.Kill{})
		r.expect(r.await(lifecycle.Key{}), "KILLED cause=killed code=143: killed on request")
	})
}

// Health goes on over an agent's restart, changes alone are told, and output is
// bounded.
func TestHealthIsToldOnce(t *testing.T) {
	r := newRig(t, checked(sh(`while :; do sleep 0.02; done`), model.Check{Type: model.CheckScript, Command: "sh",
		Args: []string{"-c", `test -e local/ok || { head -c 100000 /dev/zero | tr '\0' x; exit 3; }`}}))
	r.launch(0, 0)
	u := r.awaitHealth(false)
	out := u.Health.Checks[0].Output
	if !strings.HasPrefix(out, "sh: exit code 3: xxx") || len(out) > model.MaxCheckOutput {
		t.Errorf("%d bytes of output: %.40s", len(out), out)
	}
	r.sync() // what is not acknowledged is told again
	r.reconnect()
	ok := filepath.Join(r.sandbox("g", 0), "t", "local", "ok")
	if err := os.WriteFile(ok, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	r.awaitHealth(true)
	os.Remove(ok)
	r.awaitHealth(false)
	if !slices.Equal(r.seqs, []uint64{1, 2, 3, 4}) {
		t.Errorf("updates %v, want one RUNNING and three changes of health, each once", r.seqs)
	}
	r.kill(&execpb.Kill{GraceNs: -1})
	r.await(lifecycle.Key{})
}

// A script that goes on too long is killed with all that it started; a task whose
// check fails too often ends as failed, and says which check it was.
func TestCheckRestart(t *testing.T) {
	r := newRig(t, checked(sh(`while :; do sleep 0.02; done`), model.Check{Type: model.CheckScript, Command: "sh",
		Args: []string{"-c", `sleep 1000 & sleep 1000`}, Timeout: model.Duration(50 * time.Millisecond), Restart: &model.CheckRestart{Limit: 2}}))
	r.launch(0, 0)
	r.expect(r.await(lifecycle.Key{}),
		`FAILED cause=unhealthy code=143 TASK_HEALTH_CHECK_STATUS_UPDATED: check "it" of service "web" failed 2 times in a row: sh did not end within 50ms:`)
}

// A task that is told to stop serves on for its shutdown delay.
func TestShutdownDelay(t *testing.T) {
	j := sh(`trap 'exit 0' TERM; while :; do sleep 0.02; done`)
	j.Groups[0].ShutdownDelay = model.Duration(300 * time.Millisecond)
	r := newRig(t, j)
	r.launch(0, 0)
	r.awaitReached(lifecycle.Key{}, model.TaskRunning)
	r.kill(&execpb.Kill{})
	r.awaitReached(lifecycle.Key{}, model.TaskKilling)
	told := time.Now()
	u := r.await(lifecycle.Key{})
	if d := time.Unix(0, u.Finished).Sub(told); d < 200*time.Millisecond {
		t.Errorf("it ended %s after it was told to", d)
	}
}
