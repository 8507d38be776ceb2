package sdk

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
)

// TestSlotSet compares a set with a map, across sizes of one to four levels.
func TestSlotSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int{0, 1, 63, 64, 65, 4096, 4097, 300_000}).Draw(t, "size")
		s, oracle := NewSlotSet(size), map[int]bool{}
		if rapid.Bool().Draw(t, "full") && size < 5000 {
			s.Fill()
			for n := range size {
				oracle[n] = true
			}
		}
		slot := rapid.IntRange(-1, size)
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			n := slot.Draw(t, "slot")
			in := n >= 0 && n < size
			switch rapid.IntRange(0, 2).Draw(t, "op") {
			case 0:
				if got, want := s.Add(n), in && !oracle[n]; got != want {
					t.Fatalf("Add(%d) = %v", n, got)
				}
				if in {
					oracle[n] = true
				}
			case 1:
				if got, want := s.Remove(n), oracle[n]; got != want {
					t.Fatalf("Remove(%d) = %v", n, got)
				}
				delete(oracle, n)
			default:
				want := -1
				for k := range oracle {
					if k >= n && (want < 0 || k < want) {
						want = k
					}
				}
				if got := s.Next(n); got != want {
					t.Fatalf("Next(%d) = %d, want %d", n, got, want)
				}
			}
			if s.Len() != len(oracle) || s.Has(n) != oracle[n] || s.Size() != size {
				t.Fatalf("Len %d, want %d; Has(%d) %v", s.Len(), len(oracle), n, s.Has(n))
			}
		}
	})
}

func TestSlotSetTooLarge(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a set of more than 64⁴ was made")
		}
	}()
	NewSlotSet(1<<24 + 1)
}

// TestZeroSlotSet is what an ended job's groups have.
func TestZeroSlotSet(t *testing.T) {
	var s SlotSet
	if s.Add(0) || s.Remove(0) || s.Has(0) || s.Next(0) != -1 || s.Len() != 0 {
		t.Error("the zero set is not empty for good")
	}
	s.Fill()
}

func TestTimers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q Timers[int]
		type entry struct{ at, key int }
		var oracle []entry
		now := 0
		base := time.Unix(0, 0)
		for key := range rapid.IntRange(0, 50).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "push") {
				at := rapid.IntRange(0, 20).Draw(t, "at")
				q.Push(base.Add(time.Duration(at)), key)
				oracle = append(oracle, entry{at, key})
				continue
			}
			now += rapid.IntRange(0, 3).Draw(t, "pass")
			slices.SortStableFunc(oracle, func(a, b entry) int { return a.at - b.at })
			key, ok := q.Pop(base.Add(time.Duration(now)))
			if want := len(oracle) > 0 && oracle[0].at <= now; ok != want || ok && key != oracle[0].key {
				t.Fatalf("Pop = %d %v at %d, have %v", key, ok, now, oracle)
			}
			if ok {
				oracle = oracle[1:]
			}
			if q.Len() != len(oracle) {
				t.Fatalf("Len %d, want %d", q.Len(), len(oracle))
			}
			if len(oracle) > 0 && !q.Next().Equal(base.Add(time.Duration(oracle[0].at))) {
				t.Fatalf("Next %s, want %d", q.Next(), oracle[0].at)
			}
		}
		if q.Reset(); q.Len() != 0 || !q.Next().IsZero() {
			t.Fatal("Reset left something")
		}
	})
}

// TestDemandBook compares what a host has been told with what was wanted last.
func TestDemandBook(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b DemandBook
		host, wanted := map[string]int{}, map[string]int{}
		id := rapid.SampledFrom([]string{"a", "b", "c"})
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "op") {
			case 0, 1, 2:
				x, n := id.Draw(t, "id"), rapid.IntRange(0, 3).Draw(t, "count")
				wanted[x] = n
				b.Want(x, n, func(count int) model.Demand {
					return model.Demand{ID: x, Groups: []model.DemandGroup{{Count: count}}}
				})
				if b.Wanted(x) != n {
					t.Fatalf("Wanted(%s) = %d, want %d", x, b.Wanted(x), n)
				}
			case 3: // the host's idea changes, as when it launches what was offered
				x := id.Draw(t, "id")
				delete(host, x)
				b.Forget(x)
				if n := wanted[x]; n > 0 {
					b.Want(x, n, func(count int) model.Demand {
						return model.Demand{ID: x, Groups: []model.DemandGroup{{Count: count}}}
					})
				}
			default:
				call, ok := b.Call()
				if ok != (len(call.Set)+len(call.Drop) > 0) {
					t.Fatalf("Call = %+v %v", call, ok)
				}
				for _, d := range call.Set {
					if host[d.ID] == d.Groups[0].Count {
						t.Fatalf("demand %s was sent with the count it had", d.ID)
					}
					host[d.ID] = d.Groups[0].Count
				}
				for _, x := range call.Drop {
					delete(host, x)
				}
				for x, n := range wanted {
					if host[x] != n {
						t.Fatalf("demand %s: the host has %d, wanted %d", x, host[x], n)
					}
				}
			}
		}
	})
}

