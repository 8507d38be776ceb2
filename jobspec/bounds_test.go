package jobspec

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/tender-scheduler/tender/core/model"
)

// TestHostileFiles: files made to exhaust the stack or the memory are refused
// with a message, and the memory they take stays within bounds.
func TestHostileFiles(t *testing.T) {
	const whole, long = model.MaxJobFileBytes - 1000, 200_000
	attr := func(expr string) string {
		return "job \"j\" {\ntask \"t\" {\nconfig {\ncommand = \"x\"\nargs = [" + expr + "]\n}\n}\n}"
	}
	locals := func(n int, first, each string) string {
		var b strings.Builder
		fmt.Fprintf(&b, "locals {\nl0 = %s\n", first)
		for i := 1; i <= n; i++ {
			fmt.Fprintf(&b, "l%d = %s\n", i, strings.ReplaceAll(each, "PREV", fmt.Sprintf("local.l%d", i-1)))
		}
		fmt.Fprintf(&b, "}\n%s", attr(fmt.Sprintf("local.l%d", n)))
		return b.String()
	}
	for name, src := range map[string]string{
		"parentheses":        attr(strings.Repeat("(", whole)),
		"closed parentheses": attr(strings.Repeat("(", long/2) + "1" + strings.Repeat(")", long/2)),
		"brackets":           attr(strings.Repeat("[", long)),
		"mixed brackets":     attr(strings.Repeat("({]", long/3)),
		"blocks":             strings.Repeat("a{", long/2),
		"templates":          attr(strings.Repeat(`"${`, long/3)),
		"minus":              attr(strings.Repeat("-", long) + "1"),
		"not":                attr(strings.Repeat("!", long) + "true"),
		"spread minus":       attr(strings.Repeat("- ", long/2) + "1"),
		"conditionals":       attr(strings.Repeat("a?b:", long/4) + "c"),
		"sums":               attr(strings.Repeat("1+", long/2) + "1"),
		"splats":             attr("a" + strings.Repeat("[*]", long/3)),
		"attribute splats":   attr("a" + strings.Repeat(".*", long/2)),
		"indices":            attr("a" + strings.Repeat("[0]", long/3)),
		"attributes":         attr("a" + strings.Repeat(".a", long/2)),
		"calls":              attr(strings.Repeat("upper(", long/6)),
		"directives":         attr(`"` + strings.Repeat("%{if true}", long/10) + `"`),
		"nested for":         attr("[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : [for d in range(1000) : 1]]]]"),
		"nested for in try":  attr("try([for a in range(1000) : [for b in range(1000) : [for c in range(1000) : 1]]], 1)"),
		"for with try":       attr("[for a in range(1000) : try([for b in range(1000) : [for c in range(1000) : 1]], 1)]"),
		"failing for":        attr("[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : x]]]"),
		"set product":        attr("length(setproduct(range(1000), range(1000), range(1000)))"),
		"doubled text":       locals(60, `"0123456789"`, `"${PREV}${PREV}"`),
		"doubled list":       locals(60, `[1]`, `[PREV, PREV]`),
		"doubled object":     locals(60, `{ a = 1 }`, `{ a = PREV, b = PREV }`),
		"joined":             locals(6, `[for i in range(1000) : "0123456789"]`, `[for i in range(1000) : join("0123456789", PREV)]`),
		"replaced":           locals(20, `"aaaaaaaaaaaaaaaa"`, `replace(PREV, "a", PREV)`),
		"regex replaced":     locals(20, `"aaaaaaaaaaaaaaaa"`, `regex_replace(PREV, "", PREV)`),
		"formatted":          attr(`format("%1000000000d", 1), format("%.1000000000f", 1.5), indent(1000000000, "a\nb")`),
		"format list":        locals(5, `[for i in range(1000) : "0123456789"]`, `formatlist("%s%s", PREV, join("", PREV))`),
		"large number":       attr("1e999999999, \"${1e999999999}\", 1e-999999999"),
		"large json number":  attr(`jsondecode("1e900000000")`),
		"squared number":     locals(40, `1e300`, `PREV * PREV`),
		"long number":        attr(strings.Repeat("1", long)),
		"long parsed number": locals(17, `"1111111111111111"`, `"${PREV}${PREV}"`) + "\nlocals { n = parseint(local.l16, 10) }",
		"yaml aliases":       attr("yamldecode(" + `"a: &a [1,1]\nb: &b [` + strings.Repeat("*a,", 9) + `]\nc: &c [` + strings.Repeat("*b,", 9) + `]\nd: &d [` + strings.Repeat("*c,", 9) + `]\ne: &e [` + strings.Repeat("*d,", 9) + `]\nf: &f [` + strings.Repeat("*e,", 9) + `]\ng: [` + strings.Repeat("*f,", 9) + `]")`),
		"distinct":           attr("distinct(flatten([for i in range(100) : range(i * 1000, i * 1000 + 1000)]))"),
		"chained locals":     locals(30000, "1", "PREV + 1"),
		"locals as a whole":  locals(3000, "1", "length(local)"),
		"dynamic":            "job \"j\" {\ndynamic \"group\" {\nfor_each = range(10000)\nlabels = [\"g${group.value}\"]\ncontent {\ndynamic \"task\" {\nfor_each = range(10000)\nlabels = [\"t${task.value}\"]\ncontent {\nconfig { command = \"x\" }\n}\n}\n}\n}\n}",
		"many groups":        "job \"j\" {\n" + strings.Repeat("group \"g\" {}\n", long/13) + "}",
		"many mistakes":      "job \"j\" {\n" + strings.Repeat("x {}\n", long/5) + "}",
		"many bad lines":     strings.Repeat("= \n", long/3),
		"many open quotes":   strings.Repeat("a = \"b\n", long/8),
		"many variables":     strings.Repeat("variable \"a\" {}\n", long/16),
		"optional type":      "variable \"v\" {\ntype = object({ a = optional(list(any), [for a in range(1000) : [for b in range(1000) : [for c in range(1000) : 1]]]) })\n}\n" + attr("1"),
		"template actions":   "job \"j\" {\ntask \"t\" {\nconfig { command = \"x\" }\ntemplate {\ndata = \"{{" + strings.Repeat("(", long) + "}}\"\ndestination = \"x\"\n}\n}\n}",
		"template ifs":       "job \"j\" {\ntask \"t\" {\nconfig { command = \"x\" }\ntemplate {\ndata = \"" + strings.Repeat("{{if 1}}", long/8) + "\"\ndestination = \"x\"\n}\n}\n}",
		"array parts":        "job \"j\" {\ngroup \"g\" {\narray { range = \"" + strings.Repeat("1,", long/2) + "\" }\n}\n}",
		"zeros":              strings.Repeat("\x00", long),
		"too long":           strings.Repeat(" ", model.MaxJobFileBytes+1),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			job, ds := Parse([]byte(src), Options{})
			runtime.ReadMemStats(&after)
			if job != nil || !ds.HasErrors() {
				t.Fatalf("accepted: %s", Canonical(job)[:200])
			}
			if n := len(ds.List()); n > maxDiagnostics+2 {
				t.Errorf("%d findings", n)
			}
			if allocated := (after.TotalAlloc - before.TotalAlloc) >> 20; allocated > 4096 {
				t.Errorf("%d MiB were allocated", allocated)
			}
			if out, ds := Format([]byte(src), ""); !ds.HasErrors() && len(out) == 0 {
				t.Error("formatting lost the file")
			}
		})
	}
}
