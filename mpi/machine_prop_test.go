package mpi

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// However messages are lost, repeated and reordered between the machines of a
// job, every rank gets through every barrier, none before all are in it, and
// each can then get what all have put.
func TestBarriersOverALossyNetwork(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		for range 20_000 {
			if w.step() {
				return
			}
		}
		t.Fatalf("not through after 20000 steps: %s", w)
	})
}

// world is a job whose ranks put a key of their own before each barrier and get
// everyone's after it.
type world struct {
	*rapid.T
	now      time.Time
	machines []*Machine
	wakes    []time.Time
	node     []int // of each rank
	ranks    []progress
	barriers int
	flying   []flight
}

type progress struct {
	inited  bool
	through int  // barriers
	waits   bool // in the next one
	over    bool
}

type flight struct {
	to, from int
	data     []byte
}

func newWorld(t *rapid.T) *world {
	w := &world{T: t, now: time.Unix(0, 0), barriers: rapid.IntRange(1, 4).Draw(t, "barriers")}
	nodes := rapid.IntRange(1, 4).Draw(t, "nodes")
	var here [][]int
	for n := range nodes {
		here = append(here, nil)
		for range rapid.IntRange(1, 3).Draw(t, "ranks on a node") {
			here[n] = append(here[n], len(w.node))
			w.node = append(w.node, n)
		}
	}
	for n := range nodes {
		w.machines = append(w.machines, New(Options{Name: "kvs", World: len(w.node), Ranks: here[n], Node: n, Nodes: nodes}))
		w.wakes = append(w.wakes, time.Time{})
	}
	w.ranks = make([]progress, len(w.node))
	return w
}

func (w *world) String() string { return fmt.Sprintf("ranks %+v, %d messages", w.ranks, len(w.flying)) }

// step lets one thing happen and reports whether all is done.
func (w *world) step() bool {
	var moves []func()
	done := true
	for n := range w.ranks {
		p := &w.ranks[n]
		done = done && p.over
		if !p.over && !p.waits {
			moves = append(moves, func() { w.act(n, p) })
		}
	}
	if done {
		return true
	}
	if len(w.flying) > 0 {
		moves = append(moves, w.deliver)
	}
	moves = append(moves, w.pass)
	moves[rapid.IntRange(0, len(moves)-1).Draw(w.T, "move")]()
	return false
}

// act is the next thing a rank says.
func (w *world) act(n int, p *progress) {
	switch {
	case !p.inited:
		p.inited = true
		w.say(n, "cmd=init pmi_version=1 pmi_subversion=1")
	case p.through == w.barriers:
		p.over = true
		w.say(n, "cmd=finalize")
	default:
		w.say(n, fmt.Sprintf("cmd=put kvsname=kvs key=k%d.%d value=v%d %d", p.through, n, n, p.through))
		p.waits = true
		w.say(n, "cmd=barrier_in")
	}
}

func (w *world) say(n int, line string) { w.input(w.node[n], Line{n, line}) }

func (w *world) deliver() {
	i := rapid.IntRange(0, len(w.flying)-1).Draw(w.T, "message")
	f := w.flying[i]
	switch rapid.IntRange(0, 9).Draw(w.T, "fate") {
	case 0, 1: // lost
		w.flying = append(w.flying[:i], w.flying[i+1:]...)
		return
	case 2: // repeated
	default:
		w.flying = append(w.flying[:i], w.flying[i+1:]...)
	}
	w.input(f.to, Message{f.from, f.data})
}

// pass lets time go on to the next wake-up.
func (w *world) pass() {
	w.now = w.now.Add(300 * time.Millisecond)
	for i, at := range w.wakes {
		if !at.IsZero() && !at.After(w.now) {
			w.wakes[i] = time.Time{}
			w.input(i, TimeUp{})
		}
	}
}

func (w *world) input(node int, in Input) {
	for _, e := range w.machines[node].Step(w.now, in) {
		switch e := e.(type) {
		case Reply:
			if w.node[e.Rank] != node {
				w.Fatalf("node %d answers rank %d of node %d", node, e.Rank, w.node[e.Rank])
			}
			w.answered(e.Rank, e.Text)
		case Send:
			w.flying = append(w.flying, flight{e.Node, node, e.Data})
		case Wake:
			w.wakes[node] = e.At
		case Fault:
			w.Fatalf("rank %d: %s", e.Rank, e.Message)
		}
	}
}

