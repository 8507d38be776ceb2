package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tender-scheduler/tender/core/model"
)

// TestExitCodes: what a task ends with is what submit --wait ends with.
func TestExitCodes(t *testing.T) {
	c, _ := dev(t)
	for _, x := range []struct {
		name, script string
		group        string
		code         int
		cause        model.Cause
	}{
		{"ok", "exit 0", "", 0, model.CauseFinished},
		{"three", "exit 3", "", 3, model.CauseFailed},
		{"term", "kill -TERM $$", "", 128 + 15, model.CauseFailed},
		{"kill", "kill -KILL $$", "", 128 + 9, model.CauseFailed},
		{"oom", `x=0123456789abcdef; while :; do x=$x$x$x$x; done`, "", 128 + 9, model.CauseOOM},
		{"largest", "exit $TENDER_ARRAY_INDEX", `array { range = "0-5" }`, 5, model.CauseFailed},
	} {
		t.Run(x.name, func(t *testing.T) {
			r := c.run("submit", c.script(x.name, x.group, x.script), "--wait")
			if r.code != x.code {
				t.Errorf("exit code %d, want %d\n%s%s", r.code, x.code, r.stdout, r.stderr)
			}
			v := c.job(x.name)
			if v.ExitCode == nil || *v.ExitCode != x.code || v.Cause != x.cause {
				t.Errorf("job ended with %v (%s), want %d (%s)", v.ExitCode, v.Cause, x.code, x.cause)
			}
		})
	}
}

// TestTimeLimit: a task that runs past its limit is stopped and says so.
func TestTimeLimit(t *testing.T) {
	c, _ := dev(t)
	f := c.file("slow.hcl", `
job "slow" {
  time_limit = "500ms"
  group "g" {
    task "t" {
      driver = "exec"
      config {
        command = "/bin/sleep"
        args    = ["1000"]
      }
    }
  }
}`)
	r := c.run("submit", f, "--wait")
	v := c.job("slow")
	if r.code == 0 || v.Cause != model.CauseTimeLimit {
		t.Errorf("exit code %d, cause %s\n%s", r.code, v.Cause, r.stderr)
	}
}

// TestLogs: output is there while the task runs, after it, and can be awaited
// before it has started.
func TestLogs(t *testing.T) {
	c, _ := dev(t, "--cpus", "1")
	id := c.submit(c.script("talk", "", "echo to stdout; echo to stderr >&2"))
	if got := c.must("logs", id, "-f"); got != "to stdout\n" {
		t.Errorf("stdout is %q", got)
	}
	c.must("wait", id)
	if got := c.must("logs", id, "--stderr"); got != "to stderr\n" {
		t.Errorf("stderr is %q", got)
	}
}

// TestUsage: the final status has what the task really used.
func TestUsage(t *testing.T) {
	c, _ := dev(t)
	c.must("submit", c.script("burn", "", `i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done`), "--wait")
	v := c.job("burn")
	if v.Usage.CPU <= 0 || v.Usage.PeakMemoryBytes <= 0 {
		t.Errorf("usage is %+v", v.Usage)
	}
}

// TestArrayAndDependency: an array with a limit, and a job that waits for it.
func TestArrayAndDependency(t *testing.T) {
	c, _ := dev(t)
	out := filepath.Join(c.dir, "out")
	if err := os.Mkdir(out, 0o777); err != nil {
		t.Fatal(err)
	}
	c.submit(c.script("parts", `array { 
		range = "0-99" 
		limit = 10 
	}`, fmt.Sprintf("echo $TENDER_ARRAY_INDEX > %s/$TENDER_ARRAY_INDEX", out)))
	merge := c.file("merge.hcl", fmt.Sprintf(`
job "merge" {
  depends_on = { parts = "ok" }
  group "g" {
    task "t" {
      driver = "exec"
      config { 
        command = "/bin/sh" 
        args = ["-c", "cat %s/* | sort -n | tail -1; ls %s | wc -l"] 
      }
    }
  }
}`, out, out))
	c.must("submit", merge, "--wait")
	if got := c.must("logs", "merge"); got != "99\n100\n" {
		t.Errorf("the merge printed %q", got)
	}
}

