package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"
)

// partsInFlight is how many parts of a large group are sent at once: etcd syncs
// those that arrive together with one fsync.
const partsInFlight = 4

// Append commits the records as one group and returns its index once the group
// is durable. Followers see all of it or nothing.
//
// After an error that closes Done the term is over: ErrOutcomeUnknown says that
// the group may be in the log, any other error that it is not. An error that
// leaves Done open (ErrTooLarge, a refusal by etcd because its database is full,
// the end of ctx before anything was sent) wrote nothing and the term goes on.
//
// One goroutine at a time gets through; others wait.
func (t *Term) Append(ctx context.Context, records [][]byte) (index uint64, err error) {
	t.appending.Lock()
	defer t.appending.Unlock()
	if err := t.Err(); err != nil {
		return 0, fmt.Errorf("append: %w: %v", ErrDeposed, err)
	}
	if len(records) == 0 {
		return 0, errors.New("append: no records")
	}
	values, err := encodeGroup(t.epoch, records, t.j.cfg.MaxEntryBytes)
	if err != nil {
		return 0, fmt.Errorf("append: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("append: %w", err)
	}
	begun := time.Now()
	next := head{t.head.index + 1, t.epoch}
	last := len(values) - 1
	if last > 0 {
		if err = t.putParts(ctx, next.index, values[:last]); errors.Is(err, ErrOutcomeUnknown) {
			// Of a part, that is: the group is certainly not committed.
			err = fmt.Errorf("%w: parts not confirmed: %v", ErrDeposed, err)
		}
	}
	if err == nil {
		err = t.commit(ctx, next, last, values[last])
	}
	if err != nil {
		err = fmt.Errorf("append group %d: %w", next.index, err)
		if last > 0 || !isRefusal(err) || errors.Is(err, ErrOutcomeUnknown) {
			t.lose(err)
		}
		return 0, err
	}
	t.head = next
	t.committed.Store(next.index)
	size := 0
	for _, v := range values {
		size += len(v)
	}
	t.j.stats.commit(next.index, size, time.Since(begun))
	return next.index, nil
}

// putParts writes parts that stay invisible until the group's last one is committed.
func (t *Term) putParts(ctx context.Context, index uint64, values []string) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(partsInFlight)
	for n, value := range values {
		group.Go(func() error {
			return t.put(ctx, t.j.keys.part(index, n), value, t.unmoved())
		})
	}
	return group.Wait()
}

// unmoved is true while head is where this term left it.
func (t *Term) unmoved() clientv3.Cmp {
	return clientv3.Compare(clientv3.Value(t.j.keys.head()), "=", t.head.encode())
}

// commit writes the last part and moves head, in one transaction. Repeated, that
// transaction succeeds once; when it does not, what it reads instead says whether
// an earlier attempt did.
func (t *Term) commit(ctx context.Context, next head, number int, value string) error {
	keys := t.j.keys
	resp, err := t.settle(ctx, func(ctx context.Context) (*clientv3.TxnResponse, error) {
		return t.j.client.Txn(ctx).
			If(leads(keys, t.epoch), t.unmoved()).
			Then(clientv3.OpPut(keys.part(next.index, number), value), clientv3.OpPut(keys.head(), next.encode())).
			Else(clientv3.OpGet(keys.head()), clientv3.OpGet(keys.part(next.index, 0))).
			Commit()
	})
	if isRefusal(err) {
		return t.readBack(ctx, next, err)
	}
	if err != nil || resp.Succeeded {
		return err
	}
	return t.whose(next.index, resp.Responses[0].GetResponseRange().Kvs, resp.Responses[1].GetResponseRange().Kvs)
}

// whose says whether the group of an index, given head and the group's first part,
// is one of this term: nil if it is, ErrDeposed if not.
func (t *Term) whose(index uint64, headKVs, partKVs []*mvccpb.KeyValue) error {
	if len(headKVs) == 0 {
		return fmt.Errorf("%w: head is gone", ErrOutcomeUnknown)
	}
	h, err := decodeHead(headKVs[0].Value)
	if err != nil {
		return errors.Join(ErrOutcomeUnknown, err)
	}
	if h.index < index {
		return ErrDeposed
	}
	if len(partKVs) == 0 {
		// A later leader's snapshot has come to cover it.
		return fmt.Errorf("%w: group %d is no longer in the log", ErrOutcomeUnknown, index)
	}
	p, err := decodePart(partKVs[0].Value)
	if err != nil {
		return errors.Join(ErrOutcomeUnknown, err)
	}
	if p.epoch != t.epoch {
		return ErrDeposed
	}
	return nil // a term writes one group at an index
}

// readBack looks whether a commit that etcd refused is there all the same. The
// request that makes etcd's database reach its quota is carried out and then
// answered with "no space".
func (t *Term) readBack(ctx context.Context, next head, refusal error) error {
	kvs, err := t.read(ctx, clientv3.OpGet(t.j.keys.head()))
	if err != nil {
		return errors.Join(ErrOutcomeUnknown, refusal, err)
	}
	for _, kv := range kvs {
		switch h, err := decodeHead(kv.Value); {
		case err != nil:
			return errors.Join(ErrOutcomeUnknown, refusal, err)
		case h == next:
			return nil
		case h != t.head: // a later leader has gone on from there, or from before it
			return errors.Join(ErrOutcomeUnknown, refusal)
		}
	}
	return refusal
}
