package shares

import (
	"iter"
	"slices"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// Tree is the roles of one cluster.
type Tree struct {
	root     *Node
	nodes    map[string]*Node
	total    vec
	rankings [rankings]Ranking
	// guarantees counts the nodes with one; without any nothing is due.
	guarantees int
	limits     int // counts those with a limit
}

// New returns a tree with nothing but its root, the role "".
func New() *Tree {
	t := &Tree{nodes: map[string]*Node{}}
	t.root = t.newNode("", nil)
	for i := range t.rankings {
		t.rankings[i] = Ranking{tree: t, which: Which(i)}
	}
	return t
}

func (t *Tree) newNode(path string, parent *Node) *Node {
	n := &Node{tree: t, path: path, parent: parent, name: beginning(path)}
	if parent != nil && parent.parent != nil {
		n.name = beginning(path[len(parent.path)+1:])
	}
	n.setConfig(model.RoleConfig{Role: path})
	t.nodes[path] = n
	return n
}

// Node returns the role of the path, which exists from now on if it did not,
// with weight 1 and no quota. Whoever keeps the pointer retains it: one that
// nobody retains leaves with the Charge, Release or Reset after which it is not
// used any more.
func (t *Tree) Node(path string) *Node {
	if n := t.nodes[path]; n != nil {
		return n
	}
	return t.below(t.Node(parentPath(path)), path)
}

// below adds a node to a parent's children.
func (t *Tree) below(parent *Node, path string) *Node {
	n := t.newNode(path, parent)
	i, _ := slices.BinarySearchFunc(parent.children, path, byPath)
	parent.children = slices.Insert(parent.children, i, n)
	return n
}

// beginning returns the first eight bytes of a name as a number that orders as
// they do.
func beginning(name string) (n uint64) {
	for i := range 8 {
		n <<= 8
		if i < len(name) {
			n |= uint64(name[i])
		}
	}
	return n
}

// Nearest returns the role of the path, or the nearest one above it that exists.
func (t *Tree) Nearest(path string) *Node {
	for {
		if n := t.nodes[path]; n != nil {
			return n
		}
		path = parentPath(path)
	}
}

func parentPath(path string) string { return path[:max(strings.LastIndexByte(path, '/'), 0)] }

func byPath(n *Node, path string) int { return strings.Compare(n.path, path) }

// Len returns how many roles there are, the root included.
func (t *Tree) Len() int { return len(t.nodes) }

// Walk yields all roles, each before those below it and siblings by name.
// Members are left out.
func (t *Tree) Walk() iter.Seq[*Node] { return t.root.Walk() }

// Walk yields n and the roles below it, in the order of Tree.Walk.
func (n *Node) Walk() iter.Seq[*Node] {
	return func(yield func(*Node) bool) { n.walk(yield) }
}

func (n *Node) walk(yield func(*Node) bool) bool {
	if !yield(n) {
		return false
	}
	for _, c := range n.children {
		if !c.hidden && !c.walk(yield) {
			return false
		}
	}
	return true
}

// SetTotal says what the cluster has: what shares are shares of.
func (t *Tree) SetTotal(r model.Resources) {
	t.total = of(r)
	t.stale()
}

// AddTotal adds to what the cluster has; delta may be negative.
func (t *Tree) AddTotal(delta model.Resources) {
	d := of(delta)
	t.total.add(&d)
	t.stale()
}

// Total returns what the cluster has.
func (t *Tree) Total() model.Resources { return t.total.resources() }

// stale notes that no ranking's order holds any more.
func (t *Tree) stale() {
	for i := range t.rankings {
		t.rankings[i].stale = true
	}
}

// Retain keeps n in the tree until as many calls of Release. It returns n.
func (n *Node) Retain() *Node {
	n.holders++
	return n
}

// Release undoes a Retain. A node that nothing keeps any more leaves the tree,
// and with it those above it of which the same is true.
func (n *Node) Release() {
	n.holders--
	n.prune()
}

func (n *Node) prune() {
	for n.parent != nil && !n.gone && !n.needed() {
		p := n.parent
		i, _ := slices.BinarySearchFunc(p.children, n.path, byPath)
		p.children = slices.Delete(p.children, i, i+1)
		delete(n.tree.nodes, n.path)
		n.ranks = [rankings]rank{}
		n.gone = true
		n = p
	}
}

// back returns the node of n's path in the tree, n itself where n has left it
// and no other has come.
func (n *Node) back() *Node {
	if !n.gone {
		return n
	}
	if x := n.tree.nodes[n.path]; x != nil {
		return x
	}
	n.gone = false
	n.parent = n.parent.back()
	n.tree.nodes[n.path] = n
	i, _ := slices.BinarySearchFunc(n.parent.children, n.path, byPath)
	n.parent.children = slices.Insert(n.parent.children, i, n)
	return n
}

func (n *Node) needed() bool {
	for i := range n.ranks {
		if n.ranks[i].bits != 0 {
			return true
		}
	}
	return n.configured || n.holders > 0 || n.used != vec{} || len(n.children) > 0
}
