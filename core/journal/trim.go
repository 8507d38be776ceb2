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
	if t.j.cfg.KeepHistory || since == 0 {
		return nil
	}
	compactCtx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	if _, err := t.j.client.Compact(compactCtx, since); err != nil && !isCompacted(err) {
		return fmt.Errorf("compact etcd's history up to revision %d: %w", since, err)
	}
	return nil
}

// trimLog deletes the groups up to and including upTo.
func (t *Term) trimLog(ctx context.Context, upTo uint64) error {
	keys := t.j.keys
	readCtx, cancel := context.WithTimeout(ctx, attemptTimeout)
	first, err := t.j.client.Get(readCtx, keys.log(), clientv3.WithRange(keys.logEnd()),
		clientv3.WithLimit(1), clientv3.WithKeysOnly())
	cancel()
	if err != nil {
		return fmt.Errorf("find the log's start: %w", err)
	}
	if len(first.Kvs) == 0 {
		return nil
	}
	from, _, err := keys.parsePart(string(first.Kvs[0].Key))
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
