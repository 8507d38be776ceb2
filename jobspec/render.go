package jobspec

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// minRenderWidth is the narrowest terminal text is laid out for.
const minRenderWidth = 40

// WriteText prints the findings for people: position and summary, the source
// line with the place underlined, what was expected and the suggestion. Lines
// are kept within columns terminal cells; 0 means no bound.
func (ds *Diagnostics) WriteText(w io.Writer, color bool, columns int) error {
	var b bytes.Buffer
	for i, d := range ds.List() {
		if i > 0 {
			b.WriteByte('\n')
		}
		ds.writeOne(&b, d, palette{color}, columns)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// palette wraps text in ANSI colours, or leaves it alone.
type palette struct{ on bool }

func (p palette) paint(code, s string) string {
	if !p.on || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p palette) severity(s Severity, text string) string {
	if s == SeverityWarning {
		return p.paint("1;33", text)
	}
	return p.paint("1;31", text)
}

func (ds *Diagnostics) writeOne(b *bytes.Buffer, d Diagnostic, p palette, columns int) {
	if columns > 0 {
		columns = max(columns, minRenderWidth)
	}
	if where := d.Where(); where != "" {
		b.WriteString(p.paint("1", clean(where)) + ": ")
	}
	b.WriteString(p.severity(d.Severity, string(d.Severity)+":") + " " + p.paint("1", clean(d.Summary)) + "\n")

	gutter := 2
	if src, ok := ds.sources[d.File]; ok && d.Start.Line > 0 {
		number := fmt.Sprint(d.Start.Line)
		gutter = len(number) + 1
		text, caret := excerpt(src, d.Start, d.End, roomFor(columns, gutter+3))
		fmt.Fprintf(b, " %s %s\n", p.paint("34", number+" |"), text)
		fmt.Fprintf(b, " %s %s\n", p.paint("34", strings.Repeat(" ", len(number))+" |"), p.severity(d.Severity, caret))
	}
	for i, note := range []string{d.Detail, d.Suggestion} {
		if note == "" {
			continue
		}
		if i == 1 {
			note = "hint: " + note
		}
		indent := strings.Repeat(" ", gutter+1)
		for i, line := range wrap(clean(note), roomFor(columns, gutter+3)) {
			lead := "  "
			if i == 0 {
				lead = p.paint("34", "=") + " "
			}
			b.WriteString(indent + lead + line + "\n")
		}
	}
}

func roomFor(columns, used int) int {
	if columns <= 0 {
		return 0
	}
	return max(columns-used, minRenderWidth/2)
}

// excerpt returns the source line at start and, under it, a caret line. Tabs
// become spaces and control characters dots, so that cells can be counted; a
// line wider than room is cut around the place, with … at each cut.
func excerpt(src []byte, start, end Pos, room int) (text, caret string) {
	line, lineStart := lineAt(src, start.Byte)
	from := min(max(start.Byte-lineStart, 0), len(line))
	to := len(line)
	if end.Line <= start.Line {
		to = min(max(end.Byte-lineStart, from), len(line))
	}
	cells, offsets := layout(line)
	left, right := offsets[from], max(offsets[to], offsets[from]+1)

	first, last := 0, len(cells)
	if room > 0 && len(cells) > room {
		first = max(0, min(left-room/3, len(cells)-room))
		last = min(len(cells), first+room)
	}
	right = max(min(right, last), left+1)
	text = strings.TrimRight(strings.Join(cells[first:last], ""), " ")
	if first > 0 {
		text = "…" + strings.Join(cells[first+1:last], "")
	}
	if last < len(cells) {
		text = strings.TrimRight(strings.TrimSuffix(text, cells[last-1]), " ") + "…"
	}
	return text, strings.Repeat(" ", left-first) + strings.Repeat("^", right-left)
}

// lineAt returns the line that holds the byte offset at, without its newline.
func lineAt(src []byte, at int) (line []byte, start int) {
	at = min(max(at, 0), len(src))
	start = bytes.LastIndexByte(src[:at], '\n') + 1
	line = src[start:]
	if n := bytes.IndexByte(line, '\n'); n >= 0 {
		line = line[:n]
	}
	return bytes.TrimSuffix(line, []byte("\r")), start
}

const tabCells = 4

// layout splits a line into terminal cells; the second cell of a wide character
// is empty. offsets maps each byte offset of the line, and its end, to a cell.
func layout(line []byte) (cells []string, offsets []int) {
	offsets = make([]int, 0, len(line)+1)
	joined := false // behind a zero width joiner
	for len(line) > 0 {
		r, n := utf8.DecodeRune(line)
		at := len(cells)
		switch {
		case r == '\t':
			for range tabCells - at%tabCells {
				cells = append(cells, " ")
			}
		case zeroWidth(r) || joined:
			at = max(at-1, 0)
			if len(cells) > 0 && r != utf8.RuneError {
				cells[at] += string(r)
			}
		case !unicode.IsPrint(r):
			cells = append(cells, "·")
		default:
			cells = append(cells, string(r))
			if wide(r) {
				cells = append(cells, "")
			}
		}
		joined = r == '\u200d'
		for range n {
			offsets = append(offsets, at)
		}
		line = line[n:]
	}
	return cells, append(offsets, len(cells))
}

func zeroWidth(r rune) bool {
	return r == '\u200d' || unicode.In(r, unicode.Mn, unicode.Me)
}

func wide(r rune) bool {
	k := width.LookupRune(r).Kind()
	return k == width.EastAsianWide || k == width.EastAsianFullwidth
}

// clean keeps a message from carrying terminal control sequences of a file.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, s)
}

// wrap breaks text at spaces into lines of at most room runes; 0 means one line
// per line of text.
func wrap(text string, room int) (lines []string) {
	for _, paragraph := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		line := ""
		for _, word := range strings.Fields(paragraph) {
			switch {
			case line == "":
				line = word
			case room > 0 && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > room:
				lines = append(lines, line)
				line = word
			default:
				line += " " + word
			}
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}
