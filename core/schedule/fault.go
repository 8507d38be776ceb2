package schedule

import "fmt"

// Fault is a mistake in an expression, with its place in the text.
type Fault struct {
	From, To int // byte offsets
	Message  string
	Hint     string // what to write instead
}

func (f *Fault) Error() string {
	if f.Hint == "" {
		return f.Message
	}
	return f.Message + " (" + f.Hint + ")"
}

// span is a part of a text that knows where it stands.
type span struct {
	text string
	from int
}

func (s span) fault(hint, format string, args ...any) *Fault {
	return &Fault{From: s.from, To: s.from + max(len(s.text), 1), Message: fmt.Sprintf(format, args...), Hint: hint}
}

// split cuts s at every sep.
func (s span) split(sep byte) (out []span) {
	from := 0
	for i := 0; i <= len(s.text); i++ {
		if i == len(s.text) || s.text[i] == sep {
			out = append(out, span{s.text[from:i], s.from + from})
			from = i + 1
		}
	}
	return out
}

// words cuts s at white space.
func (s span) words() (out []span) {
	from := -1
	for i := 0; i <= len(s.text); i++ {
		blank := i == len(s.text) || s.text[i] == ' ' || s.text[i] == '\t'
		switch {
		case blank && from >= 0:
			out = append(out, span{s.text[from:i], s.from + from})
			from = -1
		case !blank && from < 0:
			from = i
		}
	}
	return out
}
