package master

import (
	"sync"
	"time"

	"github.com/tender-scheduler/tender/core/journal"
)

// rosterMemory is how long a master that vanished is still listed: whoever looks
// wants to see that one is missing.
const rosterMemory = 24 * time.Hour

// roster is what this master knows of the others, by address. One that was told to
// end takes itself off; one that dies stays, as missing.
type roster struct {
	mu sync.Mutex
	by map[string]seen
}

// seen is a master that is there, or was.
type seen struct {
	journal.Entry
	there bool
	last  time.Time // when it was there last, if it is not
}

func newRoster() *roster { return &roster{by: map[string]seen{}} }

// begin says that all who are there will be told anew.
func (r *roster) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for a, s := range r.by {
		if s.there {
			s.there, s.last = false, time.Now()
			r.by[a] = s
		}
	}
}

func (r *roster) change(e journal.Entry, there bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known, ok := r.by[e.Address]
	switch {
	case e.Left:
		if known.Identity == e.Identity {
			delete(r.by, e.Address)
		}
	case there:
		r.by[e.Address] = seen{Entry: e, there: true}
	case ok && known.Identity == e.Identity: // not an earlier process at the same address
		known.there, known.last = false, time.Now()
		r.by[e.Address] = known
	}
}

// all returns a copy, without those that have been missing for too long.
func (r *roster) all() map[string]seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make(map[string]seen, len(r.by))
	for a, s := range r.by {
		if !s.there && time.Since(s.last) > rosterMemory {
			delete(r.by, a)
			continue
		}
		out[a] = s
	}
	return out
}
