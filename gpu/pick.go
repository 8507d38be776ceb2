package gpu

import (
	"cmp"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// Pick chooses devices of s for one task and leaves s as it is: the shares are
// in the order of the requests. It finds a choice whenever there is one.
//
// A share goes to the device with the least left that still has it. Whole
// devices are taken from as few NVLink islands as can be: from the island with
// the fewest free that has them all, so that others stay whole for wider tasks,
// and there from as few NUMA nodes, in the same way. Where kinds are mixed, a
// request's devices are of one kind if that can be, the one with least memory.
func (w *Want) Pick(s *State) ([]model.GPUShare, bool) {
	if len(w.asks) == 0 {
		return nil, true
	}
	if len(w.asks) == 1 {
		var buf [16]int
		a := &w.asks[0]
		at, ok := a.choose(s, a.eligible(s, buf[:0]))
		if !ok {
			return nil, false
		}
		return a.shares(s, at, make([]model.GPUShare, 0, a.count)), true
	}
	chosen, ok := w.match(s)
	if !ok {
		return nil, false
	}
	var out []model.GPUShare
	for i := range w.asks {
		out = w.asks[i].shares(s, chosen[i], out)
	}
	return out, true
}

func (a *ask) shares(s *State, at []int, out []model.GPUShare) []model.GPUShare {
	for _, i := range at {
		out = append(out, model.GPUShare{UUID: s.dev.all[i].UUID, Milli: int64(a.need(s.dev, i))})
	}
	return out
}

// choose returns a's devices among the eligible, which it may reorder.
func (a *ask) choose(s *State, eligible []int) ([]int, bool) {
	if len(eligible) < a.count {
		return nil, false
	}
	if a.milli == 0 {
		return gather(s, eligible, a.count, byKind), true
	}
	// The fullest first; of those as full as the last one needed, as whole ones.
	fullestFirst(s, eligible)
	edge := s.free[eligible[a.count-1]]
	first, _ := slices.BinarySearchFunc(eligible, edge, func(at int, e int16) int { return cmp.Compare(s.free[at], e) })
	after, _ := slices.BinarySearchFunc(eligible, edge+1, func(at int, e int16) int { return cmp.Compare(s.free[at], e) })
	return append(eligible[:first:first], gather(s, eligible[first:after], a.count-first, byKind)...), true
}

func fullestFirst(s *State, devices []int) []int {
	slices.SortStableFunc(devices, func(x, y int) int {
		return cmp.Or(cmp.Compare(s.free[x], s.free[y]), cmp.Compare(s.dev.kind[x], s.dev.kind[y]))
	})
	return devices
}

// level is what gather divides devices by.
type level int

const (
	byKind level = iota
	byIsland
	byNUMA
	levels
)

func (l level) of(d *Devices, at int) int {
	switch l {
	case byKind:
		return d.kind[at]
	case byIsland:
		return d.island[at]
	}
	return d.numa[at]
}

// gather takes n of the candidates from as few parts of level l as can be, each
// part's in the same way one level down: from the smallest part that has n, or
// else all of the largest and then the rest.
func gather(s *State, candidates []int, n int, l level) []int {
	if n >= len(candidates) || l == levels {
		return candidates[:min(n, len(candidates))]
	}
	parts := divide(s, candidates, l)
	if len(parts) == 1 {
		return gather(s, candidates, n, l+1)
	}
	var out []int
	for len(out) < n {
		left := n - len(out)
		best := slices.MinFunc(parts, func(x, y part) int { return x.compare(&y, left) })
		out = append(out, gather(s, best.devices, left, l+1)...)
		parts = slices.DeleteFunc(parts, func(p part) bool { return p.key == best.key })
	}
	return out
}

// part is the candidates that have a key in common.
type part struct {
	key         int
	memoryBytes int64 // of its devices' kind, at level byKind
	used        int   // devices of the part that are no candidates
	devices     []int
}

// compare orders parts to take n devices from.
func (p *part) compare(o *part, n int) int {
	enough := func(p *part) bool { return len(p.devices) >= n }
	switch {
	case enough(p) != enough(o) && enough(p):
		return -1
	case enough(p) != enough(o):
		return 1
	case enough(p):
		return cmp.Or(cmp.Compare(p.memoryBytes, o.memoryBytes), cmp.Compare(len(p.devices), len(o.devices)),
			cmp.Compare(o.used, p.used), cmp.Compare(p.key, o.key))
	}
	return cmp.Or(cmp.Compare(len(o.devices), len(p.devices)), cmp.Compare(o.used, p.used), cmp.Compare(p.key, o.key))
}

func divide(s *State, candidates []int, l level) []part {
	var parts []part
	find := func(key int) *part {
		for i := range parts {
			if parts[i].key == key {
				return &parts[i]
			}
		}
		return nil
	}
	for _, at := range candidates {
		key := l.of(s.dev, at)
		p := find(key)
		if p == nil {
			parts = append(parts, part{key: key})
			p = &parts[len(parts)-1]
			if l == byKind {
				p.memoryBytes = s.dev.kinds[key].memoryBytes
			}
		}
		p.devices = append(p.devices, at)
	}
	for at := range s.free {
		if p := find(l.of(s.dev, at)); p != nil {
			p.used++
		}
	}
	for i := range parts {
		parts[i].used -= len(parts[i].devices)
	}
	return parts
}
