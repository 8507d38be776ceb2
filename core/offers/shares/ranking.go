package shares

import (
	"math"
	"math/bits"

	"github.com/tender-scheduler/tender/core/model"
)

// Which names one of a tree's rankings.
type Which uint8

// The rankings: each has its own notion of who wants something.
const (
	Demands Which = iota // roles with demands waiting
	Classic              // roles of frameworks that take whatever is left
	rankings
)

// Ranking says which of the roles that want something goes first. A pass is:
// Begin; then First, serve it (Charge), or Drop it, until First is nil.
type Ranking struct {
	tree    *Tree
	which   Which
	stale   bool    // the order holds no more; First makes it anew
	settled int     // changes since First was last asked
	dropped []*Node // in this pass
}

// Ranking returns one of the tree's rankings.
func (t *Tree) Ranking(w Which) *Ranking { return &t.rankings[w] }

// Want adds count demands of the shape to what is wanted at n; count may be
// negative. Of the shape only matters which resources it asks for.
func (o *Ranking) Want(n *Node, shape model.Resources, count int) {
	s := of(shape)
	asked := s.positive()
	r := &n.ranks[o.which]
	r.wants[asked] += int32(count)
	had, has := r.bits>>asked&1 != 0, r.wants[asked] > 0
	if had == has {
		return
	}
	wanted := n.wantsOwn()
	r.bits ^= 1 << asked
	if wants := n.wantsOwn(); wants != wanted {
		n.countWanting(wants)
	}
	if r.dropped {
		return
	}
	d := int32(1)
	if had {
		d = -1
	}
	o.count(n, asked, d)
	o.settle(n)
}

// Wants reports whether something is wanted at n, dropped or not.
func (o *Ranking) Wants(n *Node) bool { return n.ranks[o.which].bits != 0 }

// Begin starts a pass: what was dropped is back.
func (o *Ranking) Begin() {
	for i, n := range o.dropped {
		o.dropped[i] = nil
		n.ranks[o.which].listed = false
		o.Restore(n)
	}
	o.dropped = o.dropped[:0]
}

// Restore undoes a Drop before its pass is over, or without a new one.
func (o *Ranking) Restore(n *Node) {
	r := &n.ranks[o.which]
	if !r.dropped {
		return
	}
	r.dropped = false
	o.countAll(n, 1)
	o.settle(n)
}

// Drop leaves n's own demands out for the rest of the pass; those of the roles
// below it stay in.
func (o *Ranking) Drop(n *Node) {
	r := &n.ranks[o.which]
	if r.dropped {
		return
	}
	r.dropped = true
	if !r.listed {
		r.listed = true
		o.dropped = append(o.dropped, n)
	}
	o.countAll(n, -1)
	o.settle(n)
}

// countAll adds d to the nodes that want what n does.
func (o *Ranking) countAll(n *Node, d int32) {
	for b := n.ranks[o.which].bits; b != 0; b &= b - 1 {
		o.count(n, kindSet(bits.TrailingZeros16(b)), d)
	}
}

// fresh makes the order anew if it does not hold.
func (o *Ranking) fresh() {
	o.settled = 0
	if o.stale {
		o.stale = false
		o.rebuild(o.tree.root)
	}
}

// First returns the role whose own demands go next, nil if none is left.
func (o *Ranking) First() *Node {
	o.fresh()
	for n := o.tree.root; ; {
		h := n.ranks[o.which].heap
		if len(h) == 0 {
			return nil
		}
		if h[0].node == n {
			return n
		}
		n = h[0].node
	}
}

// grain is the part of the cluster's dominant resource that may be given to one
// role in one go though another's turn has come: it bounds a pass to some two
// thousand turns, however small the tasks.
const grain = 1.0 / 1000

// Slack returns how many tasks of the shape may be given to First before
// another goes first, 1 to want: as many as bring it, at every level, to the
// share of the runner-up there, or a grain if that is more; but none beyond an
// unmet guarantee that put it first. Without a runner-up anywhere it is want.
func (o *Ranking) Slack(shape model.Resources, want int) int {
	o.fresh()
	s := of(shape)
	alone, privileged := true, false // privileged: goes first for a guarantee, not its share
	bound, guaranteed := want, unlimited
	for n := o.tree.root; len(n.ranks[o.which].heap) > 0; {
		h := n.ranks[o.which].heap
		top := &h[0]
		used, weight := &n.own, 1.0
		if top.node != n {
			used, weight = &top.node.used, top.node.weight
		}
		if second := runnerUp(h, n); second != nil {
			alone = false
			if second.owed == top.owed {
				bound = min(bound, o.tree.reach(used, &s, second.score*weight, want))
			} else {
				privileged = true
			}
		}
		if top.node == n {
			break
		}
		if n = top.node; top.owed && !alone {
			guaranteed = min(guaranteed, n.unmetRoom(&s))
		}
	}
	if alone {
		return want
	}
	if privileged && guaranteed == unlimited {
		bound = 0 // these tasks are not what the guarantee is for
	}
	return max(min(max(bound, o.tree.grain(&s)), guaranteed, want), 1)
}

// unmetRoom returns how many tasks of the shape it takes until the first unmet
// kind of n's guarantee that they ask for is met; unlimited if there is none.
func (n *Node) unmetRoom(shape *vec) int {
	room := int64(unlimited)
	for k, u := 0, n.unmet(); u != 0; k, u = k+1, u>>1 {
		if s := shape[k]; u&1 == 1 && s > 0 {
			room = min(room, (n.guarantee[k]-n.used[k]+s-1)/s)
		}
	}
	return int(room)
}

// runnerUp returns the second entry of owner's heap.
func runnerUp(h []item, owner *Node) *item {
	if c := firstChild(h, 0, owner); c < len(h) {
		return &h[c]
	}
	return nil
}

// reach returns how many tasks of the shape it takes beside used until the
// dominant share is at least the one given, at most want.
func (t *Tree) reach(used, shape *vec, share float64, want int) int {
	n := float64(want)
	for k, s := range shape {
		if s > 0 && t.total[k] > 0 {
			// Less a little, for what was divided does not multiply back exactly.
			n = min(n, math.Ceil((share*float64(t.total[k])-float64(used[k]))/float64(s)-1e-6))
		}
	}
	return int(max(n, 0))
}

// grain returns how many tasks of the shape make a grain of the cluster.
func (t *Tree) grain(shape *vec) int {
	one, _ := t.share(shape)
	if one == 0 {
		return math.MaxInt
	}
	return int(min(grain/one, 1<<30))
}
