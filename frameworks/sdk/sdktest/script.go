package sdktest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tender-scheduler/tender/core/model"
)

// Script runs the commands of a datadriven file that are about the master:
//
//	agents          one a line: ID cpus=N [memory=BYTES]
//	offer           make offers until nothing more is placed
//	status          one a line: JOB/GROUP/INDEX[-INDEX] STATE [code=N] [signal=N]
//	                [health=good|WHY-NOT] [cause=C] [reason=R] [msg=TEXT] [cpu=D] [peak=BYTES] [attempt=N]
//	                [gpu=SAMPLES:BUSY_MILLI:PEAK_BYTES, once for each device]
//	                [at=D from now]; all in one batch; the attempt is the live one by default
//	bar AGENT       nothing more is placed there; unbar AGENT: it is again
//	inverse LABEL   asks for tasks back for a demand, one JOB/GROUP/INDEX[-INDEX] a line
//	drain AGENT [ignore_system] [force]: nothing more is placed there, and its tasks
//	                are asked back; undrain AGENT: not any more
//	tick D          move the clock
//	refuse N REASON the next N accepts fail their check
//	failover        a new leader, from a snapshot; "failover replay": from the journal
//	demands, tasks  what stands, what is live
//
// What a command does to the framework is its output, one effect a line.
type Script struct {
	*Master
	out strings.Builder
}

// NewScript returns a script about the framework that make returns.
func NewScript(make func() model.Framework) *Script {
	s := &Script{Master: NewMaster(make)}
	s.Log = func(_ model.Input, e model.Effects) {
		if !e.Wake.IsZero() && e.Wake.Equal(s.Wake()) {
			e.Wake = time.Time{} // said before
		}
		s.out.WriteString(Render(e))
	}
	return s
}

// Output returns and forgets what was logged since the last call.
func (s *Script) Output() string {
	out := s.out.String()
	s.out.Reset()
	return out
}

// Run carries out a command; ok is false for one that is not about the master.
func (s *Script) Run(t *testing.T, d *datadriven.TestData) (out string, ok bool) {
	switch d.Cmd {
	case "agents":
		for line := range strings.Lines(d.Input) {
			f := strings.Fields(line)
			r := model.Resources{MemoryBytes: 1 << 40, DiskBytes: 1 << 40}
			for _, kv := range f[1:] {
				k, v, _ := strings.Cut(kv, "=")
				switch n := number(d, t, v); k {
				case "cpus":
					r.CPUMilli = int64(n) * 1000
				case "memory":
					r.MemoryBytes = int64(n)
				}
			}
			s.AddAgent(model.AgentID(f[0]), r)
		}
	case "offer":
		s.Offer()
	case "drain", "undrain":
		s.drain(d)
	case "bar", "unbar", "unseen", "gone":
		s.SetAgent(model.AgentID(d.CmdArgs[0].Key), d.Cmd == "bar", d.Cmd == "unseen", d.Cmd == "gone")
	case "status":
		s.Report(s.statuses(t, d)...)
	case "inverse":
		o := model.InverseOffer{For: d.CmdArgs[0].Key}
		for line := range strings.Lines(d.Input) {
			for _, id := range s.slots(t, d, strings.TrimSpace(line)) {
				s.liveAttempt(&id)
				o.Tasks = append(o.Tasks, id)
			}
		}
		s.AskBack(o)
	case "tick":
		by, err := time.ParseDuration(d.CmdArgs[0].Key)
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		s.Advance(by)
	case "refuse":
		left, reason := number(d, t, d.CmdArgs[0].Key), model.Reason(d.CmdArgs[1].Key)
		s.Refuse = func(model.Accept) *model.Refusal {
			if left--; left < 0 {
				return nil
			}
			return model.Refuse(reason, "refused by the test")
		}
	case "failover":
		s.Failover(len(d.CmdArgs) > 0)
	case "demands":
		for _, x := range s.Demands() {
			fmt.Fprintln(&s.out, RenderDemand(&x))
		}
	case "tasks":
		for _, x := range s.Live() {
			fmt.Fprintf(&s.out, "%s %s on %s\n", x.ID, strings.ToLower(x.State.String()), x.Agent)
		}
	default:
		return "", false
	}
	return s.Output(), true
}

// drain asks for an agent's tasks back, or takes that back.
func (s *Script) drain(d *datadriven.TestData) {
	a := s.Master.agent(model.AgentID(d.CmdArgs[0].Key))
	s.SetAgent(a.ID, d.Cmd == "drain", false, false)
	if !a.Down {
		s.TakeBack(a.draining)
		return
	}
	o := model.InverseOffer{Drain: &model.DrainMark{Node: string(a.ID)}}
	for _, w := range d.CmdArgs[1:] {
		o.Drain.IgnoreSystem = o.Drain.IgnoreSystem || w.Key == "ignore_system"
		o.Drain.Force = o.Drain.Force || w.Key == "force"
	}
	for _, t := range s.Live() {
		if t.Agent == a.ID {
			o.Tasks = append(o.Tasks, t.ID)
		}
	}
	a.draining = s.AskBack(o)
}

