package sim

import (
	"fmt"
	"io"
	"time"
)

// traceKept is how many lines a failure shows.
const traceKept = 200

// trace is what happened, in readable lines. The last ones are kept, all go into
// the hash.
type trace struct {
	hash  uint64
	lines [traceKept][]byte
	n     int
	log   io.Writer
}

// FNV-1a, 64 bits.
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

func (t *trace) add(at time.Duration, actor, format string, args []any) {
	i := t.n % traceKept
	t.n++
	line := appendSeconds(t.lines[i][:0], at)
	line = append(line, "  "...)
	line = append(line, actor...)
	for range max(10-len(actor), 0) {
		line = append(line, ' ')
	}
	line = append(line, ' ')
	line = fmt.Appendf(line, format, args...)
	t.lines[i] = line
	h := t.hash
	if h == 0 {
		h = fnvOffset
	}
	for _, c := range line {
		h = (h ^ uint64(c)) * fnvPrime
	}
	t.hash = h
	if t.log != nil {
		fmt.Fprintf(t.log, "%s\n", line)
	}
}

func appendSeconds(b []byte, d time.Duration) []byte {
	us := d.Microseconds()
	return fmt.Appendf(b, "%4d.%06d", us/1e6, us%1e6)
}

// last returns the kept lines, oldest first.
func (t *trace) last() []string {
	var out []string
	for i := max(t.n-traceKept, 0); i < t.n; i++ {
		out = append(out, string(t.lines[i%traceKept]))
	}
	return out
}
