package journal

import (
	"context"
	"encoding/json"
	"fmt"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// LeaderInfo says who leads. The zero value: nobody does.
type LeaderInfo struct {
	Address  string `json:"address"`
	Identity string `json:"identity"`
	Epoch    int64  `json:"-"`
}

func (l LeaderInfo) encode() string {
	b, err := json.Marshal(l)
	if err != nil {
		panic(fmt.Sprintf("journal: encode leader: %v", err)) // two strings always encode
	}
	return string(b)
}

func decodeLeader(kv *mvccpb.KeyValue) (LeaderInfo, error) {
	var l LeaderInfo
	if err := json.Unmarshal(kv.Value, &l); err != nil {
		return LeaderInfo{}, fmt.Errorf("read leader key: %w: %w", err, ErrCorrupt)
	}
	l.Epoch = kv.CreateRevision
	return l, nil
}

// Leader says who leads at this moment, by a read through etcd's quorum. An
// address of "" and an epoch of 0 mean that nobody does.
func (j *Journal) Leader(ctx context.Context) (address string, epoch int64, err error) {
	info, _, err := j.readLeader(ctx)
	return info.Address, info.Epoch, err
}

// Depose ends the term of an epoch, if it is on: for who knows that its leader has
// died, before its lease has told everybody. A leader that lives after all finds
// out at once if it reaches etcd, and otherwise leads no longer than its lease. It
// tries until ctx ends.
func (j *Journal) Depose(ctx context.Context, epoch int64) error {
	for attempt := 0; ; attempt++ {
		// With the leader an etcd member may have died, and what goes to that is lost.
		tryCtx, cancel := context.WithTimeout(ctx, patience(attempt)/2)
		_, err := j.client.Txn(tryCtx).If(leads(j.keys, epoch)).Then(clientv3.OpDelete(j.keys.leader())).Commit()
		cancel()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("depose the leader of term %d: %w", epoch, err)
		}
		askAgain(ctx)
	}
}

func (j *Journal) readLeader(ctx context.Context) (LeaderInfo, int64, error) {
	resp, err := j.client.Get(ctx, j.keys.leader())
	if err != nil {
		return LeaderInfo{}, 0, fmt.Errorf("read leader key: %w", err)
	}
	if len(resp.Kvs) == 0 {
		return LeaderInfo{}, resp.Header.Revision, nil
	}
	info, err := decodeLeader(resp.Kvs[0])
	return info, resp.Header.Revision, err
}

// WatchLeader sends who leads now, and again whenever that changes. A reader that
// is slow sees the newest only. The channel is closed when ctx or the Journal ends.
func (j *Journal) WatchLeader(ctx context.Context) <-chan LeaderInfo {
	ch := make(chan LeaderInfo, 1)
	ctx, cancel := j.within(ctx)
	begun := j.spawn(func() {
		defer close(ch)
		defer cancel()
		last, sent := LeaderInfo{}, false
		send := func(l LeaderInfo) {
			if sent && l == last {
				return
			}
			select {
			case <-ch: // unread and now out of date
			default:
			}
			ch <- l // never blocks: only this goroutine sends
			last, sent = l, true
		}
		var wait backoff
		for ctx.Err() == nil {
			if err := j.followLeader(ctx, send, &wait); err != nil && ctx.Err() == nil {
				j.log.Debug("watch of the leader key interrupted", "error", err)
				wait.sleep(ctx)
			}
		}
	})
	if !begun {
		cancel()
		close(ch)
	}
	return ch
}

// followLeader reports the leader until the watch breaks.
func (j *Journal) followLeader(ctx context.Context, send func(LeaderInfo), wait *backoff) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	readCtx, stop := context.WithTimeout(ctx, attemptTimeout)
	info, revision, err := j.readLeader(readCtx)
	stop()
	if err != nil {
		return err
	}
	send(info)
	wait.reset()
	watch := j.client.Watch(clientv3.WithRequireLeader(ctx), j.keys.leader(), clientv3.WithRev(revision+1))
	for resp := range watch {
		if err := resp.Err(); err != nil {
			return err
		}
		for _, ev := range resp.Events {
			info = LeaderInfo{}
			if ev.Type == mvccpb.PUT {
				if info, err = decodeLeader(ev.Kv); err != nil {
					return err
				}
			}
			send(info)
		}
	}
	return nil
}