func number(d *datadriven.TestData, t *testing.T, v string) int {
	n, err := strconv.Atoi(v)
	if err != nil {
		d.Fatalf(t, "%v", err)
	}
	return n
}

func (s *Script) statuses(t *testing.T, d *datadriven.TestData) (out []model.TaskStatus) {
	for line := range strings.Lines(d.Input) {
		what, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		state, rest, _ := strings.Cut(rest, " ")
		st := model.TaskStatus{}
		if err := st.State.UnmarshalText([]byte("TASK_" + strings.ToUpper(state))); err != nil {
			d.Fatalf(t, "%v", err)
		}
		attempt := s.details(t, d, &st, rest)
		for _, id := range s.slots(t, d, what) {
			one := st
			if id.Attempt = uint16(max(attempt, 0)); attempt < 0 {
				s.liveAttempt(&id)
			}
			one.Task = id
			out = append(out, one)
		}
	}
	return out
}

// details reads the words behind a state; attempt is -1 if it is not said.
func (s *Script) details(t *testing.T, d *datadriven.TestData, st *model.TaskStatus, words string) (attempt int) {
	attempt = -1
	result := func() *model.Result {
		if st.Result == nil {
			st.Result = &model.Result{}
		}
		return st.Result
	}
	for words != "" {
		var k, v string
		k, words, _ = strings.Cut(words, "=")
		if k == "msg" {
			st.Message = words
			break
		}
		v, words, _ = strings.Cut(words, " ")
		switch k {
		case "code":
			result().ExitCode = number(d, t, v)
		case "signal":
			result().Signal = number(d, t, v)
		case "cause":
			result().Cause = model.Cause(v)
		case "attempt":
			attempt = number(d, t, v)
		case "reason":
			if err := st.Reason.UnmarshalText([]byte(v)); err != nil {
				d.Fatalf(t, "%v", err)
			}
		case "health":
			st.Health = &model.Health{Healthy: v == "good"}
			if v != "good" {
				st.Health.Checks = []model.CheckStatus{{Service: "web", Check: "alive", Output: v}}
			}
		case "at":
			by, err := time.ParseDuration(v)
			if err != nil {
				d.Fatalf(t, "%v", err)
			}
			st.At = s.Now.Add(by)
		case "cpu", "peak":
			if st.Usage == nil {
				st.Usage = &model.Usage{}
			}
			if k == "peak" {
				st.Usage.PeakMemoryBytes = int64(number(d, t, v))
			} else if err := st.Usage.CPU.UnmarshalText([]byte(v)); err != nil {
				d.Fatalf(t, "%v", err)
			}
		case "gpu":
			if st.Usage == nil {
				st.Usage = &model.Usage{}
			}
			g := model.TaskGPU{}
			if _, err := fmt.Sscanf(v, "%d:%d:%d", &g.Samples, &g.BusyMilli, &g.PeakMemoryBytes); err != nil {
				d.Fatalf(t, "gpu=%s: %v", v, err)
			}
			g.UUID = fmt.Sprintf("GPU-%d", len(st.Usage.GPUs))
			st.Usage.GPUs = append(st.Usage.GPUs, g)
		default:
			d.Fatalf(t, "no such word %q", k)
		}
	}
	return attempt
}

// slots reads JOB/GROUP/INDEX or JOB/GROUP/FIRST-LAST.
func (s *Script) slots(t *testing.T, d *datadriven.TestData, what string) (out []model.TaskID) {
	p := strings.Split(what, "/")
	if len(p) != 3 {
		d.Fatalf(t, "want JOB/GROUP/INDEX, have %q", what)
	}
	first, last, many := strings.Cut(p[2], "-")
	if !many {
		last = first
	}
	for i := number(d, t, first); i <= number(d, t, last); i++ {
		out = append(out, model.TaskID{Job: model.JobID(p[0]), Group: uint16(number(d, t, p[1])), Index: uint32(i)})
	}
	return out
}

// liveAttempt fills in the attempt that is live at the slot.
func (s *Script) liveAttempt(id *model.TaskID) {
	live := s.Live()
	if i := slices.IndexFunc(live, func(t *Task) bool { return t.ID.Slot() == id.Slot() }); i >= 0 {
		id.Attempt = live[i].ID.Attempt
	}
}
