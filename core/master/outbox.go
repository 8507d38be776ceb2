package master

import (
	"sync"

	"github.com/tender-scheduler/tender/api/agentpb"
)

// maxOutbox is how many messages may wait for one agent before its connection
// is given up: an agent that far behind is reconciled sooner than it catches up.
const maxOutbox = 200_000

// outbox is the queue to one agent's stream. The loop pushes, never blocking;
// the stream's goroutine takes.
type outbox struct {
	mu     sync.Mutex
	queue  []*agentpb.MasterMessage
	wake   chan struct{} // capacity 1
	closed bool
	reason string
}

func newOutbox() *outbox { return &outbox{wake: make(chan struct{}, 1)} }

func (o *outbox) push(m *agentpb.MasterMessage) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	if len(o.queue) >= maxOutbox {
		o.closed, o.reason, o.queue = true, "the agent reads too slowly", nil
	} else {
		o.queue = append(o.queue, m)
	}
	o.signal()
}

// close ends the stream after what is queued has been sent.
func (o *outbox) close(reason string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.closed, o.reason = true, reason
		o.signal()
	}
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// take returns what is queued, and whether the outbox is closed and why.
func (o *outbox) take() (ms []*agentpb.MasterMessage, closed bool, reason string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	ms, o.queue = o.queue, nil
	return ms, o.closed, o.reason
}
