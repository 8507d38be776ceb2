package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// lastWord is how long settle goes on asking after leadership or ctx has ended.
const lastWord = attemptTimeout

// settle repeats a request until etcd gives a definite answer. Once leadership or
// ctx has ended it gives up after lastWord, with ErrOutcomeUnknown.
func (t *Term) settle(ctx context.Context, request func(context.Context) (*clientv3.TxnResponse, error)) (*clientv3.TxnResponse, error) {
	ctx, stop := t.extended(ctx)
	defer stop()
	var wait backoff
	for attempt := 0; ; attempt++ {
		tryCtx, cancel := context.WithTimeout(ctx, patience(attempt))
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
			t.j.log.Warn("etcd did not answer; asking again", "error", err)
		}
		wait.sleep(ctx)
	}
}

// firstPatience is how long the first attempt of a request may take. What has been
// sent to an etcd member that died, or that passed it on to one that had, is lost:
// nobody says so, and etcd itself would wait for seconds.
const firstPatience = 500 * time.Millisecond

// patience is for how long an attempt is waited for: longer each time, since etcd
// may only be slow. Nothing is done twice by asking twice.
func patience(attempt int) time.Duration {
	return min(firstPatience<<min(attempt, 10), attemptTimeout)
}

// insist repeats a request of a candidate for up to attemptTimeout. The etcd that
// is asked has often lost its own leader a moment ago, by what ended the leader here,
// and what is then under way to that is lost, as above.
func insist[R any](ctx context.Context, request func(context.Context) (R, error)) (R, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	for attempt := 0; ; attempt++ {
		tryCtx, stop := context.WithTimeout(ctx, patience(attempt))
		resp, err := request(tryCtx)
		stop()
		if err == nil || ctx.Err() != nil || isRefusal(err) || errors.Is(err, rpctypes.ErrLeaseNotFound) {
			return resp, err
		}
		askAgain(ctx)
	}
}

// askAgain pauses before a request of a failover is repeated. While etcd elects its
// leader, which takes it a second or so, it refuses everything at once: a pause that
// grows would go on after the election.
func askAgain(ctx context.Context) {
	timer := time.NewTimer(50 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// extended derives a context that ends lastWord after ctx or the term: the caller
// may have given up, but not knowing the outcome costs a whole replay.
func (t *Term) extended(ctx context.Context) (context.Context, context.CancelFunc) {
	long, cancel := context.WithCancel(context.WithoutCancel(ctx))
	over := func() { time.AfterFunc(t.j.lastWord, cancel) }
	stopCtx := context.AfterFunc(ctx, over)
	stopTerm := context.AfterFunc(t.life, over)
	return long, func() { stopCtx(); stopTerm(); cancel() }
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

// read gets keys through the quorum, as patiently as writes are made.
func (t *Term) read(ctx context.Context, get clientv3.Op) ([]*mvccpb.KeyValue, error) {
	resp, err := t.settle(ctx, func(ctx context.Context) (*clientv3.TxnResponse, error) {
		return t.j.client.Txn(ctx).Then(get).Commit()
	})
	if err != nil {
		return nil, err
	}
	return resp.Responses[0].GetResponseRange().Kvs, nil
}
