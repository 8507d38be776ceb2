package jobspec

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/tender-scheduler/tender/core/model"
)

// operatorAliases maps Nomad's spellings to the one kept in the job.
var operatorAliases = map[string]string{
	"": "=", "==": "=", "is": "=", "not": "!=", "set_contains_all": "set_contains",
}

func canonicalOperator(op string) string {
	if c, ok := operatorAliases[op]; ok {
		return c
	}
	return op
}

// sugar lists the attributes that name an operator: version = ">= 2" stands for
// operator = "version" and value = ">= 2".
var sugar = []string{"regexp", "version", "semver", "set_contains", "set_contains_all", "set_contains_any"}

// flagOperators need no value.
var flagOperators = []string{"distinct_hosts", "is_set", "is_not_set"}

// constraints decodes the constraint blocks of n.
func (n *node) constraints() (out []model.Constraint) {
	for _, b := range n.blocks["constraint"] {
		path := n.field(fmt.Sprintf("constraints[%d]", len(out)))
		if c, ok := n.d.open(b, constraintShape, path).constraint(); ok {
			out = append(out, c)
		} else {
			n.d.forget(path)
		}
	}
	return out
}

// forget drops what was noted about a path that will be used again.
func (d *decoder) forget(path string) {
	delete(d.bad, path)
	for _, field := range []string{"attribute", "operator", "value"} {
		delete(d.bad, path+"."+field)
		delete(d.at, path+"."+field)
	}
}

// constraint decodes one block; ok is false if there is nothing to keep.
func (n *node) constraint() (c model.Constraint, ok bool) {
	n.liveText("attribute", &c.Attribute)
	n.liveText("value", &c.Value)
	spelled := ""
	n.text("operator", &spelled)
	c.Operator = canonicalOperator(spelled)

	ways := 0
	take := func(name, operator string) {
		ways++
		c.Operator = operator
		n.mark("operator", n.block.body.Attributes[name].NameRange)
		if ways+btoi(n.has("operator"))+btoi(n.has("value") && operator != "distinct_property") > 1 {
			n.d.ds.at(n.block.body.Attributes[name].NameRange, aBlock(n.shape.title)+" has one operator and one value",
				"", fmt.Sprintf("write either %s = … or operator and value", name))
		}
	}
	for _, name := range sugar {
		if v, at, given := n.live(name, "value"); given && n.takeValue(name, v, at, &c.Value) {
			take(name, canonicalOperator(name))
		}
	}
	for _, name := range flagOperators {
		var on bool
		if !n.flag(name, &on) {
			continue
		}
		if !on {
			return c, false
		}
		take(name, name)
	}
	if v, at, given := n.live("distinct_property", "attribute"); given && n.takeValue("distinct_property", v, at, &c.Attribute) {
		take("distinct_property", "distinct_property")
	}
	if c.Operator == "distinct_hosts" && (c.Value == "true" || c.Value == "false") {
		drop := c.Value == "false"
		c.Value = ""
		return c, !drop
	}
	return c, true
}

func (n *node) takeValue(name string, v cty.Value, at hcl.Range, into *string) bool {
	s, ok := asText(v)
	if !ok {
		n.wrong(name, "value", at, "a text", "", v)
		return false
	}
	*into = s
	return true
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
