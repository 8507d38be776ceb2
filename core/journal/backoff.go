package journal

import (
	"context"
	"time"
)

const (
	backoffFirst = 5 * time.Millisecond
	backoffMost  = 500 * time.Millisecond
)

// backoff doubles the pause between attempts; a success resets it.
type backoff struct{ next time.Duration }

func (b *backoff) reset() { b.next = 0 }

// sleep pauses, or returns early when ctx ends.
func (b *backoff) sleep(ctx context.Context) {
	b.next = min(max(2*b.next, backoffFirst), backoffMost)
	timer := time.NewTimer(b.next)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
