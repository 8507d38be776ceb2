package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// Term is one leadership: the right to append, until Done.
type Term struct {
	j       *Journal
	epoch   int64
	session *session

	appending sync.Mutex // guards head
	head      head
	committed atomic.Uint64 // head.index, for Snapshot

	snapshotting sync.Mutex
	snapshots    int // attempts in this term, to name each one's chunks

	life     context.Context // ends with the term; its cause says why
	end      context.CancelCauseFunc
	released chan struct{} // closed when the lease is given back, after life has ended
}

// newTerm begins the term of h.epoch, which leads as of an etcd revision.
func (j *Journal) newTerm(s *session, h head, revision int64) *Term {
	t := &Term{j: j, epoch: h.epoch, session: s, head: h, released: make(chan struct{})}
	t.life, t.end = context.WithCancelCause(context.Background())
	t.committed.Store(h.index)
	j.stats.lead(t.epoch)
	if !j.spawn(func() { t.guard(revision) }) {
		t.lose(fmt.Errorf("%w: %w", ErrClosed, ErrDeposed))
		t.release()
	}
	return t
}

// Epoch is the create revision of the leader key: it grows with every leader and
// fences whatever carries it.
func (t *Term) Epoch() int64 { return t.epoch }

// Index is the last committed group.
func (t *Term) Index() uint64 { return t.committed.Load() }

// Done is closed when leadership is lost: the session expired, the leader key was
// deleted, a commit was fenced out or its outcome could not be learned.
func (t *Term) Done() <-chan struct{} { return t.life.Done() }

// Err says why Done is closed; nil before that.
func (t *Term) Err() error { return context.Cause(t.life) }

// Lease is how much longer this process leads for certain, should it not hear from
// etcd again (no other leads before that; 0: it may have been replaced), and how
// much longer that can be at most.
func (t *Term) Lease() (left, ttl time.Duration) {
	if t.life.Err() != nil {
		return 0, t.session.ttl
	}
	return max(t.session.left(), 0), t.session.ttl
}

// Resign gives leadership up, so that a standby takes over at once instead of
// after the session's time to live. It waits for an Append that is under way.
func (t *Term) Resign(ctx context.Context) error {
	t.appending.Lock()
	defer t.appending.Unlock()
	t.lose(fmt.Errorf("resigned: %w", ErrDeposed))
	select {
	case <-t.released:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lose ends the term; the first cause counts.
func (t *Term) lose(cause error) {
	t.end(cause)
	t.j.stats.follow(t.epoch)
}

// guard ends the term when its session or its leader key does, and gives the
// lease back when the term ends for whatever reason.
func (t *Term) guard(revision int64) {
	ctx, cancel := context.WithCancel(t.j.life)
	defer cancel()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		t.awaitDeletion(ctx, revision+1)
	}()
	cause := ErrDeposed
	select {
	case <-t.life.Done():
	case <-t.session.done:
		cause = fmt.Errorf("session expired: %w", ErrDeposed)
	case <-gone:
		cause = fmt.Errorf("leader key deleted: %w", ErrDeposed)
	}
	if t.j.life.Err() != nil { // which ends all of the above
		cause = fmt.Errorf("%w: %w", ErrClosed, ErrDeposed)
	}
	t.lose(cause)
	cancel()
	<-gone
	t.release()
}

func (t *Term) release() {
	defer close(t.released)
	if err := t.session.close(); err != nil {
		t.j.log.Debug("lease of the ended term not given back, it will expire", "error", err)
	}
}

// awaitDeletion returns when the leader key of this epoch is gone, or ctx ended.
// Watching from the present matters: etcd serves a watch of the past every 100 ms.
func (t *Term) awaitDeletion(ctx context.Context, from int64) {
	var wait backoff
	for ctx.Err() == nil {
		deleted, err := t.watchKey(ctx, from)
		if deleted {
			return
		}
		if err != nil && ctx.Err() == nil {
			t.j.log.Debug("watch of the own leader key interrupted", "error", err)
		}
		wait.sleep(ctx)
		// The history since from may be compacted by now: ask for the present.
		readCtx, cancel := context.WithTimeout(ctx, attemptTimeout)
		resp, err := t.j.client.Get(readCtx, t.j.keys.leader())
		cancel()
		if err != nil {
			continue
		}
		if len(resp.Kvs) == 0 || resp.Kvs[0].CreateRevision != t.epoch {
			return
		}
		from = resp.Header.Revision + 1
	}
}

func (t *Term) watchKey(ctx context.Context, from int64) (deleted bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watch := t.j.client.Watch(clientv3.WithRequireLeader(ctx), t.j.keys.leader(), clientv3.WithRev(from), clientv3.WithFilterPut())
	for resp := range watch {
		if err := resp.Err(); err != nil {
			return false, err
		}
		if len(resp.Events) > 0 {
			return true, nil
		}
	}
	return false, errors.New("the watch ended")
}
