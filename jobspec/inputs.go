package jobspec

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// EnvPrefix starts the names of environment variables that set variables.
const EnvPrefix = "TENDER_VAR_"

// input is a value given for a variable from outside the file.
type input struct {
	value  cty.Value
	origin string    // "--var epochs", for one that is in no file
	at     hcl.Range // in a var file
	failed bool      // reported already
}

func (in *input) report(ds *Diagnostics, summary, suggestion string) {
	if in.at.Filename != "" {
		ds.at(in.at, summary, "", suggestion)
	} else {
		ds.about(in.origin, summary, "", suggestion)
	}
}

// inputs gathers the values from outside; --var wins over --var-file, and that
// over the environment. A name that is not declared is an error but in the
// environment, which belongs to no file in particular.
func (d *decoder) inputs(declared map[string]*variable, o Options) map[string]*input {
	in := map[string]*input{}
	for _, entry := range o.Environ {
		name, raw, _ := strings.Cut(strings.TrimPrefix(entry, EnvPrefix), "=")
		if v := declared[name]; strings.HasPrefix(entry, EnvPrefix) && v != nil {
			in[name] = d.raw(v, raw, EnvPrefix+name)
		}
	}
	for _, f := range o.VarFiles {
		d.varFile(f, declared, in)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Vars)) {
		v := declared[name]
		if v == nil {
			(&input{origin: "--var " + name}).report(d.ds, undeclared(name), suggestVariable(name, declared))
			continue
		}
		in[name] = d.raw(v, o.Vars[name], "--var "+name)
	}
	return in
}

func undeclared(name string) string {
	return fmt.Sprintf("the job file declares no variable %q", name)
}

func suggestVariable(name string, declared map[string]*variable) string {
	if hint := didYouMean(name, slices.Collect(maps.Keys(declared))); hint != "" {
		return hint
	}
	if len(declared) == 0 {
		return fmt.Sprintf("declare it: variable %q { … }", name)
	}
	return "it declares " + andList(slices.Sorted(maps.Keys(declared)))
}

// raw reads a value that was typed at a shell: as it is for a text, a number or
// a truth value, else as an HCL expression.
func (d *decoder) raw(v *variable, raw, origin string) *input {
	in := &input{origin: origin, value: cty.StringVal(raw)}
	if v.failed || v.typ.IsPrimitiveType() || !v.typed && v.fallback == cty.NilVal {
		return in
	}
	d.ds.sources[origin] = []byte(raw)
	tokens, _ := hclsyntax.LexExpression([]byte(raw), origin, firstPos)
	if !bound(d.ds, tokens) {
		in.failed = true
		return in
	}
	expr, diags := hclsyntax.ParseExpression([]byte(raw), origin, firstPos)
	if diags.HasErrors() {
		in.failed = true
		first := diags[0]
		hint := `write lists as '["a", "b"]' and maps as '{ a = "b" }'`
		d.ds.add(locate(Diagnostic{Summary: lowerFirst(first.Summary), Detail: tidy(first.Detail), Suggestion: hint}, *first.Subject))
		return in
	}
	expr = d.prepare().expression(expr)
	value, ok := d.evaluate(expr, d.constantContext())
	if ref := runtimeWithin(value); ref != "" {
		d.ds.at(expr.Range(), "a variable cannot hold "+ref, "its value is known only on the agent", "")
		ok = false
	}
	in.value, in.failed = value, !ok
	return in
}

// constantContext is where values from outside are computed: they can use
// functions, but nothing of the file.
func (d *decoder) constantContext() *hcl.EvalContext {
	return &hcl.EvalContext{Functions: d.ctx.Functions}
}

func (d *decoder) varFile(f VarFile, declared map[string]*variable, in map[string]*input) {
	d.ds.sources[f.Name] = f.Src
	var body *hclsyntax.Body
	ok := boundSize(d.ds, f.Name, f.Src)
	if ok {
		body, ok = parseBody(d.ds, f.Src, f.Name)
	}
	if !ok {
		d.inputsBroken = true
		return
	}
	d.prepare().body(body)
	for _, b := range body.Blocks {
		d.ds.at(b.DefRange(), "a variable file holds NAME = VALUE and no blocks", "", "")
	}
	for _, name := range slices.Sorted(maps.Keys(body.Attributes)) {
		a := body.Attributes[name]
		if declared[name] == nil {
			d.ds.at(a.NameRange, undeclared(name), "", suggestVariable(name, declared))
			continue
		}
		value, ok := d.evaluate(a.Expr, d.constantContext())
		if ref := runtimeWithin(value); ref != "" {
			d.ds.at(a.Expr.Range(), "a variable cannot hold "+ref, "its value is known only on the agent", "")
			ok = false
		}
		in[name] = &input{value: value, at: a.Expr.Range(), failed: !ok}
	}
}
