package journal

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// campaign waits until the leader key is free, takes it, and discards what the
// previous leader left half written. It returns an error only when ctx ends.
func (j *Journal) campaign(ctx context.Context) (*Term, error) {
	var held *session
	var wait backoff
	for ctx.Err() == nil {
		term, err := j.stand(ctx, &held)
		if term != nil {
			return term, nil
		}
		if err == nil {
			wait.reset()
			continue
		}
		if held != nil {
			// The session is opened anew: this one may be what failed.
			held.close()
			held = nil
		}
		if ctx.Err() == nil {
			j.log.Warn("campaign for leadership interrupted", "error", err)
			wait.sleep(ctx)
		}
	}
	if held != nil {
		held.close()
	}
	return nil, context.Cause(ctx)
}

// stand makes one attempt. It returns a term when this process leads, and
// neither term nor error when another attempt is due at once.
func (j *Journal) stand(ctx context.Context, held **session) (*Term, error) {
	if err := j.awaitVacancy(ctx, *held); err != nil {
		return nil, err
	}
	if *held == nil {
		// The lease belongs to the Journal's life, not to ctx: it outlives Lead.
		s, err := j.openSession(j.life)
		if err != nil {
			return nil, err
		}
		*held = s
	}
	key := j.keys.leader()
	value := LeaderInfo{Address: j.cfg.Address, Identity: j.cfg.Identity}.encode()
	resp, err := insist(ctx, func(ctx context.Context) (*clientv3.TxnResponse, error) {
		return j.client.Txn(ctx).
			If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
			Then(clientv3.OpPut(key, value, clientv3.WithLease((*held).lease))).
			Else(clientv3.OpGet(key)).
			Commit()
	})
	if err != nil {
		return nil, fmt.Errorf("take the leader key: %w", err)
	}
	epoch := resp.Header.Revision
	if !resp.Succeeded {
		kvs := resp.Responses[0].GetResponseRange().Kvs
		if len(kvs) == 0 || clientv3.LeaseID(kvs[0].Lease) != (*held).lease {
			return nil, nil // another candidate was first
		}
		epoch = kvs[0].CreateRevision // an earlier attempt of ours was applied after all
	}
	h, revision, err := j.takeOver(ctx, epoch)
	if err != nil {
		return nil, err
	}
	return j.newTerm(*held, h, revision), nil
}

// awaitVacancy returns when the leader key is free or held by our own session.
func (j *Journal) awaitVacancy(ctx context.Context, held *session) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	readCtx, stop := context.WithTimeout(ctx, attemptTimeout)
	resp, err := j.client.Get(readCtx, j.keys.leader())
	stop()
	if err != nil {
		return fmt.Errorf("read leader key: %w", err)
	}
	if len(resp.Kvs) == 0 || held != nil && clientv3.LeaseID(resp.Kvs[0].Lease) == held.lease {
		return nil
	}
	watch := j.client.Watch(clientv3.WithRequireLeader(ctx), j.keys.leader(),
		clientv3.WithRev(resp.Header.Revision+1), clientv3.WithFilterPut())
	for resp := range watch {
		if err := resp.Err(); err != nil {
			return fmt.Errorf("watch leader key: %w", err)
		}
		for _, ev := range resp.Events {
			if ev.Type == mvccpb.DELETE {
				return nil
			}
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.New("watch leader key: the watch ended")
}

// takeOver deletes the parts beyond head, which no leader committed, and stamps
// head with the new epoch. From then on the log is this epoch's to extend. The
// revision is one at which this process leads.
func (j *Journal) takeOver(ctx context.Context, epoch int64) (h head, revision int64, err error) {
	resp, err := insist(ctx, func(ctx context.Context) (*clientv3.GetResponse, error) {
		return j.client.Get(ctx, j.keys.head())
	})
	if err != nil {
		return head{}, 0, fmt.Errorf("read head: %w", err)
	}
	var stamped int64 // the revision at which head got its present value
	if len(resp.Kvs) > 0 {
		if h, err = decodeHead(resp.Kvs[0].Value); err != nil {
			return head{}, 0, err
		}
		stamped = resp.Kvs[0].ModRevision
	}
	h.epoch = epoch
	txn, err := insist(ctx, func(ctx context.Context) (*clientv3.TxnResponse, error) {
		// Only while head is as it was read: an attempt that was given up and is
		// carried out late must not discard what this term has appended by then.
		return j.client.Txn(ctx).
			If(leads(j.keys, epoch), clientv3.Compare(clientv3.ModRevision(j.keys.head()), "=", stamped)).
			Then(
				clientv3.OpDelete(j.keys.logFrom(h.index+1), clientv3.WithRange(j.keys.logEnd())),
				clientv3.OpPut(j.keys.head(), h.encode()),
			).
			Else(clientv3.OpGet(j.keys.leader()), clientv3.OpGet(j.keys.head())).
			Commit()
	})
	if err != nil {
		return head{}, 0, fmt.Errorf("discard the uncommitted tail: %w", err)
	}
	if !txn.Succeeded {
		if !tookOver(txn, h) {
			return head{}, 0, fmt.Errorf("take over the log: %w", ErrDeposed)
		}
		return h, txn.Header.Revision, nil
	}
	if n := txn.Responses[0].GetResponseDeleteRange().Deleted; n > 0 {
		j.log.Info("discarded a group its writer did not finish", "parts", n, "index", h.index+1)
	}
	return h, txn.Header.Revision, nil
}

// tookOver says that an earlier attempt to stamp head with h was carried out after
// all, and that its epoch still leads.
func tookOver(txn *clientv3.TxnResponse, h head) bool {
	leader, now := txn.Responses[0].GetResponseRange().Kvs, txn.Responses[1].GetResponseRange().Kvs
	return len(leader) > 0 && leader[0].CreateRevision == h.epoch &&
		len(now) > 0 && string(now[0].Value) == h.encode()
}

// leads is the fence: true while the leader key of that epoch exists.
func leads(keys keyspace, epoch int64) clientv3.Cmp {
	return clientv3.Compare(clientv3.CreateRevision(keys.leader()), "=", epoch)
}
