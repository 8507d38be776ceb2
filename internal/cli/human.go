package cli

import (
	"fmt"
	"strconv"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// span prints a duration in the two units that matter: 0.35s, 4.2s, 41s, 2m05s,
// 3h12m, 2d04h.
func span(d time.Duration) string {
	if d < 0 {
		d = 0
	}
	switch {
	case d == 0:
		return "0s"
	case d < time.Second:
		return fmt.Sprintf("%.2gs", max(d.Seconds(), 0.001))
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Truncate(100*time.Millisecond).Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}

// ago prints how long t is past: 5s, 3m, 7h, 12d.
func ago(now, t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	d := max(now.Sub(t), 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours())/24)
}

// clock prints when something is expected: the time of day, with the date if it
// is not today, and how long that is from now.
func clock(now, t time.Time) string {
	layout := "15:04:05"
	local := t.In(now.Location())
	if local.YearDay() != now.YearDay() || local.Year() != now.Year() {
		layout = "2006-01-02 15:04"
	}
	if t.Before(now) {
		return local.Format(layout) + " (any moment)"
	}
	return fmt.Sprintf("%s (in %s)", local.Format(layout), span(t.Sub(now)))
}

// number prints n with commas between the thousands.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// stateText is a job's state as the end of a sentence about it.
func stateText(s model.JobState) string {
	switch s {
	case model.JobSucceeded, model.JobFailed:
		return "has " + string(s)
	case model.JobCancelled:
		return "was cancelled"
	}
	return "is " + string(s)
}

// plural prints "1 task" or "5 tasks".
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + one + "s"
}
