package journal

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// A page of the log aims at pageBytes; etcd limits by keys, so the number of keys
// follows from the size of those just read.
const (
	pageBytes    = 8 << 20
	firstPage    = 64
	largestPage  = 16 << 10
	pageGrowth   = 8 // at most this factor from one page to the next
	chunksAtOnce = 8
)

// loadPatiently loads, waiting out trouble with etcd.
func (t *tail) loadPatiently(ctx context.Context) error {
	var wait backoff
	warned := false
	for {
		err := t.load(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case isFatal(err):
			return err
		case !warned:
			warned = true
			t.j.log.Warn("reading the log was interrupted; trying again", "error", err)
		}
		wait.sleep(ctx)
	}
}

// load brings the Folder to the present from the keys: from the snapshot if that
// is ahead of the Folder, and then from the log. All reads are of one revision.
func (t *tail) load(ctx context.Context) error {
	keys := t.j.keys
	resp, err := t.j.client.Txn(ctx).
		Then(clientv3.OpGet(keys.manifest()), clientv3.OpGet(keys.head())).Commit()
	if err != nil {
		return fmt.Errorf("read the log's bounds: %w", err)
	}
	revision := resp.Header.Revision
	if kvs := resp.Responses[0].GetResponseRange().Kvs; len(kvs) > 0 {
		m, err := decodeManifest(kvs[0].Value)
		if err != nil {
			return fatal(err)
		}
		if m.Index > t.applied {
			if err := t.restore(ctx, m, revision); err != nil {
				return err
			}
		}
	} else if t.applied == 0 {
		t.j.stats.restored(0, 0)
	}
	end := uint64(0)
	if kvs := resp.Responses[1].GetResponseRange().Kvs; len(kvs) > 0 {
		h, err := decodeHead(kvs[0].Value)
		if err != nil {
			return fatal(err)
		}
		end = h.index
	}
	if err := t.readLog(ctx, revision); err != nil {
		return err
	}
	if t.applied != end {
		return fatal(fmt.Errorf("read the log: it ends at group %d, head says %d: %w", t.applied, end, ErrCorrupt))
	}
	t.next, t.loaded = revision+1, true
	return nil
}

func (t *tail) restore(ctx context.Context, m manifest, revision int64) error {
	data, err := t.j.readSnapshot(ctx, m, revision)
	if err != nil {
		return err
	}
	if t.applied > 0 {
		t.j.stats.reloaded()
		t.j.log.Info("fell behind the log and starts over from its snapshot", "applied", t.applied, "snapshot", m.Index)
	}
	if err := t.f.Restore(data); err != nil {
		return fatal(fmt.Errorf("restore the snapshot of group %d: %w", m.Index, err))
	}
	t.applied = m.Index
	t.pending = pending{}
	t.j.stats.restored(m.Index, m.StoredBytes)
	return nil
}

// readLog applies the groups after t.applied, page by page.
func (t *tail) readLog(ctx context.Context, revision int64) error {
	t.pending = pending{} // its parts are read again
	from := t.j.keys.logFrom(t.applied + 1)
	limit := firstPage
	for {
		resp, err := t.j.client.Get(ctx, from, clientv3.WithRange(t.j.keys.logEnd()),
			clientv3.WithRev(revision), clientv3.WithLimit(int64(limit)))
		if err != nil {
			return fmt.Errorf("read the log from %s: %w", from, err)
		}
		bytes := 0
		for _, kv := range resp.Kvs {
			if err := t.take(kv); err != nil {
				return err
			}
			bytes += len(kv.Key) + len(kv.Value)
		}
		if !resp.More || len(resp.Kvs) == 0 {
			return nil
		}
		from = string(resp.Kvs[len(resp.Kvs)-1].Key) + "\x00"
		fit := max(1, pageBytes/max(1, bytes/len(resp.Kvs)))
		limit = min(fit, limit*pageGrowth, largestPage)
	}
}

// isCompacted says that the revision read is no longer there.
func isCompacted(err error) bool { return errors.Is(err, rpctypes.ErrCompacted) }
