package model_test

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
)

func TestTaskStateDocIsCurrent(t *testing.T) {
	b, err := os.ReadFile("../../docs/task-states.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(model.TaskStateDoc(), string(b)); diff != "" {
		t.Errorf("docs/task-states.md is out of date, run make generate:\n%s", diff)
	}
}

// TestTaskStatesOnlyAdvance: nothing follows a terminal state, a repeated state
// is no change, and from every state the end can be reached.
func TestTaskStatesOnlyAdvance(t *testing.T) {
	for from := model.TaskStarting; from <= model.TaskUnknown; from++ {
		if got, err := from.Next(from); got != from || err != nil {
			t.Errorf("%s repeated is %s, %v", from, got, err)
		}
		ways := 0
		for to := model.TaskStarting; to <= model.TaskUnknown; to++ {
			got, err := from.Next(to)
			if err != nil && got != from {
				t.Errorf("%s to %s is an error and yet becomes %s", from, to, got)
			}
			if err == nil && to != from {
				ways++
			}
		}
		if from.Terminal() && ways > 0 {
			t.Errorf("%s is terminal and has %d ways out", from, ways)
		}
	}
	for _, from := range []model.TaskState{model.TaskStaging, model.TaskStarting, model.TaskRunning, model.TaskKilling, model.TaskUnreachable} {
		for _, to := range []model.TaskState{model.TaskFinished, model.TaskFailed, model.TaskKilled, model.TaskGone} {
			if _, err := from.Next(to); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestTaskIDRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := model.TaskID{
			Job:   model.NewJobID([5]byte(rapid.SliceOfN(rapid.Byte(), 5, 5).Draw(t, "random"))),
			Group: rapid.Uint16().Draw(t, "group"), Index: rapid.Uint32().Draw(t, "index"), Attempt: rapid.Uint16().Draw(t, "attempt"),
		}
		got, err := model.ParseTaskID(id.String())
		if err != nil || got != id {
			t.Fatalf("%s came back as %s (%v)", id, got, err)
		}
		if c := id.Job[0]; c < 'a' || c > 'z' || len(id.Job) != 8 {
			t.Fatalf("job id %q: want a letter and seven more", id.Job)
		}
	})
	for _, bad := range []string{"", "j", "j/1/2", "j/1/2/3/4", "/1/2/3", "j/x/2/3", "j/70000/2/3", "j/1/-2/3"} {
		if _, err := model.ParseTaskID(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// TestGroupSlots: IndexAt and SlotOf are inverses over all slots, in order.
func TestGroupSlots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := model.Group{Array: &model.Array{}}
		next := uint32(0)
		for range rapid.IntRange(1, 4).Draw(t, "ranges") {
			r := model.IndexRange{First: next + rapid.Uint32Range(0, 9).Draw(t, "gap"), Step: rapid.Uint32Range(1, 5).Draw(t, "step")}
			r.Last = r.First + rapid.Uint32Range(0, 40).Draw(t, "length")
			next = r.Last + 1
			g.Array.Ranges = append(g.Array.Ranges, r)
		}
		seen := map[uint32]bool{}
		for n := range g.Size() {
			i := g.IndexAt(n)
			if seen[i] {
				t.Fatalf("index %d stands twice", i)
			}
			seen[i] = true
			if slot, ok := g.SlotOf(i); !ok || slot != n {
				t.Fatalf("slot %d has index %d, whose slot is %d (%v)", n, i, slot, ok)
			}
		}
		for i := range next {
			if _, ok := g.SlotOf(i); ok != seen[i] {
				t.Fatalf("index %d: in the group is %v, want %v", i, ok, seen[i])
			}
		}
	})
}

func TestResourcesTimesIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Int64Range(0, 20)
		draw := func(name string) model.Resources {
			return model.Resources{CPUMilli: amount.Draw(t, name), MemoryBytes: amount.Draw(t, name), DiskBytes: amount.Draw(t, name)}
		}
		want, free, limit := draw("want"), draw("free"), rapid.Int64Range(0, 30).Draw(t, "limit")
		n := int64(0)
		for n < limit && want.Times(n+1).Fits(free) {
			n++
		}
		if got := want.TimesIn(free, limit); got != n {
			t.Fatalf("%v fits %d times into %v, not %d", want, n, free, got)
		}
	})
}

func TestFormats(t *testing.T) {
	for n, want := range map[int64]string{0: "0B", 1023: "1023B", 1024: "1KiB", 1536: "1.5KiB", 1 << 30: "1GiB", 3 << 29: "1.5GiB", 1 << 50: "1PiB"} {
		if got := model.FormatBytes(n); got != want {
			t.Errorf("%d bytes are %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0", 1: "0.001", 500: "0.5", 1000: "1", 10000: "10", 12500: "12.5"} {
		if got := model.FormatCPU(n); got != want {
			t.Errorf("%d milli are %q, want %q", n, got, want)
		}
	}
}

// TestStatusJSON: enums go by name, and what is not set is left out.
func TestStatusJSON(t *testing.T) {
	st := model.TaskStatus{Task: model.TaskID{Job: "j"}, State: model.TaskGone, Reason: model.ReasonExecutorTerminated,
		At: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}
	b, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"task":{"job":"j","group":0,"index":0,"attempt":0},"agent":"","state":"TASK_GONE","reason":"REASON_EXECUTOR_TERMINATED","at":"2026-11-23T10:00:00Z"}`
	if string(b) != want {
		t.Errorf("JSON is\n%s\nwant\n%s", b, want)
	}
	var back model.TaskStatus
	if err := json.Unmarshal(b, &back); err != nil || !cmp.Equal(back, st) {
		t.Errorf("it comes back as %+v (%v)", back, err)
	}
}
