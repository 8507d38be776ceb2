package jobspec

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// variable is a declared input of the file.
type variable struct {
	name       string
	header     hcl.Range
	typ        cty.Type // cty.DynamicPseudoType where none is given
	typed      bool     // by a type attribute
	optional   *typeexpr.Defaults
	fallback   cty.Value // the default; cty.NilVal for none
	value      cty.Value
	validation []block
	failed     bool // its declaration or its value was refused
}

// variables declares the file's variables, gives each its value and puts them
// into the context as var.
func (d *decoder) variables(top *node, o Options) {
	declared := map[string]*variable{}
	add := func(v *variable) {
		if before := declared[v.name]; before != nil {
			d.ds.at(v.header, fmt.Sprintf("the variable %q is declared twice", v.name),
				fmt.Sprintf("the first is in line %d", before.header.Start.Line), "")
			return
		}
		declared[v.name] = v
	}
	for _, b := range top.blocks["variable"] {
		add(d.declare(b))
	}
	for _, b := range top.blocks["variables"] {
		for _, v := range d.declareAll(b) {
			add(v)
		}
	}
	d.names.vars = slices.Sorted(maps.Keys(declared))
	in := d.inputs(declared, o)
	values := map[string]cty.Value{}
	for _, name := range d.names.vars {
		v := declared[name]
		d.assign(v, in[name])
		values[name] = v.value
	}
	d.ctx.Variables = map[string]cty.Value{"var": cty.ObjectVal(values)}
	for _, name := range d.names.vars {
		d.validate(declared[name])
	}
}

func (d *decoder) declare(b block) *variable {
	n := d.open(b, variableShape, "variable")
	v := &variable{name: n.label(), header: b.header, typ: cty.DynamicPseudoType, validation: n.blocks["validation"]}
	if v.name == "" {
		v.failed = true
	} else if !hclsyntax.ValidIdentifier(v.name) {
		d.ds.at(b.labels[0].at, fmt.Sprintf("%q cannot name a variable", v.name), "a name has letters, digits, _ and -, and starts with a letter", "")
		v.failed = true
	}
	if a := b.body.Attributes["type"]; a != nil {
		d.takeType(v, a.Expr)
	}
	if a := b.body.Attributes["default"]; a != nil {
		def, ok := d.evaluate(a.Expr, d.ctx)
		v.failed = v.failed || !ok
		if ok {
			v.takeDefault(d, def, a.Expr.Range())
		}
	}
	return v
}

func (d *decoder) takeType(v *variable, e hcl.Expression) {
	v.typed = true
	var diags hcl.Diagnostics
	switch ended := d.meter.watch(func() { v.typ, v.optional, diags = typeexpr.TypeConstraintWithDefaults(e) }); {
	case !ended:
		d.tooMuch(e.Range())
		v.typ, v.optional, v.failed = cty.DynamicPseudoType, nil, true
	case diags.HasErrors():
		at, hint := e.Range(), typeHint(e)
		if s := diags[0].Subject; s != nil && hint == "" {
			at = *s
			hint = didYouMean(string(s.SliceBytes(d.ds.sources[s.Filename])), typeNames)
		}
		d.ds.at(at, "this is not a type",
			"a type is string, number, bool, any, list(…), set(…), map(…), tuple([…]) or object({…})", hint)
		v.typ, v.optional, v.failed = cty.DynamicPseudoType, nil, true
	}
}

var typeNames = []string{"string", "number", "bool", "any", "list", "map", "set", "object", "tuple"}

// typeHint helps with quoted and foreign type names.
func typeHint(e hcl.Expression) string {
	word := hcl.ExprAsKeyword(e)
	if s, ok := literalText(e); ok {
		if word = s; slices.Contains(typeNames, word) {
			return "write it without quotes: type = " + word
		}
	}
	switch word {
	case "int", "integer", "float":
		return "write type = number"
	case "boolean":
		return "write type = bool"
	case "str", "text":
		return "write type = string"
	case "list", "map", "set":
		return fmt.Sprintf("say of what: type = %s(string)", word)
	}
	return didYouMean(word, typeNames)
}

