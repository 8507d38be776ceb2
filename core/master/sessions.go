package master

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tender-scheduler/tender/api/agentpb"
	apisession "github.com/tender-scheduler/tender/api/session"
	"github.com/tender-scheduler/tender/api/sessionpb"
	"github.com/tender-scheduler/tender/core/model"
)

// sessionOpenTimeout is how long an agent may take to open the session it was asked for.
const sessionOpenTimeout = 10 * time.Second

// askedSessions are those that agents were asked to open and have not yet.
type askedSessions struct {
	mu      sync.Mutex
	waiting map[string]chan *agentSession // by request
}

func newAskedSessions() *askedSessions {
	return &askedSessions{waiting: map[string]chan *agentSession{}}
}

func (a *askedSessions) expect() (request string, claimed chan *agentSession) {
	request, claimed = rand.Text(), make(chan *agentSession, 1)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting[request] = claimed
	return request, claimed
}

// claim gives a session to who waits for it; false if nobody does.
func (a *askedSessions) claim(request string, s *agentSession) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	claimed := a.waiting[request]
	if claimed == nil {
		return false
	}
	delete(a.waiting, request)
	claimed <- s
	return true
}

// forget ends the wait; a session that came too late is closed.
func (a *askedSessions) forget(request string, claimed chan *agentSession) {
	a.mu.Lock()
	delete(a.waiting, request)
	a.mu.Unlock()
	select {
	case s := <-claimed:
		s.Close()
	default:
	}
}

// agentSession is the master's end of a stream that an agent opened. It lives as
// long as the call that serves it.
type agentSession struct {
	grpc.BidiStreamingServer[sessionpb.Frame, sessionpb.Frame]
	claim  *sessionpb.Claim // the executor's answer
	once   sync.Once
	closed chan struct{}
}

// Close implements session.Stream.
func (s *agentSession) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

// Attach takes in a session that an agent was asked for.
func (s *agentServer) Attach(stream grpc.BidiStreamingServer[sessionpb.Frame, sessionpb.Frame]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	claim := first.GetClaim()
	as := &agentSession{BidiStreamingServer: stream, claim: claim, closed: make(chan struct{})}
	if claim == nil || !s.master.asked.claim(claim.Request, as) {
		return status.Error(codes.NotFound, "nobody waits for this session any more")
	}
	select {
	case <-as.closed:
	case <-stream.Context().Done():
	}
	return nil
}

// openSession asks a task's agent for a session beside it, or for another stream to
// one that is there.
func (m *Master) openSession(ctx context.Context, l *loop, t *model.TaskView, ask *agentpb.OpenSession) (*agentSession, *model.Refusal) {
	var out *outbox
	if err := l.ask(ctx, func() { out = l.outboxOf(t.Agent) }); err != nil {
		return nil, unavailable()
	}
	if out == nil {
		return nil, model.Refuse(model.ReasonAgentGone, "run a command beside task %s: its node %s is not connected", t.ID, nodeName(t))
	}
	request, claimed := m.asked.expect()
	defer m.asked.forget(request, claimed)
	ask.Request, ask.Task = request, taskIDToWire(t.ID)
	out.push(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_OpenSession{OpenSession: ask}})
	timeout := time.NewTimer(sessionOpenTimeout)
	defer timeout.Stop()
	select {
	case s := <-claimed:
		if s.claim.Refused != nil {
			s.Close()
			return nil, apisession.RefusalOf(s.claim.Refused)
		}
		return s, nil
	case <-timeout.C:
	case <-l.done:
	case <-ctx.Done():
	}
	return nil, model.Refuse(model.ReasonAgentGone, "run a command beside task %s: node %s did not answer", t.ID, nodeName(t))
}
