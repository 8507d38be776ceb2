package gpu

import (
	"cmp"
	"slices"
)

// match chooses devices for several requests, beside them. Each is served as
// choose would, the one with the fewest eligible devices first, as long as the
// others can still be served; where that goes wrong, what the matching found is
// taken.
func (w *Want) match(s *State) ([][]int, bool) {
	m := newMatching(w, s)
	if !m.complete() {
		return nil, false
	}
	order := make([]int, len(w.asks))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(len(m.eligible[x]), len(m.eligible[y])) })
	chosen := make([][]int, len(w.asks))
	for n, i := range order {
		free := slices.DeleteFunc(slices.Clone(m.eligible[i]), func(at int) bool { return m.fixed[at] })
		at, ok := w.asks[i].choose(s, free)
		if !ok || !m.try(i, at, order[n+1:]) {
			at = m.of(i)
		}
		for _, d := range at {
			m.fixed[d] = true
		}
		chosen[i] = at
	}
	return chosen, true
}

// matching is a maximum matching of requested devices with those there are, by
// augmenting paths (Kuhn 1955). An agent has few of either.
type matching struct {
	w        *Want
	eligible [][]int // devices by request
	owner    []int   // request by device, or -1
	fixed    []bool  // devices that have been given for good
	seen     []bool  // in the search under way
}

func newMatching(w *Want, s *State) *matching {
	m := &matching{w: w, owner: make([]int, len(s.free)), fixed: make([]bool, len(s.free)), seen: make([]bool, len(s.free))}
	for at := range m.owner {
		m.owner[at] = -1
	}
	for i := range w.asks {
		m.eligible = append(m.eligible, w.asks[i].eligible(s, nil))
	}
	return m
}

// complete matches all that is asked for, if that can be.
func (m *matching) complete() bool {
	for i := range m.w.asks {
		if !m.fill(i) {
			return false
		}
	}
	return true
}

// fill gives request i as many devices as it asks for.
func (m *matching) fill(i int) bool {
	for n := len(m.of(i)); n < m.w.asks[i].count; n++ {
		clear(m.seen)
		if !m.augment(i) {
			return false
		}
	}
	return true
}

func (m *matching) augment(i int) bool {
	for _, at := range m.eligible[i] {
		if m.seen[at] || m.fixed[at] || m.owner[at] == i {
			continue
		}
		m.seen[at] = true
		if o := m.owner[at]; o < 0 || m.augment(o) {
			m.owner[at] = i
			return true
		}
	}
	return false
}

// of returns the devices that request i has.
func (m *matching) of(i int) []int {
	var out []int
	for at, o := range m.owner {
		if o == i {
			out = append(out, at)
		}
	}
	return out
}

// try gives request i the devices at for good, if the rest can still have
// theirs; otherwise nothing changes.
func (m *matching) try(i int, at, rest []int) bool {
	owner, fixed := slices.Clone(m.owner), slices.Clone(m.fixed)
	for d, o := range m.owner {
		if o == i {
			m.owner[d] = -1
		}
	}
	for _, d := range at {
		m.owner[d], m.fixed[d] = i, true
	}
	for _, r := range rest {
		if !m.fill(r) {
			m.owner, m.fixed = owner, fixed
			return false
		}
	}
	return true
}
