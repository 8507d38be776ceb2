package jobspec

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// defaultWeight is Nomad's, of an affinity and of a spread.
const defaultWeight = 50

// affinities decodes the affinity blocks of n.
func (n *node) affinities() (out []model.Affinity) {
	for _, b := range n.blocks["affinity"] {
		path := n.field(fmt.Sprintf("affinities[%d]", len(out)))
		a := n.d.open(b, affinityShape, path)
		c, ok := a.constraint()
		if !ok {
			n.d.forget(path)
			continue
		}
		weight := defaultWeight
		a.whole("weight", &weight)
		out = append(out, model.Affinity{Constraint: c, Weight: weight})
	}
	return out
}

// spreads decodes the spread blocks of n.
func (n *node) spreads() (out []model.Spread) {
	for i, b := range n.blocks["spread"] {
		s := n.d.open(b, spreadShape, n.field(fmt.Sprintf("spreads[%d]", i)))
		out = append(out, model.Spread{Weight: defaultWeight})
		spread := &out[i]
		s.liveText("attribute", &spread.Attribute)
		s.whole("weight", &spread.Weight)
		for k, tb := range s.blocks["target"] {
			t := n.d.open(tb, spreadTargetShape, s.field(fmt.Sprintf("targets[%d]", k)))
			target := model.SpreadTarget{Value: t.label()}
			n.d.bad[t.field("value")] = n.d.bad[t.field("name")]
			if t.has("percent") {
				t.whole("percent", &target.Percent)
			} else {
				n.d.lacks(tb.header, "target lacks percent", "how many in a hundred of the group's tasks are wanted there", "write percent = 50")
				n.d.bad[t.field("percent")] = true
			}
			spread.Targets = append(spread.Targets, target)
		}
	}
	return out
}

// network decodes a network block; one without ports says nothing, and is nil.
func (n *node) network() *model.Network {
	var mode string
	if n.text("mode", &mode) && mode != "host" {
		n.d.ds.at(n.d.at[n.field("mode")], fmt.Sprintf("the network mode %q is not supported", mode),
			"tasks share their agent's network", `write mode = "host", or remove it`)
	}
	if len(n.blocks["port"]) == 0 {
		return nil
	}
	var ports []model.Port
	for i, b := range n.blocks["port"] {
		ports = append(ports, n.d.open(b, portShape, n.field(fmt.Sprintf("port[%d]", i))).port())
	}
	// Where a port was written must be found under its place in the sorted list.
	order := make([]int, len(ports))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ports[a].Label, ports[b].Label) })
	out := &model.Network{}
	for i, k := range order {
		out.Ports = append(out.Ports, ports[k])
		n.movePort(n.field(fmt.Sprintf("port[%d]", k)), n.field(fmt.Sprintf("ports[%d]", i)))
	}
	return out
}

func (n *node) movePort(from, to string) {
	for field, name := range map[string]string{"": "", ".name": ".label", ".static": ".static", ".to": ".to"} {
		if at, ok := n.d.at[from+field]; ok {
			n.d.at[to+name] = at
		}
		if n.d.bad[from+field] {
			n.d.bad[to+name] = true
		}
	}
}

func (n *node) port() model.Port {
	p := model.Port{Label: n.label()}
	n.portNumber("static", &p.Static)
	var to int
	if n.has("to") && n.whole("to", &to) && to == -1 {
		return p // Nomad's word for the port itself
	}
	n.portNumber("to", &p.To)
	if p.To != 0 && p.To != p.Static {
		n.d.ds.add(locate(Diagnostic{
			Severity:   SeverityWarning,
			Summary:    fmt.Sprintf("nothing leads from port %q of the agent to port %d", p.Label, p.To),
			Detail:     "tasks share their agent's network, so the program has to listen on the port that it is given",
			Suggestion: fmt.Sprintf("let it listen on TENDER_PORT_%s (also NOMAD_PORT_%s) and remove to", p.Label, p.Label),
		}, n.d.at[n.field("to")]))
	}
	return p
}

func (n *node) portNumber(name string, into *uint16) {
	var v int
	if !n.whole(name, &v) {
		return
	}
	if v < 1 || v > 65535 {
		n.d.bad[n.field(name)] = true
		n.d.ds.at(n.d.at[n.field(name)], fmt.Sprintf("%s is %d; a port is 1 to 65535", name, v), "", "remove it for any port of the agent's range")
		return
	}
	*into = uint16(v)
}
