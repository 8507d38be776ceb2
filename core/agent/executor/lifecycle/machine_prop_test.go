package lifecycle

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
)

// Whatever happens in whatever order, every attempt ends in exactly one terminal
// report, its last, after all its tasks have ended; its states follow the table.
func TestEveryAttemptEndsOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{T: t, job: drawJob(t), attempts: map[Key]*observed{}}
		w.m = New(w.job)
		for i := range rapid.IntRange(1, 3).Draw(t, "attempts") {
			k := Key{Index: uint32(i)}
			w.attempts[k] = &observed{state: model.TaskStaging, tasks: map[int]string{}}
			w.attempts[k].together = rapid.Bool().Draw(t, "together")
			w.step(Launch{Key: k, Together: w.attempts[k].together, TimeLimit: time.Duration(rapid.IntRange(0, 1).Draw(t, "limit")) * time.Minute})
		}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			w.disturb()
		}
		w.finish()
		for k, a := range w.attempts {
			if a.terminal != 1 {
				t.Fatalf("attempt %s has %d terminal reports", k, a.terminal)
			}
		}
		if w.m.Len() != 0 {
			t.Fatalf("%d attempts are still live", w.m.Len())
		}
	})
}

// observed is what the world has seen of an attempt. Tasks are "held", "ready",
// "asked", "running" or "ended".
type observed struct {
	state    model.TaskState
	terminal int
	tasks    map[int]string
	together bool
	released bool
}

type world struct {
	*rapid.T
	job      *model.Job
	m        *Machine
	now      time.Time
	attempts map[Key]*observed
}

func drawJob(t *rapid.T) *model.Job {
	g := model.Group{Name: "g", ShutdownDelay: model.Duration(rapid.IntRange(0, 3).Draw(t, "delay")) * model.Duration(time.Second)}
	hooks := []*model.Lifecycle{
		nil, nil, {Hook: "prestart"}, {Hook: "prestart", Sidecar: true},
		{Hook: "poststart"}, {Hook: "poststart", Sidecar: true}, {Hook: "poststop"},
	}
	for range rapid.IntRange(1, 5).Draw(t, "tasks") {
		g.Tasks = append(g.Tasks, model.TaskSpec{
			Lifecycle:   rapid.SampledFrom(hooks).Draw(t, "hook"),
			Leader:      rapid.IntRange(0, 4).Draw(t, "leader") == 0,
			KillTimeout: model.Duration(rapid.IntRange(0, 2).Draw(t, "kill timeout")) * model.Duration(time.Second),
		})
	}
	return &model.Job{Groups: []model.Group{g}}
}

func (w *world) key() Key {
	return Key{Index: uint32(rapid.IntRange(0, len(w.attempts)-1).Draw(w.T, "index"))}
}

// disturb does something that may happen.
func (w *world) disturb() {
	k := w.key()
	switch rapid.IntRange(0, 11).Draw(w.T, "what") {
	case 0:
		grace := rapid.SampledFrom([]time.Duration{0, -1, time.Second}).Draw(w.T, "grace")
		w.step(Kill{Key: k, Grace: grace})
	case 1:
		w.step(TimeUp{k})
	case 2:
		w.step(Launch{Key: k})
	case 3:
		w.attempts[k].released = w.attempts[k].together
		w.step(Release{k})
	case 4:
		w.step(Checked{k, model.Health{Healthy: true}})
	case 5:
		if w.attempts[k].state == model.TaskRunning { // only what runs is watched
			w.step(Unhealthy{k, "check failed"})
		}
	default:
		w.advance(k)
	}
}

