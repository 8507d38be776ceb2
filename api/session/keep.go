package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/tender-scheduler/tender/api/sessionpb"
	"github.com/tender-scheduler/tender/core/model"
)

const (
	// quietLoss is how long a caller is not told of: most failovers are over by then.
	quietLoss = 2 * time.Second
	// tryFirst and tryLast are the pauses between attempts to resume.
	tryFirst = 25 * time.Millisecond
	tryLast  = time.Second
)

// Caller keeps a caller's end of a session on a road.
type Caller struct {
	// Again makes another road to the same session. An error that is Passing may be
	// another one a moment later.
	Again func(context.Context) (Stream, error)
	// Lost is called when there has been no road for some seconds; nil = nobody asks.
	Lost func()
}

// Keep carries d over first and then over other roads, until the session is over.
func (c Caller) Keep(d *Durable, first Stream) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-d.Done():
			cancel()
		case <-stop:
		}
	}()
	var p pace
	for s := first; ; {
		began := time.Now()
		if d.Carry(s) != nil {
			return
		}
		var err error
		if s, err = c.again(ctx, d, &p, time.Since(began)); err != nil {
			d.Fail(err)
			return
		}
	}
}

// pace spaces the attempts, each pause lengthened by up to half at random so that
// callers do not come in step.
type pace struct{ next time.Duration }

func (p *pace) wait(ctx context.Context) bool {
	t := time.NewTimer(p.next + rand.N(p.next/2))
	defer t.Stop()
	p.next = min(2*p.next, tryLast)
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c Caller) again(ctx context.Context, d *Durable, p *pace, lasted time.Duration) (Stream, error) {
	if c.Lost != nil {
		defer time.AfterFunc(quietLoss, c.Lost).Stop()
	}
	// The session's own time runs too, but does not know what the matter was.
	ctx, cancel := context.WithTimeout(ctx, d.Within())
	defer cancel()
	if lasted > tryLast || p.next == 0 {
		p.next = tryFirst // at once
	} else if !p.wait(ctx) { // a road that breaks under every step
		return nil, fmt.Errorf("%w, which is %v", ErrLost, d.Within())
	}
	for {
		s, err := c.Again(ctx)
		if err == nil {
			return s, nil
		}
		if !Passing(err) && ctx.Err() == nil {
			return nil, err
		}
		if !p.wait(ctx) {
			return nil, fmt.Errorf("%w, which is %v: %w", ErrLost, d.Within(), err)
		}
	}
}

// Passing says that what went wrong may be right in a moment: a failover is on, or an
// agent away.
func Passing(err error) bool {
	refusal, ok := errors.AsType[*model.Refusal](err)
	if !ok {
		return true
	}
	switch refusal.Reason {
	case model.ReasonUnavailable, model.ReasonNotLeader, model.ReasonStarting, model.ReasonAgentGone:
		return true
	}
	return false
}

// announced is a stream from a caller, whose end is passed on as such.
type announced struct {
	Stream
	within time.Duration
	told   bool
}

// Announce makes the end of a caller's connection, at its own side, a last frame: the
// other end of the session need not wait longer than within for it to come again.
// That a connection fails says nothing about who was at it.
func Announce(s Stream, within time.Duration) Stream { return &announced{Stream: s, within: within} }

// Recv implements Stream.
func (a *announced) Recv() (*sessionpb.Frame, error) {
	f, err := a.Stream.Recv()
	if err == nil || a.told || !hungUp(err) {
		return f, err
	}
	a.told = true
	return &sessionpb.Frame{Kind: &sessionpb.Frame_Gone{Gone: &sessionpb.Gone{WithinNs: int64(a.within)}}}, nil
}

func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
