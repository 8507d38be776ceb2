package session

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/api/sessionpb"
)

// party is one end over roads that a test makes and breaks.
type party struct {
	ledger
	next     uint64 // to be sent over this road
	agreed   bool
	road     []*sessionpb.Frame // on the way to the other end
	put, got []byte
}

func (p *party) connect() {
	p.next, p.agreed, p.road = p.acked+1, false, []*sessionpb.Frame{p.receipt()}
}

// TestLedger: whatever is cut off when, each end has taken in, at all times, a beginning
// of what the other has put in, and everything in the end; and nobody keeps more than
// was agreed.
func TestLedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := &party{}, &party{}
		ends := map[*party]*party{a: b, b: a}
		send := func(p *party) bool {
			p.next = max(p.next, p.acked+1)
			if !p.agreed || p.next > p.sent {
				return false
			}
			p.road = append(p.road, p.at(p.next))
			p.next++
			return true
		}
		arrive := func(p *party) bool { // something from the other end
			from := ends[p]
			if len(from.road) == 0 {
				return false
			}
			f := from.road[0]
			from.road = from.road[1:]
			var err error
			if f.Kind == nil {
				p.agreed = true
				err = p.acknowledge(f.Received)
			} else {
				err = p.arrive(f)
			}
			if err != nil {
				t.Fatal(err)
			}
			return true
		}
		take := func(p *party) bool {
			f := p.take()
			if f == nil {
				return false
			}
			p.got = append(p.got, f.GetStdout()...)
			if p.due() {
				p.road = append(p.road, p.receipt())
			}
			return true
		}
		a.connect()
		b.connect()
		step := func(p *party) {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0, 1, 2:
				if p.full() {
					return
				}
				n := rapid.SampledFrom([]int{1, 2, 100, ChunkBytes, ledgerBytes}).Draw(t, "bytes")
				text := bytes.Repeat([]byte{byte(len(p.put))}, n)
				p.put = append(p.put, text...)
				p.ledger.put(&sessionpb.Frame{Kind: &sessionpb.Frame_Stdout{Stdout: text}})
			case 3, 4:
				send(p)
			case 5, 6:
				arrive(p)
			case 7, 8:
				take(p)
			case 9:
				a.connect()
				b.connect()
			}
			for p, other := range ends {
				if p.keptBytes > ledgerBytes+ledgerBytes+2*frameCost || p.arrived > other.keptBytes {
					t.Fatalf("%d bytes are kept, and %d have arrived", other.keptBytes, p.arrived)
				}
				if !bytes.HasPrefix(other.put, p.got) {
					t.Fatal("what was taken in is not what was sent")
				}
			}
		}
		for range rapid.IntRange(0, 200).Draw(t, "steps") {
			step(rapid.SampledFrom([]*party{a, b}).Draw(t, "who"))
		}
		for on := true; on; {
			on = false
			for _, p := range []*party{a, b} {
				on = send(p) || on
				on = arrive(p) || on
				on = take(p) || on
			}
		}
		for p, other := range ends {
			if !bytes.Equal(p.got, other.put) {
				t.Fatalf("%d bytes of %d have come", len(p.got), len(other.put))
			}
		}
	})
}

func TestLedgerRefuses(t *testing.T) {
	var l ledger
	if err := l.acknowledge(1); err == nil {
		t.Error("an acknowledgement of what was never sent is taken")
	}
	if err := l.arrive(&sessionpb.Frame{Number: 2}); err == nil {
		t.Error("a gap is not noticed")
	}
	var err error
	for n := uint64(1); err == nil && n < 1000; n++ {
		err = l.arrive(&sessionpb.Frame{Number: n, Kind: &sessionpb.Frame_Stdin{Stdin: make([]byte, ChunkBytes)}})
	}
	if !errors.Is(err, errFlood) {
		t.Errorf("a flood ends with %v", err)
	}
}
