package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/api/sessionpb"
	"github.com/tender-scheduler/tender/core/model"
)

// hop is one end of a road in memory. What is on the way when it is cut is lost.
type hop struct {
	in, out chan *sessionpb.Frame
	cut     chan struct{}
	once    *sync.Once
	left    *int // frames until it is cut; counted by both ends
	hangs   bool // it is not cut then, but takes in everything and gives nothing
	mu      *sync.Mutex
}

func newRoad(frames int, hangs bool, depth int) (near, far *hop) {
	a, b := make(chan *sessionpb.Frame, depth), make(chan *sessionpb.Frame, depth)
	near = &hop{in: a, out: b, cut: make(chan struct{}), once: &sync.Once{}, left: &frames, hangs: hangs, mu: &sync.Mutex{}}
	other := *near
	other.in, other.out = b, a
	return near, &other
}

// passes counts a frame; false: the road is at its end.
func (h *hop) passes() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	*h.left--
	return *h.left >= 0
}

func (h *hop) Send(f *sessionpb.Frame) error {
	if !h.passes() {
		if h.hangs {
			return nil
		}
		h.Close()
	}
	select {
	case <-h.cut:
		return io.ErrClosedPipe
	default:
	}
	select {
	case h.out <- f:
		return nil
	case <-h.cut:
		return io.ErrClosedPipe
	}
}

func (h *hop) Recv() (*sessionpb.Frame, error) {
	select {
	case <-h.cut:
		return nil, io.ErrClosedPipe
	default:
	}
	select {
	case f := <-h.in:
		return f, nil
	case <-h.cut:
		return nil, io.ErrClosedPipe
	}
}

func (h *hop) Close() error {
	h.once.Do(func() { close(h.cut) })
	return nil
}

// journey is what becomes of one road.
type journey struct {
	frames  int  // that get through, of both ends
	hangs   bool // it is not cut then, but silent
	depth   int  // frames on their way at a time
	refused int  // attempts at the next one that fail
	pause   time.Duration
}

// talk is a session: its two byte streams, and the roads it goes over.
type talk struct {
	to, from []int // sizes of the chunks to the command and from it
	roads    []journey
	slow     time.Duration // the command's output is read with pauses
}

var errTooLong = errors.New("the talk does not end")

// hold carries the talk out.
func (k *talk) hold() error {
	const within = time.Hour
	command, caller := NewDurable(within), NewDurable(within)
	var wg sync.WaitGroup
	defer wg.Wait()
	n := 0
	road := func() Stream {
		j := journey{frames: 1 << 30}
		if n < len(k.roads) {
			j = k.roads[n]
		}
		n++
		near, far := newRoad(j.frames, j.hangs, j.depth)
		wg.Go(func() { _ = command.Carry(far) })
		return near
	}
	// A fault is to end the talk.
	quit := time.AfterFunc(24*time.Hour, func() { command.Fail(errTooLong); caller.Fail(errTooLong) })
	defer quit.Stop()
	failures := 0
	keeper := Caller{Again: func(context.Context) (Stream, error) {
		if command.Err() != nil {
			return nil, model.Refuse(model.ReasonNotRunning, "the session is over")
		}
		if n <= len(k.roads) {
			j := k.roads[n-1]
			if failures < j.refused {
				failures++
				return nil, model.Refuse(model.ReasonUnavailable, "no master leads")
			}
			time.Sleep(j.pause)
		}
		failures = 0
		return road(), nil
	}}
	first := road()
	wg.Go(func() { keeper.Keep(caller, first) })

	var heard, said []byte
	endings := 0
	var all sync.WaitGroup
	var errs [4]error
	all.Go(func() {
		errs[0] = speak(caller, k.to, func(b []byte) *sessionpb.Frame { return &sessionpb.Frame{Kind: &sessionpb.Frame_Stdin{Stdin: b}} })
	})
	all.Go(func() {
		errs[1] = speak(command, k.from, func(b []byte) *sessionpb.Frame { return &sessionpb.Frame{Kind: &sessionpb.Frame_Stdout{Stdout: b}} })
		for len(heard) < len(text(k.to)) {
			f, err := command.Recv()
			if err != nil {
				errs[2] = err
				return
			}
			heard = append(heard, f.GetStdin()...)
		}
		_ = command.Send(&sessionpb.Frame{Kind: &sessionpb.Frame_Ended{Ended: &sessionpb.Ended{ExitCode: 7}}})
		// The caller's last word may be lost: then nobody comes any more.
		if err := command.Settle(); !errors.Is(err, ErrLost) {
			errs[2] = err
		}
		command.Close()
	})
	all.Go(func() {
		for endings == 0 {
			f, err := caller.Recv()
			if err != nil {
				errs[3] = err
				return
			}
			time.Sleep(k.slow)
			said = append(said, f.GetStdout()...)
			if f.GetEnded().GetExitCode() == 7 {
				endings++
			}
		}
		caller.Close()
	})
	all.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	if !bytes.Equal(heard, text(k.to)) || !bytes.Equal(said, text(k.from)) || endings != 1 {
		return fmt.Errorf("%d bytes of %d and %d of %d came, and %d endings", len(heard), len(text(k.to)), len(said), len(text(k.from)), endings)
	}
	return nil
}

