package journal

import (
	"context"
	"errors"
	"testing"
	"time"
)

// Those who are there are listed; one that ends says so, and one that dies does not.
func TestRoster(t *testing.T) {
	e, cluster := sharedEtcd(t), newCluster()
	watcher := open(t, e, Config{Cluster: cluster, Identity: "watcher"})
	type change struct {
		identity    string
		there, left bool
	}
	changes := make(chan change, 100)
	watched := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(watched)
		watcher.WatchRoster(ctx, func() {}, func(e Entry, there bool) { changes <- change{e.Identity, there, e.Left} })
	}()
	t.Cleanup(func() { cancel(); <-watched })
	next := func(want change) {
		t.Helper()
		if got := <-changes; got != want {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	}
	enter := func(identity string) (end func()) {
		j := open(t, e, Config{Cluster: cluster, Identity: identity})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			j.Enter(ctx, Entry{Address: identity + ":1", Since: time.Unix(1, 0)})
		}()
		return func() { cancel(); <-done }
	}
	endA := enter("a")
	next(change{"a", true, false})
	endB := enter("b")
	next(change{"b", true, false})
	endA()
	next(change{"a", true, true})
	next(change{"a", false, true})
	// As if its lease had run out.
	if _, err := e.Client().Delete(t.Context(), watcher.keys.masters()+"b"); err != nil {
		t.Fatal(err)
	}
	next(change{"b", false, false})
	endB()
}

// A leader that is deposed leads no more, and a later one is not affected.
func TestDepose(t *testing.T) {
	e, cluster := sharedEtcd(t), newCluster()
	first := open(t, e, Config{Cluster: cluster, Identity: "first"})
	second := open(t, e, Config{Cluster: cluster, Identity: "second"})
	l := newLedger()
	term := lead(t, first, l)
	l.write(t, term, "1")
	elected := campaign(t.Context(), second, newLedger())
	fatalIf(t, second.Depose(t.Context(), term.Epoch()))
	got := <-elected
	fatalIf(t, got.err)
	<-term.Done()
	if _, err := term.Append(t.Context(), group("2")); !errors.Is(err, ErrDeposed) {
		t.Errorf("append of one who is deposed: %v", err)
	}
	fatalIf(t, second.Depose(t.Context(), term.Epoch())) // again, and too late
	if address, epoch, err := first.Leader(t.Context()); err != nil || epoch != got.term.Epoch() {
		t.Errorf("%q leads in term %d (%v)", address, epoch, err)
	}
}
