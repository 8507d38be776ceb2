package journal

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// Follow restores the newest snapshot into f and then applies every committed
// group, for ever: f must be empty. It returns when ctx or the Journal ends, with
// that cause, or when f refuses, with f's error. Trouble with etcd is waited out.
func (j *Journal) Follow(ctx context.Context, f Folder) error {
	ctx, cancel := j.within(ctx)
	defer cancel()
	return j.newTail(f).follow(ctx, nil)
}

// Lead follows the log into f, which must be empty, and campaigns for leadership
// from the moment f has caught up. It returns a Term once this process leads and f
// has every committed group: failing over costs the election and the last few
// groups. From then on the caller folds what it appends itself.
//
// After a term has ended the caller starts over with an empty Folder: what the
// log holds beyond the last acknowledged group only a replay can say.
func (j *Journal) Lead(ctx context.Context, f Folder) (*Term, error) {
	ctx, cancel := j.within(ctx)
	defer cancel()
	tail := j.newTail(f)
	// A candidate that still had to read the log would only keep others waiting.
	if err := tail.loadPatiently(ctx); err != nil {
		return nil, err
	}
	for {
		term, err := j.leadOnce(ctx, tail)
		if term != nil || err != nil {
			return term, err
		}
	}
}

// leadOnce follows until an election is won and then applies what is left to
// apply. It returns neither term nor error when the term was lost meanwhile.
func (j *Journal) leadOnce(ctx context.Context, tail *tail) (*Term, error) {
	campaignCtx, stop := context.WithCancel(ctx)
	defer stop()
	won := make(chan struct{})
	var term *Term
	go func() {
		defer close(won)
		term, _ = j.campaign(campaignCtx) // fails only when campaignCtx ends
	}()
	err := tail.follow(ctx, won)
	if err == nil && term != nil {
		err = tail.loadPatiently(ctx)
	}
	stop()
	<-won
	if term == nil {
		return nil, err
	}
	if err != nil {
		term.lose(fmt.Errorf("not taken up: %w", ErrDeposed))
		<-term.released
		return nil, err
	}
	if term.Err() != nil {
		<-term.released
		return nil, nil
	}
	if tail.applied != term.Index() {
		err := fmt.Errorf("replay the log: it ends at group %d, head says %d: %w", tail.applied, term.Index(), ErrCorrupt)
		term.lose(err)
		<-term.released
		return nil, err
	}
	return term, nil
}

// tail is one pass of the log into a Folder. One goroutine uses it.
type tail struct {
	j       *Journal
	f       Folder
	applied uint64 // last group the Folder has
	next    int64  // etcd revision from which to watch
	pending pending
	loaded  bool
}

func (j *Journal) newTail(f Folder) *tail { return &tail{j: j, f: f} }

// follow applies groups until ctx ends (its cause), the Folder refuses (its
// error) or enough is closed (nil).
func (t *tail) follow(ctx context.Context, enough <-chan struct{}) error {
	var wait backoff
	for {
		if !t.loaded {
			if err := t.loadPatiently(ctx); err != nil {
				return err
			}
		}
		err := t.watch(ctx, enough, &wait)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil || isFatal(err):
			return err
		}
		// Whatever was missed is read from the keys.
		t.loaded = false
		t.j.log.Debug("watch of the log interrupted", "error", err)
		wait.sleep(ctx)
	}
}

// watch applies groups as etcd reports their parts.
func (t *tail) watch(ctx context.Context, enough <-chan struct{}, wait *backoff) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Deletions say nothing new: a discarded part is superseded by its epoch, and
	// entries under a snapshot have been applied.
	watch := t.j.client.Watch(clientv3.WithRequireLeader(ctx), t.j.keys.log(),
		clientv3.WithPrefix(), clientv3.WithRev(t.next), clientv3.WithFilterDelete())
	for {
		select {
		case <-enough:
			return nil
		case resp, open := <-watch:
			if !open {
				return errors.New("the watch ended")
			}
			if err := resp.Err(); err != nil {
				return err
			}
			for _, ev := range resp.Events {
				if ev.Type != mvccpb.PUT {
					continue
				}
				if err := t.take(ev.Kv); err != nil {
					return err
				}
			}
			wait.reset()
		}
	}
}

// take handles one part, and applies its group if it was the last one missing.
func (t *tail) take(kv *mvccpb.KeyValue) error {
	index, number, err := t.j.keys.parsePart(string(kv.Key))
	if err != nil {
		return fatal(err)
	}
	if index <= t.applied {
		return nil
	}
	if index != t.applied+1 {
		return fatal(fmt.Errorf("read the log: group %d follows group %d: %w", index, t.applied, ErrCorrupt))
	}
	p, err := decodePart(kv.Value)
	if err != nil {
		return fatal(fmt.Errorf("read group %d: %w", index, err))
	}
	if p.number != number {
		return fatal(fmt.Errorf("read group %d: part %d under the key of part %d: %w", index, p.number, number, ErrCorrupt))
	}
	if !t.pending.add(p, len(kv.Value)) {
		return nil
	}
	records, err := decodeGroup(t.pending.parts)
	if err != nil {
		return fatal(fmt.Errorf("read group %d: %w", index, err))
	}
	if err := t.f.Apply(index, records); err != nil {
		return fatal(fmt.Errorf("apply group %d: %w", index, err))
	}
	t.applied = index
	t.j.stats.applied(index, t.pending.bytes)
	t.pending = pending{}
	return nil
}

// pending is a group of which some parts are there.
type pending struct {
	epoch int64
	parts []part // by number; a part not yet seen has count 0
	have  int
	bytes int
}

// add says whether the group is whole. A group is committed by its last part,
// which its leader writes after all others, so whole means committed.
func (p *pending) add(next part, storedBytes int) bool {
	if p.epoch != next.epoch || len(p.parts) != next.count {
		*p = pending{epoch: next.epoch, parts: make([]part, next.count)}
	}
	if p.parts[next.number].count == 0 {
		p.have++
	}
	p.parts[next.number] = next
	p.bytes += storedBytes
	return p.have == next.count
}

// fatalError is one that no retry mends.
type fatalError struct{ error }

func (e fatalError) Unwrap() error { return e.error }

func fatal(err error) error { return fatalError{err} }

func isFatal(err error) bool {
	_, ok := errors.AsType[fatalError](err)
	return ok
}
