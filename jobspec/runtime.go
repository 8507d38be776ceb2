package jobspec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/tender-scheduler/tender/internal/pattern"
)

// A runtime reference, such as ${attr.cpu.arch}, has a value only on the agent.
// It evaluates to its own text, marked, so that the text may travel through
// lists, templates and functions that merely carry it, and is refused where
// something would look inside it.
type runtimeRef string

// runtimeRoots are the names whose values only the agent knows.
var runtimeRoots = []string{"attr", "node", "meta", "env", "device"}

// runtimePrefixes start the names of the variables a task sees.
var runtimePrefixes = []string{"TENDER_", "NOMAD_"}

func isRuntimeRoot(name string) bool {
	return slices.Contains(runtimeRoots, name) ||
		slices.ContainsFunc(runtimePrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// plainKey is a key that needs no quotes behind attr., node. or meta.
var plainKey = pattern.New(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// runtimeText returns the reference as it stays in the job, in the one form that
// agents read: ${attr.cpu.arch}, ${meta["a b"]}, ${env["HOME"]}, ${TENDER_RANK}.
func runtimeText(t hcl.Traversal) string {
	root := t.RootName()
	var steps []string
	for _, step := range t[1:] {
		switch s := step.(type) {
		case hcl.TraverseAttr:
			steps = append(steps, s.Name)
		case hcl.TraverseIndex:
			if s.Key.Type() == cty.String {
				steps = append(steps, s.Key.AsString())
			} else {
				steps = append(steps, s.Key.AsBigFloat().Text('f', -1))
			}
		}
	}
	key := strings.Join(steps, ".")
	switch {
	case len(steps) == 0:
		return "${" + root + "}"
	case root != "env" && plainKey().MatchString(key):
		return "${" + root + "." + key + "}"
	}
	return "${" + root + `["` + key + `"]}`
}

// runtimeWithin returns the first runtime reference v holds, or "".
func runtimeWithin(v cty.Value) string {
	if v == cty.NilVal || !v.ContainsMarked() {
		return ""
	}
	_, marks := v.UnmarkDeep()
	var refs []string
	for m := range marks {
		if r, ok := m.(runtimeRef); ok {
			refs = append(refs, string(r))
		}
	}
	if len(refs) == 0 {
		return ""
	}
	return slices.Min(refs)
}

// guard is an operand: it is charged to the meter and, where refuse is not
// empty, must not hold a runtime reference.
type guard struct {
	hclsyntax.Expression
	meter  *meter
	refuse string // who cannot work on a reference: "upper()", "a condition"
	free   bool   // not charged: whoever uses it does not walk it
}

// UnwrapExpression lets HCL see the expression as it was written.
func (g *guard) UnwrapExpression() hcl.Expression { return g.Expression }

func (g *guard) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	v, diags := g.Expression.Value(ctx)
	if diags.HasErrors() {
		g.meter.spend(stepsPerError)
		return v, diags
	}
	if g.free {
		g.meter.spend(1)
	} else {
		g.meter.charge(v)
	}
	if g.refuse == "" {
		return v, diags
	}
	if ref := g.offending(v); ref != "" {
		return cty.DynamicVal, append(diags, problem(g.Range(),
			fmt.Sprintf("%s cannot use %s here", g.refuse, ref),
			"its value is known only on the agent, when the task starts",
			runtimeAdvice(ref)))
	}
	return v, diags
}

// offending looks only at the value itself where its elements do not matter.
func (g *guard) offending(v cty.Value) string {
	if !g.free {
		return runtimeWithin(v)
	}
	if v.IsMarked() {
		return runtimeWithin(v)
	}
	return ""
}

func runtimeAdvice(ref string) string {
	if strings.HasPrefix(ref, "${attr.") || strings.HasPrefix(ref, "${node.") || strings.HasPrefix(ref, "${meta.") {
		return "to choose among agents use a constraint; to decide within the task, pass " + ref + " on in args or env"
	}
	return "decide within the task: pass " + ref + " on in args or env, or read it from the environment"
}

// problem makes an HCL diagnostic that carries a suggestion of ours.
func problem(r hcl.Range, summary, detail, suggestion string) *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &r, Extra: advice(suggestion),
	}
}

// advice is the suggestion of a diagnostic that went through HCL.
type advice string
