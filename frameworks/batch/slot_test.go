package batch

import (
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
)

func TestSlotSize(t *testing.T) {
	if n := unsafe.Sizeof(slot{}); n != 56 {
		t.Errorf("a slot has %d bytes, want 56: a million of them are kept", n)
	}
}

// TestSlotClasses sees that every state of the table of task states counts as
// what it is, and that no other is taken for one.
func TestSlotClasses(t *testing.T) {
	for s := model.TaskStarting; s <= model.TaskUnknown; s++ {
		c := taskSlot(s).class()
		switch {
		case s == model.TaskLost || s == model.TaskUnknown || s == model.TaskGoneByOperator:
			// No update carries a task of this framework there.
		case s.Terminal() != c.ended() || s.Terminal() == c.live():
			t.Errorf("%s counts as class %d", s, c)
		}
	}
	if taskSlot(model.TaskUnknown) >= 1<<flagBits {
		t.Error("a slot's state does not fit its half byte of a snapshot")
	}
}

// TestIndices compares the fast index functions with the model's.
func TestIndices(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := &model.Job{Groups: []model.Group{{Array: &model.Array{}}}}
		a := spec.Groups[0].Array
		next := uint32(0)
		for range rapid.IntRange(1, 5).Draw(t, "ranges") {
			r := model.IndexRange{First: next + rapid.Uint32Range(0, 5).Draw(t, "gap"), Step: rapid.Uint32Range(1, 4).Draw(t, "step")}
			r.Last = r.First + rapid.Uint32Range(0, 20).Draw(t, "length")
			a.Ranges = append(a.Ranges, r)
			next = r.Last + 1
		}
		g := &newJob("j", 1, spec).groups[0]
		for n := range g.size {
			if got, want := g.indexAt(n), spec.Groups[0].IndexAt(n); got != want {
				t.Fatalf("slot %d has index %d, want %d", n, got, want)
			}
		}
		for index := range next + 3 {
			n, ok := g.slotOf(index)
			wantN, want := spec.Groups[0].SlotOf(index)
			if ok != want || ok && n != wantN {
				t.Fatalf("index %d is slot %d %v, want %d %v", index, n, ok, wantN, want)
			}
		}
	})
}

func TestClip(t *testing.T) {
	for _, c := range []struct{ in, want string }{{"abc", "abc"}, {"abcde", "abcd"}, {"abcé", "abc"}, {"éééé", "éé"}} {
		if got := clip(c.in, 4); got != c.want {
			t.Errorf("clip(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}
