package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// work is a job of one group with one task, as these tests vary it.
type work struct {
	name  string
	top   string // attributes of the job, a line each
	group string // attributes and blocks of the group
	cpus  int
	// until is a file's name: the task runs until the test makes it; empty = it
	// ends at once.
	until string
}

func (c *cluster) work(w work) string {
	c.t.Helper()
	script := "true"
	if w.until != "" {
		script = fmt.Sprintf("while [ ! -e %s ]; do sleep 0.02; done", filepath.Join(c.dir, w.until))
	}
	return c.file(w.name+".hcl", fmt.Sprintf(`
job %q {
  %s
  group "g" {
    %s
    task "t" {
      driver       = "exec"
      kill_timeout = "5s"
      config {
        script = <<EOT
%s
EOT
      }
      resources {
        cpus   = %d
        memory = "32MiB"
      }
    }
  }
}
`, w.name, w.top, w.group, script, w.cpus))
}

// release lets the tasks end that run until the file is there.
func (c *cluster) release(name string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), nil, 0o644); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) running(id string, n int) {
	c.t.Helper()
	c.eventually(fmt.Sprintf("%d tasks of %s run", n, id), func() bool { return c.job(id).Slots.Running == n })
}

func (c *cluster) nodes(n int) {
	c.t.Helper()
	c.eventually(fmt.Sprintf("%d agents are ready", n), func() bool { return c.nodesReady() == n })
}

// why returns the one explanation that a job has.
func (c *cluster) why(id string) model.Explanation {
	c.t.Helper()
	var v model.WhyView
	c.json(&v, "why", id, "-o", "json")
	if len(v.Explanations) != 1 {
		c.t.Fatalf("%s has %d explanations, want 1: %+v", id, len(v.Explanations), v.Explanations)
	}
	return v.Explanations[0]
}

func reasonOf(e model.Explanation, r model.Reason) *model.WhyReason {
	for i := range e.Why {
		if e.Why[i].Reason == r {
			return &e.Why[i]
		}
	}
	return nil
}

// TestGangWaits: a gang with room for all but one starts none of its tasks and
// keeps no room idle that others of its priority can use; with the last place it
// starts whole.
func TestGangWaits(t *testing.T) {
	c, _ := dev(t, "--agents", "3", "--cpus", "1")
	c.nodes(3)
	busy := c.submit(c.work(work{name: "busy", cpus: 1, until: "busy-ends"}))
	c.running(busy, 1)
	gang := c.submit(c.work(work{name: "gang", group: "count = 3\n gang { launch = \"none\" }", cpus: 1, until: "gang-ends"}))
	e := c.why(gang)
	if e.Asked != 3 || e.Fits != 0 || reasonOf(e, model.WaitGang) == nil || reasonOf(e, model.WaitBusy) == nil {
		t.Errorf("why says %+v", e)
	}
	if text := c.must("why", gang); !strings.Contains(text, "2 of 3 tasks fit now, and all must start at once") {
		t.Errorf("why says:\n%s", text)
	}
	if s := c.job(gang).Slots; s.Running+s.Staging != 0 {
		t.Errorf("the gang starts in part: %+v", s)
	}
	// No time limit, the same priority: two places are free and it gets them.
	other := c.submit(c.work(work{name: "other", group: "count = 2", cpus: 1, until: "other-ends"}))
	c.running(other, 2)
	c.release("other-ends")
	c.must("wait", other)
	if s := c.job(gang).Slots; s.Running+s.Staging != 0 {
		t.Errorf("the gang starts in part: %+v", s)
	}
	c.release("busy-ends")
	c.running(gang, 3)
	c.release("gang-ends")
	c.must("wait", gang)
}

