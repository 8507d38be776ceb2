package journal

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"
)

// Snapshot stores the state as of group index, makes it what followers start
// from, and deletes what it replaces: the log up to index but for the last
// trimMargin groups, the chunks of older snapshots, and etcd's history before the
// snapshot that was current until now (a standby reading that one must be able to
// finish).
//
// It may run beside Append; a second Snapshot waits for the first. A snapshot not
// newer than the current one is ignored. An error says that the snapshot did not
// become current, or that some of what it replaces is still there: the next one
// tries again. Unless Done is closed the term goes on.
func (t *Term) Snapshot(ctx context.Context, index uint64, data []byte) (err error) {
	t.snapshotting.Lock()
	defer t.snapshotting.Unlock()
	defer func() {
		if errors.Is(err, ErrDeposed) {
			t.lose(err)
		}
	}()
	if err := t.Err(); err != nil {
		return fmt.Errorf("snapshot: %w: %v", ErrDeposed, err)
	}
	if last := t.Index(); index == 0 || index > last {
		return fmt.Errorf("snapshot of group %d: the log ends at group %d", index, last)
	}
	if len(data) > MaxSnapshotBytes {
		return fmt.Errorf("snapshot of group %d: %d bytes, limit %d: %w", index, len(data), MaxSnapshotBytes, ErrTooLarge)
	}
	begun := time.Now()
	before, since, err := t.currentSnapshot(ctx)
	if err != nil {
		return fmt.Errorf("snapshot of group %d: %w", index, err)
	}
	if before.Index >= index {
		return nil
	}
	m, err := t.writeSnapshot(ctx, index, data, since)
	if err != nil {
		return fmt.Errorf("snapshot of group %d: %w", index, err)
	}
	t.j.stats.snapshot(index, m.StoredBytes, time.Since(begun))
	if err := t.trim(ctx, m, since); err != nil {
		return fmt.Errorf("delete what the snapshot of group %d replaces: %w", index, err)
	}
	return nil
}

// currentSnapshot returns the manifest and the revision at which it was written;
// zero values if there is none.
func (t *Term) currentSnapshot(ctx context.Context) (manifest, int64, error) {
	kvs, err := t.read(ctx, clientv3.OpGet(t.j.keys.manifest()))
	if err != nil || len(kvs) == 0 {
		return manifest{}, 0, err
	}
	m, err := decodeManifest(kvs[0].Value)
	return m, kvs[0].ModRevision, err
}

// writeSnapshot writes the chunks and then the manifest that makes them current.
func (t *Term) writeSnapshot(ctx context.Context, index uint64, data []byte, since int64) (manifest, error) {
	t.snapshots++
	stored, compressed := compress(data)
	size := t.j.cfg.MaxEntryBytes
	m := manifest{
		Format: formatSnapshot,
		// No attempt shares chunks with another, so none can damage another's.
		ID:    fmt.Sprintf("%016x-%x-%x", index, t.epoch, t.snapshots),
		Index: index, Epoch: t.epoch,
		Chunks: (len(stored) + size - 1) / size,
		Bytes:  int64(len(data)), StoredBytes: int64(len(stored)),
		Compressed: compressed, CRC32C: crc32.Checksum(stored, castagnoli),
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(2) // commits go on beside it
	for n := range m.Chunks {
		chunk := stored[n*size : min(len(stored), (n+1)*size)]
		group.Go(func() error {
			return t.put(groupCtx, t.j.keys.chunk(m.ID, n), string(chunk))
		})
	}
	if err := group.Wait(); err != nil {
		return m, fmt.Errorf("write chunks: %w", err)
	}
	value, err := m.encode()
	if err != nil {
		return m, err
	}
	return m, t.putManifest(ctx, value, since)
}

// putManifest makes a snapshot current. Its own earlier attempt, unconfirmed, is
// what a comparison that fails may have found.
func (t *Term) putManifest(ctx context.Context, value string, since int64) error {
	key := t.j.keys.manifest()
	resp, err := t.settle(ctx, func(ctx context.Context) (*clientv3.TxnResponse, error) {
		return t.j.client.Txn(ctx).
			If(leads(t.j.keys, t.epoch), clientv3.Compare(clientv3.ModRevision(key), "=", since)).
			Then(clientv3.OpPut(key, value)).
			Else(clientv3.OpGet(key)).
			Commit()
	})
	if err != nil || resp.Succeeded {
		return err
	}
	if kvs := resp.Responses[0].GetResponseRange().Kvs; len(kvs) > 0 && string(kvs[0].Value) == value {
		return nil
	}
	return ErrDeposed
}

// readSnapshot reads all chunks as of a revision and checks them.
func (j *Journal) readSnapshot(ctx context.Context, m manifest, revision int64) ([]byte, error) {
	stored := make([]byte, 0, m.StoredBytes)
	from, end := j.keys.chunks(m.ID), clientv3.GetPrefixRangeEnd(j.keys.chunks(m.ID))
	for more := true; more; {
		resp, err := j.client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithRev(revision), clientv3.WithLimit(chunksAtOnce))
		if err != nil {
			return nil, fmt.Errorf("read snapshot of group %d: %w", m.Index, err)
		}
		for _, kv := range resp.Kvs {
			stored = append(stored, kv.Value...)
			from = string(kv.Key) + "\x00"
		}
		more = resp.More && len(resp.Kvs) > 0
	}
	if sum := crc32.Checksum(stored, castagnoli); int64(len(stored)) != m.StoredBytes || sum != m.CRC32C {
		return nil, fatal(fmt.Errorf("read snapshot of group %d: %d bytes with checksum %08x, want %d with %08x: %w",
			m.Index, len(stored), sum, m.StoredBytes, m.CRC32C, ErrCorrupt))
	}
	if !m.Compressed {
		return stored, nil
	}
	data, err := decompress(stored, MaxSnapshotBytes)
	if err == nil && int64(len(data)) != m.Bytes {
		err = fmt.Errorf("%d bytes, want %d: %w", len(data), m.Bytes, ErrCorrupt)
	}
	if err != nil {
		return nil, fatal(fmt.Errorf("read snapshot of group %d: %w", m.Index, err))
	}
	return data, nil
}
