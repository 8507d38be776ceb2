package model

import "strconv"

// Hosts returns what each allocation is called where programs start others by the
// name of a host: its node, with its number behind it where the node has several.
// Open MPI takes letters, digits, dots and hyphens; nobody has to find an address
// for it.
func (p *GangPlan) Hosts() []string {
	per := p.PerNode()
	out := make([]string, 0, p.Size)
	for _, r := range p.Runs {
		for range r.Count {
			name := p.Nodes[r.Node]
			if per[r.Node] > 1 {
				name += "-alloc" + strconv.Itoa(len(out))
			}
			out = append(out, name)
		}
	}
	return out
}

// HoldsIndex reports whether an allocation of the group only holds its room for
// what the first one starts there.
func (g *Group) HoldsIndex(index uint32) bool {
	return g.Gang != nil && g.Gang.Launch == LaunchMPIRun && index > 0
}
