package archtest

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

func TestFilesStaySmall(t *testing.T) {
	var lengths []int
	var long []string
	for _, s := range sources(t) {
		if s.generated || s.test {
			continue
		}
		lengths = append(lengths, s.lines)
		if s.lines > 400 {
			long = append(long, s.path)
		}
		if s.lines > maxFileLines {
			t.Errorf("%s has %d lines, more than %d: find the second idea in it and give that its own file", s.path, s.lines, maxFileLines)
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				if n := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1; n > 70 {
					t.Logf("%s: function %s has %d lines and asks to be split", s.path, f.Name.Name, n)
				}
			}
		}
	}
	if len(lengths) == 0 {
		t.Fatal("no source found: the test looks in the wrong place")
	}
	slices.Sort(lengths)
	t.Logf("%d files: median %d lines, 90%% up to %d, longest %d; above 400: %s",
		len(lengths), lengths[len(lengths)/2], lengths[len(lengths)*9/10], lengths[len(lengths)-1], strings.Join(long, " "))
}

func TestPackagesSayTheirDuty(t *testing.T) {
	type about struct {
		name, doc string
		one       string // a file of it
	}
	packages := map[string]*about{}
	for _, s := range sources(t) {
		if strings.HasSuffix(s.path, "_test.go") || s.generated {
			continue
		}
		p := packages[s.dir]
		if p == nil {
			p = &about{name: s.file.Name.Name, one: s.path}
			packages[s.dir] = p
		}
		if s.file.Doc == nil {
			continue
		}
		if p.doc != "" {
			t.Errorf("%s: package %s has a second package comment; keep one, in doc.go", s.path, p.name)
		}
		p.doc = s.file.Doc.Text()
	}
	for dir, p := range packages {
		want := "Package " + p.name + " "
		if p.name == "main" {
			want = "Command "
		}
		switch {
		case p.doc == "":
			t.Errorf("%s: package %s has no package comment; add doc.go and say its duty, which goroutine owns it, its invariants", p.one, p.name)
		case !strings.HasPrefix(p.doc, want):
			t.Errorf("%s: the comment of package %s begins with %.30q, want %q", dir, p.name, p.doc, want)
		}
		if slices.Contains(vagueNames, p.name) {
			t.Errorf("%s: package name %q says nothing; name it for what it does", dir, p.name)
		}
	}
}
