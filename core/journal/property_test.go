package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// world is a log under test: leaders come and go, and an oracle remembers what
// was acknowledged.
type world struct {
	t       *testing.T
	cluster string
	net     *network
	client  Config
	j       *Journal
	term    *Term
	state   *ledger // the leader's own fold
	acked   [][]string
	unknown []string // the group of an Append whose outcome is open, nil if none
}

// TestReplayEqualsHistory: whatever groups, snapshots, lost messages, crashes in
// the middle of a group and restarts there were, every new leader's state and
// every observer's is the sequence of the groups that were acknowledged.
func TestReplayEqualsHistory(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		client, net := faultyClient(t, sharedEtcd(t))
		w := &world{t: t, cluster: newCluster(), net: net}
		w.client = Config{Client: client, Cluster: w.cluster, Identity: "leader",
			MaxEntryBytes: rapid.SampledFrom([]int{MinEntryBytes, 40, 1 << 10}).Draw(rt, "max entry bytes")}
		observer, observed := newLedger(), make(chan error, 1)
		watching, err := Open(t.Context(), Config{Embedded: sharedEtcd(t), Cluster: w.cluster, Identity: "observer"})
		check(rt, err)
		defer watching.Close()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { observed <- watching.Follow(ctx, observer) }()

		w.restart(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"append":   w.append,
			"snapshot": w.snapshot,
			"crash":    w.crash,
			"depose":   w.depose,
			"restart":  w.restart,
			"":         w.invariant,
		})
		if w.term.Err() != nil {
			w.restart(rt)
		}
		observer.await(t, uint64(len(w.acked)))
		equal(rt, "the observer's state", w.acked, observer.all())
		check(rt, w.j.Close())
		cancel()
		if err := <-observed; !errors.Is(err, context.Canceled) {
			rt.Fatalf("follow: %v", err)
		}
	})
}

func check(rt *rapid.T, err error) {
	if err != nil {
		rt.Fatal(err)
	}
}

func equal(rt *rapid.T, what string, want, got [][]string) {
	if !slices.EqualFunc(want, got, slices.Equal) {
		rt.Fatalf("%s is %q, want %q", what, got, want)
	}
}

func drawGroup(rt *rapid.T) []string {
	return rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) string {
		return strings.Repeat(rapid.StringN(0, 8, -1).Draw(rt, "text"), rapid.IntRange(1, 12).Draw(rt, "times"))
	}), 1, 4).Draw(rt, "group")
}

// append commits a group, with some messages lost.
func (w *world) append(rt *rapid.T) {
	if w.term.Err() != nil {
		rt.Skip("no leader")
	}
	g := drawGroup(rt)
	w.net.next(rapid.SliceOfN(rapid.SampledFrom([]fault{pass, pass, pass, dropRequest, dropResponse, delay}), 0, 3).Draw(rt, "faults")...)
	index, err := w.term.Append(w.t.Context(), group(g...))
	check(rt, err)
	w.acked = append(w.acked, g)
	if index != uint64(len(w.acked)) {
		rt.Fatalf("index %d, want %d", index, len(w.acked))
	}
	check(rt, w.state.Apply(index, group(g...)))
	w.settleNetwork(rt)
}

// settleNetwork lets what is under way arrive.
func (w *world) settleNetwork(rt *rapid.T) {
	w.net.mu.Lock()
	w.net.plan = nil
	w.net.mu.Unlock()
	if n := w.net.release(w.t); n != 0 && w.term.Err() != nil {
		rt.Fatalf("%d requests of a term that is over took effect", n)
	}
}

func (w *world) snapshot(rt *rapid.T) {
	if w.term.Err() != nil || len(w.acked) == 0 {
		rt.Skip("nothing to snapshot")
	}
	at := rapid.IntRange(1, len(w.acked)).Draw(rt, "at")
	w.net.next(rapid.SliceOfN(rapid.SampledFrom([]fault{pass, dropRequest, dropResponse}), 0, 3).Draw(rt, "faults")...)
	check(rt, w.term.Snapshot(w.t.Context(), uint64(at), w.state.snapshot(uint64(at))))
	w.settleNetwork(rt)
}

// crash ends the leader's session in the middle of an Append, after some of its
// requests, whose last one or its answer is lost.
func (w *world) crash(rt *rapid.T) {
	if w.term.Err() != nil {
		rt.Skip("no leader")
	}
	g := drawGroup(rt)
	through := rapid.IntRange(0, 6).Draw(rt, "requests that get through")
	last := rapid.SampledFrom([]fault{dropRequest, dropResponse}).Draw(rt, "last")
	w.net.next(append(make([]fault, through), last)...)
	deposed := false
	w.net.afterFault(func() {
		depose(w.t, w.j)
		deposed = true
	})
	index, err := w.term.Append(w.t.Context(), group(g...))
	if deposed {
		<-w.term.Done()
	}
	switch {
	case err == nil:
		w.acked = append(w.acked, g)
		if index != uint64(len(w.acked)) {
			rt.Fatalf("index %d, want %d", index, len(w.acked))
		}
		check(rt, w.state.Apply(index, group(g...)))
	case errors.Is(err, ErrOutcomeUnknown):
		w.unknown = g
	case errors.Is(err, ErrDeposed):
	default:
		rt.Fatal(err)
	}
	w.net.afterFault(nil)
	w.settleNetwork(rt)
}

