package agent

import (
	"context"
	"io"
	"sync"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/model"
)

const (
	pushChunkBytes = 32 << 10
	maxPushes      = 256 // log streams at once
)

// pushes are the log streams to the master that are open.
type pushes struct {
	logs   Logs
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	running map[string]context.CancelFunc
}

func newPushes(l Logs) *pushes {
	ctx, cancel := context.WithCancel(context.Background())
	return &pushes{logs: l, ctx: ctx, cancel: cancel, running: map[string]context.CancelFunc{}}
}

// open starts a log stream on the control stream's connection.
func (p *pushes) open(s *stream, r *agentpb.OpenLog, ended <-chan struct{}) {
	if s == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, twice := p.running[r.Request]; twice {
		return
	}
	full := len(p.running) >= maxPushes
	ctx, cancel := context.WithCancel(p.ctx)
	p.running[r.Request] = cancel
	p.wg.Go(func() {
		defer p.end(r.Request)
		push, err := agentpb.NewAgentsClient(s.conn).PushLog(ctx)
		if err != nil {
			return // the master has gone, and with it who asked
		}
		// The answer comes when the master has enough, or has gone, also while
		// there is nothing to send.
		answered := make(chan struct{})
		p.wg.Go(func() {
			defer close(answered)
			_ = push.RecvMsg(&agentpb.LogDone{})
			cancel()
		})
		var end error
		if full {
			end = model.Refuse(model.ReasonQueueFull, "too many log streams from this agent: %d are open", maxPushes)
		} else {
			end = p.copy(ctx, push.Send, r, ended)
		}
		last := &agentpb.LogChunk{Request: r.Request}
		if end != nil {
			last.Error, last.ErrorReason = refusalOf(end)
		}
		if push.Send(last) == nil && push.CloseSend() == nil {
			<-answered
		}
	})
}

// copy sends the log in chunks. A nil error means all of it went out, or nobody
// reads any more.
func (p *pushes) copy(ctx context.Context, send func(*agentpb.LogChunk) error, r *agentpb.OpenLog, ended <-chan struct{}) error {
	in, err := p.logs.Open(ctx, r, ended)
	if err != nil {
		return err
	}
	defer in.Close()
	// The first chunk claims the request, also while there is nothing to read.
	if send(&agentpb.LogChunk{Request: r.Request}) != nil {
		return nil
	}
	buf := make([]byte, pushChunkBytes)
	for {
		n, err := in.Read(buf)
		if n > 0 && send(&agentpb.LogChunk{Data: buf[:n]}) != nil {
			return nil
		}
		if err == io.EOF || ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// end stops one stream; it is no error if it has ended.
func (p *pushes) end(request string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if cancel := p.running[request]; cancel != nil {
		cancel()
		delete(p.running, request)
	}
}

func (p *pushes) close() {
	p.cancel()
	p.wg.Wait()
}
