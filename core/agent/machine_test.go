package agent

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/model"
)

// TestMachine runs the transcripts in testdata/machine: each line of a "step"
// directive is one input, and under it stand the effects. "pause" lets time go by
// without a tick.
func TestMachine(t *testing.T) {
	datadriven.Walk(t, "testdata/machine", func(t *testing.T, path string) {
		s := &script{now: epoch}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			return s.run(t, d)
		})
	})
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

type script struct {
	m    *Machine
	now  time.Time
	meta Meta
}

func (s *script) run(t *testing.T, d *datadriven.TestData) string {
	switch d.Cmd {
	case "boot":
		return s.boot(t, d)
	case "step":
		var out strings.Builder
		for line := range strings.Lines(d.Input) {
			line = strings.TrimSpace(line)
			if strings.Contains(d.Input, "\n") {
				fmt.Fprintf(&out, "> %s\n", line)
			}
			if d, ok := strings.CutPrefix(line, "pause "); ok {
				s.now = s.now.Add(duration(t, d))
				continue
			}
			for _, e := range s.m.Step(s.now, s.parse(t, line)) {
				if p, ok := e.(Persist); ok {
					s.meta = p.Meta
				}
				fmt.Fprintln(&out, formatEffect(s.now, e))
			}
		}
		if out.Len() == 0 {
			return "nothing\n"
		}
		return out.String()
	case "tasks":
		var out strings.Builder
		for id, state := range s.m.Tasks() {
			fmt.Fprintln(&out, id, state)
		}
		fmt.Fprintf(&out, "live %d, unacknowledged %d\n", s.m.LiveTasks(), s.m.Unacknowledged())
		return out.String()
	default:
		t.Fatalf("%s: unknown directive %q", d.Pos, d.Cmd)
		return ""
	}
}

// boot starts an agent on what the one before has persisted.
func (s *script) boot(t *testing.T, d *datadriven.TestData) string {
	if s.meta.AgentID == "" {
		s.meta.AgentID = "a1"
	}
	s.meta.Boot++
	o := Options{Meta: s.meta, Info: model.AgentInfo{Name: "node1", Capacity: model.Resources{CPUMilli: 4000, MemoryBytes: 8 << 30}}}
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "keep":
			o.Keep.For = duration(t, a.Vals[0])
		case "tasks":
			o.Keep.MaxTasks = number(t, a.Vals[0])
		case "bytes":
			o.Keep.MaxBytes = int64(number(t, a.Vals[0]))
		case "recovery":
			o.Recovery = duration(t, a.Vals[0])
		}
	}
	s.m = NewMachine(o)
	return fmt.Sprintf("boot %d epoch %d\n", s.meta.Boot, s.meta.Epoch)
}

// parse reads one input: a name, plain words and key=value pairs.
func (s *script) parse(t *testing.T, line string) Input {
	f := strings.Fields(line)
	words, opts := []string{}, map[string]string{}
	for _, w := range f[1:] {
		if k, v, ok := strings.Cut(w, "="); ok {
			opts[k] = v
		} else {
			words = append(words, w)
		}
	}
	switch f[0] {
	case "+":
		s.now = s.now.Add(duration(t, words[0]))
		return Tick{}
	case "recovered":
		return s.parseRecovered(t, words, opts)
	case "up":
		return StreamUp{}
	case "down":
		return StreamDown{}
	case "executor-up":
		st := &execpb.State{Pid: 100, Job: words[0]}
		for _, w := range words[1:] {
			st.Live = append(st.Live, parseTask(t, w))
		}
		return ExecutorUp{parseExec(t, words[0]), st}
	case "executor-failed":
		return ExecutorFailed{parseExec(t, words[0]), strings.Join(words[1:], " ")}
	case "executor-died":
		return ExecutorDied{parseExec(t, words[0])}
	case "update":
		return FromExecutor{parseExec(t, words[0]), parseUpdates(t, words[1:])}
	case "tree-killed":
		return TreeKilled{parseExec(t, words[0]), parseLog(t, opts)}
	case "measured":
		return Measured{Bytes: map[ExecID]int64{{"j1", 1}: int64(number(t, opts["bytes"]))}}
	case "stop-tasks":
		return StopTasks{duration(t, opts["grace"])}
	}
	return FromMaster{parseMaster(t, f[0], words, opts)}
}

