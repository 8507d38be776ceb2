package shares

// Member returns the node of one of several that share a role's own part evenly:
// a framework among those of a role. It exists from then on as Node's do, with
// weight 1 and no quota. All members of a role together are one more child of
// it, of weight 1, as in Mesos; Walk leaves them out.
func (t *Tree) Member(role, name string) *Node {
	group := "."
	if role != "" {
		group = role + "/."
	}
	if n := t.nodes[group+"/"+name]; n != nil {
		return n
	}
	g := t.Node(group)
	g.hidden = true
	// Not by Node, which would take a name with a slash for two.
	n := t.below(g, group+"/"+name)
	n.hidden = true
	return n
}
