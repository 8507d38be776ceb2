// Package session carries the frames of api/sessionpb: a command that runs
// beside a task, with somebody's terminal or pipes at the other end.
//
// The two ends of a session that can be resumed are a Durable each, which keep all
// there is to know of it. The hops between them keep nothing: each owns its streams
// and one Relay between them, which reads no further than it can write.
package session

import (
	"strings"
	"sync"
	"time"

	"github.com/tender-scheduler/tender/api/sessionpb"
	"github.com/tender-scheduler/tender/core/model"
)

const (
	// Protocol is what the HTTP connection is upgraded to.
	Protocol = "tender-session"
	// IDHeader holds the id of a session that can be resumed: it is a secret, and does
	// not belong into an address.
	IDHeader = "Tender-Session"
	// WindowBytes of standard input may be sent before the first Credit.
	WindowBytes = 64 << 10
	// ChunkBytes bounds the bytes of one frame.
	ChunkBytes = 32 << 10
	// MaxFrameBytes bounds a frame: an Open holds arguments and environment.
	MaxFrameBytes = 4 << 20
)

// Stream is one end of a hop. One goroutine may call Recv and others Send; Close
// may be called at any time and makes both return.
type Stream interface {
	Send(*sessionpb.Frame) error
	Recv() (*sessionpb.Frame, error)
	Close() error
}

// Relay carries frames between a and b until either ends, and closes both.
// A last frame that a has sent has reached b by then, and the other way round.
func Relay(a, b Stream) {
	var wg sync.WaitGroup
	wg.Go(func() { oneWay(a, b) })
	wg.Go(func() { oneWay(b, a) })
	wg.Wait()
}

// oneWay stops at a failed Send without a word: what the other side has sent
// last is still on its way, and after that its own Recv fails.
func oneWay(from, to Stream) {
	for {
		f, err := from.Recv()
		if err == nil && to.Send(f) != nil {
			return
		}
		if err != nil || Last(f) && f.Number == 0 { // a numbered one is acknowledged
			to.Close()
			from.Close()
			return
		}
	}
}

// Last reports whether no frame follows f in its direction.
func Last(f *sessionpb.Frame) bool { return f.GetEnded() != nil || f.GetRefused() != nil }

// Refuse is the last frame of a session that cannot be, or cannot go on.
func Refuse(r *model.Refusal) *sessionpb.Frame {
	return &sessionpb.Frame{Kind: &sessionpb.Frame_Refused{Refused: RefusedOf(r)}}
}

// ReturnWithin is how long a caller whose connection has ended at its own side may
// take to come by another road, and ReturnForwarded the same where that side was a
// master that had passed the session on.
const (
	ReturnWithin    = 5 * time.Second
	ReturnForwarded = 20 * time.Second
)

// maxCommandShown bounds what of a command line a record shows.
const maxCommandShown = 200

// CommandText is a session's command for people.
func CommandText(open *sessionpb.Open) string {
	s := strings.Join(open.GetArgs(), " ")
	if len(s) > maxCommandShown {
		s = strings.ToValidUTF8(s[:maxCommandShown], "") + "…"
	}
	if open.GetTerminal() {
		s += " (terminal)"
	}
	return s
}

// RefusedOf puts a refusal on the wire.
func RefusedOf(r *model.Refusal) *sessionpb.Refused {
	return &sessionpb.Refused{Reason: string(r.Reason), Message: r.Message}
}

// RefusalOf takes it off again.
func RefusalOf(r *sessionpb.Refused) *model.Refusal {
	return model.Refuse(model.Reason(r.GetReason()), "%s", r.GetMessage())
}
