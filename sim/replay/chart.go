package replay

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
)

// The chart's measures, in SVG's units.
const (
	chartColumns = 800
	chartHeight  = 140
	chartLeft    = 56
	chartTop     = 28
	chartGap     = 44
)

// column is a slice of a chart's time.
type column struct {
	busy    float64 // processors, the mean over the slice
	waiting int     // jobs, the most in the slice
}

// WriteSVG draws how much of the machine was used and how many jobs waited over
// time. Several windows are drawn one behind the other.
func (r *Result) WriteSVG(w io.Writer) error {
	cols := r.columns(chartColumns)
	most := 1
	for _, c := range cols {
		most = max(most, c.waiting)
	}
	b := bufio.NewWriter(w)
	width, height := chartLeft+chartColumns+20, 2*(chartTop+chartHeight)+chartGap
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height, width, height)
	fmt.Fprintf(b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	panel(b, chartTop, fmt.Sprintf("processors used, of %d (mean %.1f %%), policy %s", r.Procs, 100*r.Utilization, r.Policy),
		fmt.Sprint(r.Procs), "steelblue", cols, func(c column) float64 { return c.busy / float64(r.Procs) })
	panel(b, 2*chartTop+chartHeight+chartGap/2, "jobs waiting", fmt.Sprint(most), "#c9963b", cols,
		func(c column) float64 { return float64(c.waiting) / float64(most) })
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%.1f days</text>`+"\n", chartLeft+chartColumns, height-6, float64(r.Span)/86400)
	fmt.Fprintln(b, "</svg>")
	return b.Flush()
}

// panel draws one curve, whose value is between 0 and 1, as an area.
func panel(b *bufio.Writer, top int, title, most, colour string, cols []column, value func(column) float64) {
	bottom := top + chartHeight
	fmt.Fprintf(b, `<text x="%d" y="%d">%s</text>`+"\n", chartLeft, top-8, title)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text><text x="%d" y="%d" text-anchor="end">0</text>`+"\n",
		chartLeft-6, top+10, most, chartLeft-6, bottom)
	fmt.Fprintf(b, `<path fill="%s" d="M%d %d`, colour, chartLeft, bottom)
	for i, c := range cols {
		y := float64(bottom) - value(c)*chartHeight
		fmt.Fprintf(b, "L%d %.1fH%d", chartLeft+i, y, chartLeft+i+1)
	}
	fmt.Fprintf(b, `V%dZ"/>`+"\n", bottom)
	fmt.Fprintf(b, `<path stroke="black" fill="none" d="M%d %dV%dH%d"/>`+"\n", chartLeft, top, bottom, chartLeft+len(cols))
}

// change is what happens at one moment of the chart's time.
type change struct {
	at            int64
	busy, waiting int
}

// changes lists all starts, ends and submissions in order, on a time that begins
// at 0 and has the windows one behind the other.
func (r *Result) changes() []change {
	var out []change
	var base int64
	for from := 0; from < len(r.Jobs); {
		to := from
		first, last := r.Jobs[from].Submit, int64(0)
		for ; to < len(r.Jobs) && r.Jobs[to].Window == r.Jobs[from].Window; to++ {
			j := &r.Jobs[to]
			t := base - first
			out = append(out, change{j.Submit + t, 0, 1}, change{j.Start + t, j.Procs, -1}, change{j.End + t, -j.Procs, 0})
			last = max(last, j.End)
		}
		base += last - first
		from = to
	}
	slices.SortStableFunc(out, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	return out
}

// columns cuts the time into n slices.
func (r *Result) columns(n int) []column {
	cols := make([]column, n)
	length := max(float64(r.Span), 1) / float64(n)
	var now float64 // up to where the slices are filled
	busy, waiting, i := 0, 0, 0
	fill := func(to float64) {
		for now < to {
			end := to
			if next := float64(i+1) * length; i < n-1 && next < to {
				end = next
			}
			cols[i].busy += float64(busy) * (end - now) / length
			cols[i].waiting = max(cols[i].waiting, waiting)
			if now = end; end < to {
				i++
			}
		}
	}
	for _, c := range r.changes() {
		fill(float64(c.at))
		busy += c.busy
		waiting += c.waiting
	}
	return cols
}
