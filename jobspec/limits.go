package jobspec

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tender-scheduler/tender/core/model"
)

// Bounds on a file's text. The HCL parser recurses once per open bracket, unary
// operator, conditional, splat and template directive, so these are what keeps
// a hostile file from exhausting the stack.
const (
	maxNesting      = 64     // open brackets, quotes and templates at one place
	maxUnaryRun     = 16     // operators in front of one term
	maxConditionals = 10_000 // "?" in a file
	maxSplats       = 1_000  // "[*]" and ".*" in a file
	maxDirectives   = 10_000 // "%{ … }" in a file
	maxDigits       = 400    // characters of one number
	maxExprDepth    = 200    // operators and brackets on top of each other
	maxSteps        = 500    // ".x" and "[0]" behind one name
)

// closes maps each closing token to the one it closes.
var closes = map[hclsyntax.TokenType]hclsyntax.TokenType{
	hclsyntax.TokenCBrace:   hclsyntax.TokenOBrace,
	hclsyntax.TokenCBrack:   hclsyntax.TokenOBrack,
	hclsyntax.TokenCParen:   hclsyntax.TokenOParen,
	hclsyntax.TokenCQuote:   hclsyntax.TokenOQuote,
	hclsyntax.TokenCHeredoc: hclsyntax.TokenOHeredoc,
}

// bound reports the first place where tokens go beyond what may be handed to
// the parser.
func bound(ds *Diagnostics, tokens hclsyntax.Tokens) bool {
	c := bounder{}
	for _, t := range tokens {
		if summary := c.next(t); summary != "" {
			ds.at(t.Range, summary, "", "")
			return false
		}
	}
	return true
}

// bounder counts what bounds limit, token by token.
type bounder struct {
	open                           []hclsyntax.TokenType
	unary, conds, splats, controls int
	steps                          int // of the name that is being read
	last                           hclsyntax.TokenType
}

func (c *bounder) next(t hclsyntax.Token) string {
	defer func() { c.last = t.Type }()
	switch t.Type {
	case hclsyntax.TokenMinus, hclsyntax.TokenBang:
		c.unary++
	default:
		c.unary = 0
	}
	c.countSteps(t.Type)
	switch t.Type {
	case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen,
		hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc, hclsyntax.TokenTemplateInterp:
		c.open = append(c.open, t.Type)
	case hclsyntax.TokenTemplateControl:
		c.open = append(c.open, hclsyntax.TokenTemplateInterp)
		c.controls++
	case hclsyntax.TokenTemplateSeqEnd:
		c.close(hclsyntax.TokenTemplateInterp)
	case hclsyntax.TokenQuestion:
		c.conds++
	case hclsyntax.TokenStar:
		if c.last == hclsyntax.TokenOBrack || c.last == hclsyntax.TokenDot {
			c.splats++
		}
	case hclsyntax.TokenNumberLit:
		if len(t.Bytes) > maxDigits {
			return fmt.Sprintf("a number of %d digits is too long; at most %d are read", len(t.Bytes), maxDigits)
		}
	default:
		if o, ok := closes[t.Type]; ok {
			c.close(o)
		}
	}
	return c.excess()
}

// countSteps counts the dots and brackets of one chain, such as a.b[0].c.
func (c *bounder) countSteps(t hclsyntax.TokenType) {
	switch t {
	case hclsyntax.TokenDot, hclsyntax.TokenOBrack:
		c.steps++
	case hclsyntax.TokenIdent, hclsyntax.TokenNumberLit, hclsyntax.TokenStar, hclsyntax.TokenCBrack,
		hclsyntax.TokenOQuote, hclsyntax.TokenQuotedLit, hclsyntax.TokenCQuote:
	default:
		c.steps = 0
	}
}

func (c *bounder) excess() string {
	switch {
	case c.steps > maxSteps:
		return fmt.Sprintf("more than %d steps behind one name", maxSteps)
	case len(c.open) > maxNesting:
		return fmt.Sprintf("brackets and templates are nested more than %d deep here", maxNesting)
	case c.unary > maxUnaryRun:
		return fmt.Sprintf("more than %d operators in front of one value", maxUnaryRun)
	case c.conds > maxConditionals:
		return fmt.Sprintf("more than %d conditionals in one file", maxConditionals)
	case c.splats > maxSplats:
		return fmt.Sprintf("more than %d splats in one file", maxSplats)
	case c.controls > maxDirectives:
		return fmt.Sprintf("more than %d template directives in one file", maxDirectives)
	}
	return ""
}

// close drops the innermost bracket if it is the one that is closed. A
// mismatch stays open, which can only overstate the depth of a broken file.
func (c *bounder) close(open hclsyntax.TokenType) {
	if n := len(c.open); n > 0 && c.open[n-1] == open {
		c.open = c.open[:n-1]
	}
}

// boundSize refuses a file larger than model.MaxJobFileBytes.
func boundSize(ds *Diagnostics, filename string, src []byte) bool {
	if len(src) <= model.MaxJobFileBytes {
		return true
	}
	ds.add(Diagnostic{
		Origin:  filename,
		Summary: fmt.Sprintf("the file has %d bytes; it may have %d (%s)", len(src), model.MaxJobFileBytes, model.FormatBytes(model.MaxJobFileBytes)),
		Detail:  "data belongs in an artifact, or on a file system the agents share",
	})
	return false
}

// firstPos is where every source text starts.
var firstPos = hcl.Pos{Line: 1, Column: 1}
