package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// everywhere is a sysbatch job that runs script.
func (c *cluster) everywhere(name, script string) string {
	c.t.Helper()
	return c.file(name+".hcl", strings.Replace(readFile(c.t, c.script(name, "", script)), "\n  group", "\n  type = \"sysbatch\"\n  group", 1))
}

// TestSysBatch: a run to its end on every agent, also on one that joins while the
// job is not over; its exit code and retries are a batch job's; a node that is drained
// has no part in it.
func TestSysBatch(t *testing.T) {
	c, master, a1 := split(t)
	ends := func(name string) string { return fmt.Sprintf("while [ ! -e %s/%s ]; do sleep 0.02; done", c.dir, name) }
	id := c.submit(c.everywhere("clean", ends("clean-$TENDER_NODE_NAME")+"; exit $((TENDER_ALLOC_INDEX * 3))"))
	c.running(id, 1)
	c.release("clean-a1")
	c.eventually("the first has ended, and so the job", func() bool { return c.job(id).State.Ended() })
	a2 := c.startAgent("a2")
	if r := c.run("wait", id); r.code != 0 {
		t.Errorf("exit code %d\n%s", r.code, r.stderr)
	}

	sweep := c.submit(c.everywhere("sweep", ends("sweep")+"; test -e "+c.dir+"/well || exit $((TENDER_ALLOC_INDEX * 3))"))
	c.running(sweep, 2)
	a3 := c.startAgent("a3")
	c.running(sweep, 3)
	master.kill9()
	c.startMaster()
	c.nodes(3)
	c.release("sweep")
	if r := c.run("wait", sweep); r.code != 6 {
		t.Errorf("exit code %d, want 6: the largest of three\n%s", r.code, r.stderr)
	}
	c.release("well")
	c.must("retry", sweep)
	c.must("wait", sweep)
	if s := c.job(sweep).Slots; s.Succeeded != 3 || s.Total != 3 {
		t.Errorf("after the retry: %+v", s)
	}

	scan := c.submit(c.everywhere("scan", ends("scan")))
	c.running(scan, 3)
	c.must("node", "drain", "a3", "--deadline", "1s")
	c.eventually("it runs on two", func() bool { return c.job(scan).Slots.Running == 2 })
	c.release("scan")
	c.must("wait", scan)
	if s := c.job(scan).Slots; s.Succeeded != 2 || s.Killed != 1 {
		t.Errorf("with a drained node: %+v", s)
	}
	if out := c.must("plan", c.everywhere("next", "true")); !strings.Contains(out, "all of its 2 tasks would start now") {
		t.Errorf("plan:\n%s", out)
	}
	for _, a := range []*daemon{a3, a2, a1} {
		c.endAgent(a)
	}
}

// TestScheduledNever: a schedule whose runs could never start is said so at once.
func TestScheduledNever(t *testing.T) {
	c, _ := dev(t)
	path := c.file("never.hcl", `
job "never" {
  periodic {
    cron = "0 3 * * *"
  }
  group "g" {
    task "t" {
      config {
        script = "true"
      }
      resources {
        cpus = 9000
      }
    }
  }
}
`)
	if out := c.must("plan", path); !strings.Contains(out, "its runs could never start:") || !strings.Contains(out, "9000") {
		t.Errorf("plan:\n%s", out)
	}
	if r := c.run("submit", path); r.code != 0 || !strings.Contains(r.stdout+r.stderr, "a run of never cannot start on the agents there are") {
		t.Errorf("submit: %d\n%s%s", r.code, r.stdout, r.stderr)
	}
}
