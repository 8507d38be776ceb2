package pattern

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What is compiled late must not be found wrong late: all patterns of the project.
func TestAllCompile(t *testing.T) {
	call := regexp.MustCompile("pattern\\.New\\((?:`([^`]*)`|\"([^\"]*)\")\\)")
	n := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range call.FindAllSubmatch(source, -1) {
			n++
			if _, err := regexp.Compile(string(m[1]) + string(m[2])); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		return err
	})
	if err != nil || n < 10 {
		t.Errorf("found %d patterns: %v", n, err)
	}
}
