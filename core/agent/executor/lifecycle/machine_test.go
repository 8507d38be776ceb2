package lifecycle

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tender-scheduler/tender/core/model"
)

// The scenarios of testdata: "group" describes tasks, one a line, the other
// commands are inputs; expected is what the machine asks for.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := &scenario{now: time.Unix(0, 0).UTC()}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			return s.do(t, d)
		})
	})
}

type scenario struct {
	job *model.Job
	m   *Machine
	now time.Time
}

func (s *scenario) do(t *testing.T, d *datadriven.TestData) string {
	if d.Cmd == "group" {
		s.job = &model.Job{Groups: []model.Group{{Name: "g"}}}
		if d.HasArg("delay") {
			s.job.Groups[0].ShutdownDelay = model.Duration(argDuration(t, d, "delay"))
		}
		for line := range strings.Lines(d.Input) {
			s.job.Groups[0].Tasks = append(s.job.Groups[0].Tasks, parseTask(line))
		}
		s.m = New(s.job)
		return ""
	}
	after := time.Second
	if d.HasArg("after") {
		after = argDuration(t, d, "after")
	}
	s.now = s.now.Add(after)
	if d.Cmd == "live" {
		var b strings.Builder
		for _, l := range s.m.Live() {
			fmt.Fprintf(&b, "%d/%d/%d %s\n", l.Task.Group, l.Task.Index, l.Task.Attempt, l.State)
		}
		return b.String()
	}
	return s.print(s.m.Step(s.now, s.input(t, d)))
}

func (s *scenario) input(t *testing.T, d *datadriven.TestData) Input {
	k := Key{}
	d.MaybeScanArgs(t, "group", &k.Group)
	d.MaybeScanArgs(t, "index", &k.Index)
	d.MaybeScanArgs(t, "attempt", &k.Attempt)
	task := 0
	if d.HasArg("task") {
		var name string
		d.ScanArgs(t, "task", &name)
		for i := range s.job.Groups[0].Tasks {
			if s.job.Groups[0].Tasks[i].Name == name {
				task = i
			}
		}
	}
	switch d.Cmd {
	case "launch":
		in := Launch{Key: k, Together: d.HasArg("together")}
		if d.HasArg("limit") {
			in.TimeLimit = argDuration(t, d, "limit")
		}
		return in
	case "release":
		return Release{k}
	case "prepared":
		return Prepared{k, task}
	case "preparing":
		return Preparing{k, task}
	case "started":
		return Started{k, task, s.now}
	case "checked":
		return Checked{k, model.Health{Healthy: !d.HasArg("failing")}}
	case "unhealthy":
		return Unhealthy{k, strings.TrimSpace(d.Input)}
	case "time-up":
		return TimeUp{k}
	case "kill":
		in := Kill{Key: k}
		if d.HasArg("grace") {
			in.Grace = argDuration(t, d, "grace")
		}
		if d.HasArg("reason") {
			var r string
			d.ScanArgs(t, "reason", &r)
			if err := in.Reason.UnmarshalText([]byte(r)); err != nil {
				t.Fatal(err)
			}
		}
		return in
	case "ended":
		e := Exit{At: s.now, Usage: model.Usage{CPU: model.Duration(time.Millisecond), PeakMemoryBytes: 1 << 20}}
		d.MaybeScanArgs(t, "code", &e.Code)
		d.MaybeScanArgs(t, "signal", &e.Signal)
		e.OOM = d.HasArg("oom")
		for _, a := range d.CmdArgs {
			if a.Key == "who" {
				e.Who = strings.Join(a.Vals, " ")
			}
		}
		if d.HasArg("fault") {
			e.Fault = strings.TrimSpace(d.Input)
		}
		if d.HasArg("failure") {
			e.Failure = strings.TrimSpace(d.Input)
		}
		if d.HasArg("note") {
			e.Note = strings.TrimSpace(d.Input)
		}
		return Ended{k, task, e}
	}
	t.Fatalf("%s: unknown command %q", d.Pos, d.Cmd)
	return nil
}

func argDuration(t *testing.T, d *datadriven.TestData, name string) time.Duration {
	var s string
	d.ScanArgs(t, name, &s)
	v, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// parseTask reads "NAME [leader] [prestart|poststart|poststop] [sidecar] [kill_timeout=D] [shutdown_delay=D]".
func parseTask(line string) model.TaskSpec {
	f := strings.Fields(line)
	t := model.TaskSpec{Name: f[0], Resources: model.TaskResources{MemoryBytes: 64 << 20}}
	for _, w := range f[1:] {
		if d, ok := strings.CutPrefix(w, "kill_timeout="); ok {
			v, _ := time.ParseDuration(d)
			t.KillTimeout = model.Duration(v)
			continue
		}
		if d, ok := strings.CutPrefix(w, "shutdown_delay="); ok {
			v, _ := time.ParseDuration(d)
			t.ShutdownDelay = model.Duration(v)
			continue
		}
		switch w {
		case "leader":
			t.Leader = true
		case "sidecar":
			t.Lifecycle.Sidecar = true
		default:
			t.Lifecycle = &model.Lifecycle{Hook: w}
		}
	}
	return t
}

func (s *scenario) print(effects []Effect) string {
	if len(effects) == 0 {
		return "nothing\n"
	}
	var b strings.Builder
	name := func(k Key, task int) string {
		return fmt.Sprintf("%s %s", k, s.job.Groups[k.Group].Tasks[task].Name)
	}
	for _, e := range effects {
		switch e := e.(type) {
		case Start:
			how := "start"
			if e.Hold {
				how = "prepare"
			}
			fmt.Fprintf(&b, "%s %s\n", how, name(e.Key, e.Task))
		case Go:
			fmt.Fprintf(&b, "go %s\n", name(e.Key, e.Task))
		case Stop:
			fmt.Fprintf(&b, "stop %s grace %s\n", name(e.Key, e.Task), e.Grace)
		case Wake:
			fmt.Fprintf(&b, "wake %s at %s\n", e.Key, e.At.Sub(time.Unix(0, 0)))
		case Forget:
			fmt.Fprintf(&b, "forget %s\n", e.Key)
		case Report:
			fmt.Fprintf(&b, "report %s\n", status(&e.Status))
		}
	}
	return b.String()
}

func status(s *model.TaskStatus) string {
	k := Key{s.Task.Group, s.Task.Index, s.Task.Attempt}
	out := fmt.Sprintf("%s %s", k, s.State)
	if s.Reason != model.ReasonNone {
		out += " " + strings.TrimPrefix(s.Reason.String(), "REASON_")
	}
	if r := s.Result; r != nil {
		out += fmt.Sprintf(" cause=%s code=%d", r.Cause, r.Code())
		if r.Task != "" {
			out += " task=" + r.Task
		}
		if s.Usage != nil {
			out += fmt.Sprintf(" cpu=%s", s.Usage.CPU)
		}
	}
	if s.Health != nil {
		out += fmt.Sprintf(" healthy=%v", s.Health.Healthy)
	}
	if s.Message != "" {
		out += fmt.Sprintf(" %q", s.Message)
	}
	return out
}
