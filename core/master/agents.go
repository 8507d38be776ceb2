package master

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tender-scheduler/tender/api/agentpb"
)

// agentServer serves agents' streams on behalf of whatever term is on.
type agentServer struct {
	agentpb.UnimplementedAgentsServer
	master *Master
}

// Connect serves one agent's control stream.
func (s *agentServer) Connect(stream grpc.BidiStreamingServer[agentpb.AgentMessage, agentpb.MasterMessage]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	reg := first.GetRegister()
	if reg == nil {
		return status.Error(codes.InvalidArgument, "the first message of an agent must be Register")
	}
	l := s.master.leading()
	if l == nil {
		leader, _ := s.master.Leader()
		return stream.Send(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Redirect{
			Redirect: &agentpb.Redirect{Leader: leader}}})
	}
	id, out := l.openSession()
	defer l.closeSession(id)
	if !l.put(AgentUp{Session: id, Register: reg}) {
		return status.Error(codes.Unavailable, errNotLeading.Error())
	}
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	go func() {
		defer cancel()
		receive(stream, l, id)
	}()
	return transmit(ctx, stream, out)
}

// receive hands an agent's messages to the loop until the stream ends. The
// inbox's bound is the agents' back-pressure.
func receive(stream grpc.BidiStreamingServer[agentpb.AgentMessage, agentpb.MasterMessage], l *loop, id SessionID) {
	for {
		m, err := stream.Recv()
		if err != nil {
			return
		}
		if !l.put(AgentSaid{Session: id, Message: m}) {
			return
		}
	}
}

func transmit(ctx context.Context, stream grpc.BidiStreamingServer[agentpb.AgentMessage, agentpb.MasterMessage], out *outbox) error {
	for {
		ms, closed, reason := out.take()
		for _, m := range ms {
			if err := stream.Send(m); err != nil {
				return err
			}
		}
		switch {
		case len(ms) > 0:
			continue
		case closed:
			return status.Error(codes.FailedPrecondition, reason)
		}
		select {
		case <-out.wake:
		case <-ctx.Done():
			return nil
		}
	}
}

func (l *loop) openSession() (SessionID, *outbox) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.nextID++
	id, out := SessionID(l.nextID), newOutbox()
	l.sessions[id] = out
	select {
	case <-l.done: // end has passed already
		out.close(errNotLeading.Error())
	default:
	}
	return id, out
}

func (l *loop) closeSession(id SessionID) {
	l.put(AgentDown{Session: id})
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.sessions, id)
}

// PushLog takes in the bytes that an OpenLog asked for.
func (s *agentServer) PushLog(stream grpc.ClientStreamingServer[agentpb.LogChunk, agentpb.LogDone]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	p := s.master.logs.claim(first.Request)
	if p == nil {
		return status.Error(codes.NotFound, "nobody waits for this log any more")
	}
	for c := first; ; {
		if !p.write(stream.Context(), c) {
			return stream.SendAndClose(&agentpb.LogDone{})
		}
		if c, err = stream.Recv(); err != nil {
			if !errors.Is(err, io.EOF) {
				p.fail("the connection to the agent broke off")
			} else {
				p.finish()
			}
			return stream.SendAndClose(&agentpb.LogDone{})
		}
	}
}
