package journal

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
)

func incompressible(n int) []byte {
	rng := rand.New(rand.NewPCG(uint64(n), 7))
	b := make([]byte, n)
	for i := range b {
		b[i] = "0123456789abcdef"[rng.IntN(16)]
	}
	return b
}

// countKeys counts the parts in the log.
func countKeys(t *testing.T, j *Journal) int {
	t.Helper()
	resp, err := j.client.Get(t.Context(), j.keys.log(), clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		t.Fatal(err)
	}
	return int(resp.Count)
}

func TestSnapshotReplacesTheLog(t *testing.T) {
	e := ownEtcd(t, EmbeddedConfig{})
	j := open(t, e, Config{Cluster: "c", MaxEntryBytes: 1 << 10})
	l := newLedger()
	term := lead(t, j, l)
	for range 1200 {
		l.write(t, term, "x")
	}
	l.write(t, term, string(incompressible(50<<10)))
	at := term.Index()
	state := l.snapshot(at)
	for range 10 {
		l.write(t, term, "beyond the snapshot")
	}
	if err := term.Snapshot(t.Context(), at, state); err != nil {
		t.Fatal(err)
	}
	if got := countKeys(t, j); got > 80+trimMargin+10 {
		t.Errorf("%d keys are left in the log", got)
	}
	if s := j.Stats(); s.Snapshot != at || s.Entries != 10 || s.LogBytes <= 0 || s.LogBytes > 1000 || s.SnapshotBytes < 20<<10 {
		t.Errorf("stats %+v", s)
	}
	restored := replay(t, open(t, e, Config{Cluster: "c"}))
	same(t, "replay", l.all(), restored.all())
	if restored.restores != 1 {
		t.Errorf("%d restores", restored.restores)
	}

	// The next one replaces its chunks, and lets history go.
	l.write(t, term, "y")
	if err := term.Snapshot(t.Context(), term.Index(), l.snapshot(term.Index())); err != nil {
		t.Fatal(err)
	}
	chunks, err := e.Client().Get(t.Context(), j.keys.snapshots(), clientv3.WithPrefix(), clientv3.WithKeysOnly())
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range chunks.Kvs {
		if !strings.HasPrefix(string(kv.Key), j.keys.snapshots()+"00000000000004bc-") {
			t.Errorf("chunk %s of an old snapshot is left", kv.Key)
		}
	}
	if _, err := e.Client().Get(t.Context(), "x", clientv3.WithRev(10)); !isCompacted(err) {
		t.Errorf("history is still there: %v", err)
	}
	same(t, "replay", l.all(), replay(t, j).all())
}

func TestSnapshotBounds(t *testing.T) {
	j := open(t, sharedEtcd(t), Config{Cluster: newCluster()})
	l := newLedger()
	term := lead(t, j, l)
	if err := term.Snapshot(t.Context(), 1, nil); err == nil {
		t.Error("a snapshot beyond the log was taken")
	}
	l.write(t, term, "1")
	l.write(t, term, "2")
	if err := term.Snapshot(t.Context(), 2, l.snapshot(2)); err != nil {
		t.Fatal(err)
	}
	if err := term.Snapshot(t.Context(), 1, []byte("older")); err != nil {
		t.Fatalf("an older snapshot is to be ignored: %v", err)
	}
	same(t, "replay", l.all(), replay(t, j).all())
}

// The empty state is a state.
func TestSnapshotOfNothing(t *testing.T) {
	j := open(t, sharedEtcd(t), Config{Cluster: newCluster()})
	term := lead(t, j, &discard{})
	appendGroup(t, term, "x")
	if err := term.Snapshot(t.Context(), 1, nil); err != nil {
		t.Fatal(err)
	}
	got := &captured{}
	if err := j.newTail(got).load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got.snapshot == nil || len(got.snapshot) != 0 {
		t.Errorf("restored %q", got.snapshot)
	}
}

type captured struct {
	discard
	snapshot []byte
}

func (c *captured) Restore(b []byte) error { c.snapshot = b; return nil }

