package session

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/tender-scheduler/tender/api/sessionpb"
)

const (
	// beatEvery is how often an end says that it is there, and silence how long it
	// may say nothing before the road to it counts as broken: a hop may hang without
	// its connections breaking.
	beatEvery = 5 * time.Second
	silence   = 3 * beatEvery
	// flushWithin bounds what Close still says on a road that works.
	flushWithin = time.Second
)

// Errors of a Durable that is over.
var (
	// ErrGone says that the caller has left.
	ErrGone = errors.New("the caller has gone")
	// ErrLost says that the session was not resumed in time.
	ErrLost   = errors.New("the session was not resumed in time")
	errClosed = errors.New("the session is closed")
)

// Durable is one end of a session that outlives the streams it goes over, its
// roads: one after the other, each given to Carry. It is a Stream itself. What one
// end sends arrives at the other once and in order, whatever becomes of the roads,
// or the session ends with an error at both: each gives up when it has had no road
// for as long as was agreed.
//
// What is not acknowledged is bounded at both ends (see ledger), and Send waits
// for room.
type Durable struct {
	mu     sync.Mutex
	change sync.Cond // any of what follows has changed
	ledger ledger
	road   *road
	before bool // there has been a road
	within time.Duration
	// gone shortens the wait for the next road; nil = it does not.
	gone  *time.Duration
	timer *time.Timer // runs while there is no road
	err   error       // why it is over
	done  chan struct{}
}

// NewDurable returns an end that waits so long for a road.
func NewDurable(within time.Duration) *Durable {
	d := &Durable{within: within, done: make(chan struct{})}
	d.change.L = &d.mu
	d.mu.Lock()
	defer d.mu.Unlock()
	d.await(within)
	return d
}

// Wait sets how long to be without a road.
func (d *Durable) Wait(within time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.within = within
}

// Within is how long it waits for a road.
func (d *Durable) Within() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.within
}

// Done is closed when the session is over.
func (d *Durable) Done() <-chan struct{} { return d.done }

// Err says why it is over.
func (d *Durable) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// Send implements Stream: it returns when the frame is kept, and will be sent over
// this road or the next. The frame's bytes may be used again.
func (d *Durable) Send(f *sessionpb.Frame) error {
	f = proto.CloneOf(f)
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.err == nil && d.ledger.full() {
		d.change.Wait()
	}
	if d.err != nil {
		return d.err
	}
	d.ledger.put(f)
	d.change.Broadcast()
	return nil
}

// Recv implements Stream.
func (d *Durable) Recv() (*sessionpb.Frame, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.err == nil && len(d.ledger.waiting) == 0 {
		d.change.Wait()
	}
	// What the other end has said before it was lost is worth to be heard.
	if d.err != nil && (len(d.ledger.waiting) == 0 || errors.Is(d.err, errClosed)) {
		return nil, d.err
	}
	f := d.ledger.take()
	if d.ledger.due() {
		d.change.Broadcast()
	}
	return f, nil
}

// Settle waits until the other end has taken in all that was sent, or the session
// is over.
func (d *Durable) Settle() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.err == nil && d.ledger.acked < d.ledger.sent {
		d.change.Wait()
	}
	return d.err
}

// Close implements Stream. What was taken in is acknowledged, if a road is there.
func (d *Durable) Close() error {
	d.finish(errClosed)
	return nil
}

// Leave ends the session for good: the other end need not wait.
func (d *Durable) Leave() {
	d.mu.Lock()
	if d.err == nil && d.road != nil {
		d.road.leaving = true
	}
	d.mu.Unlock()
	d.finish(errClosed)
}

// Fail ends the session with an error.
func (d *Durable) Fail(err error) { d.finish(err) }

// finish ends the session and waits a little for what is still to be said.
func (d *Durable) finish(err error) {
	d.mu.Lock()
	d.end(err)
	r := d.road
	d.mu.Unlock()
	if r == nil {
		return
	}
	t := time.NewTimer(flushWithin)
	defer t.Stop()
	select {
	case <-r.flushed:
	case <-t.C:
	}
	r.stream.Close()
}

// end is finish for who holds the lock.
func (d *Durable) end(err error) {
	if d.err != nil {
		return
	}
	d.err = err
	d.timer.Stop()
	close(d.done)
	d.change.Broadcast()
}

// await starts the wait for a road. The caller holds the lock.
func (d *Durable) await(within time.Duration) {
	if d.timer != nil {
		d.timer.Stop()
	}
	var t *time.Timer
	t = time.AfterFunc(within, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.timer != t || d.road != nil {
			return
		}
		if d.gone != nil {
			d.end(ErrGone)
			return
		}
		d.end(fmt.Errorf("%w, which is %v", ErrLost, within))
	})
	d.timer = t
}
