package health

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

const (
	// eagerEvery is how often a check is asked that has not passed yet: what
	// starts in a moment need not wait for a whole interval to be used.
	eagerEvery = time.Second
	// firstWithin bounds how long after the start a check is first asked.
	firstWithin = 500 * time.Millisecond
	// outputEvery is how often another reason for a check's failing is reported.
	outputEvery = time.Minute
)

// Spec is one check of an allocation.
type Spec struct {
	Service string
	model.Check
}

// Specs returns a group's checks, each with its service's port and task where it
// has none of its own, and with the group's main task where neither has one.
func Specs(g *model.Group) []Spec {
	main := ""
	for i := range g.Tasks {
		if g.Tasks[i].Lifecycle == nil {
			main = g.Tasks[i].Name
			break
		}
	}
	var out []Spec
	for i := range g.Services {
		s := &g.Services[i]
		for _, c := range s.Checks {
			c.Port, c.Task = cmp.Or(c.Port, s.Port), cmp.Or(c.Task, s.Task, main)
			out = append(out, Spec{s.Name, c})
		}
	}
	return out
}

// Input is a Tick or a Result.
type Input interface{ input() }

// Tick says that the time asked for by Wake has come.
type Tick struct{}

// Result answers a Probe.
type Result struct {
	Check  int
	Passed bool
	Output string // why not
}

func (Tick) input()   {}
func (Result) input() {}

// Effect is what to do: a Probe, Report, Fail or Wake.
type Effect interface{ effect() }

// Probe asks for a check to be asked; a Result answers it.
type Probe struct{ Check int }

// Report says that the allocation's health has changed.
type Report struct{ Health model.Health }

// Fail says that the allocation has to end, as a check has failed too often.
type Fail struct{ Message string }

// Wake asks for a Tick; the last one counts.
type Wake struct{ At time.Time }

func (Probe) effect()  {}
func (Report) effect() {}
func (Fail) effect()   {}
func (Wake) effect()   {}

// Machine is the health of one allocation.
type Machine struct {
	checks   []check
	started  time.Time
	reported *model.Health
	at       time.Time // of the last report
	over     bool
	effects  []Effect
}

type check struct {
	spec    Spec
	due     time.Time // when it is asked next
	asked   time.Time // when it was to be asked last
	asking  bool
	known   bool // there was a result
	passed  bool // once at least
	passing bool
	good    int // results in a row
	bad     int
	// strikes are the failures in a row that count for check_restart, struck when
	// the last of them was.
	strikes int
	struck  time.Time
	output  string
}

// New returns the machine of an allocation that has been running since started.
// The seed keeps allocations from asking all at once; the same seed gives the
// same times.
func New(specs []Spec, started time.Time, seed string) *Machine {
	m := &Machine{started: started}
	for i, s := range specs {
		h := fnv.New32a()
		fmt.Fprintf(h, "%s/%d", seed, i)
		within := min(firstWithin, s.Interval.Std())
		first := started.Add(time.Duration(h.Sum32()) % max(within, 1))
		m.checks = append(m.checks, check{spec: s, due: first, output: "not checked yet"})
	}
	return m
}

// Step takes one input. The effects are to be carried out in order.
func (m *Machine) Step(now time.Time, in Input) []Effect {
	m.effects = nil
	if m.over {
		return nil
	}
	if r, ok := in.(Result); ok && r.Check >= 0 && r.Check < len(m.checks) {
		m.result(now, r)
	}
	if m.over {
		return m.effects
	}
	m.ask(now)
	return m.effects
}

func (m *Machine) do(e Effect) { m.effects = append(m.effects, e) }

// ask asks what is due and says when to look again.
func (m *Machine) ask(now time.Time) {
	var next time.Time
	for i := range m.checks {
		c := &m.checks[i]
		if c.asking {
			continue
		}
		if !c.due.After(now) {
			c.asking, c.asked = true, now
			m.do(Probe{i})
			continue
		}
		if next.IsZero() || c.due.Before(next) {
			next = c.due
		}
	}
	if !next.IsZero() {
		m.do(Wake{next})
	}
}