// TestLargeJobAmongSmall: tasks of low priority keep coming and would fill every
// core that frees up. A job of high priority that needs a whole node starts when
// those that ran have ended, and not when the small ones run out.
func TestLargeJobAmongSmall(t *testing.T) {
	for name, limit := range map[string]string{"without limits": "", "with limits": `time_limit = "10m"`} {
		t.Run(name, func(t *testing.T) {
			c, _ := dev(t, "--agents", "2", "--cpus", "3")
			c.nodes(2)
			// Each small task ends when the test says so, one after another, so
			// that cores free up one at a time on both nodes.
			const tasks = 60
			small := c.submit(c.file("small.hcl", fmt.Sprintf(`
job "small" {
  priority = 10
  %s
  group "g" {
    array { range = "0-%d" }
    task "t" {
      driver = "exec"
      config {
        script = <<EOT
while [ ! -e %s/end-$TENDER_ARRAY_INDEX ]; do sleep 0.02; done
EOT
      }
      resources {
        cpus   = 1
        memory = "16MiB"
      }
    }
  }
}`, limit, tasks-1, c.dir)))
			c.running(small, 6)
			end := func(i int) {
				c.release(fmt.Sprintf("end-%d", i))
				c.eventually(fmt.Sprintf("%d small ones are through", i+1), func() bool { return c.job(small).Slots.Succeeded == i+1 })
			}
			for i := range 4 { // they are not all of an age
				end(i)
				c.running(small, 6)
			}
			large := c.submit(c.work(work{name: "large", top: "priority = 90", cpus: 3, until: "large-ends"}))
			if e := c.why(large); e.Tier != model.TierHeld || e.Hold == nil {
				t.Errorf("nothing is held for the large job: %+v", e)
			}
			// Six small ones ran when it came: those are a small job's lifetime.
			for i := 4; i < 10 && c.job(large).Slots.Running == 0; i++ {
				end(i)
			}
			c.running(large, 1)
			if s := c.job(small).Slots; s.Waiting == 0 {
				t.Errorf("the small ones ran out, so this shows nothing: %+v", s)
			}
			c.release("large-ends")
			c.must("wait", large)
			c.must("cancel", small)
			c.run("wait", small)
		})
	}
}

// TestPreemption: a preemptible task ends for one of higher priority, says for
// which, is queued again without using up an attempt, and finishes afterwards.
func TestPreemption(t *testing.T) {
	c, _ := dev(t, "--cpus", "1")
	saved, armed := filepath.Join(c.dir, "saved"), filepath.Join(c.dir, "armed")
	low := c.submit(c.file("low.hcl", fmt.Sprintf(`
job "low" {
  priority    = 10
  preemptible = true
  group "g" {
    task "t" {
      driver       = "exec"
      kill_timeout = "20s"
      config {
        script = <<EOT
[ $TENDER_ATTEMPT -eq 0 ] || exit 0
trap 'echo saved > %s; exit 1' TERM
touch %s
while :; do sleep 0.02; done
EOT
      }
      resources {
        cpus   = 1
        memory = "32MiB"
      }
    }
  }
}`, saved, armed)))
	c.running(low, 1)
	c.eventually("it heeds the signal", func() bool { return exists(armed) })
	high := c.submit(c.work(work{name: "high", top: "priority = 80", cpus: 1, until: "high-ends"}))
	c.running(high, 1)
	if b, err := os.ReadFile(saved); err != nil || string(b) != "saved\n" {
		t.Errorf("the task had no time to save what it had: %q, %v", b, err)
	}
	if s := c.job(low).Slots; s.Waiting != 1 || s.Failed != 0 {
		t.Errorf("it is not back in the queue: %+v", s)
	}
	if e := c.why(low); reasonOf(e, model.WaitBusy) == nil {
		t.Errorf("why says %+v", e)
	}
	if text := c.must("job", low); !strings.Contains(text, "preempted for high.g") {
		t.Errorf("job does not say for whom it was preempted:\n%s", text)
	}
	events := c.must("events", low)
	if !strings.Contains(events, "preempted for high.g") {
		t.Errorf("events do not say for whom it was preempted:\n%s", events)
	}
	if text := c.must("events", low, "-o", "json"); !strings.Contains(text, `"cause":"preempted"`) {
		t.Errorf("no status has the cause:\n%s", text)
	}
	c.release("high-ends")
	c.must("wait", high)
	// Its policy allows no second attempt: it ends well all the same.
	if r := c.run("wait", low); r.code != 0 {
		t.Errorf("it ends with %d\n%s", r.code, r.stderr)
	}
}

