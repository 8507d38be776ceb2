package model

import (
	"strings"
	"testing"
)

func TestRoleFault(t *testing.T) {
	for path, want := range map[string]string{
		"default": "", "research/nlp": "", "a/b/c/d/e/f/g/h": "", "a.b_c-d/9": "",
		"":                       "a role has a name",
		"a//b":                   "empty name",
		"/a":                     "empty name",
		"a/":                     "empty name",
		"/":                      "empty name",
		"a/b/c/d/e/f/g/h/i":      "9 levels deep",
		"a b":                    "cannot be a role",
		"-a":                     "cannot be a role",
		"a/b.":                   "cannot be a role",
		"ä":                      "cannot be a role",
		strings.Repeat("x", 129): "129 bytes",
	} {
		fault, _ := RoleFault(path)
		if want == "" && fault != "" || !strings.Contains(fault, want) {
			t.Errorf("RoleFault(%q) is %q, want %q", path, fault, want)
		}
	}
}