func (m *Machine) result(now time.Time, r Result) {
	c := &m.checks[r.Check]
	if !c.asking {
		return
	}
	c.asking, c.known = false, true
	if r.Passed {
		c.good, c.bad, c.strikes = c.good+1, 0, 0
		if c.good > c.spec.SuccessBeforePassing {
			c.passing, c.passed, c.output = true, true, ""
		} else if !c.passing {
			c.output = fmt.Sprintf("has passed %d of the %d times in a row that it must", c.good, c.spec.SuccessBeforePassing+1)
		}
	} else {
		c.good, c.bad = 0, c.bad+1
		if c.bad > c.spec.FailuresBeforeCritical {
			c.passing = false
		}
		if !c.passing {
			c.output = bounded(r.Output)
			m.strike(c, now)
		}
	}
	every := c.spec.Interval.Std()
	if !c.passed {
		every = min(every, eagerEvery)
	}
	// From when it was asked, not answered: a slow answer does not shift all
	// that follow. What is late already is asked at once.
	c.due = c.asked.Add(every)
	m.report(now)
	m.restart(r.Check)
}

// strike counts a failure for check_restart. In the grace nothing counts, and
// what is asked more often than its interval counts no more often.
func (m *Machine) strike(c *check, now time.Time) {
	rule := c.spec.Restart
	if rule == nil || now.Before(m.started.Add(rule.Grace.Std())) {
		return
	}
	if c.strikes > 0 && c.asked.Before(c.struck.Add(c.spec.Interval.Std())) {
		return
	}
	c.strikes++
	c.struck = c.asked
}

// restart ends the allocation if a check has failed too often.
func (m *Machine) restart(i int) {
	c := &m.checks[i]
	if c.spec.Restart == nil || c.strikes < c.spec.Restart.Limit {
		return
	}
	m.over = true
	times := fmt.Sprintf("%d times in a row", c.strikes)
	if c.strikes == 1 {
		times = "once, which is its limit"
	}
	m.do(Fail{fmt.Sprintf("check %q of service %q failed %s: %s", c.spec.Name, c.spec.Service, times, c.output)})
}

// report says how the checks stand if that has changed. Before the first word of
// every check there is none, unless one fails.
func (m *Machine) report(now time.Time) {
	h := model.Health{Healthy: true}
	unknown, failing := false, false
	for i := range m.checks {
		c := &m.checks[i]
		h.Healthy = h.Healthy && c.passing
		unknown = unknown || !c.known
		failing = failing || c.known && !c.passing
		h.Checks = append(h.Checks, model.CheckStatus{Service: c.spec.Service, Check: c.spec.Name, Passing: c.passing, Output: c.output})
	}
	if unknown && !failing && m.reported == nil || h.Equal(m.reported) {
		return
	}
	if m.reported != nil && sameVerdicts(&h, m.reported) && now.Before(m.at.Add(outputEvery)) {
		return
	}
	m.reported, m.at = &h, now
	m.do(Report{h})
}

// sameVerdicts reports whether two healths differ in words only. A first word
// about a check is more than that.
func sameVerdicts(a, b *model.Health) bool {
	for i := range a.Checks {
		x, y := &a.Checks[i], &b.Checks[i]
		if x.Passing != y.Passing || (x.Output == "not checked yet") != (y.Output == "not checked yet") {
			return false
		}
	}
	return true
}

// bounded makes one line of an output, of at most MaxCheckOutput bytes.
func bounded(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	if len(s) > model.MaxCheckOutput {
		s = strings.ToValidUTF8(s[:model.MaxCheckOutput-len("…")], "") + "…"
	}
	if s == "" {
		return "it failed without a word"
	}
	return s
}
