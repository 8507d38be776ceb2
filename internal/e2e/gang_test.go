package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tender-scheduler/tender/core/model"
)

// gang is a job file of count allocations with so many ranks each, on as many
// nodes, which run a shell script.
func (c *cluster) gang(name string, count, ranks int, more, text string) string {
	return c.script(name, fmt.Sprintf(`
    count = %d
    gang { 
      ranks = %d 
    }
    constraint { distinct_hosts = true }
    %s`, count, ranks, more), text)
}

// TestGangRanks: each rank is a process with a place and a log of its own.
func TestGangRanks(t *testing.T) {
	c, _ := dev(t, "--agents", "2")
	file := c.gang("ranks", 2, 3, "", `echo "$TENDER_RANK $TENDER_LOCAL_RANK $TENDER_WORLD_SIZE $RANK $SLURM_PROCID $SLURM_NODEID $SLURM_NNODES $SLURM_TASKS_PER_NODE"
echo trouble of $TENDER_RANK >&2`)
	if r := c.run("submit", file, "--wait"); r.code != 0 {
		t.Fatalf("exit code %d\n%s", r.code, r.stderr)
	}
	var want strings.Builder
	for rank := range 6 {
		fmt.Fprintf(&want, "[%d] %d %d 6 %d %d %d 2 3(x2)\n", rank, rank, rank%3, rank, rank, rank/3)
	}
	if got := c.must("logs", "ranks"); got != want.String() {
		t.Errorf("all ranks say\n%swant\n%s", got, want.String())
	}
	for _, l := range []struct {
		args []string
		want string
	}{
		{[]string{"--rank", "4", "--stderr"}, "trouble of 4\n"},
		{[]string{"--rank", "5,0-1", "--stderr"}, "[5] trouble of 5\n[0] trouble of 0\n[1] trouble of 1\n"},
		{[]string{"--index", "1", "--stderr"}, "[3] trouble of 3\n[4] trouble of 4\n[5] trouble of 5\n"},
		{[]string{"-f", "--rank", "2", "--tail", "1"}, "2 2 6 2 2 0 2 3(x2)\n"},
	} {
		if got := c.must(append([]string{"logs", "ranks"}, l.args...)...); got != l.want {
			t.Errorf("logs %v prints\n%swant\n%s", l.args, got, l.want)
		}
	}
	if r := c.run("logs", "ranks", "--rank", "6"); r.code == 0 || !strings.Contains(r.stderr, "ranks 0 to 5") {
		t.Errorf("a rank that there is not: exit code %d, %s", r.code, r.stderr)
	}
}

