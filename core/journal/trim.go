package journal

import (
	"context"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// trimMargin groups before a snapshot stay in the log. A leader that lost both
// its term and the answer to its last commit looks there for that commit.
const trimMargin = 16

// trimStep is how many groups one transaction deletes: etcd applies one at a
// time, and commits must get in between.
const trimStep = 512

// trim deletes what a snapshot that has become current replaces.
func (t *Term) trim(ctx context.Context, m manifest, since int64) error {
	if m.Index > trimMargin {
		if err := t.trimLog(ctx, m.Index-trimMargin); err != nil {
			return err
		}
	}
	keys := t.j.keys
	own := keys.chunks(m.ID)
	if err := t.deleteRanges(ctx,
		clientv3.OpDelete(keys.snapshots(), clientv3.WithRange(own)),
		clientv3.OpDelete(clientv3.GetPrefixRangeEnd(own), clientv3.WithRange(keys.snapshotsEnd())),
	); err != nil {
		return err
	}
	t.compact(ctx, since)
	return nil
}

// compact lets go of etcd's history before a revision. If that fails, the next
// snapshot does it.
func (t *Term) compact(ctx context.Context, revision int64) {
	if t.j.cfg.KeepHistory || revision == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	if _, err := t.j.client.Compact(ctx, revision); err != nil && !isCompacted(err) {
		t.j.log.Warn("etcd's history was not compacted; the next snapshot tries again", "revision", revision, "error", err)
	}
}

// trimLog deletes the groups up to and including upTo.
func (t *Term) trimLog(ctx context.Context, upTo uint64) error {
	keys := t.j.keys
	first, err := t.read(ctx, clientv3.OpGet(keys.log(), clientv3.WithRange(keys.logEnd()),
		clientv3.WithLimit(1), clientv3.WithKeysOnly()))
	if err != nil {
		return fmt.Errorf("find the log's start: %w", err)
	}
	if len(first) == 0 {
		return nil
	}
	from, _, err := keys.parsePart(string(first[0].Key))
	if err != nil {
		return err
	}
	for from <= upTo {
		to := min(from+trimStep, upTo+1)
		if err := t.deleteRanges(ctx, clientv3.OpDelete(keys.logFrom(from), clientv3.WithRange(keys.logFrom(to)))); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// deleteRanges deletes under the fence; repeating it changes nothing.
func (t *Term) deleteRanges(ctx context.Context, ops ...clientv3.Op) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	resp, err := t.settle(ctx, func(ctx context.Context) (*clientv3.TxnResponse, error) {
		return t.j.client.Txn(ctx).If(leads(t.j.keys, t.epoch)).Then(ops...).Commit()
	})
	if err != nil {
		return err
	}
	if !resp.Succeeded {
		return ErrDeposed
	}
	return nil
}
