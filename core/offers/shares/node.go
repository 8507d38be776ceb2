package shares

import "github.com/tender-scheduler/tender/core/model"

// Node is one role.
type Node struct {
	// Tag is whatever the owner of the tree wants to find a node again by.
	Tag int

	tree     *Tree
	path     string
	name     uint64 // the beginning of its last part
	parent   *Node
	children []*Node // by name
	hidden   bool    // see Member
	gone     bool    // has left the tree

	config     model.RoleConfig
	configured bool
	weight     float64
	guarantee  vec
	guaranteed kindSet // the kinds that guarantee has
	limit      vec
	limited    bool // limit has some

	used    vec // those below included
	own     vec // those below excluded
	holders int // Retain less Release

	wanting  int // nodes at and below that want something, dropped or not
	due      vec // see Tree.Due
	dueBelow vec // the children's together

	ranks [rankings]rank
}

// Path returns the role's name, "research/nlp"; the root's is empty.
func (n *Node) Path() string { return n.path }

// Parent returns the role above n, nil for the root.
func (n *Node) Parent() *Node { return n.parent }

// Used returns what n and those below it use.
func (n *Node) Used() model.Resources { return n.used.resources() }

// Charge adds times × r to what n and all above it use; times may be negative.
func (n *Node) Charge(r model.Resources, times int64) {
	n = n.back()
	d := of(r.Times(times))
	n.own.add(&d)
	for x := n; x != nil; x = x.parent {
		x.used.add(&d)
	}
	n.settleDue()
	for i := range n.ranks {
		n.tree.rankings[i].settle(n)
	}
	if times < 0 {
		n.prune()
	}
}

// Share returns the dominant share: the largest part of a resource of the
// cluster that n and those below it use, and which resource that is (empty
// when they use nothing). Resources of which the cluster has none do not count.
func (n *Node) Share() (float64, string) {
	s, k := n.tree.share(&n.used)
	if s == 0 {
		return 0, ""
	}
	return s, k.String()
}

func (t *Tree) share(used *vec) (float64, kind) {
	best, which := 0.0, kind(0)
	for k, total := range t.total {
		if total <= 0 || used[k] == 0 {
			continue
		}
		if s := float64(used[k]) / float64(total); s > best {
			best, which = s, kind(k)
		}
	}
	return best, which
}
