package shares

// Part is one of two roles by whose shares is decided who goes first.
type Part struct {
	Role  string
	Own   bool    // what the role itself uses counts, without those below it
	Share float64 // dominant share by weight
}

// Parting returns by which shares x and y are compared: those of the roles just
// below the nearest one above both, for only among siblings shares are compared. Of
// a role above the other its own part stands beside its children.
func Parting(x, y *Node) (Part, Part) {
	above := map[*Node]bool{}
	for n := x; n != nil; n = n.parent {
		above[n] = true
	}
	top := y
	for !above[top] {
		top = top.parent
	}
	return top.part(x), top.part(y)
}

// part returns the part of n's heap entry that x, at or below n, belongs to.
func (n *Node) part(x *Node) Part {
	if x == n {
		s, _ := n.tree.share(&n.own)
		return Part{Role: n.path, Own: true, Share: s}
	}
	for x.parent != n {
		x = x.parent
	}
	s, _ := n.tree.share(&x.used)
	return Part{Role: x.path, Share: s / x.weight}
}
