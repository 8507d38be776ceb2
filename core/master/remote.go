package master

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tender-scheduler/tender/api/agentpb"
	apisession "github.com/tender-scheduler/tender/api/session"
	"github.com/tender-scheduler/tender/api/sessionpb"
	"github.com/tender-scheduler/tender/core/model"
)

// Remote couples a session that a task of a gang opens with one beside another
// task of it.
func (s *agentServer) Remote(stream grpc.BidiStreamingServer[sessionpb.Frame, sessionpb.Frame]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	reach := first.GetReach()
	if reach == nil {
		return status.Error(codes.InvalidArgument, "the first frame must be Reach")
	}
	ctx, cancel := context.WithTimeout(stream.Context(), 2*sessionOpenTimeout)
	to, refusal := s.master.reach(ctx, reach)
	cancel()
	var claim *sessionpb.Claim
	if refusal != nil {
		claim = &sessionpb.Claim{Refused: apisession.RefusedOf(refusal)}
	} else {
		claim = &sessionpb.Claim{ResumeWithinNs: to.claim.ResumeWithinNs, What: to.claim.What}
	}
	if err := stream.Send(&sessionpb.Frame{Kind: &sessionpb.Frame_Claim{Claim: claim}}); err != nil || refusal != nil {
		if to != nil {
			to.Close()
		}
		return err
	}
	from := &agentSession{BidiStreamingServer: stream, closed: make(chan struct{})}
	stop := context.AfterFunc(stream.Context(), func() { to.Close() })
	defer stop()
	go apisession.Relay(from, to)
	select {
	case <-from.closed:
	case <-stream.Context().Done():
	}
	return nil
}

// reach opens a session beside a task of a gang.
func (m *Master) reach(ctx context.Context, r *sessionpb.Reach) (*agentSession, *model.Refusal) {
	l := m.leading()
	if l == nil {
		return nil, unavailable()
	}
	id, err := taskIDFromWire(&agentpb.TaskId{Job: r.Job, Group: r.Group, Index: r.Index, Attempt: r.Attempt})
	if err != nil {
		return nil, model.Refuse(model.ReasonBadRequest, "%v", err)
	}
	view := &model.TaskView{ID: id}
	if err := l.ask(ctx, func() {
		if t := l.machine.state.tasks[id]; t != nil && t.batch.gang > 0 {
			view.Agent = t.batch.agent
		}
	}); err != nil {
		return nil, unavailable()
	}
	if view.Agent == "" {
		return nil, model.Refuse(model.ReasonNotRunning, "task %s does not run any more", id)
	}
	return m.openSession(ctx, l, view, &agentpb.OpenSession{Session: r.Session, Resume: r.Resume})
}
