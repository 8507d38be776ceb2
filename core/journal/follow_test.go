package journal

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// followed runs Follow until the test's end.
func followed(t *testing.T, j *Journal, f Folder) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- j.Follow(ctx, f) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("follow: %v", err)
		}
	})
}

func TestFollowTails(t *testing.T) {
	e, cluster := sharedEtcd(t), newCluster()
	j := open(t, e, Config{Cluster: cluster, MaxEntryBytes: 64})
	l := newLedger()
	term := lead(t, j, l)
	l.write(t, term, "before")
	observer := newLedger()
	followed(t, open(t, e, Config{Cluster: cluster}), observer)
	observer.await(t, 1)
	for i := range 30 {
		l.write(t, term, "small", strings.Repeat("large ", i*20))
	}
	observer.await(t, 31)
	same(t, "the observer's state", l.all(), observer.all())
}

// A log of many pages, of small and large groups in turn.
func TestLoadPages(t *testing.T) {
	e, cluster := sharedEtcd(t), newCluster()
	j := open(t, e, Config{Cluster: cluster, MaxEntryBytes: 4 << 10})
	l := newLedger()
	term := lead(t, j, l)
	for i := range 300 {
		l.write(t, term, "small")
		if i%50 == 0 {
			l.write(t, term, string(incompressible(300<<10)))
		}
	}
	same(t, "replay", l.all(), replay(t, j).all())
	if s := j.Stats(); s.Entries != 306 {
		t.Errorf("stats %+v", s)
	}
}

// gatedFolder applies when it is told to.
type gatedFolder struct {
	*ledger
	gate <-chan struct{}
}

func (g *gatedFolder) Apply(index uint64, records [][]byte) error {
	<-g.gate
	return g.ledger.Apply(index, records)
}

// compactTwice writes groups and snapshots until the history from before the call
// is compacted away.
func compactTwice(t *testing.T, l *ledger, term *Term) {
	t.Helper()
	for range 3 {
		for range 2 * trimMargin {
			l.write(t, term, "filler")
		}
		if err := term.Snapshot(t.Context(), term.Index(), l.snapshot(term.Index())); err != nil {
			t.Fatal(err)
		}
	}
}

// A follower so slow that what it has yet to read is compacted starts over from
// the snapshot.
func TestCompactionUnderSlowFollower(t *testing.T) {
	e := ownEtcd(t, EmbeddedConfig{})
	l := newLedger()
	term := lead(t, open(t, e, Config{Cluster: "c"}), l)
	l.write(t, term, "1")

	client, net := faultyClient(t, e)
	gate := make(chan struct{})
	net.gate = gate // the follower loads, but its watch begins only later
	slow := open(t, nil, Config{Client: client, Cluster: "c"})
	observer := newLedger()
	followed(t, slow, observer)
	observer.await(t, 1)

	compactTwice(t, l, term)
	close(gate)
	last := l.write(t, term, "last")
	observer.await(t, last)
	same(t, "the slow follower's state", l.all(), observer.all())
	if observer.restores != 1 || slow.Stats().ReloadsWhenBehind != 1 {
		t.Errorf("%d restores, %+v", observer.restores, slow.Stats())
	}
}

// Compaction also overtakes a reader between two pages of the log.
func TestCompactionUnderSlowLoad(t *testing.T) {
	e := ownEtcd(t, EmbeddedConfig{})
	j := open(t, e, Config{Cluster: "c"})
	l := newLedger()
	term := lead(t, j, l)
	for range 3 * firstPage {
		l.write(t, term, "x")
	}
	gate := make(chan struct{})
	observer := newLedger()
	followed(t, open(t, e, Config{Cluster: "c"}), &gatedFolder{observer, gate})
	gate <- struct{}{} // the first page has been read
	compactTwice(t, l, term)
	close(gate)
	last := l.write(t, term, "last")
	observer.await(t, last)
	same(t, "the slow reader's state", l.all(), observer.all())
}

// A group whose leader died half way is never seen, not even by those who were
// watching its parts arrive.
func TestHalfWrittenGroupIsDiscarded(t *testing.T) {
	cluster := newCluster()
	e := sharedEtcd(t)
	crashing, term, net := faulty(t, cluster, MinEntryBytes)
	crashing.lastWord = 10 * time.Millisecond
	observer := newLedger()
	observing := open(t, e, Config{Cluster: cluster})
	followed(t, observing, observer)
	l := newLedger()
	l.write(t, term, "1")
	observer.await(t, 1)

	ctx, crash := context.WithCancel(t.Context())
	net.next(pass, pass, pass, dropRequest)
	net.afterFault(func() { net.setCut(true); crash() })
	if _, err := term.Append(ctx, group(strings.Repeat("never seen ", 20))); err == nil {
		t.Fatal("the group was acknowledged")
	}
	net.setCut(false)
	if got := countKeys(t, term.j); got < 4 {
		t.Fatalf("%d parts in the log: the crash left nothing behind to discard", got)
	}
	same(t, "replay amid the parts", l.all(), replay(t, observing).all())

	standby := newLedger()
	next := lead(t, open(t, e, Config{Cluster: cluster, MaxEntryBytes: MinEntryBytes}), standby)
	if got := countKeys(t, term.j); got != 1 {
		t.Errorf("%d parts in the log after the takeover, want 1", got)
	}
	standby.write(t, next, strings.Repeat("seen ", 10))
	standby.write(t, next, "3")
	observer.await(t, 3)
	same(t, "the observer's state", standby.all(), observer.all())
}
