package agent_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/agent"
	"github.com/tender-scheduler/tender/core/model"
)

// scriptedMaster is a real gRPC server whose side of the conversation the test
// writes line by line.
type scriptedMaster struct {
	agentpb.UnimplementedAgentsServer
	t       *testing.T
	address string
	server  *grpc.Server
	dial    func(context.Context) (net.Conn, error)
	arrived chan *agentSession
	asked   chan struct{} // a token when it has answered Redirect

	mu       sync.Mutex
	redirect *string // answer Redirect with this instead
	pushes   chan pushedLog
	claimed  chan struct{} // a token when the latest PushLog has begun
}

// agentSession is one Connect stream.
type agentSession struct {
	t        *testing.T
	stream   grpc.BidiStreamingServer[agentpb.AgentMessage, agentpb.MasterMessage]
	register *agentpb.Register
	in       chan *agentpb.AgentMessage
	cancel   context.CancelFunc
	pending  []*agentpb.Update // received and not yet asked for
	done     chan struct{}
}

type pushedLog struct {
	request, data, err, reason string
}

// network says which master answers at which name.
type network struct {
	mu    sync.Mutex
	names map[string]*scriptedMaster
}

func (n *network) name(name string, m *scriptedMaster) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.names == nil {
		n.names = map[string]*scriptedMaster{}
	}
	n.names[name] = m
}

func (n *network) conns() *agent.Conns {
	c := agent.NewConns(nil)
	c.SetDial(n.dial)
	return c
}

func (n *network) dial(ctx context.Context, name string) (net.Conn, error) {
	n.mu.Lock()
	m := n.names[name]
	n.mu.Unlock()
	if m == nil {
		return nil, fmt.Errorf("no master at %s", name)
	}
	return m.dial(ctx)
}

// startMaster serves on loopback.
func startMaster(t *testing.T) *scriptedMaster {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := serveMaster(t, lis)
	m.dial = func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", m.address)
	}
	return m
}

func serveMaster(t *testing.T, lis net.Listener) *scriptedMaster {
	m := &scriptedMaster{
		t: t, address: lis.Addr().String(), server: grpc.NewServer(),
		arrived: make(chan *agentSession, 100), asked: make(chan struct{}, 1), pushes: make(chan pushedLog, 10), claimed: make(chan struct{}, 10),
	}
	agentpb.RegisterAgentsServer(m.server, m)
	served := make(chan struct{})
	go func() {
		defer close(served)
		m.server.Serve(lis)
	}()
	t.Cleanup(func() {
		m.server.Stop()
		<-served
	})
	return m
}

func (m *scriptedMaster) redirectTo(address string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.redirect = &address
}

func (m *scriptedMaster) leads() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.redirect = nil
}

func (m *scriptedMaster) Connect(stream grpc.BidiStreamingServer[agentpb.AgentMessage, agentpb.MasterMessage]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	if first.GetRegister() == nil {
		return status.Errorf(codes.InvalidArgument, "the first message is %v", first)
	}
	m.mu.Lock()
	redirect := m.redirect
	m.mu.Unlock()
	if redirect != nil {
		select {
		case m.asked <- struct{}{}:
		default:
		}
		return stream.Send(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Redirect{Redirect: &agentpb.Redirect{Leader: *redirect}}})
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	s := &agentSession{t: m.t, stream: stream, register: first.GetRegister(),
		in: make(chan *agentpb.AgentMessage, 10000), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		for {
			msg, err := stream.Recv()
			if err != nil {
				cancel()
				return
			}
			s.in <- msg
		}
	}()
	m.arrived <- s
	<-ctx.Done()
	return status.Error(codes.Unavailable, "the master hangs up")
}

func (m *scriptedMaster) PushLog(stream grpc.ClientStreamingServer[agentpb.LogChunk, agentpb.LogDone]) error {
	var p pushedLog
	for {
		c, err := stream.Recv()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				p.err = "broken off"
			}
			m.pushes <- p
			return stream.SendAndClose(&agentpb.LogDone{})
		}
		if c.Request == "r5" {
			m.claimed <- struct{}{}
		}
		if c.Request != "" {
			p.request = c.Request
		}
		p.data += string(c.Data)
		p.err, p.reason = p.err+c.Error, p.reason+c.ErrorReason
	}
}

