package offers

import (
	"cmp"
	"math"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// ports are one agent's: those it hands out, and those taken.
type ports struct {
	ranges []model.PortRange // apart and ascending; shared by copies
	// taken is ascending. A port is in it twice where facts say so.
	taken []uint16
	free  int // of ranges
	// last is the port of ranges that was taken last. The search goes on behind it, as
	// the connections of whoever had a port before keep it for another minute
	// (TIME_WAIT, RFC 9293) from a program that does not insist.
	last uint16
}

func newPorts(ranges []model.PortRange) ports {
	p := ports{ranges: joinRanges(ranges)}
	for _, r := range p.ranges {
		p.free += int(r.Last) - int(r.First) + 1
	}
	return p
}

// joinRanges returns the same ports in as few ranges as can be. Port 0 is none.
func joinRanges(in []model.PortRange) []model.PortRange {
	sorted := slices.Clone(in)
	slices.SortFunc(sorted, func(x, y model.PortRange) int { return cmp.Compare(x.First, y.First) })
	var out []model.PortRange
	for _, r := range sorted {
		r.First = max(r.First, 1)
		switch n := len(out) - 1; {
		case r.Last < r.First:
		case n >= 0 && int(r.First) <= int(out[n].Last)+1:
			out[n].Last = max(out[n].Last, r.Last)
		default:
			out = append(out, r)
		}
	}
	return out
}

func (p *ports) copyFrom(o *ports) {
	p.ranges, p.free, p.last = o.ranges, o.free, o.last
	p.taken = append(p.taken[:0], o.taken...)
}

// handsOut reports whether n is one of those for tasks that ask for any port.
func (p *ports) handsOut(n uint16) bool {
	for _, r := range p.ranges {
		if r.First <= n && n <= r.Last {
			return true
		}
	}
	return false
}

func (p *ports) isTaken(n uint16) bool {
	_, found := slices.BinarySearch(p.taken, n)
	return found
}

// take reports whether n was free; it counts as taken in any case.
func (p *ports) take(n uint16) bool {
	at, found := slices.BinarySearch(p.taken, n)
	p.taken = slices.Insert(p.taken, at, n)
	if !found && p.handsOut(n) {
		p.free--
		p.last = n
	}
	return !found
}

func (p *ports) release(n uint16) {
	at, found := slices.BinarySearch(p.taken, n)
	if !found {
		return
	}
	p.taken = slices.Delete(p.taken, at, at+1)
	if !p.isTaken(n) && p.handsOut(n) {
		p.free++
	}
}

// within reports whether no port is taken twice.
func (p *ports) within() bool {
	for i := 1; i < len(p.taken); i++ {
		if p.taken[i] == p.taken[i-1] {
			return false
		}
	}
	return true
}

// next returns n free ports that are handed out and not among but, those behind the
// last one taken first; fewer if there are not as many.
func (p *ports) next(n int, but []uint16) []uint16 {
	out := p.between(nil, n, int(p.last)+1, math.MaxUint16, but)
	return p.between(out, n, 1, int(p.last), but)
}

// between adds to out until it has n, from those between first and last.
func (p *ports) between(out []uint16, n, first, last int, but []uint16) []uint16 {
	at, _ := slices.BinarySearch(p.taken, uint16(min(first, math.MaxUint16)))
	for _, r := range p.ranges {
		for port := max(int(r.First), first); port <= min(int(r.Last), last) && len(out) < n; port++ {
			for at < len(p.taken) && int(p.taken[at]) < port {
				at++
			}
			if at < len(p.taken) && int(p.taken[at]) == port || slices.Contains(but, uint16(port)) {
				continue
			}
			out = append(out, uint16(port))
		}
	}
	return out
}

// freeRanges returns what of the ranges is not taken.
func (p *ports) freeRanges() []model.PortRange {
	var out []model.PortRange
	for _, r := range p.ranges {
		first := int(r.First)
		at, _ := slices.BinarySearch(p.taken, r.First)
		for ; at < len(p.taken) && p.taken[at] <= r.Last; at++ {
			if t := int(p.taken[at]); t > first {
				out = append(out, model.PortRange{First: uint16(first), Last: uint16(t - 1)})
			}
			first = int(p.taken[at]) + 1
		}
		if first <= int(r.Last) {
			out = append(out, model.PortRange{First: uint16(first), Last: r.Last})
		}
	}
	return out
}
