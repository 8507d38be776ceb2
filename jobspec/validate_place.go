package jobspec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/internal/pattern"
)

const (
	maxPlaceBlocks = 100 // affinities, spreads and targets, each
	maxPorts       = 256 // of one group
)

var placements = []string{string(model.PlacePack), string(model.PlaceSpread), string(model.PlaceFGD)}

func (c *checker) placement(p model.Placement) {
	if p != "" {
		c.oneOf("placement", "placement", string(p), placements)
	}
}

// affinityOperators are those that can be true of one agent.
var affinityOperators = slices.DeleteFunc(slices.Clone(operators), func(op string) bool {
	return strings.HasPrefix(op, "distinct_")
})

func (c *checker) affinities(path string, as []model.Affinity) {
	path = join2(path, "affinities")
	if len(as) > maxPlaceBlocks {
		c.fail(path, fmt.Sprintf("there are %d affinities; there may be %d", len(as), maxPlaceBlocks), "use regexp or set_contains_any")
		return
	}
	for i := range as {
		a, at := &as[i], fmt.Sprintf("%s[%d]", path, i)
		switch a.Weight {
		case 0:
			c.fail(at+".weight", "an affinity of weight 0 says nothing", "write 1 to 100, or a negative weight to keep away")
		default:
			c.between(at+".weight", "weight", int64(a.Weight), -100, 100)
		}
		if !slices.Contains(affinityOperators, a.Operator) {
			c.fail(at+".operator", fmt.Sprintf("an affinity has no operator %q", a.Operator),
				orElse(didYouMean(a.Operator, affinityOperators), "one of "+orList(affinityOperators)))
			continue
		}
		c.agentCondition(at, "affinity", &a.Constraint)
	}
}

func (c *checker) spreads(path string, ss []model.Spread) {
	path = join2(path, "spreads")
	if len(ss) > maxPlaceBlocks {
		c.fail(path, fmt.Sprintf("there are %d spreads; there may be %d", len(ss), maxPlaceBlocks), "")
		return
	}
	seen := map[string]bool{}
	for i := range ss {
		s, at := &ss[i], fmt.Sprintf("%s[%d]", path, i)
		c.attribute(at+".attribute", "spread", s.Attribute)
		if seen[s.Attribute] && s.Attribute != "" {
			c.fail(at+".attribute", fmt.Sprintf("%s is spread over twice", s.Attribute), "put all targets in one spread block")
		}
		seen[s.Attribute] = true
		c.between(at+".weight", "weight", int64(s.Weight), 1, 100)
		c.spreadTargets(at, s.Targets)
	}
}

func (c *checker) spreadTargets(path string, ts []model.SpreadTarget) {
	if len(ts) > maxPlaceBlocks {
		c.fail(path+".targets", fmt.Sprintf("there are %d targets; there may be %d", len(ts), maxPlaceBlocks), "leave them out to spread evenly")
		return
	}
	sum := 0
	for i, t := range ts {
		at := fmt.Sprintf("%s.targets[%d]", path, i)
		if t.Value == "" {
			c.fail(at+".value", "a target has no value", `write target "value" { percent = 50 }`)
		}
		c.plainText(at+".value", "a target", t.Value)
		if t.Percent < 0 || t.Percent > 100 {
			c.fail(at+".percent", fmt.Sprintf("percent is %d; it must be 0 to 100", t.Percent), "")
			return
		}
		if sum += t.Percent; sum > 100 {
			c.fail(at+".percent", fmt.Sprintf("the targets add up to %d percent", sum), "what they leave of 100 goes to all other values")
			return
		}
	}
	c.unique("targets in a spread", len(ts), func(i int) (string, string) {
		return fmt.Sprintf("%s.targets[%d].value", path, i), ts[i].Value
	})
}

// portLabel is Nomad's syntax; '-' becomes '_' in the environment.
var portLabel = pattern.New(`^[A-Za-z0-9_-]{1,64}$`)

func (c *checker) network(path string, n *model.Network) {
	if len(n.Ports) > maxPorts {
		c.fail(path+".ports", fmt.Sprintf("the group has %d ports; it may have %d", len(n.Ports), maxPorts), "")
		return
	}
	labels, numbers := map[string]bool{}, map[uint16]string{}
	for i, p := range n.Ports {
		at := fmt.Sprintf("%s.ports[%d]", path, i)
		variable := strings.ReplaceAll(p.Label, "-", "_")
		switch {
		case !portLabel().MatchString(p.Label):
			c.fail(at+".label", fmt.Sprintf("%q cannot name a port: a label has letters, digits, '_' and '-', at most 64", p.Label), "")
		case labels[variable]:
			c.fail(at+".label", fmt.Sprintf("there are two ports named %q", p.Label), "'-' and '_' are the same in TENDER_PORT_<label>")
		case i > 0 && p.Label < n.Ports[i-1].Label:
			c.fail(path+".ports", "ports must be sorted by label", "")
		}
		labels[variable] = true
		if p.Static == 0 {
			continue
		}
		if other, taken := numbers[p.Static]; taken {
			c.fail(at+".static", fmt.Sprintf("port %d is asked for twice, as %q and %q", p.Static, other, p.Label), "")
		}
		numbers[p.Static] = p.Label
	}
}

func join2(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
}
