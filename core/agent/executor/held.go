package executor

import (
	"sync"
	"time"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/api/session"
	"github.com/tender-scheduler/tender/api/sessionpb"
	"github.com/tender-scheduler/tender/core/agent/executor/attach"
	"github.com/tender-scheduler/tender/core/model"
)

const (
	// heldByDefault is how long a session waits to be resumed where no agent has said
	// how long the task itself may go on without a master.
	heldByDefault = 2 * time.Minute
	heldAtLeast   = 10 * time.Second
	// heldUnopened is how long one waits in which nothing runs yet: its caller may have
	// never heard of it.
	heldUnopened = 10 * time.Second
)

// heldOver says that nothing is left of a session.
type heldOver struct{ id string }

// held is the executor's end of a session that can be resumed.
type held struct {
	*session.Durable
	t      *run
	within time.Duration // to wait for its caller, from the Open on
	leave  sync.Once

	mu   sync.Mutex
	what string // the command, from the Open on
}

// Recv implements session.Stream.
func (h *held) Recv() (*sessionpb.Frame, error) {
	f, err := h.Durable.Recv()
	if open := f.GetOpen(); open != nil {
		h.mu.Lock()
		h.what = session.CommandText(open)
		h.mu.Unlock()
		h.Wait(h.within)
	}
	return f, err
}

// Close implements session.Stream, for what runs the command: the command has ended
// then, but the caller may still have to hear of it.
func (h *held) Close() error {
	h.leave.Do(h.t.beside.leave)
	_ = h.Settle() // or else the caller has not come back in time: nobody is left to be told
	return h.Durable.Close()
}

// claim is the answer to the caller.
func (h *held) claim() *sessionpb.Frame {
	h.mu.Lock()
	defer h.mu.Unlock()
	return &sessionpb.Frame{Kind: &sessionpb.Frame_Claim{Claim: &sessionpb.Claim{
		ResumeWithinNs: int64(h.within), What: h.what,
	}}}
}

// hold begins a session that can be resumed.
func (l *loop) hold(s session.Stream, t *run, ask *execpb.Session) {
	h := &held{Durable: session.NewDurable(heldUnopened), t: t, within: time.Duration(ask.FenceNs)}
	if l.held[ask.Id] != nil {
		t.beside.leave()
		go func() {
			answer(s, model.Refuse(model.ReasonConflict, "begin a session: there is one with this id"))
			s.Close()
		}()
		return
	}
	if h.within <= 0 {
		h.within = heldByDefault
	}
	h.within = max(h.within, heldAtLeast)
	l.held[ask.Id] = h
	go func() {
		defer func() { l.inbox.put(heldOver{ask.Id}) }()
		if s.Send(h.claim()) != nil {
			// The caller does not know of the session: it begins another.
			h.Fail(session.ErrGone)
			h.Close()
			s.Close()
			return
		}
		go h.carry(s)
		attach.Run(h, t)
	}()
}

// resume gives a session another road.
func (l *loop) resume(s session.Stream, ask *execpb.Session) {
	h := l.held[ask.Id]
	go func() {
		if h == nil {
			answer(s, model.Refuse(model.ReasonNotRunning, "the session is over, or was given up because nobody was connected to it"))
			s.Close()
			return
		}
		if s.Send(h.claim()) != nil {
			s.Close()
			return
		}
		h.carry(s)
	}()
}

func (h *held) carry(s session.Stream) { _ = h.Carry(s) } // what is left of the session hears of its end