// text is what chunks of these sizes hold: no two stretches of it are alike.
func text(sizes []int) []byte {
	var out []byte
	for i, n := range sizes {
		line := fmt.Sprintf("chunk %d; ", i)
		out = append(out, strings.Repeat(line, n/len(line)+1)[:n]...)
	}
	return out
}

func speak(d *Durable, sizes []int, frame func([]byte) *sessionpb.Frame) error {
	all := text(sizes)
	buf := make([]byte, ledgerBytes)
	for _, n := range sizes {
		b := buf[:copy(buf, all[:n])] // the next one uses it again
		all = all[n:]
		if err := d.Send(frame(b)); err != nil {
			return err
		}
		clear(b)
	}
	return nil
}

// TestDurable: however often and wherever the roads break, hang, or cannot be had,
// both byte streams arrive whole and in order, and the exit code once.
func TestDurable(t *testing.T) {
	chunks := rapid.SliceOfN(rapid.SampledFrom([]int{1, 10, 1000, ChunkBytes}), 0, 60)
	roads := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) journey {
		return journey{
			frames:  rapid.IntRange(0, 60).Draw(t, "frames"),
			hangs:   rapid.Bool().Draw(t, "hangs"),
			depth:   rapid.IntRange(0, 20).Draw(t, "depth"),
			refused: rapid.IntRange(0, 5).Draw(t, "refused"),
			pause:   time.Duration(rapid.IntRange(0, 20).Draw(t, "pause")) * time.Second,
		}
	}), 0, 12)
	rapid.Check(t, func(rt *rapid.T) {
		k := talk{
			to: chunks.Draw(rt, "to"), from: chunks.Draw(rt, "from"), roads: roads.Draw(rt, "roads"),
			slow: rapid.SampledFrom([]time.Duration{0, 100 * time.Millisecond}).Draw(rt, "slow"),
		}
		var err error
		synctest.Test(t, func(*testing.T) { err = k.hold() })
		if err != nil {
			rt.Fatal(err)
		}
	})
}

// pair is two ends on a road that holds.
func pair(within time.Duration) (a, b *Durable, road *hop, wait func()) {
	a, b = NewDurable(within), NewDurable(within)
	near, far := newRoad(1<<30, false, 1)
	var wg sync.WaitGroup
	wg.Go(func() { _ = a.Carry(near) })
	wg.Go(func() { _ = b.Carry(far) })
	synctest.Wait()
	return a, b, near, wg.Wait
}

func stdoutFrame(n int) *sessionpb.Frame {
	return &sessionpb.Frame{Kind: &sessionpb.Frame_Stdout{Stdout: make([]byte, n)}}
}

// What nobody takes in holds the sender back, and what is taken in lets it go on.
func TestBackpressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, _, wait := pair(time.Hour)
		sent, done := 0, make(chan struct{})
		go func() {
			defer close(done)
			for range 1000 {
				if a.Send(stdoutFrame(ChunkBytes)) != nil {
					return
				}
				sent++
			}
		}()
		synctest.Wait()
		if sent*ChunkBytes > ledgerBytes {
			t.Fatalf("%d bytes are kept", sent*ChunkBytes)
		}
		for range 1000 {
			if _, err := b.Recv(); err != nil {
				t.Fatal(err)
			}
		}
		<-done
		if sent != 1000 {
			t.Errorf("%d frames of 1000 were sent", sent)
		}
		a.Close()
		b.Close()
		wait()
	})
}