// TestRoleLimit: a limit holds, explains itself, and outlives the master.
func TestRoleLimit(t *testing.T) {
	c, master, agent := split(t, "--cpus", "4")
	c.must("role", "set", "guests", "--limit", "cpus=2", "--weight", "3")
	id := c.submit(c.work(work{name: "guest", top: `role = "guests"`, group: "count = 3", cpus: 1, until: "guests-end"}))
	c.running(id, 2)
	limited := func() {
		t.Helper()
		e := c.why(id)
		w := reasonOf(e, model.WaitRoleLimit)
		if w == nil || w.Role != "guests" || e.Tier != model.TierBlocked {
			t.Errorf("why says %+v", e)
		}
		var l model.ShareList
		c.json(&l, "shares", "guests", "-o", "json")
		if len(l.Roles) != 1 {
			t.Fatalf("shares of guests: %+v", l)
		}
		v := l.Roles[0]
		if v.Used.CPUMilli != 2000 || v.Running != 2 || v.Waiting != 1 || v.Weight != 3 ||
			v.Limit.CPUMilli == nil || *v.Limit.CPUMilli != 2000 || len(v.AtLimit) == 0 {
			t.Errorf("shares say %+v", v)
		}
	}
	limited()
	master.kill9()
	c.startMaster()
	c.eventually("the agent is back", func() bool { return c.job(id).Slots.Running == 2 && c.nodesReady() == 1 })
	limited()
	c.must("role", "set", "guests", "--limit", "none")
	c.running(id, 3)
	c.release("guests-end")
	c.must("wait", id)
	c.endAgent(agent)
}

// nodesReady counts the agents that are in contact.
func (c *cluster) nodesReady() int {
	c.t.Helper()
	var l model.NodeList
	c.json(&l, "nodes", "-o", "json")
	n := 0
	for _, v := range l.Nodes {
		if v.State == model.NodeReady {
			n++
		}
	}
	return n
}

// TestBackfill: in front of a gang that waits for a task with a time limit, what
// ends before starts; what does not waits, and is told with what limit it would not.
func TestBackfill(t *testing.T) {
	c, _ := dev(t, "--agents", "2", "--cpus", "2")
	c.nodes(2)
	first := c.submit(c.work(work{name: "first", top: `time_limit = "10m"`, cpus: 1, until: "first-ends"}))
	c.running(first, 1)
	gang := c.submit(c.work(work{name: "gang", top: `time_limit = "1h"`, group: "count = 4\n gang { launch = \"none\" }", cpus: 1}))
	if e := c.why(gang); e.Tier != model.TierHeld || e.Hold == nil || e.Expected.IsZero() {
		t.Errorf("the gang is not held for: %+v", e)
	}
	long := c.submit(c.work(work{name: "long", top: `time_limit = "2h"`, cpus: 1}))
	short := c.submit(c.work(work{name: "short", top: `time_limit = "1m"`, cpus: 1}))
	c.must("wait", short)
	if s := c.job(long).State; s != model.JobQueued {
		t.Errorf("the long one is %s", s)
	}
	e := c.why(long)
	w := reasonOf(e, model.WaitHeld)
	if w == nil || len(w.For) == 0 || w.For[0] != "gang.g" {
		t.Errorf("why says %+v", e)
	}
	if e.Change == nil || e.Change.Kind != model.ChangeTimeLimit {
		t.Fatalf("why does not say which time limit would start it now: %+v", e)
	}
	if d, err := time.ParseDuration(e.Change.Value); err != nil || d < 8*time.Minute || d > 10*time.Minute {
		t.Errorf("it would start now with a time_limit of %s, where 10m are left at most", e.Change.Value)
	}
	// It is true: with that limit it starts.
	tight := c.submit(c.work(work{name: "tight", top: `time_limit = "7m"`, cpus: 1}))
	c.must("wait", tight)
	if s := c.job(gang).Slots; s.Running+s.Succeeded != 0 {
		t.Errorf("the gang has started: %+v", s)
	}
	c.release("first-ends")
	c.must("wait", gang)
	c.must("wait", long)
}
