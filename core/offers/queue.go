package offers

// queue is a binary heap of demands that each know their place in it, so that
// one can leave from the middle. What they are ordered by stands in the heap
// itself: a hundred thousand demands are too many to visit for a comparison.
type queue struct {
	entries []queued
	kind    queueKind
}

// queueKind says which of a demand's places a queue uses.
type queueKind int

const (
	readyQueue queueKind = iota // ordered by ^rank, Seq
	sleepQueue                  // ordered by wakeAt
	queueKinds
)

// queued is a demand and its order: first, then second, then planOrder.
type queued struct {
	first  int64
	second uint64
	d      *demand
}

func (a *queued) before(b *queued) bool {
	switch {
	case a.first != b.first:
		return a.first < b.first
	case a.second != b.second:
		return a.second < b.second
	}
	return planOrder(a.d, b.d) < 0
}

func (q *queue) len() int { return len(q.entries) }

// peek returns the first demand, nil if there is none.
func (q *queue) peek() *demand {
	if len(q.entries) == 0 {
		return nil
	}
	return q.entries[0].d
}

// push adds d, which must not be in the queue.
func (q *queue) push(d *demand, first int64, second uint64) {
	q.entries = append(q.entries, queued{first, second, d})
	q.sift(len(q.entries) - 1)
}

// remove takes d out if it is in.
func (q *queue) remove(d *demand) {
	i := d.place[q.kind]
	if i < 0 {
		return
	}
	d.place[q.kind] = -1
	last := len(q.entries) - 1
	moved := q.entries[last]
	q.entries[last] = queued{}
	q.entries = q.entries[:last]
	if i < last {
		q.entries[i] = moved
		q.sift(i)
	}
}

// sift moves the entry at i up or down to where it belongs.
func (q *queue) sift(i int) {
	h := q.entries
	e := h[i]
	for i > 0 {
		up := (i - 1) / 2
		if !e.before(&h[up]) {
			break
		}
		h[i] = h[up]
		h[i].d.place[q.kind] = i
		i = up
	}
	for {
		c := 2*i + 1
		if c+1 < len(h) && h[c+1].before(&h[c]) {
			c++
		}
		if c >= len(h) || !h[c].before(&e) {
			break
		}
		h[i] = h[c]
		h[i].d.place[q.kind] = i
		i = c
	}
	h[i] = e
	e.d.place[q.kind] = i
}
