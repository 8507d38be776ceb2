package batch

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// stood is what a group in line remembers by the plainest of means.
type stood struct {
	g     *group
	later int64 // work done since by groups that stood up after it
	all   int64 // work done since by anybody
}

// TestLine holds the lines' bookkeeping against a count for each group of all that
// happens.
func TestLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFramework(DefaultConfig()).(*Framework)
		var waiting []*stood
		var left []*group
		tickets := map[*group]uint64{}
		stand := func(g *group) {
			f.standUp(g)
			tickets[g] = g.place.ticket
			waiting = append(waiting, &stood{g: g})
		}
		t.Repeat(map[string]func(*rapid.T){
			"submit": func(t *rapid.T) {
				job := &model.Job{Name: "j", Role: "r", Priority: rapid.IntRange(1, 2).Draw(t, "priority")}
				job.Groups = []model.Group{{Count: 1, Tasks: []model.TaskSpec{{Resources: model.TaskResources{CPUMilli: 1000}}}}}
				j := newJob("j", f.lastTicket, job)
				j.user = rapid.SampledFrom([]string{"a", "b"}).Draw(t, "user")
				stand(&j.groups[0])
			},
			"start": func(t *rapid.T) {
				if len(waiting) == 0 {
					t.Skip()
				}
				i := rapid.IntRange(0, len(waiting)-1).Draw(t, "which")
				f.standDown(waiting[i].g)
				left = append(left, waiting[i].g)
				waiting = slices.Delete(waiting, i, i+1)
			},
			"end": func(t *rapid.T) {
				if len(left) == 0 {
					t.Skip()
				}
				i := rapid.IntRange(0, len(left)-1).Draw(t, "which")
				g := left[i]
				seconds := rapid.Int64Range(0, 100).Draw(t, "seconds")
				f.work(g, seconds*1e6)
				for _, s := range waiting {
					s.all += seconds * 1000
					if s.g.job.spec.Priority == g.job.spec.Priority && tickets[s.g] < tickets[g] {
						s.later += seconds * 1000
					}
				}
				if left = slices.Delete(left, i, i+1); rapid.Bool().Draw(t, "again") {
					stand(g)
				}
			},
			"": func(t *rapid.T) {
				checkLines(t, f)
				for _, s := range waiting {
					l := f.lineOf(s.g, false)
					later := int64(0)
					for _, g := range l.waiting[l.before(s.g.place.ticket):] {
						later += g.place.behind
					}
					if later != s.later || f.done-s.g.place.base != s.all {
						t.Fatalf("ticket %d: overtaken by %d of %d, want %d of %d",
							s.g.place.ticket, later, f.done-s.g.place.base, s.later, s.all)
					}
				}
			},
		})
	})
}

// checkLines checks what must hold of the lines whatever happened.
func checkLines(t *rapid.T, f *Framework) {
	for _, l := range f.lines {
		if len(l.waiting) == 0 {
			t.Fatalf("line %s/%d: nobody stands in it", l.role, l.priority)
		}
		var sum int64
		for i, g := range l.waiting {
			if !g.place.in || f.lineOf(g, false) != l || i > 0 && l.waiting[i-1].place.ticket >= g.place.ticket {
				t.Fatalf("line %s/%d: position %d is wrong", l.role, l.priority, i)
			}
			sum += g.place.behind
		}
		if sum != l.overtaken {
			t.Fatalf("line %s/%d: overtaken by %d, its places say %d", l.role, l.priority, l.overtaken, sum)
		}
	}
}

func TestOvertaken(t *testing.T) {
	start := time.Date(2026, 1, 4, 10, 0, 0, 0, time.UTC)
	p := place{since: sdk.MicrosOf(start), base: 100}
	for _, c := range []struct {
		behind, done int64
		want         time.Duration
	}{
		{0, 500, 0},           // only what was there before it ran
		{100, 500, time.Hour}, // a quarter of what ran came later
		{400, 500, 4 * time.Hour},
		{500, 500, 4 * time.Hour}, // what runs now may have begun before: never more than the wait
	} {
		if got := p.overtaken(start.Add(4*time.Hour), c.behind, c.done); got != c.want {
			t.Errorf("overtaken by %d of %d: %s, want %s", c.behind, c.done-p.base, got, c.want)
		}
	}
}
