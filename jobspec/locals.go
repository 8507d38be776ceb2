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

// localValue is one entry of a locals block.
type localValue struct {
	name  string
	attr  *hclsyntax.Attribute
	needs []string // the locals it names, sorted
	state localState
	value cty.Value
}

type localState uint8

const (
	localWaiting localState = iota
	localVisiting
	localDone
)

// locals computes the locals blocks, in whatever order they were written, and
// puts them into the context as local.
func (d *decoder) locals(top *node) {
	all := map[string]*localValue{}
	for _, b := range top.blocks["locals"] {
		n := &node{d: d, shape: mapShape(b), title: "locals", path: "locals", block: b}
		n.checkLabels()
		n.noBlocks()
		for _, name := range n.shape.attrs {
			a := b.body.Attributes[name]
			if before := all[name]; before != nil {
				d.ds.at(a.NameRange, fmt.Sprintf("the local value %q is set twice", name),
					fmt.Sprintf("the first is in line %d", before.attr.NameRange.Start.Line), "")
				continue
			}
			all[name] = &localValue{name: name, attr: a, value: cty.DynamicVal}
		}
	}
	d.names.locals = slices.Sorted(maps.Keys(all))
	r := &localResolver{d: d, all: all}
	for _, name := range d.names.locals {
		all[name].needs = r.needs(all[name].attr.Expr)
	}
	for _, name := range d.names.locals {
		r.resolve(all[name])
	}
	d.ctx.Variables["local"] = r.object(d.names.locals)
}

// localResolver computes locals depth first.
type localResolver struct {
	d     *decoder
	all   map[string]*localValue
	trail []string // being computed, outermost first
}

// needs returns the locals that e names, sorted. Within the locals, local as a
// whole cannot be had: it would hold the value that is being computed.
func (r *localResolver) needs(e hclsyntax.Expression) []string {
	names := map[string]bool{}
	for _, t := range references(e) {
		if t.RootName() != "local" {
			continue
		}
		if name, ok := second(t); ok {
			names[name] = true
			continue
		}
		r.d.ds.at(t.SourceRange(), "local as a whole cannot be used in locals", "each local value is computed from those it names", "write local.NAME")
	}
	return slices.Sorted(maps.Keys(names))
}

// second returns the name behind the root: x of local.x and local["x"].
func second(t hcl.Traversal) (string, bool) {
	if len(t) < 2 {
		return "", false
	}
	return stepName(t[1])
}

func (r *localResolver) resolve(l *localValue) {
	switch l.state {
	case localDone:
		return
	case localVisiting:
		circle := append(slices.Clone(r.trail[slices.Index(r.trail, l.name):]), l.name)
		r.d.ds.at(l.attr.NameRange, "these local values need each other: "+strings.Join(circle, " → "),
			"each would have to be known before itself", "")
		return
	}
	if len(r.trail) >= maxLocalChain {
		r.d.ds.at(l.attr.NameRange, fmt.Sprintf("local values need each other more than %d deep", maxLocalChain), "", "")
		l.state = localDone
		return
	}
	l.state = localVisiting
	r.trail = append(r.trail, l.name)
	for _, need := range l.needs {
		if other := r.all[need]; other != nil {
			r.resolve(other)
		}
	}
	r.trail = r.trail[:len(r.trail)-1]
	l.state = localDone
	if !r.d.pay(stepsPerLocal*len(l.needs), l.attr.NameRange) {
		return
	}
	ctx := r.d.ctx.NewChild()
	ctx.Variables = map[string]cty.Value{"local": r.object(l.needs)}
	if v, ok := r.d.evaluate(l.attr.Expr, ctx); ok {
		l.value = v
	}
}

// maxLocalChain bounds the recursion of resolve.
const maxLocalChain = 1000

// object returns the named locals as one value. A name that is not declared is
// left out, and reported where it is used.
func (r *localResolver) object(names []string) cty.Value {
	values := map[string]cty.Value{}
	for _, name := range names {
		if l := r.all[name]; l != nil {
			values[name] = l.value
		}
	}
	return cty.ObjectVal(values)
}

// references returns the names e uses, also behind the wrappers of prepare.go,
// which HCL's own walk does not see through.
func references(e hclsyntax.Expression) []hcl.Traversal {
	w := &referenceWalker{}
	w.visit(e)
	return w.found
}

type referenceWalker struct{ found []hcl.Traversal }

func (w *referenceWalker) visit(e hclsyntax.Node) {
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		switch n := n.(type) {
		case *guard:
			// Walking a guard visits what is below its expression, not the
			// expression itself.
			if r, ok := n.Expression.(*reference); ok {
				w.found = append(w.found, r.Traversal)
			}
		case *reference:
			w.found = append(w.found, n.Traversal)
		}
		return nil
	})
}
