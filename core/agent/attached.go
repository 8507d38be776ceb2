package agent

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/api/session"
	"github.com/tender-scheduler/tender/api/sessionpb"
	"github.com/tender-scheduler/tender/core/agent/executor"
	"github.com/tender-scheduler/tender/core/model"
)

// Sessions opens sessions at executors. It is called from any goroutine.
type Sessions interface {
	Dial(ExecID, *execpb.Session) (session.Stream, error)
}

// maxSessions is how many sessions one agent carries at once.
const maxSessions = 256

// claimWithin bounds how long an executor may take to answer.
const claimWithin = 5 * time.Second

// sessionDoor finds executors by their directories.
type sessionDoor struct{ dir *dataDir }

// Dial implements Sessions.
func (d sessionDoor) Dial(id ExecID, ask *execpb.Session) (session.Stream, error) {
	return executor.DialSession(filepath.Join(d.dir.executorDir(id), executor.SocketName), ask)
}

// attached are the sessions that the agent relays between executors and the master.
type attached struct {
	door   Sessions
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu sync.Mutex
	n  int
}

func newAttached(d Sessions) *attached {
	ctx, cancel := context.WithCancel(context.Background())
	return &attached{door: d, ctx: ctx, cancel: cancel}
}

// close ends all sessions: without the agent nobody is at the other end.
func (a *attached) close() {
	a.cancel()
	a.wg.Wait()
}

// open answers the master's request with a stream on the control stream's connection.
func (a *attached) open(s *stream, e OpenSession) {
	if s == nil {
		return
	}
	a.wg.Go(func() {
		ctx, cancel := context.WithCancel(a.ctx)
		defer cancel()
		up, err := agentpb.NewAgentsClient(s.conn).Attach(ctx)
		if err != nil {
			return // the master has gone, and with it who asked
		}
		to := &grpcStream{BidiStreamingClient: up, cancel: cancel}
		from, claim, refusal := a.enter(e)
		if refusal != nil {
			claim = &sessionpb.Claim{Refused: session.RefusedOf(refusal)}
		} else {
			defer a.leave()
			defer from.Close()
		}
		claim.Request = e.Request.GetRequest()
		if to.Send(&sessionpb.Frame{Kind: &sessionpb.Frame_Claim{Claim: claim}}) != nil {
			return
		}
		if refusal != nil {
			to.drain()
			return
		}
		stop := context.AfterFunc(ctx, func() { from.Close() })
		defer stop()
		session.Relay(from, to)
		to.drain() // the end of ctx could overtake the last frame
	})
}

// remote couples a task's session with the one that the master opens for it in
// another allocation of the task's gang.
func (a *attached) remote(s *stream, e OpenRemote) {
	a.wg.Go(func() {
		ctx, cancel := context.WithCancel(a.ctx)
		defer cancel()
		from, err := a.door.Dial(e.Exec, &execpb.Session{Remote: e.Request})
		if err != nil {
			return // it has ended, and with it who asked
		}
		defer from.Close()
		stop := context.AfterFunc(ctx, func() { from.Close() })
		defer stop()
		to, claim, refusal := a.reach(ctx, cancel, s, e)
		if refusal != nil {
			claim = &sessionpb.Claim{Refused: session.RefusedOf(refusal)}
		}
		if from.Send(&sessionpb.Frame{Kind: &sessionpb.Frame_Claim{Claim: claim}}) != nil || refusal != nil {
			return
		}
		session.Relay(from, to)
		to.drain()
	})
}

