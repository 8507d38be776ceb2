package journal

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

func TestAppendAndReplay(t *testing.T) {
	e := sharedEtcd(t)
	cluster := newCluster()
	j := open(t, e, Config{Cluster: cluster})
	l := newLedger()
	term := lead(t, j, l)
	for i, g := range [][]string{{"a"}, {"b", "c"}, {""}, {strings.Repeat("x", 100_000)}} {
		if index := l.write(t, term, g...); index != uint64(i)+1 {
			t.Fatalf("group %d got index %d", i+1, index)
		}
	}
	same(t, "replay", l.all(), replay(t, j).all())
	if got := j.Stats(); !got.Leading || got.LastIndex != 4 || got.Entries != 4 || got.Commits != 4 || got.LastCommit <= 0 {
		t.Errorf("stats %+v", got)
	}
}

func TestAppendRefusesWhatIsNoGroup(t *testing.T) {
	term := lead(t, open(t, sharedEtcd(t), Config{Cluster: newCluster()}), newLedger())
	if _, err := term.Append(t.Context(), nil); err == nil {
		t.Error("an empty group was taken")
	}
	if _, err := term.Append(t.Context(), [][]byte{make([]byte, MaxGroupBytes)}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a group beyond the limit: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := term.Append(ended, group("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
	if index := appendGroup(t, term, "y"); index != 1 {
		t.Errorf("the term did not go on: index %d", index)
	}
}

// faulty opens a Journal behind a network, whose term is returned.
func faulty(t *testing.T, cluster string, maxEntryBytes int) (*Journal, *Term, *network) {
	t.Helper()
	client, net := faultyClient(t, sharedEtcd(t))
	j := open(t, nil, Config{Client: client, Cluster: cluster, Identity: "faulty", MaxEntryBytes: maxEntryBytes})
	return j, lead(t, j, newLedger()), net
}

// depose deletes the leader key under a term's feet.
func depose(t testing.TB, j *Journal) {
	t.Helper()
	if _, err := sharedEtcd(t).Client().Delete(context.Background(), j.keys.leader()); err != nil {
		t.Fatal(err)
	}
}

func TestAmbiguousCommitIsResolved(t *testing.T) {
	for name, faults := range map[string][]fault{
		"request lost":                 {dropRequest},
		"answer lost":                  {dropResponse},
		"answers lost":                 {dropResponse, dropResponse, dropResponse},
		"both lost in turn":            {dropRequest, dropResponse, dropRequest},
		"request late":                 {delay},
		"requests late, answer lost":   {delay, delay, dropResponse},
		"answer lost, repetition late": {dropResponse, delay},
	} {
		t.Run(name, func(t *testing.T) {
			j, term, net := faulty(t, newCluster(), 0)
			l := newLedger()
			l.write(t, term, "before")
			net.next(faults...)
			if index := l.write(t, term, "ambiguous"); index != 2 {
				t.Fatalf("index %d, want 2", index)
			}
			if n := net.release(t); n != 0 {
				t.Fatalf("%d late requests took effect", n)
			}
			l.write(t, term, "after")
			same(t, "replay", l.all(), replay(t, j).all())
		})
	}
}

func TestSplitGroupSurvivesFaults(t *testing.T) {
	j, term, net := faulty(t, newCluster(), MinEntryBytes)
	l := newLedger()
	l.write(t, term, "before")
	// Seven parts or so; each fault hits one of them.
	net.next(dropRequest, pass, dropResponse, delay, pass, dropRequest, dropResponse, pass, delay, dropResponse)
	l.write(t, term, "a group", "of several records", strings.Repeat("long ", 10), "in many parts")
	if n := net.release(t); n != 0 {
		t.Fatalf("%d late requests took effect", n)
	}
	l.write(t, term, "after")
	same(t, "replay", l.all(), replay(t, j).all())
}

func TestDeposedAppendLeavesNothing(t *testing.T) {
	for name, records := range map[string][]string{
		"one part": {"a"}, "many parts": {strings.Repeat("long ", 20)},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := newCluster()
			j, term, net := faulty(t, cluster, MinEntryBytes)
			net.next(dropRequest, dropRequest, dropRequest, dropRequest)
			net.afterFault(func() { depose(t, j) })
			_, err := term.Append(t.Context(), group(records...))
			if !errors.Is(err, ErrDeposed) || errors.Is(err, ErrOutcomeUnknown) {
				t.Fatalf("append after deposition: %v", err)
			}
			<-term.Done()
			if _, err := term.Append(t.Context(), group("again")); !errors.Is(err, ErrDeposed) {
				t.Fatalf("second append: %v", err)
			}
			if err := term.Snapshot(t.Context(), 1, nil); !errors.Is(err, ErrDeposed) {
				t.Fatalf("snapshot: %v", err)
			}
			assertEmptyLog(t, j)
		})
	}
}

func assertEmptyLog(t *testing.T, j *Journal) {
	t.Helper()
	resp, err := sharedEtcd(t).Client().Get(t.Context(), j.keys.log(), clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range resp.Kvs {
		t.Errorf("the log holds %s", kv.Key)
	}
}

// A leader that was paused, and heard of nothing, writes nothing either.
func TestPausedLeaderIsFenced(t *testing.T) {
	for name, write := range map[string]func(t *testing.T, term *Term) error{
		"append": func(t *testing.T, term *Term) error {
			_, err := term.Append(t.Context(), group("late"))
			return err
		},
		"append in parts": func(t *testing.T, term *Term) error {
			_, err := term.Append(t.Context(), group(string(incompressible(3*DefaultMaxEntryBytes))))
			return err
		},
		"snapshot": func(t *testing.T, term *Term) error {
			return term.Snapshot(t.Context(), 1, []byte("[]"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := newCluster()
			client, net := faultyClient(t, sharedEtcd(t))
			net.deaf = true // no watch tells it that its leader key is gone
			paused := open(t, nil, Config{Client: client, Cluster: cluster, Identity: "paused"})
			term := lead(t, paused, newLedger())
			appendGroup(t, term, "1")
			depose(t, paused)

			next := open(t, sharedEtcd(t), Config{Cluster: cluster, Identity: "next"})
			l := newLedger()
			nextTerm := lead(t, next, l)
			l.write(t, nextTerm, "2")
			if err := term.Err(); err != nil {
				t.Fatalf("the paused leader knows already: %v", err)
			}
			if err := write(t, term); !errors.Is(err, ErrDeposed) || errors.Is(err, ErrOutcomeUnknown) {
				t.Fatalf("the paused leader's write: %v", err)
			}
			<-term.Done()
			l.write(t, nextTerm, "3")
			same(t, "the next leader's state", [][]string{{"1"}, {"2"}, {"3"}}, l.all())
			same(t, "replay", l.all(), replay(t, next).all())
		})
	}
}

// The answer is lost and then leadership: what counts is what the log holds.
func TestCommittedThenDeposed(t *testing.T) {
	cluster := newCluster()
	j, term, net := faulty(t, cluster, 0)
	l := newLedger()
	l.write(t, term, "1")
	next := open(t, sharedEtcd(t), Config{Cluster: cluster, Identity: "next"})
	nextLedger := newLedger()
	net.next(dropResponse)
	net.afterFault(func() {
		depose(t, j)
		nextLedger.write(t, lead(t, next, nextLedger), "3")
	})
	l.write(t, term, "2")
	<-term.Done()
	same(t, "next leader", [][]string{{"1"}, {"2"}, {"3"}}, nextLedger.all())
}

// The group did not make it, and another leader's is at its index, in fewer parts.
func TestIndexTakenByNextLeader(t *testing.T) {
	cluster := newCluster()
	j, term, net := faulty(t, cluster, MinEntryBytes)
	next := open(t, sharedEtcd(t), Config{Cluster: cluster, Identity: "next"})
	l := newLedger()
	net.next(pass, pass, dropRequest)
	net.afterFault(func() {
		depose(t, j)
		l.write(t, lead(t, next, l), "mine")
	})
	if _, err := term.Append(t.Context(), group(strings.Repeat("x", 2*MinEntryBytes))); !errors.Is(err, ErrDeposed) || errors.Is(err, ErrOutcomeUnknown) {
		t.Fatalf("append: %v", err)
	}
	same(t, "replay", l.all(), replay(t, next).all())
}

// The group made it, but the next leader's snapshot has swallowed it.
func TestOutcomeUnknownAfterTrim(t *testing.T) {
	cluster := newCluster()
	j, term, net := faulty(t, cluster, 0)
	next := open(t, sharedEtcd(t), Config{Cluster: cluster, Identity: "next"})
	net.next(dropResponse)
	net.afterFault(func() {
		depose(t, j)
		l := newLedger()
		nextTerm := lead(t, next, l)
		for range trimMargin + 1 {
			l.write(t, nextTerm, "x")
		}
		if err := nextTerm.Snapshot(t.Context(), nextTerm.Index(), l.snapshot(nextTerm.Index())); err != nil {
			t.Error(err)
		}
	})
	if _, err := term.Append(t.Context(), group("lost sight of")); !errors.Is(err, ErrOutcomeUnknown) {
		t.Fatalf("append: %v", err)
	}
	<-term.Done()
}

func TestOutcomeUnknownWithoutEtcd(t *testing.T) {
	j, term, net := faulty(t, newCluster(), 0)
	j.lastWord = 10 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	net.next(dropRequest)
	net.afterFault(func() { net.setCut(true); cancel() })
	if _, err := term.Append(ctx, group("x")); !errors.Is(err, ErrOutcomeUnknown) {
		t.Fatalf("append: %v", err)
	}
	<-term.Done()
	net.setCut(false)
	if _, err := term.Append(t.Context(), group("y")); errors.Is(err, ErrOutcomeUnknown) || !errors.Is(err, ErrDeposed) {
		t.Errorf("what was never sent has a known outcome: %v", err)
	}
}

// A request that etcd gets to see only after its sender was deposed does nothing.
func TestRequestArrivesAfterDeposition(t *testing.T) {
	cluster := newCluster()
	j, term, net := faulty(t, cluster, 0)
	next := open(t, sharedEtcd(t), Config{Cluster: cluster, Identity: "next"})
	l := newLedger()
	net.next(delay)
	net.afterFault(func() {
		depose(t, j)
		lead(t, next, l)
	})
	if _, err := term.Append(t.Context(), group("late")); !errors.Is(err, ErrDeposed) {
		t.Fatalf("append: %v", err)
	}
	if n := net.release(t); n != 0 {
		t.Fatal("the late request took effect")
	}
	assertEmptyLog(t, j)
}
