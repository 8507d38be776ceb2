package shares

import "github.com/tender-scheduler/tender/core/model"

// What is due is what unmet guarantees of roles that want something come to: at
// each node the larger of its own and its children's together, for what a child
// gets counts for its parent too.

// Due returns what unmet guarantees of roles that want something come to.
func (t *Tree) Due() model.Resources { return t.root.due.resources() }

// settleDue brings what is due at n and above it up to date.
func (n *Node) settleDue() {
	if n.tree.guarantees == 0 && n.due == (vec{}) {
		return
	}
	for x := n; x != nil; x = x.parent {
		var due vec
		if x.wanting > 0 {
			for k := range due {
				due[k] = max(x.guarantee[k]-x.used[k], x.dueBelow[k], 0)
			}
		}
		if x.parent != nil {
			for k := range due {
				x.parent.dueBelow[k] += due[k] - x.due[k]
			}
		}
		x.due = due
	}
}

// countWanting notes that n has begun to want something, or no longer does.
func (n *Node) countWanting(wants bool) {
	d := 1
	if !wants {
		d = -1
	}
	for x := n; x != nil; x = x.parent {
		x.wanting += d
	}
	n.settleDue()
}

// Claimable returns how much of what is free in the whole cluster n may get so
// that the rest is still enough for what is due to others; in each resource at
// least 0 and at most free.
//
// What n gets counts for the guarantees of n and of those above it as far as
// those are unmet by more than what is due below them: so much is not others'.
func (n *Node) Claimable(free model.Resources) model.Resources {
	v := of(free)
	if n.tree.guarantees == 0 {
		return v.resources()
	}
	var own vec // of what is due in all, the part that n may claim
	for x := n; x != nil; x = x.parent {
		if x.wanting == 0 {
			continue
		}
		for k := range own {
			own[k] = max(own[k], x.guarantee[k]-x.used[k]-(x.dueBelow[k]-own[k]))
		}
	}
	for k := range v {
		v[k] = max(min(v[k], max(v[k]-n.tree.root.due[k], 0)+own[k]), 0)
	}
	return v.resources()
}