func (w *world) depose(rt *rapid.T) {
	if w.term.Err() != nil {
		rt.Skip("no leader")
	}
	depose(w.t, w.j)
	<-w.term.Done()
}

// restart makes a new leader, in a new Journal, from nothing but the log.
func (w *world) restart(rt *rapid.T) {
	if w.j != nil {
		check(rt, w.j.Close())
	}
	var err error
	w.j, err = Open(w.t.Context(), w.client)
	check(rt, err)
	w.state = newLedger()
	w.term, err = w.j.Lead(w.t.Context(), w.state)
	check(rt, err)
	if got := w.state.all(); w.unknown != nil && len(got) == len(w.acked)+1 {
		w.acked = append(w.acked, w.unknown) // it had been committed
	}
	w.unknown = nil
	w.invariant(rt)
}

func (w *world) invariant(rt *rapid.T) {
	if w.unknown == nil {
		equal(rt, "the leader's state", w.acked, w.state.all())
		if last := w.term.Index(); last != uint64(len(w.acked)) {
			rt.Fatalf("the log ends at %d, want %d", last, len(w.acked))
		}
	}
}

// Any group comes back from its parts, and no bytes make the decoder panic.
func TestGroupEncoding(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		records := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 3000), 1, 10).Draw(rt, "records")
		limit := rapid.IntRange(MinEntryBytes, 4000).Draw(rt, "limit")
		values, err := encodeGroup(7, records, limit)
		check(rt, err)
		var p pending
		var whole bool
		for i, n := range rapid.Permutation(slices.Collect(seq(len(values)))).Draw(rt, "order") {
			if len(values[n]) > limit+maxPartOverhead {
				rt.Fatalf("part of %d bytes, limit %d", len(values[n]), limit)
			}
			decoded, err := decodePart([]byte(values[n]))
			check(rt, err)
			if whole = p.add(decoded, len(values[n])); whole != (i == len(values)-1) {
				rt.Fatalf("whole after %d of %d parts", i+1, len(values))
			}
		}
		got, err := decodeGroup(p.parts)
		check(rt, err)
		if !slices.EqualFunc(records, got, slices.Equal) {
			rt.Fatalf("got %q, want %q", got, records)
		}
	})
}

func seq(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

func FuzzDecodePart(f *testing.F) {
	for _, records := range [][][]byte{group("a"), group("", strings.Repeat("b", 5000)), group(string(incompressible(100)))} {
		values, err := encodeGroup(3, records, 1000)
		if err != nil {
			f.Fatal(err)
		}
		for _, v := range values {
			f.Add([]byte(v))
		}
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		p, err := decodePart(value)
		if err != nil {
			return
		}
		if p.count == 1 {
			decodeGroup([]part{p})
		}
		decodeGroup([]part{{compressed: value[0]%2 == 0, count: 1, body: value}})
	})
}

func TestKeysRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		k := newKeyspace("c")
		index, part := rapid.Uint64Max(1<<63).Draw(rt, "index"), rapid.IntRange(0, 1<<31-1).Draw(rt, "part")
		gotIndex, gotPart, err := k.parsePart(k.part(index, part))
		if err != nil || gotIndex != index || gotPart != part {
			rt.Fatalf("%s: %d, %d, %v", k.part(index, part), gotIndex, gotPart, err)
		}
		if _, _, err := k.parsePart(rapid.String().Draw(rt, "key")); err == nil {
			rt.Fatal("a foreign key was taken")
		}
		next := rapid.Uint64Range(index, 1<<63).Draw(rt, "next")
		if index < next && !(k.part(index, part) < k.logFrom(next)) {
			rt.Fatalf("group %d sorts after group %d", index, next)
		}
		h := head{index, int64(part)}
		if got, err := decodeHead([]byte(h.encode())); err != nil || got != h {
			rt.Fatalf("head %+v came back as %+v, %v", h, got, err)
		}
	})
}

func TestValidate(t *testing.T) {
	ok := Config{Endpoints: []string{"x:1"}, Cluster: "c", Identity: "i"}
	if err := ok.Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*Config){
		"no source":      func(c *Config) { c.Endpoints = nil },
		"two sources":    func(c *Config) { c.Embedded = &Embedded{} },
		"no cluster":     func(c *Config) { c.Cluster = "" },
		"slash":          func(c *Config) { c.Cluster = "a/b" },
		"no identity":    func(c *Config) { c.Identity = "" },
		"short session":  func(c *Config) { c.SessionTTL = 1 },
		"large entries":  func(c *Config) { c.MaxEntryBytes = 1 << 20 },
		"small entries":  func(c *Config) { c.MaxEntryBytes = 1 },
		"dial timeout":   func(c *Config) { c.DialTimeout = -1 },
		"name too long":  func(c *Config) { c.Cluster = strings.Repeat("x", 64) },
		"broken session": func(c *Config) { c.SessionTTL = 1500_000_000 },
	} {
		c := ok
		change(&c)
		if err := c.Validate(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := (Config{}).Validate(); err == nil || strings.Count(err.Error(), "\n") < 2 {
		t.Errorf("not every fault is said: %v", fmt.Sprint(err))
	}
}
