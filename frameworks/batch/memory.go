package batch

// memory is a bounded map from keys to habits that forgets the one not touched
// for longest. Its order is part of the folded state.
type memory struct {
	most        int
	byKey       map[uint64]*memo
	first, last *memo // the one touched longest ago, the latest
}

type memo struct {
	habit
	key          uint64
	before, next *memo
}

// get returns what is known under a key, nil if nothing is.
func (m *memory) get(key uint64) *habit {
	if e := m.byKey[key]; e != nil {
		return &e.habit
	}
	return nil
}

// touch returns the habit under a key, made if need be, and makes it the latest.
func (m *memory) touch(key uint64) *habit {
	e := m.byKey[key]
	switch {
	case e != nil:
		m.unlink(e)
	case len(m.byKey) < m.most:
		if m.byKey == nil {
			m.byKey = map[uint64]*memo{}
		}
		e = &memo{key: key}
		m.byKey[key] = e
	default:
		e = m.first
		m.unlink(e)
		delete(m.byKey, e.key)
		*e = memo{key: key}
		m.byKey[key] = e
	}
	e.before, e.next = m.last, nil
	if m.last != nil {
		m.last.next = e
	} else {
		m.first = e
	}
	m.last = e
	return &e.habit
}

func (m *memory) unlink(e *memo) {
	if e.before != nil {
		e.before.next = e.next
	} else {
		m.first = e.next
	}
	if e.next != nil {
		e.next.before = e.before
	} else {
		m.last = e.before
	}
}

func (w *writer) memory(m *memory) {
	w.uint(uint64(len(m.byKey)))
	for e := m.first; e != nil; e = e.next {
		w.uint(e.key)
		w.uint(uint64(e.count))
		w.uint(uint64(e.mean))
		w.uint(uint64(e.rate))
	}
}

func (r *reader) memory(m *memory) {
	n := r.below(uint64(m.most)+1, "count of habits")
	for i := uint64(0); i < n && r.err == nil; i++ {
		h := m.touch(r.uint())
		h.count = int64(r.below(habitCount+1, "count of runs"))
		h.mean, h.rate = int64(r.uint()), int64(r.uint())
	}
}
