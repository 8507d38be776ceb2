package session

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/tender-scheduler/tender/api/sessionpb"
)

const (
	// ledgerBytes is what one end keeps of what the other has not acknowledged; one
	// frame more, if nothing else is kept.
	ledgerBytes = 512 << 10
	// frameCost is what a frame counts besides its bytes.
	frameCost = 64
	// ackBytes taken in are acknowledged at the latest.
	ackBytes = ledgerBytes / 8
)

// ledger is one end's account of a session's frames: what it has sent and the
// other end has not acknowledged, and what has come and was not taken in yet. It
// is pure and has no idea of connections: what was sent over one that broke is
// sent again over the next, and what comes twice is dropped.
//
// A frame is acknowledged when it is taken in, not when it arrives: so what an end
// keeps, either way, is bounded by ledgerBytes of the sender's.
type ledger struct {
	sent      uint64             // frames put in so far: the number of the newest
	acked     uint64             // of them, how many the other end has taken in
	kept      []*sessionpb.Frame // acked+1 … sent
	keptBytes int

	taken       uint64             // frames of the other end that were taken in
	waiting     []*sessionpb.Frame // have arrived: taken+1 …
	arrived     int                // their bytes
	owed        int                // bytes taken in and not acknowledged
	lastWasLast bool               // nothing follows what was taken in
}

var (
	errGap    = errors.New("frames are missing from the session's stream")
	errClaims = errors.New("the other end acknowledges what was never sent")
	errFlood  = errors.New("the other end sends more than it was granted")
)

func cost(f *sessionpb.Frame) int { return proto.Size(f) + frameCost }

// full says that a frame has to wait for acknowledgements.
func (l *ledger) full() bool { return l.keptBytes >= ledgerBytes }

// put takes a frame to be sent, and gives it its number.
func (l *ledger) put(f *sessionpb.Frame) {
	l.sent++
	f.Number = l.sent
	l.kept = append(l.kept, f)
	l.keptBytes += cost(f)
}

// at returns a frame that has not been acknowledged, by its number.
func (l *ledger) at(number uint64) *sessionpb.Frame { return l.kept[number-l.acked-1] }

// acknowledge drops what the other end has taken in.
func (l *ledger) acknowledge(received uint64) error {
	if received > l.sent {
		return fmt.Errorf("%w: frame %d of %d", errClaims, received, l.sent)
	}
	for l.acked < received {
		l.keptBytes -= cost(l.kept[0])
		l.kept[0] = nil
		l.kept = l.kept[1:]
		l.acked++
	}
	return nil
}

// arrive takes a frame of the other end, once.
func (l *ledger) arrive(f *sessionpb.Frame) error {
	next := l.taken + uint64(len(l.waiting)) + 1
	switch {
	case f.Number < next:
		return nil
	case f.Number > next:
		return fmt.Errorf("%w: %d came, %d was due", errGap, f.Number, next)
	case l.arrived >= ledgerBytes:
		return errFlood
	}
	l.waiting = append(l.waiting, f)
	l.arrived += cost(f)
	return nil
}

// take returns the next frame of the other end; nil if none has arrived.
func (l *ledger) take() *sessionpb.Frame {
	if len(l.waiting) == 0 {
		return nil
	}
	f := l.waiting[0]
	l.waiting[0] = nil
	l.waiting = l.waiting[1:]
	l.taken++
	l.arrived -= cost(f)
	l.owed += cost(f)
	l.lastWasLast = Last(f)
	return f
}

// due says that an acknowledgement should be sent now: the other end has little
// room left, or waits for nothing else.
func (l *ledger) due() bool { return l.owed >= ackBytes || l.owed > 0 && l.lastWasLast }

// receipt is the acknowledgement of all that was taken in.
func (l *ledger) receipt() *sessionpb.Frame {
	l.owed = 0
	return &sessionpb.Frame{Received: l.taken}
}
