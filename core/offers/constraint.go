package offers

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/go-version"

	"github.com/tender-scheduler/tender/core/model"
)

// rules are a group's constraints on one agent's attributes, compiled. Those on
// where the group's other tasks are (see placement) are not among them.
type rules []rule

// rule is one constraint. Operators and their meaning are Nomad's.
type rule struct {
	source      model.Constraint
	left, right operand
	holds       func(r *rule, l, v string) bool
	needs       need
	compiled    map[string]any // of right's values seen: *regexp.Regexp, version.Constraints or semverRange; nil where invalid
}

// need says which sides must be set for the rule to hold.
type need uint8

const (
	needBoth need = iota
	needLeft
	needNone
)

// maxCompiled bounds how many patterns a rule whose value names an agent's
// attribute keeps compiled.
const maxCompiled = 256

// operators are those decided by one agent's attributes alone.
var operators = map[string]struct {
	needs need
	holds func(r *rule, l, v string) bool
}{
	"=":                {needBoth, func(_ *rule, l, v string) bool { return l == v }},
	">":                {needBoth, func(_ *rule, l, v string) bool { return compareValues(l, v) > 0 }},
	">=":               {needBoth, func(_ *rule, l, v string) bool { return compareValues(l, v) >= 0 }},
	"<":                {needBoth, func(_ *rule, l, v string) bool { return compareValues(l, v) < 0 }},
	"<=":               {needBoth, func(_ *rule, l, v string) bool { return compareValues(l, v) <= 0 }},
	"!=":               {needNone, nil}, // see rule.met: an unset side is unlike any value
	"is_set":           {needLeft, func(*rule, string, string) bool { return true }},
	"is_not_set":       {needNone, nil},
	"regexp":           {needBoth, matchesPattern},
	"version":          {needBoth, matchesVersion},
	"semver":           {needBoth, matchesSemver},
	"set_contains":     {needBoth, func(_ *rule, l, v string) bool { return containsAll(l, v) }},
	"set_contains_all": {needBoth, func(_ *rule, l, v string) bool { return containsAll(l, v) }},
	"set_contains_any": {needBoth, func(_ *rule, l, v string) bool { return containsAny(l, v) }},
}

var operatorAliases = map[string]string{"": "=", "==": "=", "is": "=", "not": "!="}

// compileRules compiles the constraints on one agent. The fault, if there is
// one, says what is wrong with the first that can never hold.
func compileRules(cs []model.Constraint) (out rules, fault string) {
	for _, c := range cs {
		if placement(c.Operator) {
			continue
		}
		r, f := compileRule(c)
		if f != "" && fault == "" {
			fault = f
		}
		out = append(out, r)
	}
	return out, fault
}

func compileRule(c model.Constraint) (rule, string) {
	name := c.Operator
	if a, ok := operatorAliases[name]; ok {
		name = a
	}
	r := rule{source: c, left: parseOperand(c.Attribute), right: parseOperand(c.Value)}
	r.source.Operator = name
	op, ok := operators[name]
	if !ok {
		return r, fmt.Sprintf("constraint %q: there is no operator %q%s", describe(c), c.Operator, didYouMean(c.Operator, operatorNames()))
	}
	r.holds, r.needs = op.holds, op.needs
	if text, fixed := r.right.literal(); fixed {
		if _, err := r.compile(text); err != nil {
			return r, fmt.Sprintf("constraint %q: %v", describe(c), err)
		}
	}
	return r, ""
}

func operatorNames() []string {
	names := []string{"==", "is", "not", "distinct_hosts", "distinct_property"}
	for n := range operators {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// describe prints a constraint on one line, for people.
func describe(c model.Constraint) string {
	op := c.Operator
	if a, ok := operatorAliases[op]; ok {
		op = a
	}
	return strings.TrimSpace(strings.TrimSpace(bare(c.Attribute)+" "+op) + " " + bare(c.Value))
}

// bare strips the ${} of a reference that stands alone.
func bare(s string) string {
	if t := strings.TrimSpace(s); strings.HasPrefix(t, "${") && strings.IndexByte(t, '}') == len(t)-1 {
		return t[2 : len(t)-1]
	}
	return s
}

// firstFailing returns the position of the first rule that attrs do not meet, or -1.
func (rs rules) firstFailing(attrs map[string]string) int {
	for i := range rs {
		if !rs[i].met(attrs) {
			return i
		}
	}
	return -1
}

func (r *rule) met(attrs map[string]string) bool {
	l, okL := r.left.value(attrs)
	v, okV := r.right.value(attrs)
	switch {
	case r.source.Operator == "!=":
		return okL != okV || l != v
	case r.source.Operator == "is_not_set":
		return !okL
	case r.holds == nil: // an operator nobody knows
		return false
	case r.needs == needLeft:
		return okL && r.holds(r, l, v)
	}
	return okL && okV && r.holds(r, l, v)
}

// compile returns what text means to r's operator, and keeps it.
func (r *rule) compile(text string) (any, error) {
	if v, ok := r.compiled[text]; ok {
		return v, nil
	}
	var v any
	var err error
	switch r.source.Operator {
	case "regexp":
		v, err = regexp.Compile(text)
	case "version":
		v, err = version.NewConstraint(text)
	case "semver":
		v, err = parseSemverRange(text)
	default:
		return nil, nil
	}
	if err != nil {
		v = nil
	}
	if len(r.compiled) >= maxCompiled {
		r.compiled = nil
	}
	if r.compiled == nil {
		r.compiled = map[string]any{}
	}
	r.compiled[text] = v
	return v, err
}

func matchesPattern(r *rule, l, v string) bool {
	c, _ := r.compile(v)
	re, ok := c.(*regexp.Regexp)
	return ok && re.MatchString(l)
}

func matchesVersion(r *rule, l, v string) bool {
	c, _ := r.compile(v)
	want, ok := c.(version.Constraints)
	have, err := version.NewVersion(l)
	return ok && err == nil && want.Check(have)
}

func matchesSemver(r *rule, l, v string) bool {
	c, _ := r.compile(v)
	want, ok := c.(semverRange)
	have, err := version.NewSemver(l)
	return ok && err == nil && want.holds(have)
}

// compareValues compares as numbers if both are, else as text.
func compareValues(l, v string) int {
	if a, err := strconv.ParseInt(l, 10, 64); err == nil {
		if b, err := strconv.ParseInt(v, 10, 64); err == nil {
			return cmp.Compare(a, b)
		}
	}
	a, err1 := strconv.ParseFloat(l, 64)
	b, err2 := strconv.ParseFloat(v, 64)
	if err1 == nil && err2 == nil {
		return cmp.Compare(a, b)
	}
	return strings.Compare(l, v)
}

func containsAll(list, want string) bool {
	have := splitSet(list)
	return !slices.ContainsFunc(splitSet(want), func(w string) bool { return !slices.Contains(have, w) })
}

func containsAny(list, want string) bool {
	have := splitSet(list)
	return slices.ContainsFunc(splitSet(want), func(w string) bool { return slices.Contains(have, w) })
}

func splitSet(s string) []string {
	parts := strings.Split(s, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}
