package offers

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"pgregory.net/rapid"
)

// slowly returns when so many tasks of a shape can start on agents without holds,
// by a look at all agents at every time at which something ends.
func slowly(b *Book, shape model.Resources, want int, guess bool) (int64, bool) {
	now := b.pass.now
	times := []int64{now}
	for _, a := range b.agents {
		for s := range a.stakes() {
			f := forecast{now: now, guess: guess}
			if at := f.end(s); at != never {
				times = append(times, at)
			}
		}
	}
	slices.Sort(times)
	for _, at := range times {
		total := 0
		for _, a := range b.agents {
			free := a.free()
			for s := range a.stakes() {
				if f := (forecast{now: now, guess: guess}); f.end(s) <= at {
					free = free.Add(s.shape.Times(int64(s.count)))
				}
			}
			total += int(shape.TimesIn(free, int64(want)))
		}
		if total >= want {
			return at, true
		}
	}
	return 0, false
}

// The searches for holds know the ends of what runs from before and leave out
// what comes too late: they must find what a search that does neither finds.
func TestForecastAgainstAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "agents")
		b := cluster(n, sized(8, 8))
		var running []model.TaskID
		now := epoch
		for step := range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "seconds")) * time.Second)
			switch rapid.SampledFrom([]string{"run", "run", "run", "end", "ask"}).Draw(t, "action") {
			case "run":
				for k := range rapid.IntRange(1, 2*n).Draw(t, "tasks") {
					l := model.Launch{Agent: b.agents[rapid.IntRange(0, n-1).Draw(t, "agent")].info.ID,
						Job: model.JobID(fmt.Sprintf("j%d-%d", step, k)), Shape: sized(float64(rapid.IntRange(1, 3).Draw(t, "cpu")), 1),
						TimeLimit: model.Duration(time.Duration(rapid.IntRange(0, 5).Draw(t, "limit")) * time.Minute), Tasks: []model.Attempt{{}}}
					b.Use(&l, Claim{Lasting: rapid.IntRange(0, 3).Draw(t, "lasting") == 0}, now)
					running = append(running, l.ID(0))
				}
			case "end":
				for range min(len(running), rapid.IntRange(1, n).Draw(t, "ends")) {
					i := rapid.IntRange(0, len(running)-1).Draw(t, "which")
					b.Release(running[i])
					running = slices.Delete(running, i, i+1)
				}
			case "ask":
				shape := sized(float64(rapid.IntRange(1, 8).Draw(t, "cpu")), 1)
				d := wants("d", rapid.IntRange(1, 8*n).Draw(t, "count"), shape)
				d.AllOrNothing = true
				b.SetDemand(d)
				b.pass.at, b.pass.now = now, now.UnixNano()
				for _, guess := range []bool{false, true} {
					x := b.demands[demandID{"batch", "d"}]
					at, use, ok := b.forecastFor(x, 0, x.wanted(0), guess).start()
					want, found := slowly(b, shape.Resources, x.wanted(0), guess)
					if ok != found || ok && at != want {
						t.Fatalf("guess=%v: %d tasks start at %d (%v), should at %d (%v)", guess, x.wanted(0), at, ok, want, found)
					}
					total := 0
					for _, s := range use {
						total += s.more
					}
					if ok && total != x.wanted(0) {
						t.Fatalf("%d tasks of %d", total, x.wanted(0))
					}
				}
				b.DropDemand("batch", "d")
			}
		}
	})
}
