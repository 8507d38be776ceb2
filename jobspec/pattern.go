package jobspec

import (
	"regexp"
	"sync"
)

// pattern is a regular expression that is compiled when it is first asked for:
// every command starts with this package's variables, and most need none of them.
func pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