// TestGangStartsTogether: while one allocation still prepares none runs; if it
// cannot be prepared, none ever does.
func TestGangStartsTogether(t *testing.T) {
	c, _ := dev(t, "--agents", "2")
	ran, goOn := filepath.Join(c.dir, "ran"), filepath.Join(c.dir, "go")
	file := c.file("together.hcl", fmt.Sprintf(`
job "together" {
  group "g" {
    count = 2
    gang {}
    constraint { distinct_hosts = true }
    task "ready" {
      lifecycle { hook = "prestart" }
      config {
        script = "[ $TENDER_ALLOC_INDEX = 0 ] || while [ ! -e %[2]s ]; do sleep 0.02; done"
      }
    }
    task "t" {
      config {
        command = "/bin/sh"
        args    = ["-c", "echo x >> %[1]s"]
      }
      resources {
        cpus   = 0.1
        memory = "32MiB"
      }
    }
  }
}
`, ran, goOn))
	id := c.submit(file)
	c.eventually("the first is prepared", func() bool {
		tasks := c.tasks(id)
		return len(tasks) == 2 && tasks[0].State+tasks[1].State == "startingstaging"
	})
	if exists(ran) {
		t.Error("one ran although the other was not prepared")
	}
	if err := os.WriteFile(goOn, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if r := c.run("wait", id); r.code != 0 {
		t.Errorf("exit code %d\n%s", r.code, r.stderr)
	}
	if b, _ := os.ReadFile(ran); string(b) != "x\nx\n" {
		t.Errorf("ran: %q", b)
	}

	never := filepath.Join(c.dir, "never")
	file = c.file("never.hcl", fmt.Sprintf(`
job "never" {
  group "g" {
    count = 2
    gang {}
    constraint { distinct_hosts = true }
    task "t" {
      config {
        command = "%s/$${node.unique.name}"
        args    = ["%s"]
      }
      resources {
        cpus   = 0.1
        memory = "32MiB"
      }
    }
  }
}
`, c.dir, never))
	if err := os.WriteFile(filepath.Join(c.dir, "dev-1"), []byte("#!/bin/sh\ntouch $1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := c.run("submit", file, "--wait")
	v := c.job("never")
	if r.code != 127 || v.Cause != model.CauseLaunchFailed || !strings.Contains(v.Message, "on node dev-2 could not be started: command") {
		t.Errorf("exit code %d, %s: %s", r.code, v.Cause, v.Message)
	}
	if exists(never) {
		t.Error("one ran although the other could not")
	}
}

// TestGangFailsAsOne: the first rank to fail stops those on its node and on
// others, whatever they do about it, and gives the result.
func TestGangFailsAsOne(t *testing.T) {
	c, _ := dev(t, "--agents", "2")
	file := c.gang("one", 2, 2, "", `trap "" TERM
if [ $TENDER_RANK = 1 ]; then exit 7; fi
while :; do sleep 1000; done`)
	r := c.run("submit", file, "--wait")
	v := c.job("one")
	if v.Failure == nil || r.code != 7 || v.Message != "rank 1 on node "+v.Failure.AgentName+" exited with code 7" {
		t.Fatalf("exit code %d, message %q, failure %+v\n%s", r.code, v.Message, v.Failure, r.stderr)
	}
	if !strings.Contains(r.stderr, v.Message) {
		t.Errorf("submit --wait does not say %q:\n%s", v.Message, r.stderr)
	}
	if out := c.must("job", "one"); !strings.Contains(out, v.Message) || !strings.Contains(out, "stopped, as another rank had failed") {
		t.Errorf("tender job says\n%s", out)
	}
}

// TestGangLosesNode: a node goes away for good; the whole gang goes back, and
// runs as a whole again on those that are left.
func TestGangLosesNode(t *testing.T) {
	c := newCluster(t)
	c.addr = freeAddress(t)
	c.start(true, "master", "--listen", c.addr, "--data-dir", filepath.Join(c.dir, "master"), "--fence-after", "5s")
	var agents []*daemon
	for _, name := range []string{"a1", "a2", "a3"} {
		agents = append(agents, c.startAgent(name))
	}
	goOn := filepath.Join(c.dir, "go")
	id := c.submit(c.gang("gang", 2, 1, "", fmt.Sprintf(`while [ ! -e %s ]; do sleep 0.02; done; echo attempt $TENDER_ATTEMPT`, goOn)))
	c.running(id, 2)
	tasks := func() []model.TaskView { return c.tasks(id) }
	lost := tasks()[0].AgentName
	for i, name := range []string{"a1", "a2", "a3"} {
		if name == lost {
			agents[i].kill9()
		}
	}
	c.eventually("the node is out of contact, or was", func() bool {
		return slices.ContainsFunc(tasks(), func(v model.TaskView) bool { return v.State == "unreachable" || v.ID.Attempt > 0 })
	})
	c.eventually("the gang runs again, elsewhere", func() bool {
		ts := tasks()
		n := 0
		for _, t := range ts {
			if t.State == "running" && t.ID.Attempt == 1 && t.AgentName != lost {
				n++
			}
		}
		return n == 2
	})
	if err := os.WriteFile(goOn, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if r := c.run("wait", id); r.code != 0 {
		t.Errorf("exit code %d\n%s", r.code, r.stderr)
	}
	if got := c.must("logs", id); got != "[0] attempt 1\n[1] attempt 1\n" {
		t.Errorf("the output is %q", got)
	}
}
