package sdk

import (
	"slices"
	"time"
)

// Timers is a priority queue of keys by due time; equal times come out in the
// order they were pushed. Nothing is cancelled: the owner ignores a key that no
// longer matters when it comes out.
type Timers[K any] struct {
	heap []timer[K]
	seq  uint64
}

type timer[K any] struct {
	at  time.Time
	seq uint64
	key K
}

func (t *timer[K]) before(o *timer[K]) bool {
	if c := t.at.Compare(o.at); c != 0 {
		return c < 0
	}
	return t.seq < o.seq
}

// Push adds key, due at the time at.
func (t *Timers[K]) Push(at time.Time, key K) {
	t.seq++
	t.heap = append(t.heap, timer[K]{at, t.seq, key})
	i := len(t.heap) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !t.heap[i].before(&t.heap[up]) {
			break
		}
		t.heap[i], t.heap[up] = t.heap[up], t.heap[i]
		i = up
	}
}

// Next returns when the earliest key is due; zero if there is none. It is what
// a policy returns as model.Effects.Wake.
func (t *Timers[K]) Next() time.Time {
	if len(t.heap) == 0 {
		return time.Time{}
	}
	return t.heap[0].at
}

// Pop removes and returns the earliest key if it is due at now.
func (t *Timers[K]) Pop(now time.Time) (key K, ok bool) {
	if len(t.heap) == 0 || t.heap[0].at.After(now) {
		return key, false
	}
	key = t.heap[0].key
	last := len(t.heap) - 1
	t.heap[0] = t.heap[last]
	t.heap[last] = timer[K]{}
	t.heap = t.heap[:last]
	for i := 0; ; {
		least, l, r := i, 2*i+1, 2*i+2
		if l < last && t.heap[l].before(&t.heap[least]) {
			least = l
		}
		if r < last && t.heap[r].before(&t.heap[least]) {
			least = r
		}
		if least == i {
			break
		}
		t.heap[i], t.heap[least] = t.heap[least], t.heap[i]
		i = least
	}
	return key, true
}

// Len returns how many keys are waiting.
func (t *Timers[K]) Len() int { return len(t.heap) }

// Reset removes all keys.
func (t *Timers[K]) Reset() { t.heap = slices.Delete(t.heap, 0, len(t.heap)) }