// literalText returns a text that is written down plainly.
func literalText(e hcl.Expression) (string, bool) {
	t, ok := hcl.UnwrapExpression(e).(*hclsyntax.TemplateExpr)
	if !ok || len(t.Parts) != 1 {
		return "", false
	}
	l, ok := hcl.UnwrapExpression(t.Parts[0]).(*hclsyntax.LiteralValueExpr)
	if !ok {
		return "", false
	}
	return asText(l.Val)
}

func (v *variable) takeDefault(d *decoder, def cty.Value, at hcl.Range) {
	if ref := runtimeWithin(def); ref != "" {
		d.ds.at(at, "a default cannot use "+ref, "its value is known only on the agent", "")
		v.failed = true
		return
	}
	converted, err := v.convert(def)
	if err != nil {
		d.ds.at(at, fmt.Sprintf("the default does not fit the type %s: %v", typeexpr.TypeString(v.typ), err), "", "")
		v.failed = true
		return
	}
	v.fallback = converted
	if v.typ == cty.DynamicPseudoType {
		v.typ = looseType(converted.Type())
	}
}

// looseType is the type an untyped variable takes from its default: that of a
// text, a number or a truth value, else any.
func looseType(t cty.Type) cty.Type {
	if t.IsPrimitiveType() {
		return t
	}
	return cty.DynamicPseudoType
}

func (v *variable) convert(val cty.Value) (cty.Value, error) {
	if v.optional != nil && !val.IsNull() {
		val = v.optional.Apply(val)
	}
	return convert.Convert(val, v.typ)
}

// declareAll reads variables { a = 1 }: untyped variables with defaults.
func (d *decoder) declareAll(b block) (out []*variable) {
	n := &node{d: d, shape: mapShape(b), title: "variables", path: "variables", block: b}
	n.checkLabels()
	n.noBlocks()
	for _, name := range n.shape.attrs {
		a := b.body.Attributes[name]
		v := &variable{name: name, header: a.NameRange, typ: cty.DynamicPseudoType}
		def, ok := d.evaluate(a.Expr, d.ctx)
		if v.failed = !ok; ok {
			v.takeDefault(d, def, a.Expr.Range())
		}
		out = append(out, v)
	}
	return out
}

// assign gives a variable its value: the input, else the default. A variable
// without either is an error that says how to give one.
func (d *decoder) assign(v *variable, in *input) {
	v.value = cty.DynamicVal
	switch {
	case v.failed || in != nil && in.failed:
		v.failed = true
	case in != nil:
		val, err := v.convert(in.value)
		if err != nil {
			in.report(d.ds, v.misfit(in.value, err), "")
			v.failed = true
			return
		}
		v.value = val
	case v.fallback != cty.NilVal:
		v.value = v.fallback
	case d.inputsBroken:
		v.failed = true // it may be in a file that could not be read
	default:
		d.lacks(v.header, fmt.Sprintf("the variable %q has no value", v.name), "it has no default, so one must be given",
			fmt.Sprintf("give it with --var %s=VALUE, in a --var-file, or as TENDER_VAR_%s", v.name, v.name))
		v.failed = true
	}
}

// misfit says why a value does not fit the variable's type.
func (v *variable) misfit(val cty.Value, err error) string {
	s, isText := asText(val)
	if isText {
		s = strconv.Quote(s)
	} else {
		s = kindOf(val)
	}
	switch v.typ {
	case cty.Number:
		return fmt.Sprintf("the variable %q is a number, and %s is not", v.name, s)
	case cty.Bool:
		return fmt.Sprintf("the variable %q is true or false, and %s is neither", v.name, s)
	case cty.String:
		return fmt.Sprintf("the variable %q is a text, and %s is not", v.name, s)
	}
	return fmt.Sprintf("the value does not fit the variable %q, which is %s: %v", v.name, typeexpr.TypeString(v.typ), err)
}

// validate runs a variable's validation blocks.
func (d *decoder) validate(v *variable) {
	for _, b := range v.validation {
		n := d.open(b, validationShape, "validation")
		if !n.has("condition") || !n.has("error_message") {
			d.lacks(b.header, "validation needs a condition and an error_message", "", "")
			continue
		}
		if v.failed {
			continue
		}
		var message string
		var holds bool
		if n.flag("condition", &holds) && n.text("error_message", &message) && !holds {
			d.ds.at(v.header, fmt.Sprintf("the value of variable %q is refused: %s", v.name, message), "", "")
		}
	}
}
