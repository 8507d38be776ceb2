package journal

import (
	"context"
	"sync"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// fault is what becomes of one transaction on its way to etcd and back.
type fault int

const (
	pass         fault = iota
	dropRequest        // etcd never sees it, the client sees an error
	dropResponse       // etcd carries it out, the client sees an error
	delay              // the client sees an error, etcd sees it when release is called
)

var errNetwork = status.Error(codes.Unavailable, "the network of this test failed")

// network is the way of one client to a real etcd, with faults. Transactions take
// the planned faults in turn, and pass when none is planned.
type network struct {
	clientv3.KV
	watcher clientv3.Watcher

	mu      sync.Mutex
	plan    []fault
	cut     bool // everything fails
	between func()
	delayed []clientv3.Txn
	gate    <-chan struct{} // watches begin when it is closed
	deaf    bool            // watches never report
}

// faultyClient is a client of e whose transactions pass through a network.
func faultyClient(t testing.TB, e *Embedded) (*clientv3.Client, *network) {
	t.Helper()
	inner := e.Client()
	n := &network{KV: inner.KV, watcher: inner.Watcher}
	c := clientv3.NewCtxClient(context.Background())
	t.Cleanup(func() { c.Close() })
	c.KV, c.Watcher, c.Lease, c.Maintenance = n, &gatedWatcher{n}, keptLease{inner.Lease}, inner.Maintenance
	return c, n
}

// keptLease leaves the lease of the etcd's own client open when a faulty one is
// closed.
type keptLease struct{ clientv3.Lease }

func (keptLease) Close() error { return nil }

// next plans the fate of the transactions to come.
func (n *network) next(faults ...fault) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.plan = append(n.plan, faults...)
}

// afterFault calls f once, after the next faulty transaction, before its client
// hears of it.
func (n *network) afterFault(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.between = f
}

func (n *network) setCut(cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut = cut
}

// release lets the delayed transactions arrive at etcd.
func (n *network) release(t testing.TB) (succeeded int) {
	t.Helper()
	n.mu.Lock()
	delayed := n.delayed
	n.delayed = nil
	n.mu.Unlock()
	for _, txn := range delayed {
		resp, err := txn.Commit()
		if err != nil {
			t.Fatalf("a delayed transaction: %v", err)
		}
		if resp.Succeeded {
			succeeded++
		}
	}
	return succeeded
}

func (n *network) fate() (fault, func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cut {
		return dropRequest, nil
	}
	if len(n.plan) == 0 {
		return pass, nil
	}
	f := n.plan[0]
	n.plan = n.plan[1:]
	if f == pass {
		return pass, nil
	}
	between := n.between
	n.between = nil
	return f, between
}

func (n *network) Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	n.mu.Lock()
	cut := n.cut
	n.mu.Unlock()
	if cut {
		return nil, errNetwork
	}
	return n.KV.Get(ctx, key, opts...)
}

func (n *network) Txn(ctx context.Context) clientv3.Txn {
	// A delayed transaction outlives the request it was sent by.
	return &faultyTxn{n.KV.Txn(context.WithoutCancel(ctx)), n}
}

// gatedWatcher begins watches late or never reports, as the network wants.
type gatedWatcher struct{ net *network }

func (w *gatedWatcher) Watch(ctx context.Context, key string, opts ...clientv3.OpOption) clientv3.WatchChan {
	w.net.mu.Lock()
	gate, deaf := w.net.gate, w.net.deaf
	w.net.mu.Unlock()
	if deaf {
		silent := make(chan clientv3.WatchResponse)
		context.AfterFunc(ctx, func() { close(silent) })
		return silent
	}
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
		}
	}
	return w.net.watcher.Watch(ctx, key, opts...)
}

func (w *gatedWatcher) RequestProgress(ctx context.Context) error {
	return w.net.watcher.RequestProgress(ctx)
}

func (w *gatedWatcher) Close() error { return nil }

type faultyTxn struct {
	clientv3.Txn
	net *network
}

func (t *faultyTxn) If(cs ...clientv3.Cmp) clientv3.Txn   { t.Txn = t.Txn.If(cs...); return t }
func (t *faultyTxn) Then(ops ...clientv3.Op) clientv3.Txn { t.Txn = t.Txn.Then(ops...); return t }
func (t *faultyTxn) Else(ops ...clientv3.Op) clientv3.Txn { t.Txn = t.Txn.Else(ops...); return t }

func (t *faultyTxn) Commit() (*clientv3.TxnResponse, error) {
	f, between := t.net.fate()
	if f == pass {
		return t.Txn.Commit()
	}
	switch f {
	case dropResponse:
		if _, err := t.Txn.Commit(); err != nil {
			return nil, err
		}
	case delay:
		t.net.mu.Lock()
		t.net.delayed = append(t.net.delayed, t.Txn)
		t.net.mu.Unlock()
	}
	if between != nil {
		between()
	}
	return nil, errNetwork
}
