package session

import (
	"sync"
	"time"

	"github.com/tender-scheduler/tender/api/sessionpb"
)

// road is a stream that carries a Durable for a while.
type road struct {
	stream Stream
	// next is the number of the next frame to be sent. Before the other end has said
	// what it has, that is not known.
	next    uint64
	agreed  bool
	broken  bool
	leaving bool // say so, as the last word
	beat    bool // say that we are there
	heard   time.Time
	flushed chan struct{} // closed when nothing more is sent
}

// Carry lets the session go over s until s breaks, or another road takes its place,
// or the session is over, and closes s. It returns the session's error, nil while
// it goes on.
func (d *Durable) Carry(s Stream) error {
	r := &road{stream: s, heard: time.Now(), flushed: make(chan struct{})}
	if err := d.take(r); err != nil {
		s.Close()
		return err
	}
	var wg sync.WaitGroup
	over := make(chan struct{})
	wg.Go(func() { d.transmit(r) })
	wg.Go(func() { d.beats(r, over) })
	err := d.receive(r)
	d.leave(r, err)
	s.Close()
	close(over)
	wg.Wait()
	return d.Err()
}

// take makes r the road. The newest wins: the end that made it knows what broke.
func (d *Durable) take(r *road) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return d.err
	}
	if old := d.road; old != nil {
		old.broken = true
		go old.stream.Close() // which may take its time
	}
	d.timer.Stop()
	r.next, r.agreed = d.ledger.acked+1, !d.before
	d.road, d.before, d.gone = r, true, nil
	d.change.Broadcast()
	return nil
}

// leave takes note that r is no road any more.
func (d *Durable) leave(r *road, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r.broken = true
	if d.road == r && d.err == nil {
		d.road = nil
		switch {
		case err != nil:
			d.end(err)
		case d.gone != nil:
			d.await(min(*d.gone, d.within))
		default:
			d.await(d.within)
		}
	}
	d.change.Broadcast()
}

// receive takes in what comes over r until it breaks; an error ends the session.
func (d *Durable) receive(r *road) error {
	for {
		f, err := r.stream.Recv()
		if err != nil {
			return nil
		}
		if over, err := d.arrived(r, f); over || err != nil {
			return err
		}
	}
}

func (d *Durable) arrived(r *road, f *sessionpb.Frame) (over bool, fatal error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.change.Broadcast()
	if r.broken {
		return true, nil
	}
	r.heard = time.Now()
	switch k := f.Kind.(type) {
	case nil:
		r.agreed = true
		return false, d.ledger.acknowledge(f.Received)
	case *sessionpb.Frame_Gone:
		within := time.Duration(k.Gone.GetWithinNs())
		if within <= 0 {
			d.end(ErrGone)
		}
		d.gone = &within
		return within <= 0, nil
	}
	return false, d.ledger.arrive(f)
}

// transmit sends what there is to be sent, until r breaks or the session is over
// and everything is said.
func (d *Durable) transmit(r *road) {
	defer close(r.flushed)
	if r.stream.Send(d.receipt()) != nil {
		r.stream.Close()
		return
	}
	for {
		f := d.next(r)
		if f == nil {
			return
		}
		if r.stream.Send(f) != nil {
			r.stream.Close() // Recv returns
			return
		}
	}
}

func (d *Durable) receipt() *sessionpb.Frame {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ledger.receipt()
}

// next waits for a frame to be sent over r; nil = there are no more.
func (d *Durable) next(r *road) *sessionpb.Frame {
	d.mu.Lock()
	defer d.mu.Unlock()
	for !r.broken {
		r.next = max(r.next, d.ledger.acked+1)
		switch {
		case d.ledger.due() || r.beat:
			r.beat = false
			return d.ledger.receipt()
		case r.agreed && r.next <= d.ledger.sent && d.err == nil:
			r.next++
			return d.ledger.at(r.next - 1)
		case r.leaving:
			r.leaving = false
			return &sessionpb.Frame{Kind: &sessionpb.Frame_Gone{Gone: &sessionpb.Gone{}}}
		case d.err != nil:
			return nil
		}
		d.change.Wait()
	}
	return nil
}

// beats keeps r alive, and gives it up when nothing comes from the other end.
func (d *Durable) beats(r *road, over <-chan struct{}) {
	t := time.NewTicker(beatEvery)
	defer t.Stop()
	for {
		select {
		case <-over:
			return
		case now := <-t.C:
			d.mu.Lock()
			r.beat = true
			dead := now.Sub(r.heard) > silence
			d.change.Broadcast()
			d.mu.Unlock()
			if dead {
				r.stream.Close()
				return
			}
		}
	}
}
