package master

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/batch"
)

// script plays a cluster against one machine and prints what it does.
type script struct {
	t        *testing.T
	now      time.Time
	m        *Machine
	log      [][][]byte // committed groups
	sessions map[string]SessionID
	next     SessionID
	seq      uint64
	asked    uint64
}

// TestMachine reads the scenarios in testdata as transcripts: each command is
// one turn, followed by what the master recorded, sent and told.
func TestMachine(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := &script{t: t, now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), sessions: map[string]SessionID{}}
		s.m = newTestMachine(t)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.t = t
			return s.run(d)
		})
	})
}

func newTestMachine(t *testing.T) *Machine {
	t.Helper()
	b, err := batch.New(batch.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	timing := DefaultTiming()
	timing.PingInterval, timing.SilentAfter = time.Hour, 3*time.Hour // pings have their own transcript
	m, err := NewMachine(timing, b)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (s *script) run(d *datadriven.TestData) string {
	switch d.Cmd {
	case "timing":
		return s.timing(d)
	case "lead":
		return s.turn(Lead{Epoch: int64(s.intArg(d, "epoch", 1)), ClusterID: "c1"})
	case "agent":
		up := s.agent(d)
		if d.HasArg("late") {
			return s.turn(up)
		}
		return s.turn(up, s.pong(up.Session, 1))
	case "down":
		name := d.CmdArgs[0].Key
		id := s.sessions[name]
		delete(s.sessions, name)
		return s.turn(AgentDown{Session: id})
	case "submit":
		return s.submit(d)
	case "cancel":
		s.asked++
		return s.turn(Asked{ID: s.asked, Body: model.CancelJob{Selector: d.CmdArgs[0].Key}})
	case "update":
		return s.update(d)
	case "pong":
		seq, _ := strconv.ParseUint(d.CmdArgs[1].Key, 10, 64)
		return s.turn(s.pong(s.sessions[d.CmdArgs[0].Key], seq))
	case "wait":
		dur, err := time.ParseDuration(d.CmdArgs[0].Key)
		if err != nil {
			d.Fatalf(s.t, "%v", err)
		}
		s.now = s.now.Add(dur)
		return s.turn(Tick{})
	case "failover":
		return s.failover(d)
	case "nodes":
		return s.nodes()
	case "role", "unrole", "reserve":
		return s.roles(d)
	case "drain", "eligible", "ineligible":
		return s.operate(d)
	case "services":
		return s.offered(d)
	case "withdraw":
		return s.withdrawn(d)
	case "inverse":
		return s.inverse(d)
	case "why":
		return s.why(d)
	case "devices":
		return s.devices(d)
	}
	d.Fatalf(s.t, "unknown command %q", d.Cmd)
	return ""
}

func (s *script) timing(d *datadriven.TestData) string {
	t := DefaultTiming()
	s.m.timing = t
	return fmt.Sprintf("ping every %s, silent after %s, unreachable after %s, gone after %s+%s\n",
		t.PingInterval, t.SilentAfter, t.UnreachableAfter, t.FenceAfter, t.FenceSlack)
}

func (s *script) pong(id SessionID, seq uint64) Input {
	return AgentSaid{Session: id, Message: &agentpb.AgentMessage{
		Kind: &agentpb.AgentMessage_Pong{Pong: &agentpb.Pong{Seq: seq}}}}
}

// agent registers NAME; tasks=JOB/G/I/A:STATE,… are what it says it has. It
// answers its first ping at once. With late it does not, and the session is
// called NAME-late.
func (s *script) agent(d *datadriven.TestData) AgentUp {
	name := d.CmdArgs[0].Key
	s.next++
	session := name
	if d.HasArg("late") {
		session += "-late"
	}
	s.sessions[session] = s.next
	r := &agentpb.Register{AgentId: "id-" + name, Name: name, CpuMilli: int64(s.intArg(d, "cpus", 4)) * 1000,
		MemoryBytes: int64(s.intArg(d, "memory", 8)) << 30, DiskBytes: 1 << 40, ClusterId: s.strArg(d, "cluster", ""),
		LastEpoch: int64(s.intArg(d, "epoch", 0))}
	for _, a := range d.CmdArgs {
		if a.Key != "tasks" {
			continue
		}
		for _, v := range a.Vals {
			id, st, _ := strings.Cut(v, ":")
			tid, err := model.ParseTaskID(id)
			if err != nil {
				d.Fatalf(s.t, "%v", err)
			}
			r.Tasks = append(r.Tasks, &agentpb.TaskRef{Id: taskIDToWire(tid), State: uint32(s.stateNamed(d, st))})
		}
	}
	r.Gpus = s.gpus(d)
	return AgentUp{Session: s.next, Register: r}
}

func (s *script) stateNamed(d *datadriven.TestData, name string) model.TaskState {
	var st model.TaskState
	if err := st.UnmarshalText([]byte("TASK_" + name)); err != nil {
		d.Fatalf(s.t, "%v", err)
	}
	return st
}

func (s *script) submit(d *datadriven.TestData) string {
	id := model.JobID(d.CmdArgs[0].Key)
	g := model.Group{Name: "g", Count: s.intArg(d, "count", 1),
		Restart: model.RestartPolicy{Attempts: s.intArg(d, "restart", 0), Mode: model.RestartFail},
		Tasks: []model.TaskSpec{{Name: "t", Driver: model.DriverExec, Config: model.TaskConfig{Command: "/bin/true"},
			Resources: model.TaskResources{CPUMilli: int64(s.intArg(d, "cpus", 1)) * 1000, MemoryBytes: 64 << 20}}}}
	if d.HasArg("gang") {
		g.Gang = &model.Gang{Launch: "none", Ranks: 1}
	}
	g.Exclusive = d.HasArg("exclusive")
	if name := s.strArg(d, "service", ""); name != "" {
		offerService(&g, name)
	}
	if n := s.intArg(d, "gpus", 0); n > 0 {
		g.Tasks[0].Resources.GPU = &model.GPURequest{Count: n}
	}
	g.Tasks[0].KillTimeout = model.Duration(30 * time.Second)
	job := &model.Job{Name: string(id), Type: model.JobBatch, Role: model.DefaultRole,
		Priority: s.intArg(d, "priority", model.DefaultPriority), Preemptible: d.HasArg("preemptible"), Groups: []model.Group{g}}
	s.asked++
	return s.turn(Asked{ID: s.asked, Body: model.Submit{ID: id, Job: job}})
}

func (s *script) update(d *datadriven.TestData) string {
	name := d.CmdArgs[0].Key
	var us []*agentpb.Update
	for _, a := range d.CmdArgs[1:] {
		if a.Key == "says" {
			continue
		}
		id, err := model.ParseTaskID(a.Key)
		if err != nil {
			d.Fatalf(s.t, "%v", err)
		}
		name, how, _ := strings.Cut(a.Vals[0], ":")
		st := s.stateNamed(d, name)
		s.seq++
		u := &agentpb.Update{Seq: s.seq, Task: taskIDToWire(id), State: uint32(st), At: s.now.UnixNano(), Health: healthOf(how)}
		if st.Terminal() {
			code := int32(0)
			cause := model.CauseFinished
			if st != model.TaskFinished {
				code, cause = 1, model.CauseFailed
			}
			u.Result = &agentpb.Result{Cause: string(cause), ExitCode: code}
			if how == "drained" {
				u.Result.Cause, u.Reason, u.Message = string(model.CauseDrained), uint32(model.ReasonAgentDraining), "stopped for a drain"
			}
			if how == "preempted" {
				u.Result.Cause, u.Reason, u.Message = string(model.CausePreempted), uint32(model.ReasonContainerPreempted), "preempted"
			}
			if st == model.TaskFailed && d.HasArg("says") {
				u.Message = s.strArg(d, "says", "")
			}
		}
		us = append(us, u)
	}
	return s.turn(AgentSaid{Session: s.sessions[name], Message: &agentpb.AgentMessage{
		Kind: &agentpb.AgentMessage_Updates{Updates: &agentpb.Updates{Updates: us}}}})
}

// failover replays the log on a fresh machine, compares the states, and goes on
// with the fresh one: the new leader, which no agent has found yet.
func (s *script) failover(d *datadriven.TestData) string {
	want, err := s.m.Snapshot()
	if err != nil {
		s.t.Fatal(err)
	}
	m := newTestMachine(s.t)
	for i, g := range s.log {
		if err := m.Apply(uint64(i+1), g); err != nil {
			s.t.Fatal(err)
		}
	}
	got, err := m.Snapshot()
	if err != nil {
		s.t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		s.t.Fatalf("the replayed state differs:\n%s\n%s", got, want)
	}
	restored := newTestMachine(s.t)
	if err := restored.Restore(got); err != nil {
		s.t.Fatal(err)
	}
	again, err := restored.Snapshot()
	if err != nil || !bytes.Equal(again, want) {
		s.t.Fatalf("the restored state differs (%v):\n%s\n%s", err, again, want)
	}
	restored.timing = s.m.timing
	s.m, s.sessions = restored, map[string]SessionID{}
	return "replayed and restored to the same bytes\n" + s.turn(Lead{Epoch: int64(s.intArg(d, "epoch", 2)), ClusterID: "other"})
}

func (s *script) turn(in ...Input) string {
	e := s.m.Step(s.now, in)
	if len(e.Records) > 0 {
		s.log = append(s.log, slices.Clone(e.Records))
	}
	if err := s.m.Audit(); err != nil {
		s.t.Fatalf("audit: %v", err)
	}
	var b strings.Builder
	for _, r := range e.Records {
		fmt.Fprintf(&b, "record  %s\n", recordLine(r))
	}
	for _, x := range e.Sends {
		if line := sendLine(x.Message); line != "" {
			fmt.Fprintf(&b, "send    %s: %s\n", s.sessionName(x.Session), line)
		}
	}
	for _, c := range e.Closes {
		fmt.Fprintf(&b, "close   %s: %s\n", s.sessionName(c.Session), c.Message)
	}
	for _, r := range e.Replies {
		if r.Err != nil {
			fmt.Fprintf(&b, "refuse  %s: %s\n", r.Err.Reason, r.Err.Message)
		} else if sub, ok := r.Body.(model.SubmitReply); ok {
			fmt.Fprintf(&b, "reply   job %s\n", sub.ID)
			if sub.Warning != nil {
				fmt.Fprintf(&b, "warning %s\n", sub.Warning.Summary)
			}
		}
	}
	for _, n := range e.Notices {
		fmt.Fprintf(&b, "notice  %s\n", noticeLine(n))
	}
	if b.Len() == 0 {
		return "nothing\n"
	}
	return b.String()
}

func (s *script) sessionName(id SessionID) string {
	for name, x := range s.sessions {
		if x == id {
			return name
		}
	}
	return fmt.Sprintf("session %d", id)
}

func noticeLine(n model.Notice) string {
	out := n.Kind
	if n.Service != "" {
		out += " " + n.Service
	} else if n.Task != nil {
		out += " " + n.Task.String()
	} else if n.Job != "" {
		out += " " + string(n.Job)
	}
	if n.State != "" {
		out += " " + n.State
	}
	if n.Message != "" {
		out += ": " + n.Message
	}
	if n.Status != nil && n.Status.Message != "" {
		out += " (" + n.Status.Message + ")"
	}
	return out
}

func recordLine(r []byte) string {
	switch r[0] {
	case recStatuses:
		sts, err := parseStatuses(r)
		if err != nil {
			return err.Error()
		}
		var p []string
		for _, st := range sts {
			p = append(p, fmt.Sprintf("%s=%s", st.Task, st.State))
		}
		return "statuses " + strings.Join(p, " ")
	case recFramework:
		id, _, _ := splitPrefixed(r)
		return "event of " + id
	}
	names := map[byte]string{recCluster: "cluster", recAgent: "agent", recAgentRemoved: "agent removed", recStaged: "staged", recJobDone: "job done",
		recRole: "role", recRoleRemoved: "role removed", recReservation: "reservation", recNode: "node policy"}
	return names[r[0]]
}

func sendLine(m *agentpb.MasterMessage) string {
	switch k := m.Kind.(type) {
	case *agentpb.MasterMessage_Registered:
		return fmt.Sprintf("registered in %s, epoch %d, live jobs %v", k.Registered.ClusterId, k.Registered.Epoch, k.Registered.Jobs)
	case *agentpb.MasterMessage_JobSpec:
		return "spec of " + k.JobSpec.Job
	case *agentpb.MasterMessage_Launch:
		out := fmt.Sprintf("launch %s/%d %v", k.Launch.Job, k.Launch.Group, k.Launch.Indices)
		if k.Launch.Attempts != nil {
			out += fmt.Sprintf(" attempts %v", k.Launch.Attempts)
		}
		if g := k.Launch.Gang; g != nil {
			out += fmt.Sprintf(" of a gang of %d on %s, runs %v", g.Size, strings.Join(g.Nodes, ","), g.Runs)
		}
		return out
	case *agentpb.MasterMessage_Kill:
		var p []string
		for _, t := range k.Kill.Tasks {
			id, _ := taskIDFromWire(t)
			p = append(p, id.String())
		}
		if k.Kill.Reason == uint32(model.ReasonContainerPreempted) {
			p = append(p, "preempted")
		}
		if k.Kill.GraceNs != 0 {
			p = append(p, "within", time.Duration(k.Kill.GraceNs).String())
		}
		if k.Kill.Reason == uint32(model.ReasonAgentDraining) {
			p = append(p, "draining")
		}
		return "kill " + strings.Join(p, " ")
	case *agentpb.MasterMessage_Start:
		var p []string
		for _, t := range k.Start.Tasks {
			id, _ := taskIDFromWire(t)
			p = append(p, id.String())
		}
		return "start " + strings.Join(p, " ")
	case *agentpb.MasterMessage_Acknowledge:
		return fmt.Sprintf("acknowledge %v", k.Acknowledge.Seqs)
	case *agentpb.MasterMessage_JobDone:
		return "job done " + k.JobDone.Job
	case *agentpb.MasterMessage_Ping:
		return fmt.Sprintf("ping %d", k.Ping.Seq)
	}
	return fmt.Sprintf("%T", m.Kind)
}

func (s *script) nodes() string {
	var b strings.Builder
	for _, n := range s.m.nodes().Nodes {
		fmt.Fprintf(&b, "%s %s allocated %s, %d tasks\n", n.Name, n.State, n.Allocated, n.Tasks)
	}
	return b.String()
}

func (s *script) why(d *datadriven.TestData) string {
	a, r := s.m.Query(s.now, model.Why{Selector: d.CmdArgs[0].Key})
	if r != nil {
		return fmt.Sprintf("%s: %s\n", r.Reason, r.Message)
	}
	var b strings.Builder
	v := a.(model.WhyView)
	fmt.Fprintf(&b, "job %s %s\n", v.Job.Name, v.Job.State)
	for _, e := range v.Explanations {
		fmt.Fprintf(&b, "%s: %s\n", e.Tier, e.Summary)
	}
	return b.String()
}

func (s *script) intArg(d *datadriven.TestData, key string, def int) int {
	if !d.HasArg(key) {
		return def
	}
	var v int
	d.ScanArgs(s.t, key, &v)
	return v
}

func (s *script) strArg(d *datadriven.TestData, key, def string) string {
	if !d.HasArg(key) {
		return def
	}
	var v string
	d.ScanArgs(s.t, key, &v)
	return v
}
