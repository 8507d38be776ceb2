package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// loads is work under way while masters come and go, and people who watch it.
type loads struct {
	c     *cluster
	all   []load
	watch *aside // events -f
}

// load is one kind of work. finish lets it end and checks that all of it happened,
// once.
type load struct {
	name   string
	finish func(t *testing.T)
}

// startLoads begins what is to survive. A new kind of work is a line here.
func (c *cluster) startLoads() *loads {
	c.t.Helper()
	l := &loads{c: c, watch: c.inBackground("events", "-f", "-o", "json")}
	l.all = []load{c.flowing(400), c.held(100), c.ticking(), c.scheduled(), c.rolling(6)}
	return l
}

func (l *loads) finish() {
	l.c.t.Helper()
	for _, one := range l.all {
		l.c.t.Run(one.name, one.finish)
	}
	l.c.eventually("the event stream has told of every job's end", func() bool {
		out := l.watch.output()
		for _, name := range []string{"flow", "held", "ticker"} {
			if !strings.Contains(out, `"kind":"job_ended"`) || !strings.Contains(out, name) {
				return false
			}
		}
		return true
	})
	if err := l.watch.interrupt(); err != nil {
		l.c.t.Errorf("events -f did not last: %v\n%s", err, l.watch.errs())
	}
}

// flowing is an array whose tasks start and end all the time, with somebody who
// waits for it.
func (c *cluster) flowing(tasks int) load {
	ran := filepath.Join(c.dir, "flow-ran")
	wait := c.inBackground("submit", "--wait", c.array("flow", tasks, "1", fmt.Sprintf("echo $TENDER_ARRAY_INDEX >> %s; sleep 0.5", ran)))
	c.eventually("the flow has begun", func() bool { return len(lines(ran)) > 0 })
	return load{"flow", func(t *testing.T) {
		if err := wait.wait(); err != nil {
			t.Errorf("submit --wait: %v\n%s", err, wait.errs())
		}
		once(t, ran, tasks)
	}}
}

// held is an array whose tasks all run from the first fault to the last.
func (c *cluster) held(tasks int) load {
	began, ended, gate := filepath.Join(c.dir, "held-began"), filepath.Join(c.dir, "held-ended"), filepath.Join(c.dir, "gate")
	// Whoever opens the gate for reading waits until it is opened for writing.
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		c.t.Fatal(err)
	}
	id := c.submit(c.array("held", tasks, "0.1", fmt.Sprintf("echo $TENDER_ARRAY_INDEX >> %s; : < %s; echo $TENDER_ARRAY_INDEX >> %s", began, gate, ended)))
	c.eventually("the held ones run", func() bool { return len(lines(began)) == tasks })
	return load{"held", func(t *testing.T) {
		f, err := os.OpenFile(gate, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if r := c.run("wait", id); r.code != 0 {
			t.Errorf("wait: exit code %d\n%s", r.code, r.stderr)
		}
		once(t, began, tasks)
		once(t, ended, tasks)
		if v := c.job(id); v.Slots.Succeeded != tasks {
			t.Errorf("%+v", v.Slots)
		}
	}}
}