func TestRetry(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	sec := func(n int) model.Duration { return model.Duration(time.Duration(n) * time.Second) }
	for _, c := range []struct {
		name   string
		policy model.RestartPolicy
		at     []int    // seconds of the failures
		want   []string // "no" or the wait
	}{
		{"never", model.RestartPolicy{Mode: model.RestartFail}, []int{0}, []string{"no"}},
		{"never, also with delay", model.RestartPolicy{Mode: model.RestartDelay, Interval: sec(9)}, []int{0}, []string{"no"}},
		{"in all", model.RestartPolicy{Attempts: 2, Delay: sec(5), Mode: model.RestartFail}, []int{0, 1000, 9000}, []string{"5s", "5s", "no"}},
		{"in an interval", model.RestartPolicy{Attempts: 1, Interval: sec(10), Mode: model.RestartFail}, []int{0, 10, 19}, []string{"0s", "0s", "no"}},
		{"delay to the end", model.RestartPolicy{Attempts: 1, Interval: sec(10), Delay: sec(1), Mode: model.RestartDelay}, []int{0, 3, 11}, []string{"1s", "7s", "9s"}},
		{"delay at least", model.RestartPolicy{Attempts: 1, Interval: sec(10), Delay: sec(8), Mode: model.RestartDelay}, []int{0, 9}, []string{"8s", "8s"}},
		{"delay without an interval", model.RestartPolicy{Attempts: 1, Mode: model.RestartDelay}, []int{0, 9}, []string{"0s", "no"}},
	} {
		var tries Tries
		for i, s := range c.at {
			again, wait, next := Retry(c.policy, tries, start.Add(time.Duration(s)*time.Second))
			got := "no"
			if again {
				got = wait.String()
			}
			if got != c.want[i] {
				t.Errorf("%s: failure at %ds: %s, want %s", c.name, s, got, c.want[i])
			}
			tries = next
		}
	}
}

func TestBackoff(t *testing.T) {
	for n, want := range map[int]time.Duration{-1: 0, 0: 0, 1: 1, 2: 2, 3: 4, 4: 8, 5: 10, 1000: 10} {
		if got := Backoff(n, 1, 10); got != want {
			t.Errorf("Backoff(%d) = %d, want %d", n, got, want)
		}
	}
}

func TestAssign(t *testing.T) {
	parts := []model.OfferPart{{Agent: "a", Count: 2}, {Agent: "b", Group: 1, Count: 9}, {Agent: "c"}, {Agent: "d", Count: 5}}
	for _, c := range []struct {
		ready []int
		limit int
		want  []Placement
	}{
		{nil, 9, nil},
		{[]int{3}, 0, nil},
		{[]int{3}, 9, []Placement{{0, []int{3}}}},
		{[]int{1, 3, 5, 7}, 9, []Placement{{0, []int{1, 3}}, {3, []int{5, 7}}}},
		{[]int{1, 3, 5, 7}, 3, []Placement{{0, []int{1, 3}}, {3, []int{5}}}},
	} {
		ready := NewSlotSet(10)
		for _, n := range c.ready {
			ready.Add(n)
		}
		got := Assign(parts, 0, &ready, c.limit)
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("ready %v limit %d (-want +got):\n%s", c.ready, c.limit, d)
		}
		for _, p := range got {
			for _, n := range p.Slots {
				if ready.Has(n) {
					t.Errorf("slot %d was given out and is still ready", n)
				}
			}
		}
	}
	if n := Room(parts, 0); n != 7 {
		t.Errorf("Room = %d, want 7", n)
	}
}

type added struct{ N int }
type addedOld struct{ Text string }
type stranger struct{}

func TestEvents(t *testing.T) {
	var r Events[*int]
	On(&r, "added", 2, func(sum *int, e *added) error {
		if e.N < 0 {
			return errors.New("negative")
		}
		*sum += e.N
		return nil
	})
	On(&r, "added", 1, func(sum *int, e *addedOld) error { *sum += len(e.Text); return nil })

	sum := 0
	b, err := r.Encode(&added{3})
	if err != nil || string(b) != `added@2 {"N":3}` {
		t.Errorf("Encode = %q %v", b, err)
	}
	for _, e := range []string{string(b), `added@1 {"Text":"four"}`} {
		if err := r.Fold(&sum, model.OwnEvent(e)); err != nil {
			t.Error(err)
		}
	}
	if sum != 7 {
		t.Errorf("sum %d, want 7", sum)
	}
	for e, want := range map[string]string{
		"added":            "no header",
		"added@3 {}":       "newer",
		`added@2 {"N":""`:  "decode event added@2",
		`added@2{"N":-1}`:  "no header",
		`added@2 {"N":-1}`: "negative",
	} {
		if err := r.Fold(&sum, model.OwnEvent(e)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Fold(%q) = %v, want %q", e, err, want)
		}
	}
	if _, err := r.Encode(&stranger{}); err == nil {
		t.Error("an unregistered type was encoded")
	}
	defer func() {
		if recover() == nil {
			t.Error("a type was registered twice")
		}
	}()
	On(&r, "other", 1, func(*int, *added) error { return nil })
}
