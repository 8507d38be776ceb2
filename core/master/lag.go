package master

import (
	"sort"
	"sync"
	"time"
)

// commitsKept is for how many commits the leader remembers when they were made.
const commitsKept = 4096

// commits says how far behind in time a standby is.
type commits struct {
	mu   sync.Mutex
	ring [commitsKept]commitMark
	n    uint64 // ever noted
}

type commitMark struct {
	index uint64
	at    time.Time
}

func (c *commits) note(index uint64, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ring[c.n%commitsKept] = commitMark{index, at}
	c.n++
}

// behind returns since when the entry after applied is there: at least as long
// where that is no longer known. Zero: nothing is there after it.
func (c *commits) behind(applied uint64) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := int(min(c.n, commitsKept))
	at := func(i int) commitMark { return c.ring[(c.n-uint64(kept)+uint64(i))%commitsKept] }
	i := sort.Search(kept, func(i int) bool { return at(i).index > applied })
	if i == kept {
		return time.Time{}
	}
	return at(i).at
}