// TestCancel: a cancelled job's tasks are gone with all their children.
func TestCancel(t *testing.T) {
	c, _ := dev(t)
	id := c.submit(c.script("forks", "count = 3", `
setsid sh -c 'sleep 1000 & sleep 1000' &
sleep 1000`))
	c.eventually("all three run", func() bool { return c.job(id).Slots.Running == 3 })
	c.must("cancel", id)
	r := c.run("wait", id)
	if r.code != model.ExitCancelled {
		t.Errorf("wait ends with %d, want %d\n%s", r.code, model.ExitCancelled, r.stderr)
	}
	for pid, args := range c.processes() {
		if strings.Contains(args, "sleep 1000") {
			t.Errorf("process %d still runs: %s", pid, args)
		}
	}
	c.eventually("its cgroups are removed", func() bool { return len(c.cgroupsWithoutExecutor()) == 0 })
	c.eventually("its executor has ended", func() bool { return len(c.processesNamed("/jobs/"+id)) == 0 })
}

// TestRetry: a task that fails is tried again as its job says, and by hand.
func TestRetry(t *testing.T) {
	c, _ := dev(t)
	marks := filepath.Join(c.dir, "marks")
	f := c.script("flaky", `restart { 
		attempts = 2 
		delay = "10ms" 
	}`, fmt.Sprintf("echo x >> %s; [ $(wc -l < %s) -ge 3 ]", marks, marks))
	c.must("submit", f, "--wait")
	if b, _ := os.ReadFile(marks); strings.Count(string(b), "x") != 3 {
		t.Errorf("it ran %d times, want 3", strings.Count(string(b), "x"))
	}
	again := filepath.Join(c.dir, "again")
	id := c.submit(c.script("byhand", "", fmt.Sprintf("[ -e %s ]", again)))
	if r := c.run("wait", id); r.code != 1 {
		t.Errorf("exit code %d, want 1", r.code)
	}
	if err := os.WriteFile(again, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	c.must("retry", id)
	c.must("wait", id)
}

// TestIdempotency: the same key is the same job.
func TestIdempotency(t *testing.T) {
	c, _ := dev(t)
	f := c.script("once", "", "true")
	a := c.submit(f, "--idempotency-key", "k1")
	b := c.submit(f, "--idempotency-key", "k1")
	if a != b {
		t.Errorf("one key gave two jobs, %s and %s", a, b)
	}
	other := c.script("other", "", "false")
	if r := c.run("submit", other, "--idempotency-key", "k1"); r.code != model.ExitRejected {
		t.Errorf("another job with the same key: exit code %d\n%s", r.code, r.stderr)
	}
}

// TestWhy: a job that can never start says so at once, one that waits says for what.
func TestWhy(t *testing.T) {
	c, _ := dev(t, "--cpus", "2", "--memory", "4GiB")
	huge := c.file("huge.hcl", `
job "huge" {
  group "g" {
    task "t" {
      driver = "exec"
      config { command = "/bin/true" }
      resources { cpus = 64 }
    }
  }
}`)
	r := c.run("submit", huge)
	if r.code != 0 || !strings.Contains(r.stderr, "64") || !strings.Contains(r.stderr, "2") {
		t.Errorf("submit (exit code %d) does not warn:\n%s", r.code, r.stderr)
	}
	why := c.must("why", "huge")
	if !strings.Contains(why, "cpus") {
		t.Errorf("why says:\n%s", why)
	}
	plan := c.run("plan", huge)
	if !strings.Contains(plan.stdout, "never") && !strings.Contains(plan.stdout, "cpus") {
		t.Errorf("plan says:\n%s%s", plan.stdout, plan.stderr)
	}
}
