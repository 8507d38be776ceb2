package archtest

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

const modulePath = "github.com/tender-scheduler/tender"

// source is one Go file of the module.
type source struct {
	path      string // from the module's root, with slashes
	dir       string
	test      bool // a _test.go file, or one of a package made for tests (name ends in "test")
	generated bool
	lines     int
	fset      *token.FileSet
	file      *ast.File
}

var generatedMark = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// sources returns all Go files of the module, parsed once.
func sources(t *testing.T) []source {
	t.Helper()
	all, err := loadSources()
	if err != nil {
		t.Fatalf("read the module's sources: %v", err)
	}
	return all
}

var loadSources = sync.OnceValues(func() ([]source, error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	var out []source
	err = filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		name := e.Name()
		switch {
		case err != nil:
			return err
		case e.IsDir() && p != root && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") ||
			name == "testdata" || name == "vendor" || name == "node_modules"):
			return fs.SkipDir
		case e.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		text, err := os.ReadFile(p)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // an editor's file, gone since the directory was read
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		s, err := parseSource(filepath.ToSlash(rel), text)
		out = append(out, s)
		return err
	})
	return out, err
})

func parseSource(name string, text []byte) (source, error) {
	s := source{path: name, dir: path.Dir(name), fset: token.NewFileSet()}
	s.test = strings.HasSuffix(name, "_test.go") || strings.HasSuffix(s.dir, "test") && s.dir != "internal/archtest"
	s.generated = generatedMark.Match(text)
	s.lines = strings.Count(string(text), "\n")
	var err error
	s.file, err = parser.ParseFile(s.fset, name, text, parser.ParseComments)
	return s, err
}

// moduleRoot is the directory with go.mod at or above the test's.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.mod above the test's directory")
		}
		dir = up
	}
}

// under reports whether p is dir or below it.
func under(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }
