package service

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// failed decides what becomes of an allocation whose task ended by itself, which
// for a service is a failure whatever its exit code: it starts again where it was,
// as the restart policy says; after that elsewhere, as the reschedule policy says;
// and then no more.
func (f *Framework) failed(g *group, s *slot, a *alloc, at, well sdk.Micros) {
	spec := g.want()
	if spec == nil {
		f.gone(g, s, a, at)
		return
	}
	if worked(spec, a, at, well) {
		a.Retries, a.Window, a.Moves, a.MoveIn, a.MoveGap = 0, 0, 0, 0, 0
	}
	again, wait, tries := sdk.Retry(spec.Restart, sdk.Tries{Retries: a.Retries, Window: a.Window.Time()}, at.Time())
	if again {
		a.Retries, a.Window = tries.Retries, sdk.MicrosOf(tries.Window)
		a.Prefer, a.Shun = a.Agent, ""
		f.delay(a, at, model.Duration(wait))
		return
	}
	if gap, ok := reschedule(spec.Reschedule, a, at); ok {
		if a.MoveIn == 0 {
			a.MoveIn = at
		}
		a.Moves++
		a.MoveGap = gap
		a.Retries, a.Window = 0, 0
		a.Prefer, a.Shun = "", a.Agent
		f.delay(a, at, gap)
		return
	}
	a.Failed = true
}

// worked reports whether a task was healthy for long enough to count as mended:
// for min_healthy_time, and for longer than it was last waited for.
func worked(spec *model.Group, a *alloc, at, well sdk.Micros) bool {
	if well == 0 {
		return false
	}
	least := max(spec.Restart.Delay, a.MoveGap)
	if spec.Update != nil {
		least = max(least, spec.Update.MinHealthyTime)
	}
	return at.Since(well) >= least.Std()
}

// delay has an allocation wait before it is launched again.
func (f *Framework) delay(a *alloc, at sdk.Micros, wait model.Duration) {
	a.Since, a.Wait = at, wait
	if f.out != nil {
		// The agent's clock, which stamped the failure, may be off.
		a.due = f.out.Now.Add(wait.Std())
	}
}

// reschedule returns for how long to wait before an allocation starts on another
// agent; ok is false if it is not to.
func reschedule(p *model.ReschedulePolicy, a *alloc, at sdk.Micros) (wait model.Duration, ok bool) {
	if p == nil {
		return 0, false
	}
	n := a.Moves
	if !p.Unlimited {
		if p.Interval > 0 && a.MoveIn != 0 && at.Since(a.MoveIn) >= p.Interval.Std() {
			a.Moves, a.MoveIn, n = 0, 0, 0
		}
		if n >= p.Attempts {
			return 0, false
		}
	}
	d := p.Delay.Std()
	limit := p.MaxDelay.Std()
	if limit <= 0 {
		limit = 1<<63 - 1
	}
	switch p.DelayFunction {
	case "exponential":
		d = sdk.Backoff(n+1, d, limit)
	case "fibonacci":
		d = fibonacci(n, d, limit)
	}
	return model.Duration(min(d, limit)), true
}

// fibonacci returns the n-th of base, base, 2 base, 3 base, 5 base, … at most limit.
func fibonacci(n int, base, limit time.Duration) time.Duration {
	a, b := base, base
	for range n {
		if b >= limit-a {
			return limit
		}
		a, b = b, a+b
	}
	return min(a, limit)
}
