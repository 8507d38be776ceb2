package agent

import (
	"context"
	"sync"
)

// inboxRoom is how many events may wait before those who can wait must: the
// receiver of the stream, so that the master feels the back-pressure.
const inboxRoom = 4096

// event is an input on its way to the machine, or a question about it. A StreamUp
// brings its stream.
type event struct {
	input  Input
	stream *stream
	ask    func() // runs on the loop's goroutine, instead of an input
}

// inbox collects events for the loop. Executors' events are never made to wait:
// what they hold is bounded by the tasks on the agent, and a wait could close a
// circle between two queues.
type inbox struct {
	mu     sync.Mutex
	events []event
	room   *sync.Cond
	ready  chan struct{} // holds one token while there are events
}

func newInbox() *inbox {
	b := &inbox{ready: make(chan struct{}, 1)}
	b.room = sync.NewCond(&b.mu)
	return b
}

func (b *inbox) put(e event) {
	b.mu.Lock()
	b.events = append(b.events, e)
	b.mu.Unlock()
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// putWhenRoom waits until there is room or ctx ends.
func (b *inbox) putWhenRoom(ctx context.Context, e event) {
	b.mu.Lock()
	if len(b.events) >= inboxRoom {
		stop := context.AfterFunc(ctx, b.wake)
		for len(b.events) >= inboxRoom && ctx.Err() == nil {
			b.room.Wait()
		}
		stop()
	}
	b.mu.Unlock()
	if ctx.Err() == nil {
		b.put(e)
	}
}

func (b *inbox) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.room.Broadcast()
}

// take returns everything that waits; spare is reused for what comes next.
func (b *inbox) take(spare []event) []event {
	clear(spare)
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.events
	b.events = spare[:0]
	b.room.Broadcast()
	return out
}
