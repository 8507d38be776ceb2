// Package pattern holds regular expressions that cost a program's start nothing.
package pattern

import (
	"regexp"
	"sync"
)

// New returns a function that compiles expr when it is first called, and panics
// then if it cannot. It is for package variables: every command starts with those
// of all packages, and most need none of them.
func New(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
