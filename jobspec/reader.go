package jobspec

import (
	"fmt"
	"math"
	"math/big"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/tender-scheduler/tender/core/model"
)

// The readers take one attribute of an open block into a field of the job. They
// return false, and leave the field alone, if the attribute is absent, null or
// wrong; what is wrong has then been reported, and the field's path is marked so
// that Validate's findings about it are not reported on top.

// value evaluates an attribute. path is the field's place in the job, below n.
func (n *node) value(name, path string) (v cty.Value, at hcl.Range, ok bool) {
	a, present := n.block.body.Attributes[name]
	if !present || !n.shape.attr(name) {
		return cty.NilVal, hcl.Range{}, false
	}
	at = a.Expr.Range()
	n.mark(path, at)
	v, ok = n.d.evaluate(a.Expr, n.block.ctx)
	if !ok || !v.IsWhollyKnown() {
		n.d.bad[n.field(path)] = true
		return cty.NilVal, at, false
	}
	if v.IsNull() {
		return cty.NilVal, at, false
	}
	return v, at, true
}

// mark notes where the field at path was written.
func (n *node) mark(path string, at hcl.Range) { n.d.at[n.field(path)] = at }

// wrong reports an attribute of the wrong kind.
func (n *node) wrong(name, path string, at hcl.Range, want, suggestion string, v cty.Value) {
	n.d.bad[n.field(path)] = true
	got := ""
	if v != cty.NilVal {
		got = ", not " + kindOf(v)
	}
	n.d.ds.at(at, fmt.Sprintf("%s must be %s%s", name, want, got), "", suggestion)
}

// has reports whether the attribute is written down at all.
func (n *node) has(name string) bool { return n.block.body.Attributes[name] != nil }

// firm returns an attribute that must be known before the job starts.
func (n *node) firm(name, path string) (cty.Value, hcl.Range, bool) {
	v, at, ok := n.value(name, path)
	if !ok {
		return v, at, false
	}
	if ref := runtimeWithin(v); ref != "" {
		n.d.bad[n.field(path)] = true
		n.d.ds.at(at, fmt.Sprintf("%s cannot use %s", name, ref),
			"its value is known only on the agent, and this is needed before the job is placed", "")
		return v, at, false
	}
	return v, at, true
}

// live returns an attribute that may hold runtime references.
func (n *node) live(name, path string) (cty.Value, hcl.Range, bool) {
	v, at, ok := n.value(name, path)
	if ok {
		v, _ = v.UnmarkDeep()
	}
	return v, at, ok
}

// asText converts what has an obvious text: texts, numbers and truth values.
func asText(v cty.Value) (string, bool) {
	if v.IsNull() || !v.Type().IsPrimitiveType() {
		return "", false
	}
	s, err := convert.Convert(v, cty.String)
	if err != nil {
		return "", false
	}
	return s.AsString(), true
}

func (n *node) text(name string, into *string) bool {
	v, at, ok := n.firm(name, name)
	return ok && n.takeText(name, v, at, into)
}

func (n *node) liveText(name string, into *string) bool {
	v, at, ok := n.live(name, name)
	return ok && n.takeText(name, v, at, into)
}

func (n *node) takeText(name string, v cty.Value, at hcl.Range, into *string) bool {
	s, ok := asText(v)
	if !ok {
		n.wrong(name, name, at, "a text", "", v)
		return false
	}
	*into = s
	return true
}

func (n *node) whole(name string, into *int) bool {
	v, at, ok := n.firm(name, name)
	if !ok {
		return false
	}
	i, ok := asWhole(v)
	if !ok {
		if num, err := convert.Convert(v, cty.Number); err == nil && !num.IsNull() {
			v = cty.NilVal
		}
		n.wrong(name, name, at, "a whole number", "", v)
		return false
	}
	*into = i
	return true
}

// asWhole reads a whole number that fits 53 bits, which any limit is below.
func asWhole(v cty.Value) (int, bool) {
	num, err := convert.Convert(v, cty.Number)
	if err != nil || num.IsNull() {
		return 0, false
	}
	i, accuracy := num.AsBigFloat().Int64()
	if accuracy != big.Exact || i > 1<<53 || i < -1<<53 {
		return 0, false
	}
	return int(i), true
}

func (n *node) flag(name string, into *bool) bool {
	v, at, ok := n.firm(name, name)
	if !ok {
		return false
	}
	b, err := convert.Convert(v, cty.Bool)
	if err != nil || b.IsNull() {
		n.wrong(name, name, at, "true or false", "", v)
		return false
	}
	*into = b.True()
	return true
}

func (n *node) duration(name string, into *model.Duration) bool {
	v, at, ok := n.firm(name, name)
	if !ok {
		return false
	}
	if v.Type() == cty.Number {
		f, _ := v.AsBigFloat().Float64()
		n.wrong(name, name, at, "a duration", fmt.Sprintf("a unit is missing: write %q for seconds, or %q for minutes",
			number(f)+"s", number(f)+"m"), v)
		return false
	}
	s, isText := asText(v)
	if !isText || v.Type() == cty.Bool {
		n.wrong(name, name, at, `a duration such as "90s", "1h30m" or "2d"`, "", v)
		return false
	}
	d, hint, err := parseDuration(s)
	if err != nil {
		n.d.bad[n.field(name)] = true
		n.d.ds.at(at, fmt.Sprintf("%s: %v", name, err), `a duration is a number and a unit: "90s", "1h30m", "2d"`, hint)
		return false
	}
	*into = model.Duration(d)
	return true
}

