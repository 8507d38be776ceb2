package model

import (
	"fmt"
	"strings"
)

// MaxRoleDepth bounds the tree of roles: so many names make the longest path.
const MaxRoleDepth = 8

// RoleFault says what is wrong with a role's path, and what to write instead;
// both empty if it is one.
func RoleFault(path string) (fault, hint string) {
	parts := strings.Split(path, "/")
	switch {
	case path == "":
		return "a role has a name", `write a path of names, such as "research/nlp"`
	case len(path) > MaxNameBytes:
		return fmt.Sprintf("role has %d bytes; it may have %d", len(path), MaxNameBytes), ""
	case len(parts) > MaxRoleDepth:
		return fmt.Sprintf("role %q is %d levels deep; it may be %d", path, len(parts), MaxRoleDepth), ""
	}
	for _, p := range parts {
		if p == "" {
			return fmt.Sprintf("role %q has an empty name in its path", path), emptyPartHint(parts)
		}
		if !roleName(p) {
			return fmt.Sprintf("%q cannot be a role: it is a path of names, such as \"research/nlp\"", path),
				"a name has letters, digits, '.', '_' and '-', and starts and ends with a letter or digit"
		}
	}
	return "", ""
}

func emptyPartHint(parts []string) string {
	var full []string
	for _, p := range parts {
		if p != "" {
			full = append(full, p)
		}
	}
	if full == nil {
		return ""
	}
	return fmt.Sprintf("write %q", strings.Join(full, "/"))
}

func roleName(s string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		inner := i > 0 && i < len(s)-1 && strings.ContainsRune("._-", r)
		if !letter && !inner {
			return false
		}
	}
	return s != ""
}
