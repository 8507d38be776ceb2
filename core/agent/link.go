package agent

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/tender-scheduler/tender/api/agentpb"
)

// openWithin bounds the wait for a connection to one master before the next one
// is tried. Connecting goes on meanwhile, so that a master that is only slow is
// found connected when its turn comes again.
const openWithin = 400 * time.Millisecond

// link keeps a stream open to some master, the leading one as soon as it is
// known. It runs in a goroutine of its own and tells the loop through the inbox.
type link struct {
	conns   *Conns
	masters masters
	inbox   *inbox
	log     *slog.Logger
	streams sync.WaitGroup
	failing string // the failure last logged
}

// run opens one stream after another until ctx ends.
func (l *link) run(ctx context.Context) {
	defer l.streams.Wait()
	for ctx.Err() == nil {
		address := l.masters.address()
		s, err := l.open(ctx, address)
		var wait time.Duration
		switch {
		case err != nil:
			l.complain(address, err.Error())
			wait = l.masters.failed("")
		default:
			hint, reason := s.serve(l.inbox)
			if ctx.Err() != nil {
				return
			}
			if s.wasRegistered() {
				l.failing = ""
				l.masters.registered()
				l.log.Warn("lost the master", "address", address, "reason", reason)
			} else {
				l.complain(address, reason)
			}
			wait = l.masters.failed(hint)
		}
		pause(ctx, wait)
	}
}

// complain logs a failure, but not the same one over and over.
func (l *link) complain(address, reason string) {
	if text := address + ": " + reason; text != l.failing {
		l.failing = text
		l.log.Info("no leading master yet", "address", address, "reason", reason)
	}
}

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (l *link) open(ctx context.Context, address string) (*stream, error) {
	cc, err := l.conns.Get(address)
	if err != nil {
		return nil, err
	}
	cc.Connect() // at once, whatever its own back-off says
	ctx, cancel := context.WithCancelCause(ctx)
	// The stream lives on after it is open, so the time limit cannot be a
	// deadline of its context.
	limit := time.AfterFunc(openWithin, func() { cancel(errors.New("no answer in time")) })
	defer limit.Stop()
	g, err := agentpb.NewAgentsClient(cc).Connect(ctx)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	return &stream{ctx: ctx, cancel: cancel, conn: cc, grpc: g, wake: make(chan struct{}, 1)}, nil
}

// stream is one control stream. The loop puts messages in, a goroutine of the
// stream sends them.
type stream struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	conn   *grpc.ClientConn
	grpc   grpc.BidiStreamingClient[agentpb.AgentMessage, agentpb.MasterMessage]

	wake chan struct{}
	mu   sync.Mutex
	out  []*agentpb.AgentMessage
	// registered is what the loop found out about the stream, for the link.
	registered bool
	hint       string // of a Redirect
}

// serve carries messages until the stream ends, and says why it did and who is
// said to lead instead.
func (s *stream) serve(in *inbox) (hint, reason string) {
	defer s.cancel(nil)
	in.put(event{input: StreamUp{}, stream: s})
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		s.transmit()
	}()
	err := s.receive(in)
	if cause := context.Cause(s.ctx); cause != nil {
		err = cause
	}
	s.cancel(nil)
	<-sent
	in.put(event{input: StreamDown{}, stream: s})
	if errors.Is(err, io.EOF) {
		err = errors.New("the master ended the stream")
	}
	return s.hint, err.Error()
}

func (s *stream) receive(in *inbox) error {
	for {
		msg, err := s.grpc.Recv()
		if err != nil {
			return err
		}
		if r := msg.GetRedirect(); r != nil {
			s.hint = r.Leader // the stream may end before the machine says Redial
		}
		in.putWhenRoom(s.ctx, event{input: FromMaster{msg}, stream: s})
	}
}

func (s *stream) transmit() {
	for {
		select {
		case <-s.wake:
		case <-s.ctx.Done():
			return
		}
		s.mu.Lock()
		batch := s.out
		s.out = nil
		s.mu.Unlock()
		for _, msg := range batch {
			if s.grpc.Send(msg) != nil {
				return // Recv says why
			}
		}
	}
}

// send queues messages. What may be queued is bounded by the machine: updates
// by updatesInFlight, the rest by what the master asks for.
func (s *stream) send(msgs []*agentpb.AgentMessage) {
	s.mu.Lock()
	s.out = append(s.out, msgs...)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *stream) noteRegistered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.registered = true
}

func (s *stream) wasRegistered() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.registered
}
