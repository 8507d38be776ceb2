package agent_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent"
	"github.com/tender-scheduler/tender/core/agent/agentsim"
	"github.com/tender-scheduler/tender/core/model"
)

// memory is a Store that lives as long as the test.
type memory struct {
	mu      sync.Mutex
	meta    agent.Meta
	contact time.Time
	removed []string
	broken  error
}

func (s *memory) Save(m agent.Meta) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken == nil {
		s.meta = m
	}
	return s.broken
}

func (s *memory) Contact(at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.contact = at
	return nil
}

func (s *memory) Settle(agent.ExecID) error { return nil }

func (s *memory) Discard(id agent.ExecID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.removed = append(s.removed, id.String())
	return nil
}

func (s *memory) RemoveSandbox(agent.ExecID, *execpb.Task) error { return nil }

func (s *memory) Sweep() error { return nil }

func (s *memory) Measure() (agent.Measured, error) { return agent.Measured{}, nil }

// texts are the logs of tasks, by the name that is asked for.
type texts map[string]func(context.Context) (io.ReadCloser, error)

func (l texts) Open(ctx context.Context, r *agentpb.OpenLog, _ <-chan struct{}) (io.ReadCloser, error) {
	open := l[r.Name]
	if open == nil {
		return nil, model.Refuse(model.ReasonNotFound, "no output of %q here", r.Name)
	}
	return open(ctx)
}

// runLoop runs an agent until the test or the returned function ends it.
func runLoop(t *testing.T, l *agent.Loop) (stop func() error) {
	t.Helper()
	if l.Conns == nil {
		l.Conns = agent.NewConns(nil)
	}
	if l.Store == nil {
		l.Store = &memory{}
	}
	if l.Files == nil {
		l.Files = &memory{}
	}
	if l.Executors == nil {
		l.Executors = &agentsim.Executors{Duration: func(id model.TaskID) time.Duration {
			return time.Duration(id.Index/100) * time.Hour // 100 and up do not end
		}}
	}
	if l.Options.Meta.AgentID == "" {
		l.Options.Meta = agent.Meta{AgentID: "a1", Boot: 1}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	var once sync.Once
	var err error
	stop = func() error {
		once.Do(func() {
			cancel()
			err = <-done
			l.Conns.Close()
		})
		return err
	}
	t.Cleanup(func() { stop() })
	return stop
}

func TestLoopRunsTasks(t *testing.T) {
	m := startMaster(t)
	store := &memory{}
	ready := make(chan struct{})
	stop := runLoop(t, &agent.Loop{Masters: []string{m.address}, Store: store, Ready: func() { close(ready) }})
	s := m.session(leading(7))
	<-ready
	s.launch("j1", []byte("{}"), 0, 1)
	s.ack(s.running("j1", 0), s.terminal("j1", 0), s.running("j1", 1), s.terminal("j1", 1))
	s.launch("j2", []byte("{}"), 100)
	s.running("j2", 100)
	s.killTask("j2", 100)
	if u := s.terminal("j2", 100); model.TaskState(u.State) != model.TaskKilled {
		t.Errorf("killed task ended as %v", u)
	}
	s.send(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Ping{Ping: &agentpb.Ping{Seq: 5}}})
	if p := s.next().GetPong(); p.GetSeq() != 5 {
		t.Errorf("answer to ping 5: %v", p)
	}
	s.jobDone("j1")
	if err := stop(); err != nil {
		t.Error(err)
	}
	if store.meta.Epoch != 7 || store.meta.ClusterID != "c1" || store.contact.IsZero() {
		t.Errorf("stored %+v, contact %v", store.meta, store.contact)
	}
}

func TestLoopFollowsTheLeader(t *testing.T) {
	var n network
	first, second := startMaster(t), startMaster(t)
	n.name("m1", first)
	n.name("m2", second)
	first.redirectTo("m2")
	runLoop(t, &agent.Loop{Masters: []string{"m1"}, Conns: n.conns()})
	s := second.session(leading(7))
	s.launch("j1", []byte("{}"), 0, 100)
	u := s.terminal("j1", 0)

	// The leader is killed; a standby takes over.
	first.leads()
	n.name("m2", nil)
	second.server.Stop()
	s = first.session(leading(8, "j1"))
	if n := len(s.register.Tasks); n != 2 || s.register.LastEpoch != 7 {
		t.Errorf("registers with %v", s.register)
	}
	if again := s.terminal("j1", 0); again.Seq != u.Seq {
		t.Errorf("update %d came again as %d", u.Seq, again.Seq)
	}

	// The deposed leader is not obeyed, whatever it claims.
	third := startMaster(t)
	n.name("m2", third)
	first.redirectTo("m2")
	s.cancel()
	old := third.session(leading(7, "j1"))
	<-old.done
	if again := third.session(leading(9, "j1")).terminal("j1", 0); again.Seq != u.Seq {
		t.Errorf("update %d came again as %d", u.Seq, again.Seq)
	}
}