// session waits for an agent to register and lets it in.
func (m *scriptedMaster) session(r *agentpb.Registered) *agentSession {
	m.t.Helper()
	select {
	case s := <-m.arrived:
		s.send(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Registered{Registered: r}})
		return s
	case <-m.t.Context().Done():
		m.t.Fatal("no agent came")
		return nil
	}
}

func (s *agentSession) send(msgs ...*agentpb.MasterMessage) {
	s.t.Helper()
	for _, msg := range msgs {
		if err := s.stream.Send(msg); err != nil {
			s.t.Errorf("send to the agent: %v", err)
		}
	}
}

// launch sends a job's spec and tasks of its first group.
func (s *agentSession) launch(job string, spec []byte, indices ...uint32) {
	s.t.Helper()
	s.send(
		&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_JobSpec{JobSpec: &agentpb.JobSpec{Job: job, Spec: spec}}},
		&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Launch{Launch: &agentpb.Launch{Job: job, Indices: indices}}},
	)
}

func (s *agentSession) killTask(job string, index uint32) {
	s.t.Helper()
	s.send(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Kill{Kill: &agentpb.Kill{
		Tasks: []*agentpb.TaskId{{Job: job, Index: index}},
	}}})
}

func (s *agentSession) ack(us ...*agentpb.Update) {
	s.t.Helper()
	a := &agentpb.Acknowledge{}
	for _, u := range us {
		a.Seqs = append(a.Seqs, u.Seq)
	}
	s.send(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Acknowledge{Acknowledge: a}})
}

func (s *agentSession) jobDone(job string) {
	s.t.Helper()
	s.send(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_JobDone{JobDone: &agentpb.JobDone{Job: job}}})
}

// next returns the next message that is no update.
func (s *agentSession) next() *agentpb.AgentMessage {
	s.t.Helper()
	for {
		msg, ok := s.receive()
		if !ok {
			s.t.Fatal("the agent hung up")
		}
		if u := msg.GetUpdates(); u == nil {
			return msg
		}
	}
}

func (s *agentSession) receive() (*agentpb.AgentMessage, bool) {
	s.t.Helper()
	select {
	case msg := <-s.in:
		if u := msg.GetUpdates(); u != nil {
			s.pending = append(s.pending, u.Updates...)
		}
		return msg, true
	case <-s.done:
		return nil, false
	}
}

// terminal waits for a task's last update.
func (s *agentSession) terminal(job string, index uint32) *agentpb.Update {
	s.t.Helper()
	return s.await(job, index, func(u *agentpb.Update) bool { return model.TaskState(u.State).Terminal() })
}

func (s *agentSession) running(job string, index uint32) *agentpb.Update {
	s.t.Helper()
	return s.await(job, index, func(u *agentpb.Update) bool { return model.TaskState(u.State) == model.TaskRunning })
}

func (s *agentSession) await(job string, index uint32, want func(*agentpb.Update) bool) *agentpb.Update {
	s.t.Helper()
	for {
		for i, u := range s.pending {
			if u.Task.Job == job && u.Task.Index == index && want(u) {
				s.pending = slices.Delete(s.pending, i, i+1)
				return u
			}
		}
		if _, ok := s.receive(); !ok {
			s.t.Fatalf("the agent hung up before its update about %s/%d; got %s", job, index, formatAll(s.pending))
		}
	}
}

func formatAll(us []*agentpb.Update) string {
	var out []string
	for _, u := range us {
		out = append(out, fmt.Sprint(u.Task, model.TaskState(u.State)))
	}
	return fmt.Sprint(strings.Join(out, " "))
}

func leading(epoch int64, jobs ...string) *agentpb.Registered {
	return &agentpb.Registered{ClusterId: "c1", Epoch: epoch, Jobs: jobs,
		PingIntervalNs: int64(time.Minute), FenceAfterNs: int64(time.Hour)}
}
