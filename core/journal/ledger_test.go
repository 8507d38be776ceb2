package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ledger is the plainest Folder there is: it keeps every group. As an oracle it
// says what a Folder must hold.
type ledger struct {
	mu       sync.Mutex
	groups   [][]string // groups[i] is the group of index i+1
	restores int
	changed  chan struct{} // closed and replaced at every change
}

func newLedger() *ledger { return &ledger{changed: make(chan struct{})} }

func (l *ledger) Restore(snapshot []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.restores++
	l.groups = nil
	defer l.wake()
	return json.Unmarshal(snapshot, &l.groups)
}

func (l *ledger) Apply(index uint64, records [][]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if index != uint64(len(l.groups))+1 {
		return fmt.Errorf("group %d applied after group %d", index, len(l.groups))
	}
	if len(records) == 0 {
		return errors.New("an empty group")
	}
	g := make([]string, len(records))
	for i, r := range records {
		g[i] = string(r)
	}
	l.groups = append(l.groups, g)
	l.wake()
	return nil
}

func (l *ledger) wake() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// snapshot is the state as of index.
func (l *ledger) snapshot(index uint64) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, err := json.Marshal(l.groups[:index])
	if err != nil {
		panic(err)
	}
	return b
}

func (l *ledger) all() [][]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.groups)
}

// await returns once the ledger holds index groups.
func (l *ledger) await(t testing.TB, index uint64) {
	t.Helper()
	for {
		l.mu.Lock()
		have, changed := uint64(len(l.groups)), l.changed
		l.mu.Unlock()
		if have >= index {
			return
		}
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatalf("the ledger holds %d groups, want %d", have, index)
		}
	}
}

// write appends a group to the log and, as a leader's loop does, folds it itself.
func (l *ledger) write(t testing.TB, term *Term, records ...string) uint64 {
	t.Helper()
	index := appendGroup(t, term, records...)
	if err := l.Apply(index, group(records...)); err != nil {
		t.Fatal(err)
	}
	return index
}

// same compares the state of two ledgers.
func same(t testing.TB, what string, want, got [][]string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// replay reads the log of j from its start into a new ledger, without leading.
func replay(t testing.TB, j *Journal) *ledger {
	t.Helper()
	l := newLedger()
	if err := j.newTail(l).load(t.Context()); err != nil {
		t.Fatalf("replay: %v", err)
	}
	return l
}
