package jobspec

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// preparer replaces names by references and wraps operands in guards, in place,
// before anything is evaluated.
type preparer struct {
	meter *meter
	ds    *Diagnostics
	names *names
}

// body prepares every expression of b.
func (p *preparer) body(b *hclsyntax.Body) {
	for _, a := range b.Attributes {
		a.Expr = p.expression(a.Expr)
	}
	for _, block := range b.Blocks {
		p.body(block.Body)
	}
}

// expression prepares the whole of an attribute's value.
func (p *preparer) expression(e hclsyntax.Expression) hclsyntax.Expression {
	return p.pass(e, place{})
}

// place is where an expression stands.
type place struct {
	depth      int
	inTemplate bool
}

func (at place) under() place { return place{at.depth + 1, false} }

// pass prepares an operand that may carry runtime references.
func (p *preparer) pass(e hclsyntax.Expression, at place) hclsyntax.Expression {
	return p.wrap(e, at, guard{})
}

// refuse prepares an operand whose value is looked at by who.
func (p *preparer) refuse(e hclsyntax.Expression, at place, who string) hclsyntax.Expression {
	return p.wrap(e, at, guard{refuse: who})
}

// look is refuse for a collection of which only parts are used.
func (p *preparer) look(e hclsyntax.Expression, at place, who string) hclsyntax.Expression {
	return p.wrap(e, at, guard{refuse: who, free: true})
}

func (p *preparer) wrap(e hclsyntax.Expression, at place, g guard) hclsyntax.Expression {
	if at.depth > maxExprDepth {
		p.ds.at(e.Range(), "this expression is nested too deep", "give its parts names in a locals block", "")
		return &hclsyntax.LiteralValueExpr{Val: cty.DynamicVal, SrcRange: e.Range()}
	}
	g.meter = p.meter
	g.Expression = p.inner(e, at)
	return &g
}

func (p *preparer) inner(e hclsyntax.Expression, at place) hclsyntax.Expression {
	in := at.under()
	switch e := e.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		return &reference{e, at.inTemplate, p.names}
	case *hclsyntax.RelativeTraversalExpr:
		e.Source = p.look(e.Source, in, "an index")
	case *hclsyntax.FunctionCallExpr:
		p.call(e, in)
	case *hclsyntax.ConditionalExpr:
		e.Condition = p.refuse(e.Condition, in, "a condition")
		e.TrueResult, e.FalseResult = p.pass(e.TrueResult, in), p.pass(e.FalseResult, in)
	case *hclsyntax.IndexExpr:
		e.Collection, e.Key = p.look(e.Collection, in, "an index"), p.refuse(e.Key, in, "an index")
	case *hclsyntax.TupleConsExpr:
		for i := range e.Exprs {
			e.Exprs[i] = p.pass(e.Exprs[i], in)
		}
	case *hclsyntax.ObjectConsExpr:
		p.object(e, in)
	case *hclsyntax.ForExpr:
		e.CollExpr = p.look(e.CollExpr, in, "a for expression")
		e.ValExpr = p.pass(e.ValExpr, in)
		if e.KeyExpr != nil {
			e.KeyExpr = p.refuse(e.KeyExpr, in, "a key")
		}
		if e.CondExpr != nil {
			e.CondExpr = p.refuse(e.CondExpr, in, "a condition")
		}
	case *hclsyntax.SplatExpr:
		e.Source, e.Each = p.look(e.Source, in, "[*]"), p.pass(e.Each, in)
	case *hclsyntax.ParenthesesExpr:
		e.Expression = p.pass(e.Expression, place{in.depth, at.inTemplate})
	case *hclsyntax.TemplateExpr:
		for i := range e.Parts {
			e.Parts[i] = p.pass(e.Parts[i], place{in.depth, true})
		}
	case *hclsyntax.TemplateJoinExpr:
		e.Tuple = p.pass(e.Tuple, in)
	case *hclsyntax.TemplateWrapExpr:
		e.Wrapped = p.pass(e.Wrapped, place{in.depth, true})
	case *hclsyntax.BinaryOpExpr:
		e.LHS, e.RHS = p.refuse(e.LHS, in, "an operator"), p.refuse(e.RHS, in, "an operator")
	case *hclsyntax.UnaryOpExpr:
		e.Val = p.refuse(e.Val, in, "an operator")
	}
	return e
}

func (p *preparer) call(e *hclsyntax.FunctionCallExpr, in place) {
	for i := range e.Args {
		switch {
		case e.Name == "length":
			e.Args[i] = p.look(e.Args[i], in, "length()")
		case carriesText[e.Name]:
			e.Args[i] = p.pass(e.Args[i], in)
		default:
			e.Args[i] = p.refuse(e.Args[i], in, e.Name+"()")
		}
	}
}

func (p *preparer) object(e *hclsyntax.ObjectConsExpr, in place) {
	for i := range e.Items {
		item := &e.Items[i]
		item.ValueExpr = p.pass(item.ValueExpr, in)
		key, ok := item.KeyExpr.(*hclsyntax.ObjectConsKeyExpr)
		if ok && (key.ForceNonLiteral || hcl.ExprAsKeyword(key.Wrapped) == "") {
			key.Wrapped = p.refuse(key.Wrapped, in, "a key")
		}
	}
}
