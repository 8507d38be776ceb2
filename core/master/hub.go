package master

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/tender-scheduler/tender/core/master/httpapi"
	"github.com/tender-scheduler/tender/core/model"
)

// hubSize is how many notices are kept for readers that are behind or reconnect.
const hubSize = 1 << 16

// hub keeps the latest notices and wakes those who wait for more. It has its
// own lock: readers are on their own goroutines.
type hub struct {
	mu     sync.Mutex
	ring   []model.Notice // ids first … next-1, each at (id - origin) % hubSize
	origin uint64         // the first id ever given
	first  uint64
	next   uint64
	more   chan struct{} // closed and replaced when something is published
	ended  map[model.JobID][]chan struct{}

	services map[string]*waiters
}

// newHub numbers events from the time, so that ids keep growing over failovers.
// They stay below 2^53, which is as far as JavaScript counts.
func newHub(now time.Time) *hub {
	start := uint64(now.UnixMilli()) << 10
	return &hub{origin: start, first: start, next: start, more: make(chan struct{}), ended: map[model.JobID][]chan struct{}{},
		services: map[string]*waiters{}}
}

func (h *hub) publish(ns []model.Notice) {
	if len(ns) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ring == nil {
		h.ring = make([]model.Notice, 0, 1024)
	}
	for _, n := range ns {
		h.add(n)
		if n.Service != "" {
			h.serviceChanged(n.Service)
		}
		if n.Kind == "job_ended" {
			for _, c := range h.ended[n.Job] {
				close(c)
			}
			delete(h.ended, n.Job)
		}
	}
	close(h.more)
	h.more = make(chan struct{})
}

// add grows the ring up to hubSize, so that an idle master stays small.
func (h *hub) add(n model.Notice) {
	if len(h.ring) < hubSize {
		h.ring = append(h.ring, n)
	} else {
		h.ring[(h.next-h.origin)%hubSize] = n
		h.first++
	}
	h.next++
}

// awaitEnd returns a channel that closes when the job's end is published, and a
// function to call when it is no longer wanted.
func (h *hub) awaitEnd(job model.JobID) (<-chan struct{}, func()) {
	c := make(chan struct{})
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended[job] = append(h.ended[job], c)
	return c, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		cs := h.ended[job]
		for i := range cs {
			if cs[i] == c {
				cs[i] = cs[len(cs)-1]
				h.ended[job] = cs[:len(cs)-1]
				break
			}
		}
		if len(h.ended[job]) == 0 {
			delete(h.ended, job)
		}
	}
}

// events yields notices after since (0 = from now on), blocking for more, until
// ctx or the term ends. A gap is reported when since is no longer kept.
func (h *hub) events(ctx context.Context, term <-chan struct{}, since uint64, job model.JobID) iter.Seq[httpapi.Event] {
	h.mu.Lock()
	at := h.next
	h.mu.Unlock()
	if since != 0 {
		at = since + 1
	}
	h.mu.Lock()
	last := h.next - 1
	h.mu.Unlock()
	return func(yield func(httpapi.Event) bool) {
		live := false
		for {
			batch, from, gap, more := h.after(at)
			if gap && !yield(httpapi.Event{ID: from - 1, Gap: true}) {
				return
			}
			for i, n := range batch {
				if (job == "" || n.Job == job) && !yield(httpapi.Event{ID: from + uint64(i), Notice: n}) {
					return
				}
			}
			at = from + uint64(len(batch))
			if !live && at > last {
				live = true
				if !yield(httpapi.Event{ID: at - 1, Live: true}) {
					return
				}
			}
			if len(batch) > 0 {
				continue
			}
			select {
			case <-more:
			case <-term:
				return
			case <-ctx.Done():
				return
			}
		}
	}
}

// after copies some notices from id at on. from is the id of the first one,
// and differs from at where there is a gap.
func (h *hub) after(at uint64) (batch []model.Notice, from uint64, gap bool, more <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	from = at
	if at < h.first || at > h.next {
		from, gap = h.first, true
		if at > h.next {
			from = h.next
		}
	}
	n := min(h.next-from, 256)
	for i := range n {
		batch = append(batch, h.ring[(from+i-h.origin)%hubSize])
	}
	return batch, from, gap, h.more
}