// advance lets one of the attempt's tasks start or end.
func (w *world) advance(k Key) bool {
	a := w.attempts[k]
	for i := range len(w.job.Groups[0].Tasks) {
		switch a.tasks[i] {
		case "held":
			if rapid.IntRange(0, 5).Draw(w.T, "fails to prepare") == 0 {
				a.tasks[i] = "ended"
				w.step(Ended{k, i, Exit{At: w.now, Failure: "no"}})
			} else {
				a.tasks[i] = "ready"
				w.step(Prepared{k, i})
			}
			return true
		case "asked":
			if rapid.IntRange(0, 5).Draw(w.T, "fails to start") == 0 {
				a.tasks[i] = "ended"
				w.step(Ended{k, i, Exit{At: w.now, Failure: "no"}})
			} else {
				a.tasks[i] = "running"
				w.step(Started{k, i, w.now})
			}
			return true
		case "running":
			if rapid.Bool().Draw(w.T, "another first") {
				continue
			}
			a.tasks[i] = "ended"
			w.step(Ended{k, i, Exit{At: w.now, Code: rapid.IntRange(0, 1).Draw(w.T, "code")}})
			return true
		}
	}
	return false
}

// finish lets everything that runs end.
func (w *world) finish() {
	for {
		moved := false
		for i := range len(w.attempts) {
			k := Key{Index: uint32(i)}
			for task := range w.job.Groups[0].Tasks {
				exit := Exit{At: w.now}
				switch w.attempts[k].tasks[task] {
				case "", "ended":
					continue
				case "held", "ready":
					exit.Failure = "no" // it cannot end well: it has not run
				}
				w.attempts[k].tasks[task] = "ended"
				w.step(Ended{k, task, exit})
				moved = true
			}
		}
		if !moved {
			return
		}
	}
}

func (w *world) step(in Input) {
	w.now = w.now.Add(time.Second)
	for _, e := range w.m.Step(w.now, in) {
		switch e := e.(type) {
		case Start:
			a := w.attempts[e.Key]
			if a.tasks[e.Task] != "" || a.terminal > 0 {
				w.Fatalf("task %d of %s is started although it %s", e.Task, e.Key, a.tasks[e.Task])
			}
			a.tasks[e.Task] = "asked"
			if main := w.job.Groups[0].Tasks[e.Task].Lifecycle == nil; e.Hold != (main && a.together && !a.released) {
				w.Fatalf("task %d of %s is started with hold %t: together %t, released %t", e.Task, e.Key, e.Hold, a.together, a.released)
			}
			if e.Hold {
				a.tasks[e.Task] = "held"
			}
		case Go:
			a := w.attempts[e.Key]
			if a.tasks[e.Task] != "ready" || !a.released {
				w.Fatalf("task %d of %s is to go, but it is %q, released %t", e.Task, e.Key, a.tasks[e.Task], a.released)
			}
			a.tasks[e.Task] = "asked"
		case Stop:
			if is := w.attempts[e.Key].tasks[e.Task]; is != "asked" && is != "running" && is != "held" && is != "ready" {
				w.Fatalf("task %d of %s is stopped although it is %q", e.Task, e.Key, is)
			}
		case Report:
			w.report(e)
		}
	}
}

func (w *world) report(e Report) {
	a := w.attempts[Key{e.Status.Task.Group, e.Status.Task.Index, e.Status.Task.Attempt}]
	next, err := a.state.Next(e.Status.State)
	if err != nil || a.terminal > 0 {
		w.Fatalf("reported %s after %s: %v", e.Status.State, a.state, err)
	}
	a.state = next
	for i := range w.job.Groups[0].Tasks {
		if is := a.tasks[i]; next == model.TaskStarting && w.job.Groups[0].Tasks[i].Lifecycle == nil && is != "ready" {
			w.Fatalf("said to be prepared while task %d is %q", i, is)
		}
	}
	if !next.Terminal() {
		return
	}
	a.terminal++
	for i, is := range a.tasks {
		if is != "ended" {
			w.Fatalf("reported %s while task %d is %s", next, i, is)
		}
	}
	if e.Status.Result == nil || e.Status.Result.Cause == "" {
		w.Fatalf("terminal report without a result: %+v", e.Status)
	}
	if failed := next == model.TaskFailed; failed && e.Status.Result.Code() == 0 && e.Status.Result.Cause != model.CauseFailed {
		w.Fatalf("failed with exit code 0: %+v", e.Status.Result)
	}
	if slices.Contains([]model.TaskState{model.TaskFailed, model.TaskKilled}, next) && e.Status.Message == "" {
		w.Fatalf("no message: %+v", e.Status)
	}
}
