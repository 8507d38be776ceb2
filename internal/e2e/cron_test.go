package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// runs are what is remembered of a schedule's runs, oldest first.
func (c *cluster) runs(name string) []model.RunView {
	c.t.Helper()
	var l model.RunList
	c.json(&l, "cron", "runs", name, "-o", "json")
	slices.Reverse(l.Runs)
	return l.Runs
}

// checkEverySecond holds that what a schedule that is due every second was due for has
// one run each, without a gap, numbered in order. On a slow machine the first may
// be forgotten already.
func (c *cluster) checkEverySecond(runs []model.RunView) {
	c.t.Helper()
	for i, r := range runs {
		if r.Job == "" || r.Number != runs[0].Number+i {
			c.t.Errorf("entry %d is %+v", i, r)
		}
		if i > 0 && r.Due.Sub(runs[i-1].Due) != time.Second {
			c.t.Errorf("run %d is due %s, run %d %s", r.Number, r.Due, r.Number-1, runs[i-1].Due)
		}
	}
}

// TestEverySecondThroughCrashes: of a schedule that is due every second each due time has
// exactly one run, though the master is killed twice, and each run's job ran once.
func TestEverySecondThroughCrashes(t *testing.T) {
	c, master, agent := split(t)
	marks := filepath.Join(c.dir, "marks")
	c.must("submit", c.file("tick.hcl", `
job "tick" {
  periodic {
    cron    = "* * * * * *"
    epsilon = "1h" # however slow this machine is, nothing counts as missed
  }
  task "t" {
    driver = "exec"
    config {
      script = "echo $TENDER_SCHEDULED_TIME >> `+marks+`"
    }
    resources {
      cpus   = 0.1
      memory = "16MiB"
    }
  }
}
`))
	for range 2 {
		before := len(c.runs("tick"))
		c.eventually("it has run some more", func() bool { return len(c.runs("tick")) >= before+3 })
		master.kill9()
		master = c.startMaster()
	}
	before := len(c.runs("tick"))
	c.eventually("it has run some more", func() bool { return len(c.runs("tick")) >= before+2 })
	c.must("cancel", "tick")
	c.eventually("all runs have ended", func() bool {
		return !slices.ContainsFunc(c.runs("tick"), func(r model.RunView) bool { return !r.State.Ended() })
	})
	runs := c.runs("tick")
	c.checkEverySecond(runs)
	var want []string
	for _, r := range runs {
		want = append(want, r.Due.Format(time.RFC3339))
		if r.State != model.JobSucceeded {
			t.Errorf("run %d is %s: %s", r.Number, r.State, r.Message)
		}
	}
	written, err := os.ReadFile(marks)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Fields(string(written))
	slices.Sort(got)
	total := runs[len(runs)-1].Number
	if len(got) != total || !slices.Equal(got[total-len(want):], want) {
		t.Errorf("what ran is\n%v\nwant %d, the last of which are\n%v", got, total, want)
	}
	var list model.JobList
	c.json(&list, "jobs", "-o", "json", "--limit", "0")
	if n := len(list.Jobs); n != total+1 {
		t.Errorf("there are %d jobs for %d runs and their schedule", n, total)
	}
	c.endAgent(agent)
}

// TestScheduledExamples runs the examples of scheduled jobs as their first lines say.
func TestScheduledExamples(t *testing.T) {
	c, _ := dev(t)
	submit := func(name string) {
		t.Helper()
		path, err := filepath.Abs(filepath.Join(examples, name+".hcl"))
		if err != nil {
			t.Fatal(err)
		}
		c.must("submit", path)
	}
	submit("cron-report")
	if out := c.must("cron", "next", "cron-report", "-n", "1"); !strings.Contains(out, "06:30:00 CE") {
		t.Errorf("the next time is\n%s", out)
	}
	run := strings.TrimSpace(c.must("cron", "trigger", "-o", "name", "cron-report"))
	c.must("wait", run)
	if out := c.must("logs", "cron-report"); !strings.HasPrefix(out, "report 1, due at 20") {
		t.Errorf("the output of the run is %q", out)
	}
	if v := c.job("cron-report"); v.State != model.JobScheduled || v.Schedule.Last == nil || string(v.Schedule.Last.Job) != run {
		t.Errorf("the schedule is %+v", v)
	}

	path, err := filepath.Abs(filepath.Join(examples, "cron-dag-load.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	if r := c.run("submit", path); r.code != 251 || !strings.Contains(r.stderr, "submit that one first") {
		t.Errorf("a job that follows an unknown one: exit code %d, %s", r.code, r.stderr)
	}
	submit("cron-dag-extract")
	submit("cron-dag-clean")
	submit("cron-dag-load")
	c.must("cron", "trigger", "cron-dag-extract")
	c.eventually("the last of the three has run", func() bool {
		return slices.ContainsFunc(c.runs("cron-dag-load"), func(r model.RunView) bool { return r.State == model.JobSucceeded })
	})
	first, last := c.runs("cron-dag-extract")[0], c.runs("cron-dag-load")[0]
	if !first.Due.Equal(last.Due) || len(c.runs("cron-dag-clean")) != 1 {
		t.Errorf("the round began at %s, and its end is of %s", first.Due, last.Due)
	}
	if out, want := c.must("logs", "cron-dag-load"), "loaded for "+first.Due.Format(time.RFC3339)+"\n"; out != want {
		t.Errorf("the output is %q, want %q", out, want)
	}
	c.must("cron", "pause", "cron-dag-extract", "cron-report")
	if v := c.job("cron-report"); v.State != model.JobPaused || !v.Schedule.Next.IsZero() {
		t.Errorf("the paused schedule is %+v", v)
	}
	c.must("cron", "resume", "cron-report")
	c.must("cancel", "cron-report", "cron-dag-extract", "cron-dag-clean", "cron-dag-load")
}
