package shares

import (
	"math"

	"github.com/tender-scheduler/tender/core/model"
)

// Configure sets a role's weight, guarantee and limit. A weight that is not
// above 0 counts as 1.
func (t *Tree) Configure(c model.RoleConfig) {
	n := t.Node(c.Role)
	n.setConfig(c)
	n.configured = true
	n.settleDue()
	t.stale()
}

// Reset takes a role's configuration back and returns it; false = it had none.
func (t *Tree) Reset(path string) (model.RoleConfig, bool) {
	n := t.nodes[path]
	if n == nil || !n.configured {
		return model.RoleConfig{}, false
	}
	was := n.config
	n.setConfig(model.RoleConfig{Role: path})
	n.configured = false
	n.settleDue()
	t.stale()
	n.prune()
	return was, true
}

func (n *Node) setConfig(c model.RoleConfig) {
	n.config = c
	n.weight = c.Weight
	if !(c.Weight > 0) || math.IsInf(c.Weight, 1) {
		n.weight = 1
	}
	if n.guaranteed != 0 {
		n.tree.guarantees--
	}
	n.guarantee = of(c.Guarantee)
	if n.guaranteed = n.guarantee.positive(); n.guaranteed != 0 {
		n.tree.guarantees++
	}
	if n.limited {
		n.tree.limits--
	}
	n.limit = limitsOf(c.Limit)
	if n.limited = n.limit != limitsOf(model.Limits{}); n.limited {
		n.tree.limits++
	}
}

// Config returns what was set by Configure; false = nothing was.
func (n *Node) Config() (model.RoleConfig, bool) { return n.config, n.configured }

// Headroom returns how many more tasks of the shape the limits of n and of
// those above it allow, at most want. With 0, at is the node, nearest first,
// whose limit is in the way, and kind the resource: cpus, memory, disk or gpus.
func (n *Node) Headroom(shape model.Resources, want int) (room int, at *Node, kind string) {
	s := of(shape)
	most := int64(want)
	for x := n; x != nil && most > 0; x = x.parent {
		if !x.limited {
			continue
		}
		for k := range s {
			if s[k] <= 0 || x.limit[k] == unlimited {
				continue
			}
			if fit := max(x.limit[k]-x.used[k], 0) / s[k]; fit < most {
				if most = fit; most == 0 {
					return 0, x, kindNames[k]
				}
			}
		}
	}
	return int(max(most, 0)), nil, ""
}

// Spare returns how much more the limits of n and of those above it allow, in
// each resource at most what is asked for, at least 0.
func (n *Node) Spare(ask model.Resources) model.Resources {
	if n.tree.limits == 0 {
		return ask
	}
	v := of(ask)
	for x := n; x != nil; x = x.parent {
		if !x.limited {
			continue
		}
		for k := range v {
			if x.limit[k] != unlimited {
				v[k] = min(v[k], max(x.limit[k]-x.used[k], 0))
			}
		}
	}
	return v.resources()
}

// Below reports whether a task of the shape is guaranteed to n, or to a role
// above it: whether it uses less than its guarantee in every resource that is
// guaranteed and that the shape asks for.
func (n *Node) Below(shape model.Resources) bool {
	asked := of(shape)
	kinds := asked.positive()
	for x := n; x != nil; x = x.parent {
		if x.owes(kinds) {
			return true
		}
	}
	return false
}

// GuaranteeRoom returns how many tasks of the shape are guaranteed to n, or to
// a role above it: as many as it takes until Below is false, at most want.
func (n *Node) GuaranteeRoom(shape model.Resources, want int) int {
	s := of(shape)
	most := 0
	for x := n; x != nil; x = x.parent {
		most = max(most, x.guaranteeRoom(&s, want))
	}
	return most
}

// guaranteeRoom is GuaranteeRoom of n's own guarantee.
func (n *Node) guaranteeRoom(shape *vec, want int) int {
	if !n.owes(shape.positive()) {
		return 0
	}
	most := int64(want)
	for k, s := range shape {
		if s > 0 && n.guarantee[k] > 0 {
			most = min(most, (n.guarantee[k]-n.used[k]+s-1)/s)
		}
	}
	return int(most)
}

// owes reports whether n's own guarantee covers a task that asks for these kinds.
func (n *Node) owes(asked kindSet) bool {
	asked &= n.guaranteed
	return asked != 0 && asked&^n.unmet() == 0
}

// unmet returns the kinds of which n uses less than its guarantee.
func (n *Node) unmet() kindSet {
	if n.guaranteed == 0 {
		return 0
	}
	var u kindSet
	for k := range n.guarantee {
		if n.used[k] < n.guarantee[k] {
			u |= 1 << k
		}
	}
	return u
}
