package batch

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
)

// TestMemory holds a memory against a slice: what is known, and what is forgotten
// first.
func TestMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := memory{most: 4}
		var want []uint64 // the one touched longest ago first
		runs := map[uint64]int64{}
		for range rapid.IntRange(0, 50).Draw(t, "touches") {
			k := rapid.Uint64Range(0, 7).Draw(t, "key")
			if i := slices.Index(want, k); i >= 0 {
				want = slices.Delete(want, i, i+1)
			} else if runs[k] = 0; len(want) == m.most {
				want = want[1:]
			}
			want = append(want, k)
			runs[k]++
			m.touch(k).add(1)
			var got []uint64
			for e := m.first; e != nil; e = e.next {
				got = append(got, e.key)
				if e.count != runs[e.key] {
					t.Fatalf("key %d: %d runs, want %d", e.key, e.count, runs[e.key])
				}
			}
			if !slices.Equal(got, want) || len(m.byKey) != len(want) {
				t.Fatalf("keys %v (%d), want %v", got, len(m.byKey), want)
			}
			r := reader{b: func() []byte { w := writer{}; w.memory(&m); return w.b }()}
			copied := memory{most: m.most}
			r.memory(&copied)
			w, w2 := writer{}, writer{}
			w.memory(&m)
			w2.memory(&copied)
			if r.err != nil || !slices.Equal(w.b, w2.b) {
				t.Fatalf("read back differs: %v", r.err)
			}
		}
	})
}

func TestExpect(t *testing.T) {
	var h habits
	h.init()
	near := func(what string, e expectation, run, likely float64) {
		t.Helper()
		if math.Abs(e.run-run) > 0.5 || math.Abs(e.likely-likely) > 0.5 {
			t.Errorf("%s: expects %.1f s and %.1f s, want %.1f s and %.1f s", what, e.run, e.likely, run, likely)
		}
	}
	k := habitKeys{user: 1, work: 2}
	near("nothing is known", h.expect(k, 3600), 3600, 1800)
	near("not even a limit", h.expect(k, 0), unknownRun, unknownRun/2)
	second := time.Second.Microseconds()
	h.learn(k, 100*second)
	near("one run", h.expect(k, 3600), 100, 100)
	near("one run, and a limit below", h.expect(k, 60), 60, 60)
	h.learn(k, 2*second) // counts as 10 s
	near("a long and a short one", h.expect(k, 3600), 51, 1/((.01+.1)/2))
	h.learn(habitKeys{user: 1, work: 3}, 1000*second)
	near("another job of the user's", h.expect(habitKeys{user: 1, work: 4}, 0), 525, 1/((.055+.001)/2))
}

func TestKindOfName(t *testing.T) {
	for name, want := range map[string]string{"night-2026-11-26": "night---", "train": "train", "": "", "42": ""} {
		if got := kindOfName(name); got != want {
			t.Errorf("kind of %q: %q, want %q", name, got, want)
		}
	}
}

// TestRanks checks the order of the parts of a rank.
func TestRanks(t *testing.T) {
	f := newFramework(DefaultConfig()).(*Framework)
	rank := func(priority, cpus int, limit time.Duration, promoted bool) int64 {
		j := newJob("j", 1, &model.Job{Priority: priority, TimeLimit: model.Duration(limit), Groups: []model.Group{{
			Count: 1, Tasks: []model.TaskSpec{{Resources: model.TaskResources{CPUMilli: int64(cpus) * 1000}}}}}})
		j.groups[0].promoted = promoted
		return f.rank(&j.groups[0])
	}
	ranks := []int64{
		rank(51, 1_000_000, 0, false), // a higher priority before all
		rank(50, 1_000_000, 0, true),  // overtaken for too long
		rank(50, 1, time.Second, false),
		rank(50, 1, time.Minute, false),
		rank(50, 2, time.Minute, false),
		rank(50, 1, time.Hour, false),
		rank(50, 1_000_000, 10_000*time.Hour, false),
		rank(49, 1, time.Second, true),
		rank(0, 1, time.Second, false),
	}
	for i := 1; i < len(ranks); i++ {
		if ranks[i-1] <= ranks[i] {
			t.Errorf("rank %d is %d, not above %d of the next", i-1, ranks[i-1], ranks[i])
		}
	}
	if last := ranks[len(ranks)-1]; last < 0 {
		t.Errorf("the lowest rank is %d, below 0", last)
	}
}
