package master

import (
	"cmp"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// nodePolicy is what operators have set about a node. It is kept by the node's
// name, so that it outlives the agent's absence: a machine that was drained to be
// repaired is still ineligible when it comes back, also with a new disk.
type nodePolicy struct {
	Node       string       `json:"node"`
	Ineligible bool         `json:"ineligible,omitempty"`
	Message    string       `json:"message,omitempty"`
	Drain      *model.Drain `json:"drain,omitempty"`
}

// maxNodePolicies bounds what is kept of nodes that may never come back.
const maxNodePolicies = 10_000

// plain reports whether nothing is set.
func (p *nodePolicy) plain() bool { return !p.Ineligible && p.Drain == nil }

// draining reports whether tasks are still to leave.
func (p *nodePolicy) draining() bool { return p.Drain != nil && p.Drain.Done.IsZero() }

// why says why nothing is placed on the node; empty if something may.
func (p *nodePolicy) why() string {
	var text string
	switch {
	case p.draining():
		text = "the node is being drained"
	case p.Drain != nil:
		text = "the node was drained and is not eligible yet"
	case p.Ineligible:
		text = "the node was made ineligible"
	default:
		return ""
	}
	if p.Message != "" {
		text += " (" + p.Message + ")"
	}
	return text
}

func (s *state) setPolicy(p nodePolicy) {
	if p.plain() {
		delete(s.policies, p.Node)
	} else {
		s.policies[p.Node] = p
	}
}

// sortedPolicies returns a copy, by name.
func (s *state) sortedPolicies() []nodePolicy {
	out := make([]nodePolicy, 0, len(s.policies))
	for _, p := range s.policies {
		out = append(out, p)
	}
	slices.SortFunc(out, func(x, y nodePolicy) int { return cmp.Compare(x.Node, y.Node) })
	return out
}

// bar tells the allocator what is set about an agent's node.
func (m *Machine) bar(id model.AgentID) {
	p := m.state.policies[m.state.agents[id].info.Name]
	m.book.Bar(id, p.why())
}

// setPolicy journals and folds what is set about a node, and has the allocator go by it.
func (m *Machine) setPolicy(p nodePolicy) {
	m.record(jsonRecord(recNode, p))
	m.state.setPolicy(p)
	for _, id := range m.agentsNamed(p.Node) {
		m.bar(id)
	}
}

// agentsNamed returns the agents with a name: one, or for a moment none.
func (m *Machine) agentsNamed(name string) []model.AgentID {
	var out []model.AgentID
	for id, a := range m.state.agents {
		if a.info.Name == name {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}
