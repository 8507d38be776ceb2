package cli

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"

	"github.com/tender-scheduler/tender/core/model"
)

// style is how a piece of text looks on a terminal.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	blue   style = "34"
	cyan   style = "36"
)

// painter colours text, or leaves it alone.
type painter bool

func (p painter) paint(s style, text string) string {
	if !p || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

func (a *app) stdoutPaint() painter { return a.colored(a.StdoutColumns) }
func (a *app) stderrPaint() painter { return a.colored(a.StderrColumns) }

// colored follows no-color.org: any value of NO_COLOR but the empty one.
func (a *app) colored(columns int) painter {
	return painter(columns > 0 && !a.noColor && a.Getenv("NO_COLOR") == "" && a.Getenv("TERM") != "dumb")
}

// jobStyle and taskStyle colour states. Waiting is the normal life of a batch
// job: only what has gone wrong is red.
func jobStyle(s model.JobState) style {
	switch s {
	case model.JobRunning:
		return cyan
	case model.JobSucceeded:
		return green
	case model.JobFailed:
		return red
	case model.JobStopping:
		return yellow
	case model.JobBlocked, model.JobCancelled, model.JobPaused:
		return dim
	case model.JobScheduled:
		return blue
	}
	return plain
}

func taskStyle(state string) style {
	switch state {
	case "running":
		return cyan
	case "finished":
		return green
	case "failed", "lost", "error", "gone", "dropped", "unreachable", "gone_by_operator":
		return red
	case "killing":
		return yellow
	case "waiting", "killed":
		return dim
	}
	return plain
}

// printable keeps text that came from elsewhere from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\r':
			return ' '
		case r == '\n' || unicode.IsPrint(r):
			return r
		}
		return '·'
	}, s)
}

// oneLine is printable text without line breaks, for a table's cell.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(printable(s), func(r rune) bool { return r == '\n' }), " ")
}

// cells is how many columns of a terminal s takes.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n += runeCells(r)
	}
	return n
}

func runeCells(r rune) int {
	if r < 0x300 {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me) || r == '\u200d' {
		return 0
	}
	if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
		return 2
	}
	return 1
}

// cut shortens s to at most room columns, with … for what is left out.
func cut(s string, room int) string {
	if cells(s) <= room {
		return s
	}
	if room < 1 {
		return ""
	}
	used := 0
	for i, r := range s {
		if used += runeCells(r); used > room-1 {
			return s[:i] + "…"
		}
	}
	return s
}
