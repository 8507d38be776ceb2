package health

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
)

// The scenarios of testdata: "checks" describes checks, one a line; "pass N",
// "fail N [why]" are results, "wait D" lets time pass. Expected is what the
// machine asks for. The first questions come at their times as if none had a
// seed: see settle.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := &scenario{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string { return s.do(t, d) })
	})
}

var begin = time.Unix(0, 0).UTC()

type scenario struct {
	m   *Machine
	now time.Time
}

func (s *scenario) do(t *testing.T, d *datadriven.TestData) string {
	switch d.Cmd {
	case "checks":
		var specs []Spec
		for line := range strings.Lines(d.Input) {
			specs = append(specs, parseCheck(t, line))
		}
		s.m, s.now = New(specs, begin, "seed"), begin
		for i := range s.m.checks {
			s.m.checks[i].due = begin // the jitter has a test of its own
		}
		return s.print(s.m.Step(s.now, Tick{}))
	case "wait":
		by, err := time.ParseDuration(d.CmdArgs[0].Key)
		if err != nil {
			t.Fatal(err)
		}
		s.now = s.now.Add(by)
		return s.print(s.m.Step(s.now, Tick{}))
	case "pass", "fail":
		var i int
		if _, err := fmt.Sscan(d.CmdArgs[0].Key, &i); err != nil {
			t.Fatal(err)
		}
		return s.print(s.m.Step(s.now, Result{Check: i, Passed: d.Cmd == "pass", Output: strings.TrimSpace(d.Input)}))
	}
	t.Fatalf("unknown command %q", d.Cmd)
	return ""
}

// parseCheck reads "NAME interval=D [success=N] [failures=N] [limit=N grace=D]".
func parseCheck(t *testing.T, line string) Spec {
	f := strings.Fields(line)
	s := Spec{Service: "web", Check: model.Check{Name: f[0], Type: model.CheckTCP, Timeout: model.Duration(time.Second)}}
	restart := model.CheckRestart{}
	for _, w := range f[1:] {
		name, value, _ := strings.Cut(w, "=")
		n := 0
		_, _ = fmt.Sscan(value, &n)
		d, _ := time.ParseDuration(value)
		switch name {
		case "interval":
			s.Interval = model.Duration(d)
		case "success":
			s.SuccessBeforePassing = n
		case "failures":
			s.FailuresBeforeCritical = n
		case "limit":
			restart.Limit, s.Restart = n, &restart
		case "grace":
			restart.Grace = model.Duration(d)
		default:
			t.Fatalf("unknown word %q", w)
		}
	}
	return s
}

func (s *scenario) print(effects []Effect) string {
	var b strings.Builder
	for _, e := range effects {
		switch e := e.(type) {
		case Probe:
			fmt.Fprintf(&b, "ask %d\n", e.Check)
		case Report:
			fmt.Fprintf(&b, "report healthy=%v %s\n", e.Health.Healthy, e.Health.Why())
		case Fail:
			fmt.Fprintf(&b, "fail: %s\n", e.Message)
		case Wake:
			fmt.Fprintf(&b, "wake at %s\n", e.At.Sub(begin))
		}
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}

// Whatever the answers: a check is asked once at a time; what is reported is what
// counting by hand says; nothing follows a Fail, and it comes no sooner than its
// limit and grace allow.
func TestAgainstCounting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var specs []Spec
		for i := range rapid.IntRange(1, 3).Draw(t, "checks") {
			s := Spec{Service: "s", Check: model.Check{
				Name: fmt.Sprint("c", i), Interval: model.Duration(rapid.IntRange(1, 40).Draw(t, "interval")) * model.Duration(100*time.Millisecond),
				SuccessBeforePassing: rapid.IntRange(0, 2).Draw(t, "success"), FailuresBeforeCritical: rapid.IntRange(0, 2).Draw(t, "failures"),
			}}
			if rapid.Bool().Draw(t, "restarts") {
				s.Restart = &model.CheckRestart{Limit: rapid.IntRange(1, 4).Draw(t, "limit"), Grace: model.Duration(rapid.IntRange(0, 10).Draw(t, "grace")) * model.Duration(time.Second)}
			}
			specs = append(specs, s)
		}
		w := &counted{T: t, specs: specs, m: New(specs, begin, "x"), now: begin, asked: map[int]bool{}, checks: make([]tally, len(specs))}
		w.step(Tick{})
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			w.advance()
		}
	})
}