// Lost answers do not make a snapshot fail, and a leader that is deposed in the
// middle leaves the old one current.
func TestSnapshotThroughFaults(t *testing.T) {
	cluster := newCluster()
	j, term, net := faulty(t, cluster, 256)
	l := newLedger()
	for range 3 * trimMargin {
		l.write(t, term, string(incompressible(50)))
	}
	net.next(dropRequest, dropResponse, pass, delay, dropResponse, dropRequest, pass, dropResponse)
	if err := term.Snapshot(t.Context(), term.Index(), l.snapshot(term.Index())); err != nil {
		t.Fatal(err)
	}
	net.release(t)
	same(t, "replay", l.all(), replay(t, j).all())

	l.write(t, term, "more")
	before := replay(t, j)
	net.next(pass, pass, pass, dropRequest)
	net.afterFault(func() { depose(t, j) })
	if err := term.Snapshot(t.Context(), term.Index(), l.snapshot(term.Index())); !errors.Is(err, ErrDeposed) {
		t.Fatalf("snapshot of a deposed leader: %v", err)
	}
	after := replay(t, j)
	same(t, "replay", before.all(), after.all())

	// The next leader's snapshot sweeps up the stray chunks.
	next := newLedger()
	nextTerm := lead(t, j, next)
	next.write(t, nextTerm, "and more")
	if err := nextTerm.Snapshot(t.Context(), nextTerm.Index(), next.snapshot(nextTerm.Index())); err != nil {
		t.Fatal(err)
	}
	chunks, err := j.client.Get(t.Context(), j.keys.snapshots(), clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		t.Fatal(err)
	}
	resp, err := j.client.Get(t.Context(), j.keys.manifest())
	if err != nil {
		t.Fatal(err)
	}
	if m, err := decodeManifest(resp.Kvs[0].Value); err != nil || int64(m.Chunks) != chunks.Count {
		t.Errorf("%d chunks are stored, the snapshot has %+v, %v", chunks.Count, m, err)
	}
}

// Damage is found, said, and not folded.
func TestDamageIsFound(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, j *Journal, c *clientv3.Client){
		"a missing group": func(t *testing.T, j *Journal, c *clientv3.Client) {
			_, err := c.Delete(t.Context(), j.keys.part(3, 0))
			fatalIf(t, err)
		},
		"a missing last group": func(t *testing.T, j *Journal, c *clientv3.Client) {
			_, err := c.Delete(t.Context(), j.keys.part(4, 0))
			fatalIf(t, err)
		},
		"a changed group": func(t *testing.T, j *Journal, c *clientv3.Client) {
			flip(t, c, j.keys.part(3, 0))
		},
		"a changed chunk": func(t *testing.T, j *Journal, c *clientv3.Client) {
			resp, err := c.Get(t.Context(), j.keys.snapshots(), clientv3.WithPrefix(), clientv3.WithLimit(1))
			fatalIf(t, err)
			flip(t, c, string(resp.Kvs[0].Key))
		},
		"a missing chunk": func(t *testing.T, j *Journal, c *clientv3.Client) {
			_, err := c.Delete(t.Context(), j.keys.snapshots(), clientv3.WithPrefix())
			fatalIf(t, err)
		},
		"a foreign head": func(t *testing.T, j *Journal, c *clientv3.Client) {
			_, err := c.Put(t.Context(), j.keys.head(), "42")
			fatalIf(t, err)
		},
		"a foreign key": func(t *testing.T, j *Journal, c *clientv3.Client) {
			_, err := c.Put(t.Context(), j.keys.log()+"zebra", "42")
			fatalIf(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			j := open(t, sharedEtcd(t), Config{Cluster: newCluster()})
			l := newLedger()
			term := lead(t, j, l)
			l.write(t, term, "1")
			l.write(t, term, "2")
			fatalIf(t, term.Snapshot(t.Context(), 2, l.snapshot(2)))
			l.write(t, term, "3")
			l.write(t, term, "4")
			damage(t, j, sharedEtcd(t).Client())
			err := j.Follow(t.Context(), newLedger())
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("follow: %v", err)
			}
			t.Log(err)
		})
	}
}

func fatalIf(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func flip(t *testing.T, c *clientv3.Client, key string) {
	t.Helper()
	resp, err := c.Get(t.Context(), key)
	fatalIf(t, err)
	value := resp.Kvs[0].Value
	value[len(value)-1] ^= 1
	_, err = c.Put(t.Context(), key, string(value))
	fatalIf(t, err)
}
