package offers

import (
	"math/bits"

	"github.com/tender-scheduler/tender/core/model"
)

// index is a tournament tree over the agents' free resources: a node holds the
// componentwise maximum of what is free below it and the time of the latest
// gain. Finding the next agent that may have room for a shape costs O(log n)
// when there is one, and about as much when the cluster is full.
//
// Leaves are agents by position. A leaf that may not be used at all (no agent,
// out of contact, held by an exclusive task) has gain 0, which is never after
// any time asked for.
type index struct {
	nodes []indexNode // nodes[1] is the root, children of k are 2k and 2k+1
	size  int         // leaves, a power of two
}

type indexNode struct {
	free model.Resources
	gain uint64
}

// holds reports whether need could be below n, gained after the given time.
func (n *indexNode) holds(need *model.Resources, after uint64) bool {
	return n.gain > after && covers(&n.free, need)
}

// covers reports whether need fits into free; what is not needed may be short.
func covers(free, need *model.Resources) bool {
	return (need.CPUMilli <= free.CPUMilli || need.CPUMilli <= 0) &&
		(need.MemoryBytes <= free.MemoryBytes || need.MemoryBytes <= 0) &&
		(need.DiskBytes <= free.DiskBytes || need.DiskBytes <= 0) &&
		(need.GPUMilli <= free.GPUMilli || need.GPUMilli <= 0)
}

// set replaces the leaf of position pos, which must be within what grow made.
func (x *index) set(pos int, free model.Resources, gain uint64) {
	k := x.size + pos
	x.nodes[k] = indexNode{free, gain}
	for k >>= 1; k > 0; k >>= 1 {
		n := better(&x.nodes[2*k], &x.nodes[2*k+1])
		if n == x.nodes[k] {
			return
		}
		x.nodes[k] = n
	}
}

// bulkShare is of how many leaves one has to change for rebuild to be cheaper
// than as many calls of set.
const bulkShare = 8

// setLeaf is set without the nodes above, which rebuild brings up to date.
func (x *index) setLeaf(pos int, free model.Resources, gain uint64) {
	x.nodes[x.size+pos] = indexNode{free, gain}
}

func (x *index) rebuild() {
	for k := x.size - 1; k > 0; k-- {
		x.nodes[k] = better(&x.nodes[2*k], &x.nodes[2*k+1])
	}
}

// better joins two children. One without a gain offers nothing, whatever its
// resources: they may be zero where another's free room is negative.
func better(l, r *indexNode) indexNode {
	switch {
	case l.gain == 0:
		return *r
	case r.gain == 0:
		return *l
	}
	return indexNode{
		free: model.Resources{
			CPUMilli:    max(l.free.CPUMilli, r.free.CPUMilli),
			MemoryBytes: max(l.free.MemoryBytes, r.free.MemoryBytes),
			DiskBytes:   max(l.free.DiskBytes, r.free.DiskBytes),
			GPUMilli:    max(l.free.GPUMilli, r.free.GPUMilli),
		},
		gain: max(l.gain, r.gain),
	}
}

// grow makes room for n leaves.
func (x *index) grow(n int) {
	if n <= x.size {
		return
	}
	old, oldSize := x.nodes, x.size
	x.size = 1 << bits.Len(uint(n-1))
	x.nodes = make([]indexNode, 2*x.size)
	if oldSize > 0 {
		copy(x.nodes[x.size:], old[oldSize:])
	}
	x.rebuild()
}

// any reports whether some leaf may hold need, gained after the given time. It
// may be wrong only in saying yes.
func (x *index) any(need *model.Resources, after uint64) bool {
	return x.size > 0 && x.nodes[1].holds(need, after)
}

// next returns the first position in [from, to) whose agent has need free and
// gained after the given time, or -1.
func (x *index) next(from, to int, need *model.Resources, after uint64) int {
	if from >= to || from >= x.size {
		return -1
	}
	depth := bits.Len(uint(x.size))
	for k := x.size + from; ; {
		if x.nodes[k].holds(need, after) {
			if k >= x.size {
				return k - x.size
			}
			k *= 2
			continue
		}
		for k&1 == 1 { // a right child's subtree is done when it is
			k >>= 1
		}
		if k == 0 {
			return -1
		}
		k++
		if k<<(depth-bits.Len(uint(k)))-x.size >= to {
			return -1
		}
	}
}
