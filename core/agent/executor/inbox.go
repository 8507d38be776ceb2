package executor

import "sync"

// inbox carries events to the loop. It never blocks a sender: what it can hold
// is bounded by the tasks that were launched and the messages of one agent.
type inbox struct {
	mu     sync.Mutex
	events []any
	wake   chan struct{}
}

func newInbox() *inbox { return &inbox{wake: make(chan struct{}, 1)} }

func (b *inbox) put(e any) {
	b.mu.Lock()
	b.events = append(b.events, e)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take returns everything that is there; into is reused for later events.
func (b *inbox) take(into []any) []any {
	b.mu.Lock()
	defer b.mu.Unlock()
	events := b.events
	b.events = into[:0]
	return events
}
