package shares

import "math/bits"

// rank is a node's part in one ranking.
type rank struct {
	// wants counts the demands at the node itself by the kinds they ask for, and
	// bits are the sets of kinds that have one.
	wants [kindSets]int32
	bits  uint16
	// nodes counts the nodes at and below this one that want, by kinds; dropped
	// ones are left out. below are the sets of kinds that have one.
	nodes [kindSets]int32
	below uint16

	// heap has the children below which something is wanted, and the node
	// itself if something is at it: what Mesos calls its "." child.
	heap    []item
	at      int  // place in the parent's heap, from 1; 0 = not in it
	ownAt   int  // place in the own heap, from 1; 0 = not in it
	dropped bool // for the rest of the pass
	listed  bool // in Ranking.dropped
}

// item is an entry of a node's heap and what it is ordered by.
type item struct {
	score float64 // dominant share by weight
	owed  bool    // a guarantee at or below it is unmet
	name  uint64  // the beginning of the node's name
	node  *Node
}

// before orders the entries of owner's heap.
func (a *item) before(b *item, owner *Node) bool {
	switch {
	case a.owed != b.owed:
		return a.owed
	case a.score != b.score:
		return a.score < b.score
	case a.node == owner || b.node == owner:
		return a.node == owner && b.node != owner
	case a.name != b.name:
		return a.name < b.name
	}
	return a.node.path < b.node.path
}

// active returns the sets of kinds that n itself wants in this pass.
func (r *rank) active() uint16 {
	if r.dropped {
		return 0
	}
	return r.bits
}

// count adds d nodes that want the kinds to n and those above.
func (o *Ranking) count(n *Node, asked kindSet, d int32) {
	for x := n; x != nil; x = x.parent {
		r := &x.ranks[o.which]
		if r.nodes[asked] += d; r.nodes[asked] > 0 {
			r.below |= 1 << asked
		} else {
			r.below &^= 1 << asked
		}
	}
}

// owed reports whether n's own guarantee covers something wanted at or below it,
// or a guarantee below does.
func (o *Ranking) owed(n *Node) bool {
	r := &n.ranks[o.which]
	if len(r.heap) > 0 && r.heap[0].owed {
		return true
	}
	unmet := n.unmet()
	for b := r.below; unmet != 0 && b != 0; b &= b - 1 {
		if asked := kindSet(bits.TrailingZeros16(b)) & n.guaranteed; asked != 0 && asked&^unmet == 0 {
			return true
		}
	}
	return false
}

// entry returns n's entry in its parent's heap.
func (o *Ranking) entry(n *Node) item {
	s, _ := o.tree.share(&n.used)
	return item{s / n.weight, o.owed(n), n.name, n}
}

// ownEntry returns n's entry in its own heap.
func (o *Ranking) ownEntry(n *Node) item {
	s, _ := o.tree.share(&n.own)
	return item{s, false, n.name, n}
}

// settle brings n's own entry and those of n and the nodes above it to where
// they belong, in, out of or within their heaps.
func (o *Ranking) settle(n *Node) {
	if o.stale {
		return
	}
	r := &n.ranks[o.which]
	if root := &o.tree.root.ranks[o.which]; root.below == 0 && len(root.heap) == 0 {
		return // nobody wants anything
	}
	// Many changes in a row, as when a round of offers is declined: to make the
	// order anew is cheaper than to keep it right in between.
	if o.settled++; o.settled > 32+len(o.tree.nodes)/8 {
		o.stale = true
		return
	}
	switch {
	case r.active() != 0:
		o.put(n, r.ownAt, o.ownEntry(n))
	case r.ownAt > 0:
		o.take(n, r.ownAt)
		r.ownAt = 0
	}
	for x := n; x.parent != nil; x = x.parent {
		r := &x.ranks[o.which]
		switch {
		case len(r.heap) > 0:
			o.put(x.parent, r.at, o.entry(x))
		case r.at > 0:
			o.take(x.parent, r.at)
			r.at = 0
		}
	}
}

// put enters e in owner's heap, or replaces the entry at a place.
func (o *Ranking) put(owner *Node, at int, e item) {
	r := &owner.ranks[o.which]
	if at == 0 {
		r.heap = append(r.heap, e)
		at = len(r.heap)
	} else {
		r.heap[at-1] = e
	}
	o.sift(owner, at-1)
}

// take removes the entry at a place of owner's heap.
func (o *Ranking) take(owner *Node, at int) {
	r := &owner.ranks[o.which]
	last := len(r.heap) - 1
	moved := r.heap[last]
	r.heap[last] = item{}
	r.heap = r.heap[:last]
	if at-1 < last {
		r.heap[at-1] = moved
		o.sift(owner, at-1)
	}
}

// arity is how many children an entry of a heap has: with four a heap of a
// thousand is five levels deep, and siblings are beside each other in memory.
const arity = 4

// firstChild returns the child of i that comes before its siblings, or len(h).
func firstChild(h []item, i int, owner *Node) int {
	c := arity*i + 1
	if c >= len(h) {
		return len(h)
	}
	for s := c + 1; s < min(arity*i+1+arity, len(h)); s++ {
		if h[s].before(&h[c], owner) {
			c = s
		}
	}
	return c
}

// sift moves the entry at i of owner's heap up or down to where it belongs.
func (o *Ranking) sift(owner *Node, i int) {
	h := owner.ranks[o.which].heap
	e := h[i]
	for i > 0 {
		up := (i - 1) / arity
		if !e.before(&h[up], owner) {
			break
		}
		h[i] = h[up]
		o.placed(owner, h[i].node, i)
		i = up
	}
	for {
		c := firstChild(h, i, owner)
		if c >= len(h) || !h[c].before(&e, owner) {
			break
		}
		h[i] = h[c]
		o.placed(owner, h[i].node, i)
		i = c
	}
	h[i] = e
	o.placed(owner, e.node, i)
}

func (o *Ranking) placed(owner, n *Node, i int) {
	if n == owner {
		n.ranks[o.which].ownAt = i + 1
	} else {
		n.ranks[o.which].at = i + 1
	}
}

// rebuild makes the heaps at and below n anew.
func (o *Ranking) rebuild(n *Node) {
	r := &n.ranks[o.which]
	clear(r.heap)
	r.heap, r.at, r.ownAt = r.heap[:0], 0, 0
	if r.active() != 0 {
		r.heap = append(r.heap, o.ownEntry(n))
	}
	for _, c := range n.children {
		o.rebuild(c)
		if len(c.ranks[o.which].heap) > 0 {
			r.heap = append(r.heap, o.entry(c))
		}
	}
	for i := range r.heap {
		o.placed(n, r.heap[i].node, i)
	}
	for i := len(r.heap) / arity; i >= 0 && len(r.heap) > 1; i-- {
		o.sift(n, i)
	}
}