func parseMaster(t *testing.T, name string, words []string, opts map[string]string) *agentpb.MasterMessage {
	switch name {
	case "registered":
		r := &agentpb.Registered{
			ClusterId: "c1", Epoch: int64(number(t, opts["epoch"])), Jobs: words,
			PingIntervalNs: int64(duration(t, opts["ping"])), FenceAfterNs: int64(duration(t, opts["fence"])),
		}
		if c := opts["cluster"]; c != "" {
			r.ClusterId = c
		}
		return &agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Registered{Registered: r}}
	case "redirect":
		return &agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Redirect{Redirect: &agentpb.Redirect{Leader: opts["leader"]}}}
	case "spec":
		return &agentpb.MasterMessage{Kind: &agentpb.MasterMessage_JobSpec{JobSpec: &agentpb.JobSpec{Job: words[0], Spec: []byte("{}")}}}
	case "launch":
		l := &agentpb.Launch{Job: words[0], Group: uint32(number(t, opts["group"])), TimeLimitNs: int64(duration(t, opts["limit"]))}
		for _, w := range words[1:] {
			index, attempt, retried := strings.Cut(w, "/")
			l.Indices = append(l.Indices, uint32(number(t, index)))
			if retried {
				l.Attempts = append(l.Attempts, uint32(number(t, attempt)))
			}
		}
		return &agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Launch{Launch: l}}
	case "kill":
		k := &agentpb.Kill{Reason: uint32(number(t, opts["reason"]))}
		for _, w := range words[1:] {
			p := parseTask(t, w)
			k.Tasks = append(k.Tasks, &agentpb.TaskId{Job: words[0], Group: p.Group, Index: p.Index, Attempt: p.Attempt})
		}
		return &agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Kill{Kill: k}}
	case "ack":
		a := &agentpb.Acknowledge{}
		for _, w := range words {
			a.Seqs = append(a.Seqs, parseSeq(t, w))
		}
		return &agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Acknowledge{Acknowledge: a}}
	case "job-done":
		return &agentpb.MasterMessage{Kind: &agentpb.MasterMessage_JobDone{JobDone: &agentpb.JobDone{Job: words[0]}}}
	case "ping":
		return &agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Ping{Ping: &agentpb.Ping{Seq: uint64(number(t, words[0]))}}}
	case "open-log":
		return &agentpb.MasterMessage{Kind: &agentpb.MasterMessage_OpenLog{OpenLog: &agentpb.OpenLog{Request: words[0]}}}
	case "close-log":
		return &agentpb.MasterMessage{Kind: &agentpb.MasterMessage_CloseLog{CloseLog: &agentpb.CloseLog{Request: words[0]}}}
	case "shutdown":
		return &agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Shutdown{Shutdown: &agentpb.Shutdown{Message: strings.Join(words, " ")}}}
	}
	t.Fatalf("unknown input %q", name)
	return nil
}

// parseRecovered reads words such as "j1:alive", "j1~2:dead" or "j1:settled",
// with what the log says in live=, unacked=, ended= and kept= of the last one.
func (s *script) parseRecovered(t *testing.T, words []string, opts map[string]string) Input {
	var in Recovered
	if c := opts["contact"]; c != "" {
		in.LastContact = s.now.Add(-duration(t, c))
	}
	for _, w := range words {
		exec, how, _ := strings.Cut(w, ":")
		r := RecoveredExecutor{Exec: parseExec(t, exec), Alive: how == "alive", Settled: how == "settled", Log: parseLog(t, opts)}
		for _, k := range split(opts["kept"]) {
			r.Sandboxes = append(r.Sandboxes, EndedSandbox{parseTask(t, k), s.now})
		}
		in.Executors = append(in.Executors, r)
	}
	return in
}

func parseLog(t *testing.T, opts map[string]string) (l ExecutorLog) {
	for _, w := range split(opts["live"]) {
		l.Live = append(l.Live, parseTask(t, w))
	}
	for _, w := range split(opts["ended"]) {
		l.Ended = append(l.Ended, parseTask(t, w))
	}
	l.Unacked = parseUpdates(t, split(opts["unacked"]))
	return l
}

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

// parseExec reads "j1" or "j1~2".
func parseExec(t *testing.T, w string) ExecID {
	id, err := parseExecID(w)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// parseTask reads GROUP/INDEX/ATTEMPT and perhaps :STATE.
func parseTask(t *testing.T, w string) *execpb.Task {
	id, state, _ := strings.Cut(w, ":")
	k, err := model.ParseTaskID("j/" + id)
	if err != nil {
		t.Fatal(err)
	}
	out := &execpb.Task{Group: uint32(k.Group), Index: k.Index, Attempt: uint32(k.Attempt)}
	if state != "" {
		out.State = uint32(parseState(t, state))
	}
	return out
}

func parseState(t *testing.T, name string) model.TaskState {
	var st model.TaskState
	if err := st.UnmarshalText([]byte("TASK_" + name)); err != nil {
		t.Fatal(err)
	}
	return st
}

// parseUpdates reads SEQ:GROUP/INDEX/ATTEMPT:STATE, with @REASON or !EXITCODE behind it.
func parseUpdates(t *testing.T, words []string) (out []*execpb.Update) {
	for _, w := range words {
		seq, rest, _ := strings.Cut(w, ":")
		rest, code, failed := strings.Cut(rest, "!")
		rest, reason, _ := strings.Cut(rest, "@")
		u := &execpb.Update{Seq: uint64(number(t, seq)), Task: parseTask(t, rest)}
		if reason != "" {
			u.Reason = uint32(number(t, reason))
		}
		switch st := model.TaskState(u.Task.State); {
		case failed:
			u.Result = &execpb.Result{Cause: string(model.CauseFailed), ExitCode: int32(number(t, code))}
		case st == model.TaskFinished:
			u.Result = &execpb.Result{Cause: string(model.CauseFinished)}
		case st.Terminal():
			u.Result = &execpb.Result{Cause: string(model.CauseKilled), Signal: 15}
		}
		out = append(out, u)
	}
	return out
}

// parseSeq reads BOOT.N, the readable form of a sequence number.
func parseSeq(t *testing.T, w string) uint64 {
	boot, n, _ := strings.Cut(w, ".")
	return uint64(number(t, boot))<<bootShift + uint64(number(t, n))
}

func number(t *testing.T, s string) int {
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func duration(t *testing.T, s string) time.Duration {
	if s == "" {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
