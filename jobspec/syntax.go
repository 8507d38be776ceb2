package jobspec

import (
	"bytes"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tender-scheduler/tender/internal/pattern"
)

// Looking behind an unclosed quote means to parse the file again.
const (
	maxQuoteRepairs     = 10
	maxErrorsForRepairs = 500 // a file with more is no job file
)

// parseBody parses src after its nesting has been found bounded. ok is false if
// there were syntax errors; the body then holds what could be read.
func parseBody(ds *Diagnostics, src []byte, filename string) (body *hclsyntax.Body, ok bool) {
	ok = true
	for range maxQuoteRepairs {
		tokens, _ := hclsyntax.LexConfig(src, filename, firstPos)
		if !bound(ds, tokens) {
			return nil, false
		}
		file, diags := hclsyntax.ParseConfig(src, filename, firstPos)
		body, _ = file.Body.(*hclsyntax.Body)
		unclosed := slices.IndexFunc(diags, func(h *hcl.Diagnostic) bool { return h.Summary == "Invalid multi-line string" })
		if unclosed >= 0 && len(diags) <= maxErrorsForRepairs {
			ds.addSyntax(diags[:unclosed+1], src)
			repaired := closeQuote(src, diags[unclosed].Subject.Start)
			if repaired == nil {
				return body, false
			}
			src, ok = repaired, false
			continue
		}
		ds.addSyntax(diags, src)
		return body, ok && !diags.HasErrors()
	}
	return body, false
}

// closeQuote closes a text that its line leaves open, so that what follows is
// read as what it is and its mistakes are found too. It overwrites the line's
// last character, which keeps every later position; nil means it cannot.
func closeQuote(src []byte, at hcl.Pos) []byte {
	line, start := lineAt(src, at.Byte-1)
	last := start + len(line) - 1
	if last < start || src[last] == '"' {
		return nil
	}
	out := slices.Clone(src)
	out[last] = '"'
	return out
}

func (ds *Diagnostics) addSyntax(diags hcl.Diagnostics, src []byte) {
	for i, h := range diags {
		if i > 2*maxDiagnostics {
			ds.dropped += len(diags) - i
			break
		}
		if i+1 < len(diags) && sameLine(h, diags[i+1]) && strings.HasPrefix(h.Summary, "Argument or block") {
			continue // the next says why
		}
		if i > 0 && h.Subject != nil && diags[i-1].Subject != nil && h.Subject.Start == diags[i-1].Subject.Start {
			continue // a consequence of the one before
		}
		ds.add(explainSyntax(h, src))
	}
	ds.syntaxErrors = len(ds.list)
}

func sameLine(a, b *hcl.Diagnostic) bool {
	return a.Subject != nil && b.Subject != nil && a.Subject.Start.Line == b.Subject.Start.Line
}

// syntaxWords are the house's words for what HCL says, by its summary.
var syntaxWords = map[string]struct{ summary, detail string }{
	"argument or block definition required":           {"expected an attribute or a block here", "an attribute is NAME = VALUE, a block is NAME { … }"},
	"argument definition required":                    {"expected an attribute here", "a block on one line holds one attribute at most"},
	"invalid single-argument block definition":        {"a block on one line holds one attribute at most", ""},
	"invalid argument name":                           {"the name of an attribute is written without quotes", ""},
	"missing newline after argument":                  {"expected a new line after the attribute", ""},
	"invalid multi-line string":                       {"the text is not closed in its line", ""},
	"extra characters after interpolation expression": {"this is not an expression of a job file", "${ … } in a text holds one, such as ${var.name}"},
	"unclosed configuration block":                    {"the block is not closed", "there is no } for it before the end of the file"},
	"unterminated template string":                    {"the text is not closed", "its closing mark is missing up to the end of the file"},
}

var colonSyntax = pattern.New(`^[A-Za-z_][A-Za-z0-9_-]*\s*:`)

var setBefore = pattern.New(`already set at [^ ]*:(\d+),`)

// explainSyntax takes over a syntax error and adds what usually causes it in a
// job file: shell syntax within a text, and other languages' quotes.
func explainSyntax(h *hcl.Diagnostic, src []byte) Diagnostic {
	d := translate(h)
	if words, ok := syntaxWords[d.Summary]; ok {
		d.Summary, d.Detail = words.summary, words.detail
	}
	if m := setBefore().FindStringSubmatch(d.Detail); m != nil {
		d.Summary, d.Detail = "the attribute is set twice", "the first is in line "+m[1]
	}
	d.Detail = strings.ReplaceAll(d.Detail, "argument", "attribute")
	if d.Suggestion == "" && h.Subject != nil {
		d.Suggestion = syntaxAdvice(d.Summary, h.Subject.Start.Byte, src)
	}
	return d
}

func syntaxAdvice(summary string, at int, src []byte) string {
	at = min(max(at, 0), len(src))
	line, start := lineAt(src, at)
	before := line[:min(max(at-start, 0), len(line))]
	previous, _ := lineAt(src, start-1)
	switch {
	case summary == "the text is not closed in its line":
		return `close it with ", or use a heredoc for more lines: <<EOT … EOT`
	case inside(before, line, "${"):
		return "to leave ${ … } to a shell, write $${ … }"
	case inside(before, line, "%{"):
		return "to leave %{ … } to a program, write %%{ … }"
	case bytes.Contains(line, []byte("${#")) || bytes.Contains(previous, []byte("${#")):
		return "to leave ${# … } to a shell, write $${# … }; behind # HCL reads a comment"
	case bytes.HasPrefix(line[len(before):], []byte("'")):
		return "texts are written in double quotes"
	case bytes.HasPrefix(line[len(before):], []byte(`"`)):
		return `for a name with other characters use a map: NAME = { "a.b" = … }`
	case colonSyntax().Match(line[len(before):]):
		return "write NAME = VALUE"
	case at == 0 && (src[0] == '{' || bytes.HasPrefix(src, []byte("---"))):
		return `a job file is HCL: job "name" { … }`
	}
	return ""
}

// inside reports whether the end of before lies in a template that mark opens,
// or stands right at one.
func inside(before, line []byte, mark string) bool {
	i := bytes.LastIndex(before, []byte(mark))
	if i < 0 {
		return bytes.HasPrefix(line[len(before):], []byte(mark))
	}
	return !bytes.Contains(before[i:], []byte("}")) && (i == 0 || before[i-1] != mark[0])
}

// dropEchoes removes what a syntax error makes look wrong: findings in a line
// that has a syntax error too.
func (ds *Diagnostics) dropEchoes() {
	syntax := map[int]bool{}
	for _, d := range ds.list[:ds.syntaxErrors] {
		for line := d.Start.Line; line <= d.End.Line; line++ {
			syntax[line] = true
		}
	}
	kept := slices.Clone(ds.list[:ds.syntaxErrors])
	for _, d := range ds.list[ds.syntaxErrors:] {
		if d.File != ds.main || !syntax[d.Start.Line] {
			kept = append(kept, d)
		}
	}
	ds.list = kept
}

// behindSyntaxError reports whether a place comes after the first syntax error,
// where the nesting of blocks may have been lost.
func (ds *Diagnostics) behindSyntaxError(at hcl.Range) bool {
	for _, d := range ds.list[:ds.syntaxErrors] {
		if d.File == at.Filename && d.Start.Byte < at.Start.Byte {
			return true
		}
	}
	return false
}
