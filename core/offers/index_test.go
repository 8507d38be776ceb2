package offers

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
)

// TestIndexAgainstScan: the tree finds the same leaf as a scan.
func TestIndexAgainstScan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var x index
		var leaves []indexNode
		resources := func(what string) model.Resources {
			n := func() int64 { return rapid.Int64Range(-2, 4).Draw(t, what) }
			return model.Resources{CPUMilli: n(), MemoryBytes: n(), DiskBytes: n()}
		}
		t.Repeat(map[string]func(*rapid.T){
			"grow": func(t *rapid.T) {
				n := len(leaves) + rapid.IntRange(1, 9).Draw(t, "more")
				leaves = append(leaves, make([]indexNode, n-len(leaves))...)
				x.grow(n)
			},
			"set": func(t *rapid.T) {
				if len(leaves) == 0 {
					return
				}
				i := rapid.IntRange(0, len(leaves)-1).Draw(t, "leaf")
				leaves[i] = indexNode{resources("free"), rapid.Uint64Range(0, 9).Draw(t, "gain")}
				x.set(i, leaves[i].free, leaves[i].gain)
			},
			"next": func(t *rapid.T) {
				from, to := rapid.IntRange(0, len(leaves)+2).Draw(t, "from"), rapid.IntRange(0, len(leaves)).Draw(t, "to")
				need, after := resources("need"), rapid.Uint64Range(0, 9).Draw(t, "after")
				want, some := -1, false
				for i := range leaves {
					if leaves[i].gain > after && covers(&leaves[i].free, &need) {
						some = true
						if want < 0 && i >= from && i < to {
							want = i
						}
					}
				}
				if got := x.next(from, to, &need, after); got != want {
					t.Fatalf("next(%d, %d, %v, %d) = %d, want %d of %v", from, to, need, after, got, want, leaves)
				}
				if some && !x.any(&need, after) {
					t.Fatalf("any(%v, %d) says no, and %v", need, after, leaves)
				}
			},
		})
	})
}

// TestTaskTableAgainstMap: the pages hold what a map would.
func TestTaskTableAgainstMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, want := newTaskTable(), map[model.TaskID]*stake{}
		draw := func(t *rapid.T) model.TaskID {
			return model.TaskID{
				Job:   rapid.SampledFrom([]model.JobID{"a", "b"}).Draw(t, "job"),
				Group: rapid.Uint16Range(0, 1).Draw(t, "group"), Attempt: rapid.Uint16Range(0, 2).Draw(t, "attempt"),
				Index: rapid.SampledFrom([]uint32{0, 1, 63, 64, 65, 128, 1<<32 - 1}).Draw(t, "index"),
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				id, s := draw(t), &stake{}
				table.put(id, s)
				want[id] = s
			},
			"remove": func(t *rapid.T) {
				if id := draw(t); want[id] != nil {
					table.remove(id)
					delete(want, id)
				}
			},
			"": func(t *rapid.T) {
				seen := 0
				table.all(func(id model.TaskID, s *stake) {
					seen++
					if want[id] != s || table.get(id) != s {
						t.Fatalf("%s is %p, want %p", id, s, want[id])
					}
				})
				if id := draw(t); table.get(id) != want[id] {
					t.Fatalf("get(%s) = %p, want %p", id, table.get(id), want[id])
				}
				if seen != len(want) || table.count != len(want) {
					t.Fatalf("%d tasks, %d counted, want %d", seen, table.count, len(want))
				}
				if len(want) == 0 && (len(table.jobs) > 0 || len(table.twins) > 0) {
					t.Fatalf("an empty table keeps %v, %v", table.jobs, table.twins)
				}
			},
		})
	})
}

// TestStamps: whoever keeps something about an agent by its stamp notices every
// change, also where many agents change at once and the index is rebuilt.
func TestStamps(t *testing.T) {
	for _, changed := range []int{1, 64} { // of 64: one by one, and in bulk
		b := cluster(64, sized(8, 8))
		b.Plan(epoch)
		before := make([]uint64, len(b.agents))
		for i, a := range b.agents {
			if before[i] = a.stamp; a.stamp == 0 {
				t.Fatalf("agent %d has no stamp after a pass", i)
			}
		}
		for i := range changed {
			b.Use(&model.Launch{Agent: b.agents[i].info.ID, Job: "j", Shape: sized(1, 1), Tasks: []model.Attempt{{Index: uint32(i)}}}, Claim{}, epoch)
		}
		b.SetDemand(wants("d", 1, sized(1, 1)))
		b.Plan(epoch)
		for i, a := range b.agents[:changed] {
			if a.stamp == before[i] {
				t.Errorf("%d changed: agent %d has the stamp of before", changed, i)
			}
		}
	}
}
