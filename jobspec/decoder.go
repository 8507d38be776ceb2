package jobspec

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// decoder turns one file into one job. It lives for one call of Parse.
type decoder struct {
	ds           *Diagnostics
	meter        *meter
	names        *names
	ctx          *hcl.EvalContext
	broken       bool // the file has syntax errors, so what is missing may only be unreadable
	inputsBroken bool // a variable file could not be read
	stopped      bool // the meter's verdict has been reported

	at  map[string]hcl.Range // where each value of the job was written
	bad map[string]bool      // paths whose value was refused already

	opened  map[string]bool // paths of blocks
	strayed map[string]bool // those with a name or a dynamic block that was not understood
	rollout *rollout        // of the job; nil before it is read
}

// prepare makes what was parsed ready to be evaluated.
func (d *decoder) prepare() *preparer { return &preparer{d.meter, d.ds, d.names} }

// lacks reports something missing, unless a syntax error may have hidden it.
func (d *decoder) lacks(at hcl.Range, summary, detail, suggestion string) {
	if !d.broken {
		d.ds.at(at, summary, detail, suggestion)
	}
}

// evaluate computes a prepared expression; ok is false when that failed, which has then
// been reported. An unknown value also stands for a failure reported before.
func (d *decoder) evaluate(e hclsyntax.Expression, ctx *hcl.EvalContext) (v cty.Value, ok bool) {
	var diags hcl.Diagnostics
	if !d.meter.watch(func() { v, diags = e.Value(ctx) }) {
		d.tooMuch(e.Range())
		return cty.DynamicVal, false
	}
	d.fromHCL(diags)
	if diags.HasErrors() {
		return cty.DynamicVal, false
	}
	return v, true
}

// tooMuch reports, once, where the meter stopped the evaluation.
func (d *decoder) tooMuch(at hcl.Range) {
	if !d.stopped {
		d.ds.at(at, d.meter.exceeded, "a job file is computed within fixed bounds of time and memory",
			"for many like tasks use array { range = … }; ship data as an artifact")
	}
	d.stopped = true
}

// pay spends steps on work at a place; false means the meter has stopped it.
func (d *decoder) pay(steps int, at hcl.Range) bool {
	if d.meter.watch(func() { d.meter.spend(steps) }) {
		return true
	}
	d.tooMuch(at)
	return false
}

// fromHCL takes over what HCL reported, in the house's wording.
func (d *decoder) fromHCL(diags hcl.Diagnostics) {
	for _, h := range diags {
		d.ds.add(translate(h))
	}
}

func translate(h *hcl.Diagnostic) Diagnostic {
	out := Diagnostic{Severity: SeverityError, Summary: lowerFirst(h.Summary), Detail: tidy(h.Detail)}
	if h.Severity == hcl.DiagWarning {
		out.Severity = SeverityWarning
	}
	if s, ok := h.Extra.(advice); ok {
		out.Suggestion = string(s)
	} else if text, question, found := strings.Cut(out.Detail, " Did you mean "); found {
		out.Detail, out.Suggestion = tidy(text), "did you mean "+question
	}
	if f, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](h); ok && f.CalledFunctionName() != "" {
		functionError(&out, f)
	}
	if f, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallUnknownDiagExtra](h); ok {
		name := f.CalledFunctionName()
		out.Summary = "there is no function " + quote(name)
		out.Detail = ""
		if why, ok := absentFunctions[name]; ok {
			out.Detail, out.Suggestion = "it is left out on purpose", why
		}
	}
	if h.Subject != nil {
		out = locate(out, *h.Subject)
	}
	return out
}

// functionError words the failure of a call as "file(): no such file".
func functionError(d *Diagnostic, f hclsyntax.FunctionCallDiagExtra) {
	what := d.Detail
	if _, after, found := strings.Cut(what, " parameter: "); found {
		what = after
	} else if err := f.FunctionCallError(); err != nil {
		what = err.Error()
	}
	if what == "EOF" || what == "unexpected EOF" {
		what = "the text ends too early"
	}
	what = strings.TrimPrefix(what, "function "+quote(f.CalledFunctionName())+" ")
	d.Summary, d.Detail = f.CalledFunctionName()+"(): "+what, ""
}

func lowerFirst(s string) string {
	if len(s) > 1 && s[0] >= 'A' && s[0] <= 'Z' && (s[1] < 'A' || s[1] > 'Z') {
		return string(s[0]+'a'-'A') + s[1:]
	}
	return s
}

// tidy drops the full stop that ends a one-sentence detail.
func tidy(s string) string {
	s = strings.TrimSpace(s)
	if strings.Count(s, ". ") == 0 {
		return lowerFirst(strings.TrimSuffix(s, "."))
	}
	return s
}

// kindOf names a value's type for people.
func kindOf(v cty.Value) string {
	t := v.Type()
	switch {
	case v.IsNull():
		return "null"
	case t == cty.String:
		return "a text"
	case t == cty.Number:
		return "a number"
	case t == cty.Bool:
		return "true or false"
	case t.IsListType() || t.IsTupleType() || t.IsSetType():
		return "a list"
	case t.IsMapType() || t.IsObjectType():
		return "a map"
	}
	return t.FriendlyName()
}