// Without another road both ends give up after the time agreed, and say so.
func TestLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, road, wait := pair(time.Minute)
		began := time.Now()
		road.Close()
		wait()
		for _, d := range []*Durable{a, b} {
			if _, err := d.Recv(); !errors.Is(err, ErrLost) {
				t.Errorf("the end hears %v", err)
			}
			if err := d.Send(stdoutFrame(1)); !errors.Is(err, ErrLost) {
				t.Errorf("the end may say something: %v", err)
			}
		}
		if took := time.Since(began); took != time.Minute {
			t.Errorf("that took %v", took)
		}
	})
}

// A caller that gives up says why the last attempt failed, and does not try longer
// than agreed; what cannot pass it does not try at all.
func TestKeepGivesUp(t *testing.T) {
	for _, tc := range []struct {
		reason model.Reason
		after  time.Duration
	}{{model.ReasonUnavailable, time.Minute}, {model.ReasonNotRunning, 0}} {
		synctest.Test(t, func(t *testing.T) {
			var lost atomic.Int32
			d := NewDurable(time.Minute)
			near, _ := newRoad(0, false, 0)
			began := time.Now()
			Caller{
				Again: func(context.Context) (Stream, error) { return nil, model.Refuse(tc.reason, "because") },
				Lost:  func() { lost.Add(1) },
			}.Keep(d, near)
			if took := time.Since(began); took != tc.after || (lost.Load() == 1) != (tc.after > 0) {
				t.Errorf("%s: tried for %v, told %d times", tc.reason, took, lost.Load())
			}
			if err := d.Err(); tc.after == 0 && !strings.Contains(err.Error(), "because") || tc.after > 0 && !errors.Is(err, ErrLost) {
				t.Errorf("%s: %v", tc.reason, err)
			}
		})
	}
}

// A caller that is known to have gone is waited for less long; one that says that it
// leaves, not at all; one that comes back is forgiven.
func TestGone(t *testing.T) {
	gone := func(within time.Duration) *sessionpb.Frame {
		return &sessionpb.Frame{Kind: &sessionpb.Frame_Gone{Gone: &sessionpb.Gone{WithinNs: int64(within)}}}
	}
	synctest.Test(t, func(t *testing.T) {
		d, began := NewDurable(time.Hour), time.Now()
		for i, announced := range []*sessionpb.Frame{gone(time.Second), nil, gone(5 * time.Second)} {
			near, far := newRoad(1<<30, false, 1)
			go func() {
				_, _ = near.Recv()
				if announced != nil {
					_ = near.Send(announced)
					synctest.Wait()
				}
				near.Close()
			}()
			if err := d.Carry(far); err != nil {
				t.Fatalf("road %d: %v", i, err)
			}
			time.Sleep(999 * time.Millisecond)
		}
		if _, err := d.Recv(); !errors.Is(err, ErrGone) {
			t.Errorf("the end hears %v", err)
		}
		if took := time.Since(began); took != 2*999*time.Millisecond+5*time.Second {
			t.Errorf("it waited for %v", took)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		a, b, _, wait := pair(time.Hour)
		a.Leave()
		if _, err := b.Recv(); !errors.Is(err, ErrGone) {
			t.Errorf("the end hears %v", err)
		}
		wait()
	})
}

// The newest road counts: what made it knows that the one before is of no use.
func TestAnotherRoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, _, wait := pair(time.Hour)
		near, far := newRoad(1<<30, false, 1)
		var wg sync.WaitGroup
		wg.Go(func() { _ = a.Carry(near) })
		wg.Go(func() { _ = b.Carry(far) })
		wait()
		if err := a.Send(stdoutFrame(3)); err != nil {
			t.Fatal(err)
		}
		if f, err := b.Recv(); err != nil || len(f.GetStdout()) != 3 {
			t.Errorf("%v, %v", f, err)
		}
		a.Close()
		b.Close()
		wg.Wait()
	})
}

// The end of a caller's connection at its own side is announced, a failure is not.
func TestAnnounce(t *testing.T) {
	for _, tc := range []struct {
		err  error
		gone bool
	}{{io.EOF, true}, {io.ErrUnexpectedEOF, true}, {io.ErrClosedPipe, false}} {
		s := Announce(ending{err: tc.err}, time.Second)
		f, err := s.Recv()
		if got := f.GetGone() != nil; got != tc.gone || got != (err == nil) {
			t.Errorf("%v: %v, %v", tc.err, f, err)
		}
		if tc.gone {
			if _, err = s.Recv(); !errors.Is(err, tc.err) {
				t.Errorf("%v: then %v", tc.err, err)
			}
		}
	}
}

type ending struct {
	Stream
	err error
}

func (e ending) Recv() (*sessionpb.Frame, error) { return nil, e.err }
