package offers

import (
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// operand is one side of a constraint: text with references to attributes.
type operand struct {
	text string
	// parts alternates text and the name of an attribute, text first; nil for
	// an operand without references.
	parts []string
}

// parseOperand splits s at its ${} references. An unclosed ${ is text.
func parseOperand(s string) operand {
	o := operand{text: s}
	rest := s
	for {
		before, after, found := strings.Cut(rest, "${")
		name, tail, closed := strings.Cut(after, "}")
		if !found || !closed {
			break
		}
		o.parts = append(o.parts, before, strings.TrimSpace(name))
		rest = tail
	}
	if o.parts != nil {
		o.parts = append(o.parts, rest)
	}
	return o
}

// literal returns o's text if it is the same on every agent.
func (o *operand) literal() (string, bool) { return o.text, o.parts == nil }

// value returns what o is on an agent; ok is false if an attribute it names is
// not set there.
func (o *operand) value(attrs map[string]string) (v string, ok bool) {
	switch {
	case o.parts == nil:
		return o.text, true
	case len(o.parts) == 3 && o.parts[0] == "" && o.parts[2] == "":
		v, ok = attrs[o.parts[1]]
		return v, ok
	}
	var b strings.Builder
	for i, p := range o.parts {
		if i%2 == 1 {
			if p, ok = attrs[p]; !ok {
				return "", false
			}
		}
		b.WriteString(p)
	}
	return b.String(), true
}

// names yields the attributes o refers to.
func (o *operand) names() []string {
	var out []string
	for i := 1; i < len(o.parts); i += 2 {
		out = append(out, o.parts[i])
	}
	return out
}

// nearest returns the candidate that name is most likely a misspelling of, empty
// if none is near.
func nearest(name string, candidates []string) string {
	best, at := "", 1+max(1, len(name)/4)
	slices.Sort(candidates)
	for _, c := range candidates {
		if d := levenshtein.Distance(name, c, nil); d < at {
			best, at = c, d
		}
	}
	return best
}

// didYouMean returns `, did you mean "x"?` for the nearest candidate, or nothing.
func didYouMean(name string, candidates []string) string {
	if best := nearest(name, candidates); best != "" {
		return `, did you mean "` + best + `"?`
	}
	return ""
}
