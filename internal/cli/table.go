package cli

import (
	"bytes"
	"slices"
	"strings"
)

// column describes one column of a table.
type column struct {
	title string
	right bool // numbers: aligned to the right
	// floor is the width a column may be cut down to where the terminal is too
	// narrow; 0 = it is never cut.
	floor int
	// spare ranks columns that a narrow terminal can do without: the highest
	// goes first, 0 stays.
	spare int
	wide  bool // only with -o wide
}

type cell struct {
	text  string
	style style
}

// text makes a cell without style.
func text(s string) cell { return cell{text: s} }

// table is rows under titles.
type table struct {
	columns []column
	rows    [][]cell
}

func (t *table) add(row ...cell) { t.rows = append(t.rows, row) }

// without leaves a column out.
func (t *table) without(title string) {
	at := slices.IndexFunc(t.columns, func(c column) bool { return c.title == title })
	t.columns = slices.Delete(t.columns, at, at+1)
	for i := range t.rows {
		t.rows[i] = slices.Delete(t.rows[i], at, at+1)
	}
}

// render lays the table out within columns (0 = as wide as it comes). A wide
// one was asked for to see everything: it is not cut.
func (t *table) render(p painter, wide bool, columns int) []byte {
	shown := make([]int, 0, len(t.columns))
	widths := make([]int, len(t.columns))
	for i, c := range t.columns {
		if c.wide && !wide {
			continue
		}
		shown = append(shown, i)
		widths[i] = cells(c.title)
		for _, row := range t.rows {
			widths[i] = max(widths[i], cells(oneLine(row[i].text)))
		}
	}
	if columns > 0 && !wide {
		shown = t.fit(shown, widths, columns)
	}
	var b bytes.Buffer
	for n := range len(t.rows) + 1 {
		var line strings.Builder
		for k, i := range shown {
			c := cell{text: t.columns[i].title, style: bold}
			if n > 0 {
				c = t.rows[n-1][i]
			}
			s := cut(oneLine(c.text), widths[i])
			gap := strings.Repeat(" ", widths[i]-cells(s))
			if k > 0 {
				line.WriteString("  ")
			}
			switch {
			case t.columns[i].right:
				line.WriteString(gap + p.paint(c.style, s))
			case k == len(shown)-1: // nothing follows that needs the blanks
				line.WriteString(p.paint(c.style, s))
			default:
				line.WriteString(p.paint(c.style, s) + gap)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.Bytes()
}

// fit cuts columns down, widest first, and leaves out spare ones until the line
// fits; it returns the columns that are left.
func (t *table) fit(shown, widths []int, room int) []int {
	total := func() int {
		n := 2 * (len(shown) - 1)
		for _, i := range shown {
			n += widths[i]
		}
		return n
	}
	for {
		for over := total() - room; over > 0; over = total() - room {
			widest := -1
			for _, i := range shown {
				if f := t.columns[i].floor; f > 0 && widths[i] > f && (widest < 0 || widths[i] > widths[widest]) {
					widest = i
				}
			}
			if widest < 0 {
				break
			}
			widths[widest]--
		}
		if total() <= room {
			return shown
		}
		spare := -1
		for k, i := range shown {
			if s := t.columns[i].spare; s > 0 && (spare < 0 || s > t.columns[shown[spare]].spare) {
				spare = k
			}
		}
		if spare < 0 {
			return shown // narrower than it can be read: better wrapped than wrong
		}
		shown = append(shown[:spare:spare], shown[spare+1:]...)
	}
}
