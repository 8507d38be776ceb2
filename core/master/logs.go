package master

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"sync"
	"time"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/model"
)

// logOpenTimeout is how long an agent may take to open the stream it was asked for.
const logOpenTimeout = 10 * time.Second

// logs are the log streams asked for and not yet opened by their agents.
type logs struct {
	mu      sync.Mutex
	waiting map[string]*logPipe
}

// logPipe carries bytes from an agent's PushLog to one reader.
type logPipe struct {
	request string
	opened  chan struct{} // closed by claim
	chunks  chan *agentpb.LogChunk
	closed  chan struct{} // closed by the reader
	once    sync.Once
	ended   func() // tells the agent, once

	rest []byte
	end  error
}

func newLogs() *logs { return &logs{waiting: map[string]*logPipe{}} }

func (l *logs) expect() *logPipe {
	p := &logPipe{request: rand.Text(), opened: make(chan struct{}), chunks: make(chan *agentpb.LogChunk, 4), closed: make(chan struct{})}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting[p.request] = p
	return p
}

// claim gives the pipe to the agent that names it, once.
func (l *logs) claim(request string) *logPipe {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.waiting[request]
	if p != nil {
		delete(l.waiting, request)
		close(p.opened)
	}
	return p
}

func (l *logs) forget(p *logPipe) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiting, p.request)
}

// write passes a chunk on; false means nobody reads any more.
func (p *logPipe) write(ctx context.Context, c *agentpb.LogChunk) bool {
	select {
	case p.chunks <- c:
		return true
	case <-p.closed:
	case <-ctx.Done():
	}
	return false
}

func (p *logPipe) finish() { close(p.chunks) }

// fail ends what was read with an error after which asking for the rest may help:
// an agent comes back, and goes to whoever leads then.
func (p *logPipe) fail(message string) {
	select {
	case p.chunks <- &agentpb.LogChunk{Error: message, ErrorReason: string(model.ReasonUnavailable)}:
	case <-p.closed:
	}
	close(p.chunks)
}

// Read implements io.Reader; an agent's refusal is its error.
func (p *logPipe) Read(b []byte) (int, error) {
	for len(p.rest) == 0 {
		if p.end != nil {
			return 0, p.end
		}
		select {
		case c, ok := <-p.chunks:
			switch {
			case !ok:
				p.end = io.EOF
			case c.Error != "":
				p.end = model.Refuse(model.Reason(c.ErrorReason), "%s", c.Error)
			}
			if c != nil {
				p.rest = c.Data
			}
		case <-p.closed:
			return 0, io.ErrClosedPipe
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// Close ends the agent's stream.
func (p *logPipe) Close() error {
	p.once.Do(func() {
		close(p.closed)
		if p.ended != nil {
			p.ended()
		}
	})
	return nil
}

// openLog asks the task's agent for its output and waits for the stream.
func (m *Master) openLog(ctx context.Context, l *loop, t *model.TaskView, r *model.ReadLog) (io.ReadCloser, *model.Refusal) {
	p := m.logs.expect()
	defer m.logs.forget(p)
	id := taskIDToWire(t.ID)
	open := &agentpb.OpenLog{Request: p.request, Task: id, Name: r.Task, Stderr: r.Stderr, Offset: r.Offset, Follow: r.Follow, Rank: r.Rank}
	var out *outbox
	if err := l.ask(ctx, func() { out = l.outboxOf(t.Agent) }); err != nil {
		return nil, unavailable()
	}
	if out == nil {
		reason := model.ReasonAgentGone
		if r.Follow { // who wants what is still to come can wait until it is back
			reason = model.ReasonUnavailable
		}
		return nil, model.Refuse(reason, "read the output of task %s: its node %s is not connected", t.ID, nodeName(t))
	}
	out.push(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_OpenLog{OpenLog: open}})
	p.ended = func() {
		out.push(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_CloseLog{CloseLog: &agentpb.CloseLog{Request: p.request}}})
	}
	timeout := time.NewTimer(logOpenTimeout)
	defer timeout.Stop()
	select {
	case <-p.opened:
		return p, nil
	case <-timeout.C:
	case <-l.done:
		p.Close()
		return nil, unavailable()
	case <-ctx.Done():
	}
	p.Close()
	return nil, model.Refuse(model.ReasonAgentGone, "read the output of task %s: node %s did not answer", t.ID, nodeName(t))
}

func nodeName(t *model.TaskView) string {
	if t.AgentName != "" {
		return t.AgentName
	}
	return string(t.Agent)
}

// outboxOf runs on the loop's goroutine.
func (l *loop) outboxOf(id model.AgentID) *outbox {
	lk := l.machine.links[id]
	if lk == nil || lk.session == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sessions[lk.session.id]
}

// newID returns 64 random bits in hexadecimal.
func newID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