func TestLoopWaitsForAMaster(t *testing.T) {
	var n network
	standby := startMaster(t)
	standby.redirectTo("")
	n.name("m2", standby)
	runLoop(t, &agent.Loop{Masters: []string{"m1", "m2"}, Conns: n.conns()})
	<-standby.asked
	n.name("m1", startMaster(t))
	n.names["m1"].session(leading(1))
}

func TestLoopPushesLogs(t *testing.T) {
	m := startMaster(t)
	follow, feed := io.Pipe()
	logs := texts{
		"whole": func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(strings.Repeat("x", 100_000))), nil
		},
		"breaks": func(context.Context) (io.ReadCloser, error) { return io.NopCloser(iotestErr{}), nil },
		"follow": func(ctx context.Context) (io.ReadCloser, error) {
			context.AfterFunc(ctx, func() { follow.Close() })
			return follow, nil
		},
	}
	runLoop(t, &agent.Loop{Masters: []string{m.address}, Logs: logs})
	s := m.session(leading(7))
	open := func(request, name string) {
		s.send(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_OpenLog{OpenLog: &agentpb.OpenLog{Request: request, Name: name}}})
	}
	open("r1", "whole")
	if p := <-m.pushes; p.request != "r1" || len(p.data) != 100_000 || p.err != "" {
		t.Errorf("pushed %d bytes, error %q", len(p.data), p.err)
	}
	open("r2", "nothing")
	if p := <-m.pushes; p.request != "r2" || p.reason != string(model.ReasonNotFound) || p.err == "" {
		t.Errorf("pushed %+v", p)
	}
	open("r3", "breaks")
	if p := <-m.pushes; p.data != "abc" || p.reason != string(model.ReasonInternal) {
		t.Errorf("pushed %+v", p)
	}
	open("r4", "follow")
	feed.Write([]byte("first line"))
	s.send(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_CloseLog{CloseLog: &agentpb.CloseLog{Request: "r4"}}})
	<-m.pushes // it ends, one way or the other

	// A master that goes away does not leave the agent reading for nobody.
	gone := make(chan struct{})
	logs["silent"] = func(ctx context.Context) (io.ReadCloser, error) {
		in, out := io.Pipe()
		context.AfterFunc(ctx, func() {
			out.Close()
			close(gone)
		})
		return in, nil
	}
	open("r5", "silent")
	<-m.claimed
	m.server.Stop()
	<-gone
}

// iotestErr reads "abc" with an error.
type iotestErr struct{}

func (iotestErr) Read(b []byte) (int, error) { return copy(b, "abc"), errors.New("disk on fire") }

func TestLoopRemoved(t *testing.T) {
	m := startMaster(t)
	l := &agent.Loop{Masters: []string{m.address}, Conns: agent.NewConns(nil), Store: &memory{}, Files: &memory{},
		Executors: &agentsim.Executors{Duration: func(model.TaskID) time.Duration { return time.Hour }},
		Options:   agent.Options{Meta: agent.Meta{AgentID: "a1", Boot: 1}}}
	defer l.Conns.Close()
	done := make(chan error, 1)
	go func() { done <- l.Run(t.Context()) }()
	s := m.session(leading(7))
	s.launch("j1", []byte("{}"), 0)
	s.running("j1", 0)
	s.send(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Shutdown{Shutdown: &agentpb.Shutdown{Message: "node drained for good"}}})
	if err := <-done; !errors.Is(err, agent.ErrRemoved) || !strings.Contains(err.Error(), "drained for good") {
		t.Errorf("run returned %v", err)
	}
}

func TestLoopStopsTasks(t *testing.T) {
	m := startMaster(t)
	stop := runLoop(t, &agent.Loop{Masters: []string{m.address}, StopTasks: true, StopGrace: time.Second})
	s := m.session(leading(7))
	s.launch("j1", []byte("{}"), 100)
	s.running("j1", 100)
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestLoopCannotStoreItsState(t *testing.T) {
	m := startMaster(t)
	broken := errors.New("disk is gone")
	l := &agent.Loop{Masters: []string{m.address}, Conns: agent.NewConns(nil), Store: &memory{broken: broken}, Files: &memory{},
		Executors: &agentsim.Executors{}, Options: agent.Options{Meta: agent.Meta{AgentID: "a1", Boot: 1}}}
	defer l.Conns.Close()
	done := make(chan error, 1)
	go func() { done <- l.Run(t.Context()) }()
	m.session(leading(7))
	if err := <-done; !errors.Is(err, broken) {
		t.Errorf("run returned %v", err)
	}
}

func TestFleet(t *testing.T) {
	m := startMaster(t)
	ctx, cancel := context.WithCancel(t.Context())
	ready := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- agentsim.Fleet{Agents: 50, Masters: []string{m.address}, Ready: func() { close(ready) }}.Run(ctx)
	}()
	names := map[string]bool{}
	var sessions []*agentSession
	for range 50 {
		s := m.session(leading(1))
		names[s.register.Name] = true
		sessions = append(sessions, s)
	}
	<-ready
	if len(names) != 50 {
		t.Errorf("%d names of 50 agents", len(names))
	}
	for _, s := range sessions {
		s.launch("j1", []byte("{}"), 0, 1, 2)
	}
	for _, s := range sessions {
		s.ack(s.terminal("j1", 2))
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