// size reads an amount of memory or disk; a bare number is MiB, as in Nomad.
func (n *node) size(name, path string, into *int64) bool {
	v, at, ok := n.firm(name, path)
	if !ok {
		return false
	}
	s, isText := asText(v)
	if !isText || v.Type() == cty.Bool {
		n.wrong(name, path, at, `a size such as "64GiB"`, "", v)
		return false
	}
	bytes, err := parseSize(s)
	if err != nil {
		n.d.bad[n.field(path)] = true
		n.d.ds.at(at, fmt.Sprintf("%s: %v", name, err), `a size is a number and a unit, as "64GiB" or "512MB"; a bare number is MiB`, "")
		return false
	}
	*into = bytes
	return true
}

// milli reads a decimal number in thousandths.
func (n *node) milli(name, path string, into *int64) bool {
	v, at, ok := n.firm(name, path)
	if !ok {
		return false
	}
	num, err := convert.Convert(v, cty.Number)
	if err != nil || num.IsNull() || v.Type() == cty.Bool {
		n.wrong(name, path, at, "a number", "", v)
		return false
	}
	f, _ := num.AsBigFloat().Float64()
	m := math.Round(f * 1000)
	if math.Abs(m) > 1<<53 {
		n.wrong(name, path, at, "a number within reason", "", cty.NilVal)
		return false
	}
	if m == 0 && f != 0 {
		n.wrong(name, path, at, "at least 0.001, or 0", "", cty.NilVal)
		return false
	}
	*into = int64(m)
	return true
}

// texts reads a list of texts that may hold runtime references.
func (n *node) texts(name string, into *[]string) bool {
	v, at, ok := n.live(name, name)
	if !ok {
		return false
	}
	if t := v.Type(); !t.IsTupleType() && !t.IsListType() && !t.IsSetType() {
		hint := ""
		if s, isText := asText(v); isText {
			hint = fmt.Sprintf("write %s = [%q]", name, s)
		}
		n.wrong(name, name, at, "a list of texts", hint, v)
		return false
	}
	var out []string
	for i, e := range v.AsValueSlice() {
		s, ok := asText(e)
		if !ok {
			n.wrong(fmt.Sprintf("%s[%d]", name, i), name, n.elementAt(name, i, at), "a text", "", e)
			return false
		}
		out = append(out, s)
	}
	*into = out
	return true
}

// elementAt returns where the i-th element of a list was written, if it was
// written as a list.
func (n *node) elementAt(name string, i int, fallback hcl.Range) hcl.Range {
	list, ok := hcl.UnwrapExpression(n.block.body.Attributes[name].Expr).(*hclsyntax.TupleConsExpr)
	if !ok || i >= len(list.Exprs) {
		return fallback
	}
	return list.Exprs[i].Range()
}

// textMap reads name = { … } or name { … }, also both and several of them.
func (n *node) textMap(name string, live bool, into *map[string]string) bool {
	out := map[string]string{}
	read := n.firm
	if live {
		read = n.live
	}
	found := false
	if v, at, ok := read(name, name); ok {
		found = n.takeMap(name, v, at, out)
	}
	for _, b := range n.blocks[name] {
		n.mark(name, b.header)
		inner := &node{d: n.d, shape: mapShape(b), title: name, path: n.field(name), block: b}
		inner.checkLabels()
		inner.noBlocks()
		found = inner.takeAttributes(live, out) || found
	}
	if len(out) > 0 {
		*into = out
	}
	return found
}

func (n *node) takeMap(name string, v cty.Value, at hcl.Range, out map[string]string) bool {
	if t := v.Type(); !t.IsObjectType() && !t.IsMapType() {
		n.wrong(name, name, at, "a map: { NAME = value }", "", v)
		return false
	}
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		s, ok := asText(e)
		if !ok {
			n.wrong(name+"."+k.AsString(), name, n.entryAt(name, k.AsString(), at), "a text", "", e)
			return false
		}
		out[k.AsString()] = s
		n.mark(name+"."+k.AsString(), n.entryAt(name, k.AsString(), at))
	}
	return true
}

// entryAt returns where the entry of a map was written, if the map was written
// as one.
func (n *node) entryAt(name, key string, fallback hcl.Range) hcl.Range {
	object, ok := hcl.UnwrapExpression(n.block.body.Attributes[name].Expr).(*hclsyntax.ObjectConsExpr)
	if !ok {
		return fallback
	}
	for _, item := range object.Items {
		written := hcl.ExprAsKeyword(item.KeyExpr)
		if k, ok := item.KeyExpr.(*hclsyntax.ObjectConsKeyExpr); ok && written == "" {
			written, _ = literalText(k.Wrapped)
		}
		if written == key {
			return hcl.RangeBetween(item.KeyExpr.Range(), item.ValueExpr.Range())
		}
	}
	return fallback
}

// mapShape is the shape of a block whose attributes are the user's own.
func mapShape(b block) *shape {
	s := &shape{title: b.name}
	for name := range b.body.Attributes {
		s.attrs = append(s.attrs, name)
	}
	slices.Sort(s.attrs)
	return s
}

func (n *node) noBlocks() {
	inner, _ := n.d.expand(n.block.body, n.block.ctx)
	for _, b := range inner {
		n.d.ds.at(b.header, fmt.Sprintf("%s holds names with values, not blocks", n.title), "", "write "+b.name+" = …")
	}
}

func (n *node) takeAttributes(live bool, out map[string]string) bool {
	for _, name := range n.shape.attrs {
		read := n.firm
		if live {
			read = n.live
		}
		v, at, ok := read(name, name)
		if !ok {
			continue
		}
		s, ok := asText(v)
		if !ok {
			n.wrong(name, name, at, "a text", "", v)
			continue
		}
		out[name] = s
	}
	return true
}
