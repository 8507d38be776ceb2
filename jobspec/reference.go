package jobspec

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// reference is a name with its steps, such as var.epochs or attr.cpu.arch.
type reference struct {
	*hclsyntax.ScopeTraversalExpr
	inTemplate bool // within ${ … } of a text
	names      *names
}

// names are what the file declares, for suggestions.
type names struct{ vars, locals []string }

func (r *reference) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	root := r.Traversal.RootName()
	value, known := lookup(ctx, root)
	switch {
	case known && (root == "var" || root == "local"):
		if d := r.missing(root, value); d != nil {
			return cty.DynamicVal, hcl.Diagnostics{d}
		}
		return r.ScopeTraversalExpr.Value(ctx)
	case known:
		return r.ScopeTraversalExpr.Value(ctx)
	case isRuntimeRoot(root):
		return r.runtime()
	}
	return cty.DynamicVal, hcl.Diagnostics{r.unknown(ctx, root)}
}

func lookup(ctx *hcl.EvalContext, name string) (cty.Value, bool) {
	for ; ctx != nil; ctx = ctx.Parent() {
		if v, ok := ctx.Variables[name]; ok {
			return v, true
		}
	}
	return cty.NilVal, false
}

func (r *reference) runtime() (cty.Value, hcl.Diagnostics) {
	root, bare := r.Traversal.RootName(), len(r.Traversal) == 1
	switch named := slices.Contains(runtimeRoots, root); {
	case named && bare:
		return cty.DynamicVal, hcl.Diagnostics{problem(r.SrcRange, fmt.Sprintf("%q needs a name behind it", root),
			"it stands for what is known of an agent, as in ${"+root+"."+runtimeExample[root]+"}", "")}
	case !named && !bare:
		return cty.DynamicVal, hcl.Diagnostics{problem(r.SrcRange, fmt.Sprintf("%q is a text and has no parts", root), "", "write ${"+root+"}")}
	}
	text := runtimeText(r.Traversal)
	return cty.StringVal(text).Mark(runtimeRef(text)), nil
}

var runtimeExample = map[string]string{
	"attr": "kernel.name", "node": "unique.name", "meta": "rack", "env": "HOME", "device": "model",
}

// missing reports a var or local that is not declared.
func (r *reference) missing(root string, values cty.Value) *hcl.Diagnostic {
	if len(r.Traversal) < 2 || !values.Type().IsObjectType() {
		return nil
	}
	name, ok := stepName(r.Traversal[1])
	if !ok || values.Type().HasAttribute(name) {
		return nil
	}
	kind, declare, declared := "variable", fmt.Sprintf("variable %q { … }", name), r.names.vars
	if root == "local" {
		kind, declare, declared = "local value", "locals { "+name+" = … }", r.names.locals
	}
	hint := didYouMean(name, declared)
	if hint == "" {
		hint = "declare it: " + declare
	}
	return problem(r.SrcRange, fmt.Sprintf("there is no %s %q", kind, name), "", hint)
}

func stepName(step hcl.Traverser) (string, bool) {
	switch s := step.(type) {
	case hcl.TraverseAttr:
		return s.Name, true
	case hcl.TraverseIndex:
		if s.Key.Type() == cty.String {
			return s.Key.AsString(), true
		}
	}
	return "", false
}

// unknown explains a name that means nothing here, by where it was written.
func (r *reference) unknown(ctx *hcl.EvalContext, root string) *hcl.Diagnostic {
	summary := fmt.Sprintf("unknown name %q", root)
	switch {
	case slices.Contains(r.names.vars, root):
		return problem(r.SrcRange, summary, "", fmt.Sprintf("did you mean var.%s?", root))
	case slices.Contains(r.names.locals, root):
		return problem(r.SrcRange, summary, "", fmt.Sprintf("did you mean local.%s?", root))
	}
	if r.inTemplate {
		return problem(r.SrcRange, summary,
			"${ … } in a text can hold var.NAME, local.NAME, and what the agent fills in: attr.…, node.…, meta.…, env.NAME, TENDER_…",
			"to leave it to a shell or a template, write $${"+root+"}")
	}
	if len(r.Traversal) == 1 {
		return problem(r.SrcRange, summary, "", "if it is meant as text, put it in quotes: "+quote(root))
	}
	roots := append(scopeNames(ctx), runtimeRoots...)
	return problem(r.SrcRange, summary, "names start with var, local, attr, node, meta or env", didYouMean(root, roots))
}

func scopeNames(ctx *hcl.EvalContext) (names []string) {
	for ; ctx != nil; ctx = ctx.Parent() {
		names = append(names, slices.Collect(maps.Keys(ctx.Variables))...)
	}
	return names
}
