package sdk

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Tries is the history of retries that a restart policy looks at. The zero
// value is no failure yet.
type Tries struct {
	Retries int       // granted since Window
	Window  time.Time // the first failure of the present interval
}

// Retry applies a restart policy to a failure at the time at: whether to try
// again, how long to wait first, and the history from then on.
//
// The rules are Nomad's (client restart tracker) without its jitter, as the
// result must follow from the journal: an interval begins with a failure, holds
// Attempts retries, and a failure past its end begins the next. With mode delay
// a failure in excess waits for the interval's end. An interval of zero never
// ends, so there mode delay is mode fail.
func Retry(p model.RestartPolicy, t Tries, at time.Time) (again bool, wait time.Duration, next Tries) {
	interval := p.Interval.Std()
	if t.Window.IsZero() || interval > 0 && at.Sub(t.Window) >= interval {
		t = Tries{Window: at}
	}
	if t.Retries < p.Attempts {
		t.Retries++
		return true, p.Delay.Std(), t
	}
	if p.Mode != model.RestartDelay || interval <= 0 || p.Attempts <= 0 {
		return false, 0, t
	}
	end := t.Window.Add(interval)
	wait = max(end.Sub(at), p.Delay.Std())
	return true, wait, Tries{Retries: 1, Window: at.Add(wait)}
}

// Backoff returns base doubled for each further one of n failures in a row, at
// most limit; 0 for n ≤ 0.
func Backoff(n int, base, limit time.Duration) time.Duration {
	if n <= 0 {
		return 0
	}
	d := base
	for range n - 1 {
		if d >= limit/2 {
			return limit
		}
		d *= 2
	}
	return min(d, limit)
}
