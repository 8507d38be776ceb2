package jobspec

import (
	"bytes"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// explainSyntax takes over a syntax error and adds what usually causes it in a
// job file: shell syntax within a text.
func explainSyntax(h *hcl.Diagnostic, src []byte) Diagnostic {
	d := translate(h)
	for from, to := range map[string]string{
		"argument or block definition required": "expected an attribute or a block here",
		"argument definition required":          "expected an attribute here",
		"invalid argument name":                 "invalid attribute name",
		"missing newline after argument":        "missing newline after an attribute",
		"attribute redefined":                   "the attribute is set twice",
	} {
		if d.Summary == from {
			d.Summary = to
		}
	}
	d.Detail = strings.ReplaceAll(d.Detail, "argument", "attribute")
	if d.Suggestion != "" || h.Subject == nil {
		return d
	}
	line, at := lineAt(src, h.Subject.Start.Byte)
	before := line[:min(max(h.Subject.Start.Byte-at, 0), len(line))]
	switch {
	case inside(before, line, "${"):
		d.Suggestion = "to leave ${ … } to a shell, write $${ … }"
	case inside(before, line, "%{"):
		d.Suggestion = "to leave %{ … } to a program, write %%{ … }"
	case bytes.Contains(line, []byte("'")) && strings.Contains(d.Detail, "quote"):
		d.Suggestion = "texts are written in double quotes"
	}
	return d
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
