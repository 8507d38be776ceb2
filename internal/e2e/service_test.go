package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/tender-scheduler/tender/core/model"
)

// service writes the job file of a service whose tasks sleep; release makes
// versions differ, and more goes into the job's update block.
func (c *cluster) service(name string, count int, release, update string) string {
	return c.file(name+".hcl", fmt.Sprintf(`
job %q {
  type = "service"
  update {
    min_healthy_time  = "300ms"
    healthy_deadline  = "60s"
    progress_deadline = "90s"
%s
  }
  group "g" {
    count = %d
    restart {
      delay = "200ms"
    }
    task "t" {
      driver = "exec"
      config {
        script = <<EOT
%s
EOT
      }
      resources {
        cpus   = 0.1
        memory = "32MiB"
      }
    }
  }
}
`, name, update, count, release))
}

// sleepers waits until n tasks sleep: one that is running may still be on its way
// to that.
func (c *cluster) sleepers(n int) (processes []int) {
	c.t.Helper()
	c.eventually(fmt.Sprintf("%d tasks sleep", n), func() bool {
		processes = c.processesNamed("sleep 100000")
		return len(processes) == n
	})
	return processes
}

func sleeping(release string) string { return "echo " + release + "; exec sleep 100000" }

// healthy waits until a service has so many healthy tasks, all of one release.
func (c *cluster) healthy(name string, n int) model.JobView {
	c.t.Helper()
	var v model.JobView
	c.eventually(fmt.Sprintf("%d tasks of %s are healthy", n, name), func() bool {
		v = c.job(name)
		return v.Service.Healthy == n && v.Service.Desired == n && v.Slots.Running == n
	})
	return v
}

