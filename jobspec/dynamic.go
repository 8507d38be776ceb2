package jobspec

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// expand returns the blocks of a body in order, each dynamic block replaced by
// what it makes, as Terraform's and Nomad's dynamic blocks. all is false if some
// could not be made.
func (d *decoder) expand(body *hclsyntax.Body, ctx *hcl.EvalContext) (out []block, all bool) {
	all = true
	for _, b := range body.Blocks {
		if !d.pay(stepsPerBlock, b.DefRange()) {
			return out, false
		}
		if b.Type != "dynamic" {
			out = append(out, plainBlock(b, ctx))
			continue
		}
		made, ok := d.dynamic(b, ctx)
		out, all = append(out, made...), all && ok
	}
	return out, all
}

// dynamicBlock is the parts of a dynamic block.
type dynamicBlock struct {
	name     string // of the blocks it makes
	iterator string
	forEach  *hclsyntax.Attribute
	labels   *hclsyntax.Attribute
	content  *hclsyntax.Block
	header   hcl.Range
}

func (d *decoder) dynamic(b *hclsyntax.Block, ctx *hcl.EvalContext) (out []block, all bool) {
	dyn, ok := d.dynamicParts(b)
	if !ok {
		return nil, false
	}
	each, ok := d.forEach(dyn.forEach.Expr, ctx)
	if !ok {
		return nil, false
	}
	all = true
	for it := each.ElementIterator(); it.Next(); {
		key, value := it.Element()
		if each.Type().IsSetType() {
			key = value
		}
		if !d.pay(stepsPerBlock, dyn.header) {
			return out, false
		}
		child := ctx.NewChild()
		child.Variables = map[string]cty.Value{
			dyn.iterator: cty.ObjectVal(map[string]cty.Value{"key": key, "value": value}),
		}
		made := block{name: dyn.name, header: dyn.header, body: dyn.content.Body, ctx: child}
		if made.labels, ok = d.dynamicLabels(dyn, child); ok {
			out = append(out, made)
		}
		all = all && ok
	}
	return out, all
}

// forEach computes what a dynamic block goes through.
func (d *decoder) forEach(e hclsyntax.Expression, ctx *hcl.EvalContext) (cty.Value, bool) {
	each, ok := d.evaluate(e, ctx)
	if !ok || !each.IsKnown() {
		return each, false
	}
	if ref := runtimeWithin(each); each.IsMarked() && ref != "" {
		d.ds.at(e.Range(), "for_each cannot use "+ref, "its value is known only on the agent", "")
		return each, false
	}
	if each.IsNull() || !each.CanIterateElements() {
		d.ds.at(e.Range(), "for_each must be a list, a set or a map, not "+kindOf(each), "", "")
		return each, false
	}
	return each, true
}

func (d *decoder) dynamicParts(b *hclsyntax.Block) (dyn dynamicBlock, ok bool) {
	if len(b.Labels) != 1 {
		d.ds.at(b.DefRange(), "dynamic needs one label: the name of the blocks it makes", "", `write dynamic "task" { for_each = …, content { … } }`)
		return dyn, false
	}
	dyn = dynamicBlock{name: b.Labels[0], iterator: b.Labels[0], header: b.DefRange()}
	ok = d.dynamicAttributes(b, &dyn)
	for _, inner := range b.Body.Blocks {
		if inner.Type != "content" || dyn.content != nil {
			d.ds.at(inner.DefRange(), fmt.Sprintf("dynamic %q takes one content block and no other", dyn.name), "", "")
			ok = false
			continue
		}
		dyn.content = inner
	}
	switch {
	case dyn.forEach == nil:
		d.lacks(dyn.header, fmt.Sprintf("dynamic %q lacks for_each = …", dyn.name), "", "")
		return dyn, false
	case dyn.content == nil:
		d.lacks(dyn.header, fmt.Sprintf("dynamic %q lacks a content { … } block", dyn.name), "", "")
		return dyn, false
	}
	return dyn, ok
}

func (d *decoder) dynamicAttributes(b *hclsyntax.Block, dyn *dynamicBlock) (ok bool) {
	ok = true
	for name, a := range b.Body.Attributes {
		switch name {
		case "for_each":
			dyn.forEach = a
		case "labels":
			dyn.labels = a
		case "iterator":
			if dyn.iterator = hcl.ExprAsKeyword(a.Expr); dyn.iterator == "" {
				d.ds.at(a.Expr.Range(), "iterator must be a plain name", "", "write iterator = item")
				ok = false
			}
		default:
			d.ds.at(a.NameRange, fmt.Sprintf("unknown attribute %q in dynamic %q", name, dyn.name),
				"dynamic takes for_each, iterator and labels, and one content block", didYouMean(name, []string{"for_each", "iterator", "labels"}))
		}
	}
	return ok
}

func (d *decoder) dynamicLabels(dyn dynamicBlock, ctx *hcl.EvalContext) ([]label, bool) {
	if dyn.labels == nil {
		return nil, true
	}
	at := dyn.labels.Expr.Range()
	v, ok := d.evaluate(dyn.labels.Expr, ctx)
	if !ok || !v.IsWhollyKnown() {
		return nil, false
	}
	v, _ = v.UnmarkDeep()
	list, err := convert.Convert(v, cty.List(cty.String))
	if err != nil || list.IsNull() {
		d.ds.at(at, "labels must be a list of texts", "", "write labels = ["+dyn.iterator+".value]")
		return nil, false
	}
	var out []label
	for _, e := range list.AsValueSlice() {
		if e.IsNull() {
			d.ds.at(at, "a label must not be null", "", "")
			return nil, false
		}
		out = append(out, label{e.AsString(), at})
	}
	return out, true
}
