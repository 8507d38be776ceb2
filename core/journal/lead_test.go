package journal

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

type leading struct {
	term *Term
	err  error
}

// campaign leads in the background.
func campaign(ctx context.Context, j *Journal, f Folder) <-chan leading {
	ch := make(chan leading, 1)
	go func() {
		term, err := j.Lead(ctx, f)
		ch <- leading{term, err}
	}()
	return ch
}

func TestStandbyTakesOver(t *testing.T) {
	e, cluster := sharedEtcd(t), newCluster()
	first := open(t, e, Config{Cluster: cluster, Identity: "first", Address: "first:1"})
	second := open(t, e, Config{Cluster: cluster, Identity: "second", Address: "second:1", SessionTTL: 2 * time.Second})
	l := newLedger()
	term := lead(t, first, l)
	standby := newLedger()
	elected := campaign(t.Context(), second, standby)
	for range 50 {
		l.write(t, term, "some", "records")
	}
	standby.await(t, 50)
	for range 50 {
		l.write(t, term, "more", "records")
	}
	depose(t, first)
	got := <-elected
	if got.err != nil {
		t.Fatal(got.err)
	}
	same(t, "the standby's state", l.all(), standby.all())
	<-term.Done()
	if got.term.Epoch() <= term.Epoch() {
		t.Errorf("epoch %d follows %d", got.term.Epoch(), term.Epoch())
	}
	if index := standby.write(t, got.term, "next"); index != 101 {
		t.Errorf("index %d, want 101", index)
	}
	if address, epoch, err := first.Leader(t.Context()); err != nil || address != "second:1" || epoch != got.term.Epoch() {
		t.Errorf("leader %q, epoch %d, %v", address, epoch, err)
	}
	if first.Stats().Leading || !second.Stats().Leading {
		t.Error("stats say otherwise about who leads")
	}
}

// mute stops the keep-alives of a leader as kill -9 would, and lets it hear nothing.
type muteLease struct{ clientv3.Lease }