// reach opens the session at the master.
func (a *attached) reach(ctx context.Context, cancel context.CancelFunc, s *stream, e OpenRemote) (*grpcStream, *sessionpb.Claim, *model.Refusal) {
	t := e.Task
	if s == nil {
		return nil, nil, model.Refuse(model.ReasonUnavailable, "this node has no connection to a master")
	}
	up, err := agentpb.NewAgentsClient(s.conn).Remote(ctx)
	if err != nil {
		return nil, nil, model.Refuse(model.ReasonUnavailable, "this node has no connection to a master: %v", err)
	}
	to := &grpcStream{BidiStreamingClient: up, cancel: cancel}
	_ = to.Send(&sessionpb.Frame{Kind: &sessionpb.Frame_Reach{Reach: &sessionpb.Reach{ // the answer says how it went
		Job: t.GetJob(), Group: t.GetGroup(), Index: t.GetIndex(), Attempt: t.GetAttempt(), Session: e.Session, Resume: e.Resume,
	}}})
	f, err := to.Recv()
	switch {
	case err != nil:
		return nil, nil, model.Refuse(model.ReasonUnavailable, "the master did not answer: %v", err)
	case f.GetClaim() == nil:
		return nil, nil, model.Refuse(model.ReasonInternal, "the master answered with %T", f.GetKind())
	case f.GetClaim().Refused != nil:
		return nil, nil, session.RefusalOf(f.GetClaim().Refused)
	}
	return to, f.GetClaim(), nil
}

// enter opens the session at the executor, if it may be.
func (a *attached) enter(e OpenSession) (session.Stream, *sessionpb.Claim, *model.Refusal) {
	a.mu.Lock()
	full := a.n >= maxSessions
	if !full {
		a.n++
	}
	a.mu.Unlock()
	if full {
		return nil, nil, model.Refuse(model.ReasonQueueFull, "too many sessions on this agent: %d are open", maxSessions)
	}
	s, claim, refusal := a.dial(e)
	if refusal != nil {
		a.leave()
	}
	return s, claim, refusal
}

func (a *attached) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.n--
}

func (a *attached) dial(e OpenSession) (session.Stream, *sessionpb.Claim, *model.Refusal) {
	t := e.Request.GetTask()
	switch {
	case e.Exec.Job == "":
		return nil, nil, model.Refuse(model.ReasonNotRunning, "task %s/%d/%d does not run on its agent any more", t.GetJob(), t.GetGroup(), t.GetIndex())
	case a.door == nil:
		return nil, nil, model.Refuse(model.ReasonUnsupported, "this agent runs nothing beside tasks")
	}
	ask := &execpb.Session{
		Task: &execpb.Task{Group: t.GetGroup(), Index: t.GetIndex(), Attempt: t.GetAttempt()}, Name: e.Request.GetName(),
		Id: e.Request.GetSession(), Resume: e.Request.GetResume(), FenceNs: int64(e.Fence),
	}
	s, err := a.door.Dial(e.Exec, ask)
	if err != nil {
		return nil, nil, model.Refuse(model.ReasonAgentGone, "reach the task's executor: %v", err)
	}
	claim, refusal := awaitClaim(s)
	if refusal != nil {
		s.Close()
		return nil, nil, refusal
	}
	return s, claim, nil
}

// awaitClaim reads the executor's answer.
func awaitClaim(s session.Stream) (*sessionpb.Claim, *model.Refusal) {
	timeout := time.AfterFunc(claimWithin, func() { s.Close() })
	defer timeout.Stop()
	f, err := s.Recv()
	switch {
	case err != nil:
		return nil, model.Refuse(model.ReasonAgentGone, "the task's executor did not answer: %v", err)
	case f.GetClaim() == nil:
		return nil, model.Refuse(model.ReasonInternal, "%s", fmt.Sprintf("the task's executor answered with %T", f.GetKind()))
	case f.GetClaim().Refused != nil:
		return nil, session.RefusalOf(f.GetClaim().Refused)
	}
	return f.GetClaim(), nil
}

// grpcStream is the agent's end of a session with the master.
type grpcStream struct {
	grpc.BidiStreamingClient[sessionpb.Frame, sessionpb.Frame]
	cancel context.CancelFunc
	mu     sync.Mutex // CloseSend must not meet a Send
}

// closeWithin bounds the wait for the master's own end of a session.
const closeWithin = 5 * time.Second

// Send implements session.Stream.
func (s *grpcStream) Send(f *sessionpb.Frame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.BidiStreamingClient.Send(f)
}

// Close implements session.Stream. The master answers with its end; to cancel at
// once could lose what was sent last.
func (s *grpcStream) Close() error {
	time.AfterFunc(closeWithin, s.cancel)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.CloseSend()
}

// drain waits until the master has taken note of the end.
func (s *grpcStream) drain() {
	s.Close()
	for {
		if _, err := s.Recv(); err != nil {
			return
		}
	}
}