// TestService: a service runs until it is cancelled, starts again what ends, and is
// updated, scaled, restarted and rolled back.
func TestService(t *testing.T) {
	c, _ := dev(t, "--agents", "2")
	must := func(want string, args ...string) {
		t.Helper()
		if r := c.run(args...); r.code != 0 || !strings.Contains(r.stdout+r.stderr, want) {
			t.Errorf("tender %s: exit code %d, lacks %q\n%s%s", strings.Join(args, " "), r.code, want, r.stdout, r.stderr)
		}
	}
	must("is running: version 1, 2 of 2 tasks healthy", "submit", "--wait", c.service("web", 2, sleeping("one"), ""))
	id := c.job("web").ID
	must("is the same as version 1", "submit", c.service("web", 2, sleeping("one"), ""))

	victim := c.sleepers(2)
	if err := syscall.Kill(victim[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	c.eventually("the killed task has a new attempt", func() bool {
		attempts := 0
		for _, x := range c.tasks("web") {
			attempts += int(x.ID.Attempt)
		}
		return attempts == 1
	})
	c.healthy("web", 2)

	must("2 replaced", "plan", c.service("web", 2, sleeping("two"), ""))
	must("version 2, 2 of 2 tasks healthy", "submit", "--wait", c.service("web", 2, sleeping("two"), ""))
	c.eventually("the new version is heard", func() bool { return c.must("logs", "web", "--index", "1") == "two\n" })
	if v := c.job("web"); v.ID != id || v.Service.Version != 2 || !v.Service.Stable {
		t.Errorf("the new version is %s %+v, want version 2 of %s", v.ID, v.Service, id)
	}
	must("3 of 3 tasks healthy", "scale", "--wait", "web", "3")
	must("3 of 3 tasks healthy", "restart", "--wait", "web")
	must("version 4, 2 of 2 tasks healthy", "rollback", "--wait", "--to", "1", "web")
	must("version 1 again", "versions", "web")

	stale := c.run("submit", "--check-index", "1", c.service("web", 2, sleeping("three"), ""))
	if stale.code != model.ExitRejected || !strings.Contains(stale.stderr, "was changed meanwhile") {
		t.Errorf("a stale check index: exit code %d\n%s", stale.code, stale.stderr)
	}
	must("web", "cancel", "web")
	if r := c.run("wait", "web"); r.code != model.ExitCancelled {
		t.Errorf("exit code %d of a cancelled service, want %d", r.code, model.ExitCancelled)
	}
	if left := c.processesNamed("sleep 100000"); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
}

// TestFailingUpdate: a version that does not work, or has no room, is given up, and
// the one before never stops.
func TestFailingUpdate(t *testing.T) {
	c, _ := dev(t)
	c.must("submit", "--wait", c.service("web", 2, sleeping("one"), ""))
	before := c.sleepers(2)
	file := strings.NewReplacer(`healthy_deadline  = "60s"`, "", `progress_deadline = "90s"`, "")
	broken := func(release, more string) string {
		const quick = "healthy_deadline = \"4s\"\nprogress_deadline = \"5s\"\nauto_revert = true"
		text := file.Replace(readFile(t, c.service("web", 2, release, quick)))
		return c.file("broken.hcl", strings.Replace(text, "cpus   = 0.1", "cpus   = "+more, 1))
	}
	r := c.run("submit", "--wait", broken("exit 3", "0.1"))
	if r.code != 1 || !strings.Contains(r.stderr, "exit code 3") || !strings.Contains(r.stderr, "going back to version 1") {
		t.Errorf("a version that fails: exit code %d\n%s", r.code, r.stderr)
	}
	r = c.run("submit", "--wait", broken(sleeping("large"), "1000"))
	if r.code != 1 || !strings.Contains(r.stderr, "there is no room for it") {
		t.Errorf("a version without room: exit code %d\n%s", r.code, r.stderr)
	}
	c.healthy("web", 2)
	if after := c.sleepers(2); !slices.Equal(before, after) {
		t.Errorf("the working tasks are processes %v, were %v", after, before)
	}
	c.must("cancel", "web")
	c.run("wait", "web")
}

// TestCanary: a canary runs beside the old tasks until it is promoted.
func TestCanary(t *testing.T) {
	c, _ := dev(t)
	c.must("submit", "--wait", c.service("web", 2, sleeping("one"), ""))
	r := c.run("submit", "--wait", c.service("web", 2, sleeping("two"), "canary = 1"))
	if r.code != 0 || !strings.Contains(r.stderr, "tender deployment promote web") {
		t.Errorf("exit code %d\n%s", r.code, r.stderr)
	}
	c.sleepers(3) // two and a canary
	c.must("deployment", "promote", "web")
	c.eventually("the deployment has succeeded", func() bool {
		return c.job("web").Service.Deployment.State == model.DeploymentSuccessful
	})
	for _, x := range c.tasks("web") {
		if x.Version != 2 {
			t.Errorf("task %s is of version %d", x.ID, x.Version)
		}
	}
	c.must("cancel", "web")
	c.run("wait", "web")
}

// TestSystemJob: one task on every agent, also on one that joins later.
func TestSystemJob(t *testing.T) {
	c, _, a1 := split(t)
	text := strings.NewReplacer(`"service"`, `"system"`, "count = 1", "").Replace(readFile(t, c.service("mon", 1, sleeping("one"), "")))
	c.must("submit", "--wait", c.file("mon.hcl", text))
	c.healthy("mon", 1)
	a2 := c.startAgent("a2")
	c.healthy("mon", 2)
	c.must("cancel", "mon")
	c.run("wait", "mon")
	c.endAgent(a2)
	c.endAgent(a1)
}

// TestServiceFailover: a rolling update goes on under the next leader.
func TestServiceFailover(t *testing.T) {
	c, master, a1 := split(t)
	c.must("submit", "--wait", c.service("web", 3, sleeping("one"), ""))
	c.must("submit", c.service("web", 3, sleeping("two"), ""))
	master.kill9()
	c.startMaster()
	c.eventually("the update has succeeded", func() bool {
		s := c.job("web").Service
		return s.Version == 2 && s.Deployment.State == model.DeploymentSuccessful
	})
	c.healthy("web", 3)
	c.sleepers(3)
	c.must("cancel", "web")
	c.run("wait", "web")
	c.endAgent(a1)
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
