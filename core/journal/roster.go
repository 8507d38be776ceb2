package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Entry is a master as it has entered itself in the roster.
type Entry struct {
	Identity string    `json:"-"`
	Address  string    `json:"address"`
	Version  string    `json:"version"`
	Since    time.Time `json:"since"`          // when its process began
	Left     bool      `json:"left,omitempty"` // it was told to end, and does
}

// Enter keeps this process entered in the roster until ctx or the Journal ends,
// and then takes the entry back. A process that dies stays entered for a session's
// time to live.
func (j *Journal) Enter(ctx context.Context, e Entry) {
	ctx, cancel := j.within(ctx)
	defer cancel()
	e.Identity = j.cfg.Identity
	var wait backoff
	for ctx.Err() == nil {
		if err := j.enterOnce(ctx, e, &wait); err != nil && ctx.Err() == nil {
			j.log.Debug("not entered among the masters", "error", err)
			wait.sleep(ctx)
		}
	}
}

// enterOnce returns when the lease is lost, the key deleted or ctx ends.
func (j *Journal) enterOnce(ctx context.Context, e Entry, wait *backoff) error {
	s, err := j.openSession(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	if err := j.putEntry(ctx, s, e); err != nil {
		_ = s.close()
		return err
	}
	wait.reset()
	select {
	case <-s.done:
	case <-ctx.Done():
		e.Left = true
		// Whoever watches can tell the end from a death.
		if err := j.putEntry(context.WithoutCancel(ctx), s, e); err != nil {
			j.log.Debug("the other masters were not told of the end", "error", err)
		}
	}
	return s.close()
}

func (j *Journal) putEntry(ctx context.Context, s *session, e Entry) error {
	value, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode the entry among the masters: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, revokeTimeout)
	defer cancel()
	if _, err := j.client.Put(ctx, j.keys.masters()+e.Identity, string(value), clientv3.WithLease(s.lease)); err != nil {
		return fmt.Errorf("enter among the masters: %w", err)
	}
	return nil
}

// WatchRoster calls changed with every entry there is, and again for each that
// comes (there) or goes (not there), until ctx or the Journal ends. begun is called
// first, and again after an interruption, when all entries are sent anew.
func (j *Journal) WatchRoster(ctx context.Context, begun func(), changed func(e Entry, there bool)) {
	ctx, cancel := j.within(ctx)
	defer cancel()
	var wait backoff
	for ctx.Err() == nil {
		if err := j.watchRoster(ctx, begun, changed, &wait); err != nil && ctx.Err() == nil {
			j.log.Debug("watch of the masters interrupted", "error", err)
		}
		wait.sleep(ctx)
	}
}

func (j *Journal) watchRoster(ctx context.Context, begun func(), changed func(e Entry, there bool), wait *backoff) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	readCtx, stop := context.WithTimeout(ctx, attemptTimeout)
	all, err := j.client.Get(readCtx, j.keys.masters(), clientv3.WithPrefix())
	stop()
	if err != nil {
		return fmt.Errorf("read the masters: %w", err)
	}
	wait.reset()
	begun()
	for _, kv := range all.Kvs {
		if err := j.sayEntry(kv, true, changed); err != nil {
			return err
		}
	}
	watch := j.client.Watch(clientv3.WithRequireLeader(ctx), j.keys.masters(), clientv3.WithPrefix(),
		clientv3.WithRev(all.Header.Revision+1), clientv3.WithPrevKV())
	for resp := range watch {
		if err := resp.Err(); err != nil {
			return err
		}
		for _, ev := range resp.Events {
			kv, there := ev.Kv, ev.Type == mvccpb.PUT
			if !there {
				kv = ev.PrevKv
			}
			if kv == nil {
				continue // compacted; the next reading finds it gone
			}
			if err := j.sayEntry(kv, there, changed); err != nil {
				return err
			}
		}
	}
	return nil
}

func (j *Journal) sayEntry(kv *mvccpb.KeyValue, there bool, changed func(Entry, bool)) error {
	var e Entry
	if err := json.Unmarshal(kv.Value, &e); err != nil {
		return fmt.Errorf("read entry %s among the masters: %w: %w", kv.Key, err, ErrCorrupt)
	}
	e.Identity = strings.TrimPrefix(string(kv.Key), j.keys.masters())
	changed(e, there)
	return nil
}