// ticking is a task that counts, with somebody who follows its output.
func (c *cluster) ticking() load {
	end := filepath.Join(c.dir, "ticker-ends")
	id := c.submit(c.script("ticker", "", fmt.Sprintf("i=0; while [ ! -e %s ]; do i=$((i+1)); echo $i; sleep 0.1; done", end)))
	follow := c.inBackground("logs", "-f", id)
	c.eventually("the ticker is heard", func() bool { return follow.output() != "" })
	return load{"ticker", func(t *testing.T) {
		if err := os.WriteFile(end, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if r := c.run("wait", id); r.code != 0 {
			t.Errorf("wait: exit code %d\n%s", r.code, r.stderr)
		}
		if err := follow.wait(); err != nil {
			t.Errorf("logs -f: %v\n%s", err, follow.errs())
		}
		got := strings.Fields(follow.output())
		for i, s := range got {
			if s != strconv.Itoa(i+1) {
				t.Fatalf("line %d of the followed output is %q", i+1, s)
			}
		}
		if whole := strings.Fields(c.must("logs", id)); len(whole) != len(got) {
			t.Errorf("%d lines were followed, there are %d", len(got), len(whole))
		}
	}}
}

// scheduled is a job that is due every second.
func (c *cluster) scheduled() load {
	ran := filepath.Join(c.dir, "scheduled-ran")
	id := c.submit(c.file("scheduled.hcl", fmt.Sprintf(`
job "scheduled" {
  periodic {
    schedule = "R/2026-01-01T00:00:00/PT1S"
    overlap  = "queue"
    catch_up = "all"
  }
  group "g" {
    task "t" {
      driver = "exec"
      config {
        script = "echo $TENDER_SCHEDULED_TIME >> %s"
      }
      resources {
        cpus   = 0.1
        memory = "16MiB"
      }
    }
  }
}
`, ran)))
	c.eventually("a run was due", func() bool { return len(lines(ran)) > 0 })
	return load{"scheduled", func(t *testing.T) {
		c.must("cron", "pause", id)
		var due []time.Time
		// Those that were created before the pause still end.
		c.eventually("all runs have ended", func() bool {
			var l model.JobList
			c.json(&l, "jobs", "-o", "json")
			return !slices.ContainsFunc(l.Jobs, func(v model.JobView) bool {
				return string(v.ID) != id && strings.HasPrefix(v.Name, "scheduled") && !v.State.Ended()
			})
		})
		for _, s := range lines(ran) {
			at, err := time.Parse(time.RFC3339, s)
			if err != nil {
				t.Fatal(err)
			}
			due = append(due, at)
		}
		slices.SortFunc(due, time.Time.Compare)
		for i := 1; i < len(due); i++ {
			if step := due[i].Sub(due[i-1]); step != time.Second {
				t.Errorf("after the run due at %v comes one due %v later", due[i-1], step)
			}
		}
		t.Logf("%d runs", len(due))
	}}
}

// array is a job of so many tasks.
func (c *cluster) array(name string, tasks int, cpus, script string) string {
	return c.file(name+".hcl", fmt.Sprintf(`
job %q {
  group "g" {
    array { range = "0-%d" }
    task "t" {
      driver = "exec"
      config {
        script = <<EOT
%s
EOT
      }
      resources {
        cpus   = %s
        memory = "16MiB"
      }
    }
  }
}
`, name, tasks-1, script, cpus))
}

func lines(path string) []string {
	b, _ := os.ReadFile(path)
	return strings.Fields(string(b))
}

// once checks that a file has each number below n in a line, once.
func once(t *testing.T, path string, n int) {
	t.Helper()
	times := make([]int, n)
	for _, s := range lines(path) {
		if i, err := strconv.Atoi(s); err == nil && i < n {
			times[i]++
		}
	}
	for i, k := range times {
		if k != 1 {
			t.Errorf("%s: %d is there %d times", filepath.Base(path), i, k)
		}
	}
}

// aside is a command that goes on while the test does.
type aside struct {
	cmd  *exec.Cmd
	mu   sync.Mutex
	out  bytes.Buffer
	err  bytes.Buffer
	done chan error
}

func (c *cluster) inBackground(args ...string) *aside {
	c.t.Helper()
	b := &aside{cmd: c.command(args...), done: make(chan error, 1)}
	b.cmd.Stdout, b.cmd.Stderr = &guarded{b, &b.out}, &guarded{b, &b.err}
	if err := b.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.done <- b.cmd.Wait()
	}()
	c.t.Cleanup(func() {
		_ = b.cmd.Process.Kill()
		<-ended
	})
	return b
}

func (b *aside) wait() error { return <-b.done }

// interrupt ends a command that goes on for ever; an error: it had ended before.
func (b *aside) interrupt() error {
	select {
	case err := <-b.done:
		return fmt.Errorf("it ended by itself: %w", err)
	default:
	}
	_ = b.cmd.Process.Signal(syscall.SIGINT)
	<-b.done
	return nil
}

func (b *aside) output() string { return b.text(&b.out) }
func (b *aside) errs() string   { return b.text(&b.err) }

func (b *aside) text(buf *bytes.Buffer) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return buf.String()
}

// guarded is a buffer that is read while it is written.
type guarded struct {
	b   *aside
	buf *bytes.Buffer
}

func (g *guarded) Write(p []byte) (int, error) {
	g.b.mu.Lock()
	defer g.b.mu.Unlock()
	return g.buf.Write(p)
}
