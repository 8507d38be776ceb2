package cli

import (
	"bytes"

	"github.com/tender-scheduler/tender/jobspec"
)

// renderChanges lays out a diff, a line for each value.
func (a *app) renderChanges(b *bytes.Buffer, changes []jobspec.Change) {
	p := a.stdoutPaint()
	for _, c := range changes {
		s := plain
		switch c.Kind {
		case jobspec.Added:
			s = green
		case jobspec.Removed:
			s = red
		case jobspec.Changed:
			s = yellow
		}
		line := "  " + oneLine(c.String())
		if a.StdoutColumns > 0 {
			line = cut(line, max(a.StdoutColumns, 20))
		}
		b.WriteString(p.paint(s, line) + "\n")
	}
}
