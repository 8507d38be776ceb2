package sdk

import "time"

// Pauses between demands whose launches keep being refused.
const (
	refusalPause    = time.Second
	maxRefusalPause = 30 * time.Second
)

// Refusals are the launches of a group that were refused in a row. After the first
// the demand is sent again at once, after that with growing pauses, so that a
// refusal that will be repeated cannot keep the master busy.
type Refusals struct {
	Count int
	Until time.Time // no demand before; zero = not held back
	Why   string
}

// Add counts a refusal, and reports whether the demand is held back until r.Until.
func (r *Refusals) Add(now time.Time, why string) (held bool) {
	r.Count++
	r.Why = why
	pause := Backoff(r.Count-1, refusalPause, maxRefusalPause)
	if pause > 0 {
		r.Until = now.Add(pause)
	}
	return pause > 0
}
