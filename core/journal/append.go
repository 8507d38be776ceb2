package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

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
		return 0, fmt.Errorf("append: %w", err)
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

// put writes one key under the fence; repeating it changes nothing.
func (t *Term) put(ctx context.Context, key, value string, also ...clientv3.Cmp) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	fence := append([]clientv3.Cmp{leads(t.j.keys, t.epoch)}, also...)
	resp, err := t.settle(ctx, func(ctx context.Context) (*clientv3.TxnResponse, error) {
		return t.j.client.Txn(ctx).If(fence...).Then(clientv3.OpPut(key, value)).Commit()
	})
	if err != nil {
		return err
	}
	if !resp.Succeeded {
		return ErrDeposed
	}
	return nil
}

// commit writes the last part and moves head, in one transaction. Repeated, that
// transaction succeeds once; when it does not, what it reads instead says whether
// an earlier attempt did.
func (t *Term) commit(ctx context.Context, next head, number int, value string) error {
	keys := t.j.keys
	key := keys.part(next.index, number)
	resp, err := t.settle(ctx, func(ctx context.Context) (*clientv3.TxnResponse, error) {
		return t.j.client.Txn(ctx).
			If(leads(keys, t.epoch), t.unmoved()).
			Then(clientv3.OpPut(key, value), clientv3.OpPut(keys.head(), next.encode())).
			Else(clientv3.OpGet(key), clientv3.OpGet(keys.head())).
			Commit()
	})
	if isRefusal(err) {
		return t.readBack(ctx, next, err)
	}
	if err != nil || resp.Succeeded {
		return err
	}
	if kvs := resp.Responses[0].GetResponseRange().Kvs; len(kvs) > 0 {
		// A leader writes one group at an index: the same epoch is the same group.
		if p, err := decodePart(kvs[0].Value); err == nil && p.epoch == t.epoch {
			return nil
		}
		return ErrDeposed
	}
	// Not there. If the log has grown past the index it may have been there, and
	// have been deleted under a later leader's snapshot.
	if kvs := resp.Responses[1].GetResponseRange().Kvs; len(kvs) > 0 {
		if h, err := decodeHead(kvs[0].Value); err != nil || h.index >= next.index {
			return errors.Join(ErrOutcomeUnknown, err)
		}
	}
	return ErrDeposed
}

// readBack looks whether a commit that etcd refused is there all the same. The
// request that makes etcd's database reach its quota is carried out and then
// answered with "no space".
func (t *Term) readBack(ctx context.Context, next head, refusal error) error {
	resp, err := t.settle(ctx, func(ctx context.Context) (*clientv3.TxnResponse, error) {
		return t.j.client.Txn(ctx).Then(clientv3.OpGet(t.j.keys.head())).Commit()
	})
	if err != nil {
		return errors.Join(ErrOutcomeUnknown, refusal, err)
	}
	for _, kv := range resp.Responses[0].GetResponseRange().Kvs {
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

// lastWord is how long settle goes on asking after leadership or ctx has ended.
const lastWord = time.Second

// settle repeats a request until etcd gives a definite answer. Once leadership or
// ctx has ended it gives up after lastWord, with ErrOutcomeUnknown.
func (t *Term) settle(ctx context.Context, request func(context.Context) (*clientv3.TxnResponse, error)) (*clientv3.TxnResponse, error) {
	ctx, stop := t.extended(ctx)
	defer stop()
	var wait backoff
	for attempt := 0; ; attempt++ {
		tryCtx, cancel := context.WithTimeout(ctx, attemptTimeout)
		resp, err := request(tryCtx)
		cancel()
		switch {
		case err == nil:
			return resp, nil
		case isRefusal(err) && attempt == 0:
			return nil, err
		case isRefusal(err): // but an earlier attempt may be under way still
			return nil, fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
		case ctx.Err() != nil:
			return nil, fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
		case attempt == 0:
			t.j.log.Warn("etcd did not confirm a commit; asking again", "error", err)
		}
		wait.sleep(ctx)
	}
}

// extended derives a context that ends lastWord after ctx or the term: the caller
// may have given up, but not knowing the outcome costs a whole replay.
func (t *Term) extended(ctx context.Context) (context.Context, context.CancelFunc) {
	long, cancel := context.WithCancel(context.WithoutCancel(ctx))
	over := func() { time.AfterFunc(lastWord, cancel) }
	stopCtx := context.AfterFunc(ctx, over)
	stopTerm := context.AfterFunc(t.life, over)
	return long, func() { stopCtx(); stopTerm(); cancel() }
}