type tally struct {
	good, bad, all int
	passing        bool
	firstBad       time.Time // of the present run of failures
}

type counted struct {
	*rapid.T
	specs    []Spec
	m        *Machine
	now      time.Time
	asked    map[int]bool
	checks   []tally
	reported *model.Health
	failed   bool
}

func (w *counted) advance() {
	w.now = w.now.Add(time.Duration(rapid.IntRange(0, 20).Draw(w.T, "later")) * 100 * time.Millisecond)
	i := rapid.IntRange(0, len(w.specs)-1).Draw(w.T, "which")
	if !w.asked[i] {
		w.step(Tick{})
		return
	}
	delete(w.asked, i)
	passed := rapid.Bool().Draw(w.T, "passes")
	c := &w.checks[i]
	if c.all++; passed {
		c.good, c.bad = c.good+1, 0
		c.passing = c.passing || c.good > w.specs[i].SuccessBeforePassing
	} else {
		if c.bad == 0 {
			c.firstBad = w.now
		}
		c.good, c.bad = 0, c.bad+1
		c.passing = c.passing && c.bad <= w.specs[i].FailuresBeforeCritical
	}
	w.step(Result{Check: i, Passed: passed, Output: "no"})
	healthy := true
	for k := range w.checks {
		healthy = healthy && w.checks[k].passing
	}
	if !w.failed && healthy != (w.reported != nil && w.reported.Healthy) {
		w.Fatalf("the checks pass: %v, reported %+v", healthy, w.reported)
	}
}

func (w *counted) step(in Input) {
	effects := w.m.Step(w.now, in)
	if w.failed && len(effects) > 0 {
		w.Fatalf("%v after the end", effects)
	}
	for _, e := range effects {
		switch e := e.(type) {
		case Probe:
			if w.asked[e.Check] {
				w.Fatalf("check %d is asked twice at a time", e.Check)
			}
			w.asked[e.Check] = true
		case Report:
			if e.Health.Equal(w.reported) {
				w.Fatal("reported again without a change")
			}
			w.reported = &e.Health
		case Fail:
			w.failed = true
			w.mayFail()
		case Wake:
			if !e.At.After(w.now) {
				w.Fatalf("to be woken at %s, it is %s", e.At, w.now)
			}
		}
	}
}

// mayFail holds that some check has earned the end.
func (w *counted) mayFail() {
	for i := range w.specs {
		r, c := w.specs[i].Restart, &w.checks[i]
		if r != nil && c.bad >= r.Limit && !w.now.Before(begin.Add(r.Grace.Std())) {
			return
		}
	}
	w.Fatalf("failed too soon: %+v", w.checks)
}

// First questions are spread, alike for the same seed.
func TestFirstQuestionsAreSpread(t *testing.T) {
	spec := Spec{Check: model.Check{Interval: model.Duration(10 * time.Second)}}
	at := map[time.Duration]bool{}
	for i := range 20 {
		m := New([]Spec{spec}, begin, fmt.Sprint("job", i))
		again := New([]Spec{spec}, begin, fmt.Sprint("job", i))
		d := m.checks[0].due.Sub(begin)
		if d < 0 || d >= firstWithin {
			t.Errorf("first asked after %s", d)
		}
		if !again.checks[0].due.Equal(m.checks[0].due) {
			t.Error("the same seed gives other times")
		}
		at[d] = true
	}
	if len(at) < 15 {
		t.Errorf("20 allocations ask at %d times", len(at))
	}
}
