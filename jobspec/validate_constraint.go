package jobspec

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/go-version"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/internal/pattern"
)

// operators of a constraint, in the spelling kept in the job.
var operators = []string{
	"=", "!=", "<", "<=", ">", ">=", "regexp", "version", "semver", "set_contains", "set_contains_any",
	"is_set", "is_not_set", "distinct_hosts", "distinct_property",
}

const maxConstraints = 256

// placement is the kind of block a constraint stands in.
type placement uint8

const (
	placeJob placement = iota
	placeGroup
	placeTask
)

// agentRef is a reference to what is known of an agent before a task is placed.
var agentRef = pattern.New(`^\$\{(attr|node|meta)(\.[A-Za-z0-9_.-]+|\["[^"{}]+"\])\}$`)

// anyRef is any reference within a text.
var anyRef = pattern.New(`\$\{([A-Za-z_][A-Za-z0-9_-]*)[^}]*\}`)

func (c *checker) constraints(path string, cs []model.Constraint, at placement) {
	prefix := join2(path, "constraints")
	if len(cs) > maxConstraints {
		c.fail(prefix, fmt.Sprintf("there are %d constraints; there may be %d", len(cs), maxConstraints), "use regexp or set_contains")
		return
	}
	for i := range cs {
		c.constraint(fmt.Sprintf("%s[%d]", prefix, i), &cs[i], at)
	}
}

func (c *checker) constraint(path string, k *model.Constraint, at placement) {
	if !slices.Contains(operators, k.Operator) {
		c.fail(path+".operator", fmt.Sprintf("there is no operator %q", k.Operator), orElse(didYouMean(k.Operator, operators), "one of "+orList(operators)))
		return
	}
	distinct := k.Operator == "distinct_hosts" || k.Operator == "distinct_property"
	if distinct && at == placeTask {
		c.fail(path+".operator", fmt.Sprintf("%s belongs in a group or in the job", k.Operator), "a group's tasks always share an agent")
		return
	}
	if k.Operator == "distinct_hosts" {
		if k.Attribute != "" || k.Value != "" {
			c.fail(path, "distinct_hosts takes no attribute and no value", "write constraint { distinct_hosts = true }")
		}
		return
	}
	c.agentCondition(path, "constraint", k)
}

// agentCondition checks what a constraint and an affinity have in common; block
// is which of them it is.
func (c *checker) agentCondition(path, block string, k *model.Constraint) {
	c.attribute(path+".attribute", block, k.Attribute)
	c.constraintValue(path+".value", k)
	for _, m := range anyRef().FindAllStringSubmatch(k.Value, -1) {
		if root := m[1]; isRuntimeRoot(root) && !slices.Contains([]string{"attr", "node", "meta"}, root) {
			c.fail(path+".value", fmt.Sprintf("%s cannot use %s: it is known only once the task is placed", aBlock(block), m[0]), "")
		}
	}
}

func aBlock(block string) string {
	if block == "affinity" {
		return "an affinity"
	}
	return "a " + block
}

func (c *checker) attribute(path, block, a string) {
	bare := strings.Trim(a, "${} ")
	root, _, _ := strings.Cut(strings.ReplaceAll(bare, "[", "."), ".")
	switch {
	case a == "":
		c.fail(path, "the "+block+" has no attribute", `write attribute = "${attr.kernel.name}"`)
	case agentRef().MatchString(a):
	case isRuntimeRoot(root) && !slices.Contains([]string{"attr", "node", "meta"}, root):
		c.fail(path, fmt.Sprintf("%s cannot use %s: it is known only once the task is placed", aBlock(block), a), "use ${attr.…}, ${node.…} or ${meta.…}")
	case agentRef().MatchString("${" + bare + "}"):
		c.fail(path, fmt.Sprintf("attribute %q is plain text", a), `write "${`+bare+`}"`)
	default:
		c.fail(path, fmt.Sprintf("attribute %q names nothing of an agent", a), "it is ${attr.…}, ${node.…} or ${meta.…}")
	}
}

func (c *checker) constraintValue(path string, k *model.Constraint) {
	if k.Operator == "is_set" || k.Operator == "is_not_set" {
		if k.Value != "" {
			c.fail(path, k.Operator+" takes no value", "")
		}
		return
	}
	if k.Operator == "distinct_property" {
		if n, err := strconv.Atoi(k.Value); k.Value != "" && (err != nil || n < 1) {
			c.fail(path, fmt.Sprintf("distinct_property takes how many may share a value, not %q", k.Value), `write value = "1", or remove it`)
		}
		return
	}
	if k.Value == "" {
		c.fail(path, fmt.Sprintf("the operator %q needs a value", k.Operator), "")
		return
	}
	if strings.Contains(k.Value, "${") {
		return
	}
	switch k.Operator {
	case "regexp":
		if _, err := regexp.Compile(k.Value); err != nil {
			c.fail(path, fmt.Sprintf("the regular expression cannot be read: %v", err), "its syntax is RE2, in HCL with each backslash doubled")
		}
	case "version", "semver":
		if _, err := version.NewConstraint(k.Value); err != nil {
			c.fail(path, fmt.Sprintf("%q is not a version constraint", k.Value), `write one such as ">= 1.2, < 2"`)
		}
	}
}
