package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestPureSourcesStayPure(t *testing.T) {
	for _, s := range sources(t) {
		if !isPure(s) {
			continue
		}
		for _, fault := range purityFaults(s) {
			t.Error(fault)
		}
	}
}

func isPure(s source) bool {
	if s.test {
		return false
	}
	matches := func(pattern string) bool {
		if ok, _ := path.Match(pattern, s.path); ok {
			return true
		}
		return under(s.dir, pattern)
	}
	return slices.ContainsFunc(pure, matches) && !slices.ContainsFunc(impure, matches)
}

// purityFaults says where s does something that a pure source does not, one
// line for each place.
func purityFaults(s source) []string {
	var out []string
	report := func(n ast.Node, format string, args ...any) {
		out = append(out, fmt.Sprintf("%s:%d: pure source ", s.path, s.fset.Position(n.Pos()).Line)+fmt.Sprintf(format, args...))
	}
	names := map[string]string{} // of imported packages, to their paths
	for _, spec := range s.file.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		if instead := bannedImport(p); instead != "" {
			report(spec, "imports %s: %s", p, instead)
		}
		names[importName(spec, p)] = p
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			report(n, "starts a goroutine: return an effect, and let the loop around it do the work")
		case *ast.SelectStmt:
			report(n, "waits on channels: take inputs as arguments of a step")
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if !ok || x.Obj != nil { // Obj: a local variable of that name
				return true
			}
			if c, ok := pureCalls[names[x.Name]]; ok && bannedName(c.names, c.except, n.Sel.Name) {
				report(n, "uses %s.%s: %s", x.Name, n.Sel.Name, c.instead)
			}
		}
		return true
	})
	return out
}

func bannedImport(p string) string {
	if instead, ok := pureImports[p]; ok || slices.Contains(dataImports, p) {
		return instead
	}
	for name, instead := range pureImports {
		if strings.HasSuffix(name, "/") && strings.HasPrefix(p, name) {
			return instead
		}
	}
	return ""
}

func bannedName(names, except []string, name string) bool {
	if len(names) > 0 {
		return slices.Contains(names, name)
	}
	return !slices.Contains(except, name)
}

// importName returns the name under which a file knows a package. For one
// without an explicit name it is the path's last element, or the one before a
// major version.
func importName(spec *ast.ImportSpec, p string) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	base := path.Base(p)
	if len(base) > 1 && base[0] == 'v' && strings.Trim(base[1:], "0123456789") == "" {
		base = path.Base(path.Dir(p))
	}
	return base
}
