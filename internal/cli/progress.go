package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// progress shows how a job comes along, on standard error.
type progress interface {
	// show tells where the job stands, and why it waits if it does.
	show(view model.JobView, reason string)
	// reason returns the reason shown last.
	reason() string
	// stop leaves standard error free for other text.
	stop()
}

func (a *app) newProgress() progress {
	switch {
	case a.quiet:
		return &noProgress{}
	case a.StderrColumns > 0:
		return &barProgress{app: a, began: a.Now()}
	}
	return newLineProgress(a)
}

type noProgress struct{}

func (*noProgress) show(model.JobView, string) {}
func (*noProgress) reason() string             { return "" }
func (*noProgress) stop()                      {}

// lineProgress prints a line for each change of state and each tenth of an
// array: what one wants to find in the log of a CI job.
type lineProgress struct {
	*app
	state model.JobState
	tenth int
	why   string
}

func newLineProgress(a *app) *lineProgress { return &lineProgress{app: a} }

func (l *lineProgress) reason() string { return l.why }
func (l *lineProgress) stop()          {}

func (l *lineProgress) show(v model.JobView, reason string) {
	if v.State.Ended() {
		return // printEnd says it better
	}
	done := ended(v.Slots)
	tenth := done * 10 / max(v.Slots.Total, 1)
	changed := v.State != l.state || reason != "" && reason != l.why
	stepped := v.Slots.Total > 1 && tenth > l.tenth
	if !changed && !stepped {
		return
	}
	l.state, l.tenth = v.State, max(tenth, l.tenth)
	line := fmt.Sprintf("job %s (%s) %s", v.Name, v.ID, v.State)
	if v.Slots.Total > 1 && v.State == model.JobRunning {
		line += fmt.Sprintf(" %d%%: %s", done*100/v.Slots.Total, slotsText(v.Slots))
	}
	if reason != "" {
		l.why = reason
		line += ": " + reason
	}
	l.note("%s", oneLine(line))
}

// waitProgress says why a job waits, while it does.
type waitProgress struct {
	*app
	told string // before
	why  string
}

func (w *waitProgress) reason() string { return w.why }
func (w *waitProgress) stop()          {}

func (w *waitProgress) show(v model.JobView, reason string) {
	if reason != "" && reason != w.why {
		w.why = reason
		if w.told != "" && strings.HasPrefix(w.told, reason) {
			return
		}
		w.note("job %s (%s) waits: %s", v.Name, v.ID, oneLine(reason))
	}
}

// barProgress redraws one line of a terminal.
type barProgress struct {
	*app
	began time.Time
	why   string
	drawn bool
}

func (b *barProgress) reason() string { return b.why }

func (b *barProgress) stop() {
	if b.drawn {
		fmt.Fprint(b.Stderr, "\r\x1b[K")
		b.drawn = false
	}
}

func (b *barProgress) show(v model.JobView, reason string) {
	b.why = reason
	if v.State.Ended() {
		return
	}
	b.drawn = true
	fmt.Fprintf(b.Stderr, "\r\x1b[K%s", b.line(v))
}

// line is what the bar shows, within the terminal's width less one column, so
// that the cursor never wraps.
func (b *barProgress) line(v model.JobView) string {
	p := b.stderrPaint()
	since := b.began
	if !v.Started.IsZero() {
		since = v.Started
	}
	room := b.StderrColumns - 1
	head := fmt.Sprintf("%s %s ", oneLine(v.Name), v.ID)
	state := string(v.State)
	tail := " " + span(b.Now().Sub(since).Truncate(100*time.Millisecond))
	if v.Slots.Total > 1 && v.State != model.JobQueued && v.State != model.JobBlocked {
		tail = " " + slotsText(v.Slots) + tail
		width := min(room-cells(head)-cells(tail), 40)
		if width >= 8 {
			return head + b.bar(p, v.Slots, width) + tail
		}
		return cut(head+strings.TrimSpace(tail), room)
	}
	if b.why != "" {
		tail += ": " + oneLine(b.why)
	}
	tail = cut(tail, room-cells(head)-cells(state))
	return cut(head, room-cells(state)) + p.paint(jobStyle(v.State), state) + tail
}

// bar draws the shares of a job's slots: ended well, ended badly, running, waiting.
func (b *barProgress) bar(p painter, s model.SlotCounts, width int) string {
	share := func(n int) int { return n * width / max(s.Total, 1) }
	good := share(s.Succeeded)
	bad := share(s.Succeeded+s.Failed+s.Lost+s.Killed) - good
	busy := share(ended(s)+s.Staging+s.Running) - good - bad
	rest := width - good - bad - busy
	return p.paint(green, strings.Repeat("━", good)) + p.paint(red, strings.Repeat("━", bad)) +
		p.paint(cyan, strings.Repeat("╌", busy)) + p.paint(dim, strings.Repeat("·", rest))
}

func ended(s model.SlotCounts) int { return s.Succeeded + s.Failed + s.Killed + s.Lost }

// slotsText prints counts of slots, leaving out what there is none of.
func slotsText(s model.SlotCounts) string {
	parts := []string{fmt.Sprintf("%s/%s done", number(ended(s)), number(s.Total))}
	for _, c := range []struct {
		n    int
		what string
	}{{s.Failed, "failed"}, {s.Lost, "lost"}, {s.Killed, "killed"}, {s.Staging + s.Running, "running"}, {s.Waiting, "waiting"}} {
		if c.n > 0 {
			parts = append(parts, number(c.n)+" "+c.what)
		}
	}
	return strings.Join(parts, ", ")
}