func (muteLease) KeepAliveOnce(ctx context.Context, _ clientv3.LeaseID) (*clientv3.LeaseKeepAliveResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (muteLease) Close() error { return nil }

func TestLeaseExpires(t *testing.T) {
	e, cluster := sharedEtcd(t), newCluster()
	client, net := faultyClient(t, e)
	client.Lease, net.deaf = muteLease{client.Lease}, true
	dead := open(t, nil, Config{Client: client, Cluster: cluster, Identity: "dead", SessionTTL: time.Second})
	l := newLedger()
	term := lead(t, dead, l)
	standby := newLedger()
	elected := campaign(t.Context(), open(t, e, Config{Cluster: cluster, Identity: "standby"}), standby)
	l.write(t, term, "acknowledged")
	got := <-elected
	if got.err != nil {
		t.Fatal(got.err)
	}
	// It has not been told of anything, and still knows that its time is over.
	if left, _ := term.Lease(); left != 0 {
		t.Errorf("another leads, and the dead one counts on %v more", left)
	}
	same(t, "the standby's state", l.all(), standby.all())
	if _, err := term.Append(t.Context(), group("from the dead")); !errors.Is(err, ErrDeposed) {
		t.Fatalf("append of the dead leader: %v", err)
	}
	same(t, "replay", l.all(), replay(t, dead).all())
}

func TestResignHandsOverAtOnce(t *testing.T) {
	e, cluster := sharedEtcd(t), newCluster()
	first := open(t, e, Config{Cluster: cluster, Identity: "first"}) // with a lease of a minute
	l := newLedger()
	term := lead(t, first, l)
	l.write(t, term, "1")
	standby := newLedger()
	elected := campaign(t.Context(), open(t, e, Config{Cluster: cluster, Identity: "second"}), standby)
	if err := term.Resign(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := <-elected
	if got.err != nil {
		t.Fatal(got.err)
	}
	same(t, "the standby's state", l.all(), standby.all())
	if _, err := term.Append(t.Context(), group("2")); !errors.Is(err, ErrDeposed) {
		t.Errorf("append after resigning: %v", err)
	}
}

func TestCloseResigns(t *testing.T) {
	e, cluster := sharedEtcd(t), newCluster()
	first := open(t, e, Config{Cluster: cluster, Identity: "first"})
	term := lead(t, first, newLedger())
	elected := campaign(t.Context(), open(t, e, Config{Cluster: cluster, Identity: "second"}), newLedger())
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-elected; got.err != nil {
		t.Fatal(got.err)
	}
	if !errors.Is(term.Err(), ErrClosed) {
		t.Errorf("the term ended with %v", term.Err())
	}
	if _, err := first.Lead(t.Context(), newLedger()); !errors.Is(err, ErrClosed) {
		t.Errorf("lead after close: %v", err)
	}
	if _, open := <-first.WatchLeader(t.Context()); open {
		t.Error("a watch after close")
	}
}

// Many candidates, one leader at a time, and every one's groups in one order.
func TestContendersTakeTurns(t *testing.T) {
	e, cluster := sharedEtcd(t), newCluster()
	const contenders, terms = 4, 3
	done := make(chan error, contenders)
	for range contenders {
		j := open(t, e, Config{Cluster: cluster})
		go func() {
			for range terms {
				l := newLedger()
				term, err := j.Lead(t.Context(), l)
				if err != nil {
					done <- err
					return
				}
				if _, err := term.Append(t.Context(), group("mine")); err != nil {
					done <- err
					return
				}
				if err := term.Resign(t.Context()); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range contenders {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if got := len(replay(t, open(t, e, Config{Cluster: cluster})).all()); got != contenders*terms {
		t.Errorf("%d groups, want %d", got, contenders*terms)
	}
}

func TestLeadEndsWithItsContext(t *testing.T) {
	e, cluster := sharedEtcd(t), newCluster()
	lead(t, open(t, e, Config{Cluster: cluster}), newLedger())
	ctx, cancel := context.WithCancel(t.Context())
	elected := campaign(ctx, open(t, e, Config{Cluster: cluster}), newLedger())
	cancel()
	if got := <-elected; !errors.Is(got.err, context.Canceled) || got.term != nil {
		t.Errorf("got %+v", got)
	}
}

// refuser is a Folder that cannot take a group.
type refuser struct{ discard }

var errRefused = errors.New("no such event")

func (refuser) Apply(uint64, [][]byte) error { return errRefused }

func TestFolderRefuses(t *testing.T) {
	e, cluster := sharedEtcd(t), newCluster()
	j := open(t, e, Config{Cluster: cluster})
	term := lead(t, j, newLedger())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	elected := campaign(ctx, open(t, e, Config{Cluster: cluster}), &refuser{})
	appendGroup(t, term, "x")
	if got := <-elected; !errors.Is(got.err, errRefused) || !strings.Contains(got.err.Error(), "group 1") {
		t.Errorf("got %v", got.err)
	}
}

func TestWatchLeader(t *testing.T) {
	e, cluster := sharedEtcd(t), newCluster()
	j := open(t, e, Config{Cluster: cluster, Identity: "a", Address: "a:1"})
	ctx, cancel := context.WithCancel(t.Context())
	changes := j.WatchLeader(ctx)
	await := func(want LeaderInfo) {
		t.Helper()
		for got := range changes {
			if got == want {
				return
			}
		}
		t.Fatalf("the channel was closed before %+v", want)
	}
	await(LeaderInfo{})
	term := lead(t, j, newLedger())
	await(LeaderInfo{Address: "a:1", Identity: "a", Epoch: term.Epoch()})
	if err := term.Resign(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(LeaderInfo{})
	cancel()
	for range changes {
	}
}

// A campaign whose answers are lost still ends with one leader that knows it.
func TestCampaignThroughFaults(t *testing.T) {
	cluster := newCluster()
	client, net := faultyClient(t, sharedEtcd(t))
	j := open(t, nil, Config{Client: client, Cluster: cluster})
	// The first transaction is the load's; then come the leader key and the takeover.
	net.next(dropRequest, pass, dropResponse, pass, dropRequest, pass, dropResponse)
	term := lead(t, j, newLedger())
	if index := appendGroup(t, term, "x"); index != 1 {
		t.Errorf("index %d", index)
	}
}
