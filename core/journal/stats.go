package journal

import (
	"sync"
	"time"
)

// Stats describes the log as this process knows it, without asking etcd.
type Stats struct {
	Leading bool
	Epoch   int64 // of the current term, or the last one; 0 before the first

	LastIndex uint64 // last group committed here, or applied here
	Snapshot  uint64 // index of the newest snapshot written or restored here
	Entries   uint64 // groups after that snapshot: what a restart replays
	LogBytes  int64  // their stored bytes

	SnapshotBytes int64 // of that snapshot, as stored

	Commits           uint64 // by this process
	LastCommit        time.Duration
	CommitTotal       time.Duration // over all commits, for a mean
	CommittedBytes    int64
	LastSnapshotTook  time.Duration
	ReloadsWhenBehind uint64 // times a follower found the log compacted under it
}

// Stats returns a copy.
func (j *Journal) Stats() Stats {
	j.stats.mu.Lock()
	defer j.stats.mu.Unlock()
	return j.stats.now
}

// stats is shared by Lead, Follow, Append and Snapshot.
type stats struct {
	mu    sync.Mutex
	now   Stats
	sizes []sizeMark // bytes since the snapshot as of some indexes, ascending
}

// sizeMark remembers how long the log was at an index, so that a snapshot, which
// is taken beside further appends, can subtract what it covers.
type sizeMark struct {
	index uint64
	bytes int64
}

// maxSizeMarks bounds the memory; beyond it every other mark is forgotten.
const maxSizeMarks = 1024

func (s *stats) lead(epoch int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.Leading, s.now.Epoch = true, epoch
}

func (s *stats) follow(epoch int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now.Epoch == epoch {
		s.now.Leading = false
	}
}

func (s *stats) commit(index uint64, size int, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.Commits++
	s.now.LastCommit = took
	s.now.CommitTotal += took
	s.now.CommittedBytes += int64(size)
	s.grow(index, size)
}

func (s *stats) applied(index uint64, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grow(index, size)
}

func (s *stats) grow(index uint64, size int) {
	s.now.LastIndex = index
	s.now.Entries = index - s.now.Snapshot
	s.now.LogBytes += int64(size)
	if len(s.sizes) == maxSizeMarks {
		kept := s.sizes[:0]
		for i := 1; i < maxSizeMarks; i += 2 {
			kept = append(kept, s.sizes[i])
		}
		s.sizes = kept
	}
	s.sizes = append(s.sizes, sizeMark{index, s.now.LogBytes})
}

// restored starts the count anew at a snapshot that was loaded, at 0 if none was.
func (s *stats) restored(index uint64, storedBytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.Snapshot, s.now.SnapshotBytes = index, storedBytes
	s.now.LastIndex, s.now.Entries, s.now.LogBytes = index, 0, 0
	s.sizes = s.sizes[:0]
}

func (s *stats) reloaded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.ReloadsWhenBehind++
}

// snapshot subtracts what a new snapshot covers.
func (s *stats) snapshot(index uint64, storedBytes int64, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var covered int64
	kept := s.sizes[:0]
	for _, m := range s.sizes {
		if m.index <= index {
			covered = m.bytes
		}
	}
	for _, m := range s.sizes {
		if m.index > index {
			kept = append(kept, sizeMark{m.index, m.bytes - covered})
		}
	}
	s.sizes = kept
	s.now.Snapshot, s.now.SnapshotBytes, s.now.LastSnapshotTook = index, storedBytes, took
	s.now.Entries = s.now.LastIndex - min(index, s.now.LastIndex)
	s.now.LogBytes -= covered
}
