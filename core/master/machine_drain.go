package master

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// askedNodes serves what operators ask about nodes. It reports whether the
// request was one of these.
func (m *Machine) askedNodes(in Asked) bool {
	var name string
	var refusal *model.Refusal
	switch b := in.Body.(type) {
	case model.DrainNode:
		name, refusal = m.drainNode(b)
	case model.SetEligibility:
		name, refusal = m.setEligibility(b)
	default:
		return false
	}
	r := model.Reply{ID: in.ID, Err: refusal}
	if refusal == nil {
		r.Body = m.nodeNamed(name)
	}
	m.out.Replies = append(m.out.Replies, r)
	return true
}

// drainNode begins a drain, or changes the terms of one. What a drain is, for
// frameworks, is inverse offers: see tellDrain.
func (m *Machine) drainNode(r model.DrainNode) (string, *model.Refusal) {
	name, refusal := m.findNode(r.Node)
	if refusal == nil {
		refusal = m.checkDrain(&r, name)
	}
	if refusal != nil {
		return "", refusal
	}
	old := m.state.policies[name]
	d := &model.Drain{Since: m.now, Force: r.Force, IgnoreSystem: r.IgnoreSystem, Message: r.Message}
	if old.draining() {
		d.Since = old.Drain.Since
	}
	switch {
	case r.Force:
		d.Deadline = m.now
	case r.Deadline > 0:
		d.Deadline = m.now.Add(r.Deadline.Std())
	case !r.NoDeadline:
		d.Deadline = m.now.Add(model.DefaultDrainDeadline)
	}
	m.setPolicy(nodePolicy{Node: name, Ineligible: true, Message: r.Message, Drain: d})
	m.noticeNode("node_draining", name, "is being drained"+drainTerms(d))
	m.dropDrain(name)
	m.tellDrain(name)
	return name, nil
}

func (m *Machine) checkDrain(r *model.DrainNode, name string) *model.Refusal {
	set := 0
	for _, x := range []bool{r.Force, r.NoDeadline, r.Deadline > 0} {
		if x {
			set++
		}
	}
	switch {
	case set > 1:
		return model.Refuse(model.ReasonBadRequest, "drain node %s: only one of a deadline, no deadline and force can be meant", name)
	case r.Deadline < 0:
		return model.Refuse(model.ReasonBadRequest, "drain node %s: a deadline of %s is past; force stops tasks at once", name, r.Deadline)
	}
	return m.checkPolicy(name, r.Message)
}

func (m *Machine) checkPolicy(name, message string) *model.Refusal {
	if len(message) > model.MaxCheckOutput || strings.ContainsAny(message, "\x00\n") {
		return model.Refuse(model.ReasonBadRequest, "node %s: the message is longer than %d bytes or has more than one line", name, model.MaxCheckOutput)
	}
	if _, known := m.state.policies[name]; !known && len(m.state.policies) >= maxNodePolicies {
		return model.Refuse(model.ReasonTooLarge, "%d nodes are ineligible, as many as may be: make some eligible again", maxNodePolicies)
	}
	return nil
}

func drainTerms(d *model.Drain) string {
	var text string
	switch {
	case d.Force:
		text = ": its tasks are stopped at once"
	case d.Deadline.IsZero():
		text = ", without a deadline"
	default:
		text = ", until " + d.Deadline.Format(time.RFC3339) + " at the latest"
	}
	if d.IgnoreSystem {
		text += "; system jobs stay"
	}
	return text
}

func (m *Machine) setEligibility(r model.SetEligibility) (string, *model.Refusal) {
	name, refusal := m.findNode(r.Node)
	if refusal != nil {
		return "", refusal
	}
	p := m.state.policies[name]
	if refusal := m.checkPolicy(name, r.Message); refusal != nil {
		return "", refusal
	}
	switch {
	case r.Eligible && p.draining() && !r.EndDrain:
		return "", model.Refuse(model.ReasonConflict, "node %s is being drained: tender node drain --disable %s ends that", name, name)
	case r.Eligible:
		p = nodePolicy{Node: name}
	default:
		p.Node, p.Ineligible = name, true
		if r.Message != "" {
			p.Message = r.Message
		}
		if r.EndDrain {
			p.Drain = nil
		}
	}
	m.setPolicy(p)
	if p.Drain == nil {
		m.dropDrain(name)
	}
	if r.Eligible {
		m.noticeNode("node_eligible", name, "takes tasks again")
	} else {
		m.noticeNode("node_ineligible", name, "takes no new tasks")
	}
	return name, nil
}

// findNode returns the name of the node that an operator means: by its name, its
// agent's id, or the beginning of just one id.
func (m *Machine) findNode(selector string) (string, *model.Refusal) {
	if _, known := m.state.policies[selector]; known || len(m.agentsNamed(selector)) > 0 {
		return selector, nil
	}
	var found, names []string
	for _, id := range m.agentIDs() {
		name := m.state.agents[id].info.Name
		names = append(names, name)
		if selector != "" && strings.HasPrefix(string(id), selector) {
			found = append(found, name)
		}
	}
	slices.Sort(names)
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		r := model.Refuse(model.ReasonAmbiguous, "%q is the beginning of several nodes' ids; give more of it, or a name", selector)
		r.Details = found[:min(len(found), model.MaxFound)]
		return "", r
	}
	r := model.Refuse(model.ReasonNotFound, "no node has the name or the id %q", selector)
	r.Details = names[:min(len(names), model.MaxFound)]
	return "", r
}

func (m *Machine) noticeNode(kind, name, what string) {
	n := model.Notice{Kind: kind, Message: fmt.Sprintf("node %s %s", name, what)}
	if ids := m.agentsNamed(name); len(ids) > 0 {
		n.Agent = ids[0]
	}
	m.notice(n)
}
