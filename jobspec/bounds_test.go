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
	for _, c := range []struct{ name, want, src string }{
		{"parentheses", "nested more than 64 deep", attr(strings.Repeat("(", whole))},
		{"closed parentheses", "nested more than 64 deep", attr(strings.Repeat("(", long/2) + "1" + strings.Repeat(")", long/2))},
		{"brackets", "nested more than 64 deep", attr(strings.Repeat("[", long))},
		{"mixed brackets", "nested more than 64 deep", attr(strings.Repeat("({]", long/3))},
		{"blocks", "nested more than 64 deep", strings.Repeat("a{", long/2)},
		{"templates", "nested more than 64 deep", attr(strings.Repeat(`"${`, long/3))},
		{"minus", "more than 16 operators in front of one value", attr(strings.Repeat("-", long) + "1")},
		{"not", "more than 16 operators", attr(strings.Repeat("!", long) + "true")},
		{"spread minus", "more than 16 operators", attr(strings.Repeat("- ", long/2) + "1")},
		{"conditionals", "more than 10000 conditionals", attr(strings.Repeat("a?b:", long/4) + "c")},
		{"sums", "this expression is nested too deep", attr(strings.Repeat("1+", long/2) + "1")},
		{"splats", "more than 500 steps", attr("a" + strings.Repeat("[*]", long/3))},
		{"attribute splats", "more than 500 steps", attr("a" + strings.Repeat(".*", long/2))},
		{"indices", "more than 500 steps", attr("a" + strings.Repeat("[0]", long/3))},
		{"attributes", "more than 500 steps", attr("a" + strings.Repeat(".a", long/2))},
		{"calls", "nested more than 64 deep", attr(strings.Repeat("upper(", long/6))},
		{"directives", "more than 10000 template directives", attr(`"` + strings.Repeat("%{if true}", long/10) + `"`)},
		{"nested for", "compute too much", attr("[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : [for d in range(1000) : 1]]]]")},
		{"nested for in try", "compute too much", attr("try([for a in range(1000) : [for b in range(1000) : [for c in range(1000) : 1]]], 1)")},
		{"for with try", "compute too much", attr("[for a in range(1000) : try([for b in range(1000) : [for c in range(1000) : 1]], 1)]")},
		{"failing for", "compute too much", attr("[for a in range(1000) : [for b in range(1000) : [for c in range(1000) : x]]]")},
		{"set product", "setproduct(): it would make more than 100000 elements", attr("length(setproduct(range(1000), range(1000), range(1000)))")},
		{"doubled text", "a text of this file grows beyond 2MiB", locals(60, `"0123456789"`, `"${PREV}${PREV}"`)},
		{"doubled list", "compute too much", locals(60, `[1]`, `[PREV, PREV]`)},
		{"doubled object", "compute too much", locals(60, `{ a = 1 }`, `{ a = PREV, b = PREV }`)},
		{"joined", "compute too much", locals(6, `[for i in range(1000) : "0123456789"]`, `[for i in range(1000) : join("0123456789", PREV)]`)},
		{"replaced", "replace(): it would make a text of more than 2MiB", locals(20, `"aaaaaaaaaaaaaaaa"`, `replace(PREV, "a", PREV)`)},
		{"regex replaced", "regex_replace(): it would make a text", locals(20, `"aaaaaaaaaaaaaaaa"`, `regex_replace(PREV, "", PREV)`)},
		{"formatted", "format(): a number in a format may be at most 1000", attr(`format("%1000000000d", 1), format("%.1000000000f", 1.5), indent(1000000000, "a\nb")`)},
		{"format list", "formatlist(): it would make a text", locals(5, `[for i in range(1000) : "0123456789"]`, `formatlist("%s%s", PREV, join("", PREV))`)},
		{"large number", "a number of this file is too large", attr("1e999999999, \"${1e999999999}\", 1e-999999999")},
		{"large json number", "a number of this file is too large", attr(`jsondecode("1e900000000")`)},
		{"squared number", "a number of this file is too large", locals(40, `1e300`, `PREV * PREV`)},
		{"long number", "a number of 200000 digits is too long", attr(strings.Repeat("1", long))},
		{"long parsed number", "has more than 1000 digits", locals(17, `"1111111111111111"`, `"${PREV}${PREV}"`) + "\nlocals { n = parseint(local.l16, 10) }"},
		{"yaml aliases", "must be a text", attr("yamldecode(" + `"a: &a [1,1]\nb: &b [` + strings.Repeat("*a,", 9) + `]\nc: &c [` + strings.Repeat("*b,", 9) + `]\nd: &d [` + strings.Repeat("*c,", 9) + `]\ne: &e [` + strings.Repeat("*d,", 9) + `]\nf: &f [` + strings.Repeat("*e,", 9) + `]\ng: [` + strings.Repeat("*f,", 9) + `]")`)},
		{"distinct", "compute too much", attr("distinct(flatten([for i in range(100) : range(i * 1000, i * 1000 + 1000)]))")},
		{"chained locals", "need each other more than 1000 deep", locals(30000, "1", "PREV + 1")},
		{"locals as a whole", "local as a whole cannot be used", locals(3000, "1", "length(local)")},
		{"dynamic", "compute too much", "job \"j\" {\ndynamic \"group\" {\nfor_each = range(10000)\nlabels = [\"g${group.value}\"]\ncontent {\ndynamic \"task\" {\nfor_each = range(10000)\nlabels = [\"t${task.value}\"]\ncontent {\nconfig { command = \"x\" }\n}\n}\n}\n}\n}"},
		{"many groups", "15384 groups; it may have 256", "job \"j\" {\n" + strings.Repeat("group \"g\" {}\n", long/13) + "}"},
		{"many mistakes", "unknown block", "job \"j\" {\n" + strings.Repeat("x {}\n", long/5) + "}"},
		{"many bad lines", "expected an attribute or a block here", strings.Repeat("= \n", long/3)},
		{"many open quotes", "the text is not closed in its line", strings.Repeat("a = \"b\n", long/8)},
		{"many variables", "is declared twice", strings.Repeat("variable \"a\" {}\n", long/16)},
		{"optional type", "this is not a type", "variable \"v\" {\ntype = object({ a = optional(list(any), [for a in range(1000) : [for b in range(1000) : [for c in range(1000) : 1]]]) })\n}\n" + attr("1")},
		{"template actions", "more than 10000 actions", "job \"j\" {\ntask \"t\" {\nconfig { command = \"x\" }\ntemplate {\ndata = \"{{" + strings.Repeat("(", long) + "}}\"\ndestination = \"x\"\n}\n}\n}"},
		{"template ifs", "more than 10000 actions", "job \"j\" {\ntask \"t\" {\nconfig { command = \"x\" }\ntemplate {\ndata = \"" + strings.Repeat("{{if 1}}", long/8) + "\"\ndestination = \"x\"\n}\n}\n}"},
		{"array parts", "a range has at most 10000 parts", "job \"j\" {\ngroup \"g\" {\narray { range = \"" + strings.Repeat("1,", long/2) + "\" }\n}\n}"},
		{"zeros", "invalid character", strings.Repeat("\x00", long)},
		{"too long", "the file has 1048577 bytes; it may have 1048576 (1MiB)", strings.Repeat(" ", model.MaxJobFileBytes+1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			job, ds := Parse([]byte(c.src), Options{})
			runtime.ReadMemStats(&after)
			if job != nil || !ds.HasErrors() {
				t.Fatalf("accepted: %s", Canonical(job)[:200])
			}
			if !mentions(ds, c.want) {
				t.Errorf("no finding says %q:\n%.2000s", c.want, ds.Error())
			}
			if n := len(ds.List()); n > maxDiagnostics+2 {
				t.Errorf("%d findings", n)
			}
			if allocated := (after.TotalAlloc - before.TotalAlloc) >> 20; allocated > 4096 {
				t.Errorf("%d MiB were allocated", allocated)
			}
			if out, ds := Format([]byte(c.src), ""); !ds.HasErrors() && len(out) == 0 {
				t.Error("formatting lost the file")
			}
		})
	}
}

// TestLongFile: a file that is too long to be kept with its job is still a job;
// one whose job is too large is none.
func TestLongFile(t *testing.T) {
	comment := "# " + strings.Repeat("x", model.MaxJobBytes) + "\n"
	job, ds := Parse([]byte(comment+argument(`"y"`)), Options{})
	if job == nil || job.Source != "" || !mentions(ds, "too long to be kept with the job") {
		t.Errorf("job %v, findings %v", job != nil, ds.List())
	}
	job, ds = Parse([]byte(argument(`"`+strings.Repeat("y", model.MaxJobBytes)+`"`)), Options{})
	if job != nil || !mentions(ds, "a job may have 768KiB") {
		t.Errorf("job %v, findings %v", job != nil, ds.List())
	}
}
