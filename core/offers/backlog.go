package offers

import "time"

// Backlog is what waits in one role.
type Backlog struct {
	Demands, Tasks int
	// Oldest is since when the one waits that has waited longest: since a pass saw
	// it first, or it last got something. Zero if no pass has seen any.
	Oldest time.Time
}

// Backlogs returns what waits, by role. What is not to start yet does not wait.
func (b *Book) Backlogs(now time.Time) map[string]Backlog {
	out := map[string]Backlog{}
	for _, d := range b.demands {
		n := d.total()
		if n == 0 || d.EarliestStart.After(now) {
			continue
		}
		l := out[d.Role]
		l.Demands++
		l.Tasks += n
		from := d.asked
		if d.since.After(from) {
			from = d.since
		}
		if !from.IsZero() && (l.Oldest.IsZero() || from.Before(l.Oldest)) {
			l.Oldest = from
		}
		out[d.Role] = l
	}
	return out
}