func (w *world) answered(n int, text string) {
	if strings.Contains(text, "rc=-1") {
		w.Fatalf("rank %d was answered %q", n, text)
	}
	if text != "cmd=barrier_out rc=0\n" {
		return
	}
	p := &w.ranks[n]
	for other := range w.ranks {
		o := &w.ranks[other]
		if o.through < p.through || o.through == p.through && !o.waits {
			w.Fatalf("rank %d leaves barrier %d, rank %d has not entered it", n, p.through, other)
		}
	}
	p.through, p.waits = p.through+1, false
	m := w.machines[w.node[n]]
	for other := range w.ranks {
		want := fmt.Sprintf("v%d %d", other, p.through-1)
		if got := m.space[fmt.Sprintf("k%d.%d", p.through-1, other)]; got != want {
			w.Fatalf("after barrier %d on node %d, rank %d's key is %q, want %q", p.through-1, w.node[n], other, got, want)
		}
	}
}

// What machines tell each other reads back as it was.
func TestMessagesReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := report{kind: rapid.SampledFrom([]byte{kindIn, kindOut, kindWait}).Draw(t, "kind"), barrier: rapid.Uint64Min(1).Draw(t, "barrier")}
		for range rapid.IntRange(0, 5).Draw(t, "pairs") {
			in.pairs = append(in.pairs, pair{
				rapid.StringN(1, 8, maxKeyBytes).Draw(t, "key"), rapid.StringN(0, 20, maxValueBytes).Draw(t, "value"),
			})
		}
		out, ok := decode(in.encode())
		if !ok || fmt.Sprint(out) != fmt.Sprint(in) {
			t.Fatalf("%+v became %+v, %t", in, out, ok)
		}
	})
}

// Whatever a rank says, it is answered at most once a line, alone, in whole
// lines, and what is kept stays small.
func FuzzLine(f *testing.F) {
	for _, s := range []string{
		"cmd=init pmi_version=1 pmi_subversion=1\ncmd=get_maxes\ncmd=get_appnum\ncmd=get_my_kvsname",
		"cmd=init pmi_version=1\ncmd=put kvsname=kvs key=K value=a b=c \ncmd=get kvsname=kvs key=K\ncmd=barrier_in\ncmd=finalize",
		"mcmd=spawn\nnprocs=2\nexecname=a\nendcmd\ncmd=get_universe_size",
		"cmd=abort exitcode=-3", "", "=", "cmd", "cmd=", " cmd=init", "cmd=put", "value=",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m := New(Options{Name: "kvs", World: 2, Ranks: []int{0, 1}, Nodes: 1})
		for line := range strings.SplitSeq(text, "\n") {
			replies := 0
			for _, e := range m.Step(time.Unix(0, 0), Line{0, line}) {
				r, ok := e.(Reply)
				if !ok {
					continue
				}
				replies++
				if r.Rank != 0 || strings.Count(r.Text, "\n") != 1 || !strings.HasSuffix(r.Text, "\n") || len(r.Text) > MaxLineBytes {
					t.Fatalf("%q is answered %+v", line, r)
				}
			}
			if replies > 1 || m.bytes > len(text) {
				t.Fatalf("%q has %d answers; %d bytes are kept of %d", line, replies, m.bytes, len(text))
			}
		}
	})
}

// Whatever another machine says, it does no harm.
func FuzzMessage(f *testing.F) {
	r := report{kind: kindIn, barrier: 1, pairs: []pair{{"k", "v"}}}
	f.Add(r.encode())
	f.Add([]byte{formatVersion, kindOut, 1, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, b []byte) {
		for node := range 2 {
			m := New(Options{Name: "kvs", World: 2, Ranks: []int{node}, Node: node, Nodes: 2})
			m.Step(time.Unix(0, 0), Line{node, "cmd=init pmi_version=1 pmi_subversion=1"})
			m.Step(time.Unix(0, 0), Line{node, "cmd=barrier_in"})
			m.Step(time.Unix(0, 0), Message{1 - node, b})
			if m.bytes > len(b) {
				t.Fatalf("%d bytes are kept of a message of %d", m.bytes, len(b))
			}
		}
	})
}
