package offers

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tender-scheduler/tender/core/model"
	"pgregory.net/rapid"
)

// Who goes before a demand is chosen from heaps; it must be whom a sort of all
// that wait puts there.
func TestBeforeAgainstSort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := cluster(2, sized(8, 8))
		roles := rapid.IntRange(1, 3).Draw(t, "roles")
		for i := range roles {
			b.SetRole(model.RoleConfig{Role: fmt.Sprint("r", i), Weight: float64(rapid.IntRange(1, 2).Draw(t, "weight"))})
			b.Use(&model.Launch{Agent: "a00000", Job: model.JobID(fmt.Sprint("j", i)), Shape: cpus(float64(rapid.IntRange(0, 2).Draw(t, "used"))),
				Tasks: []model.Attempt{{}}}, Claim{Role: fmt.Sprint("r", i)}, epoch)
		}
		n := rapid.IntRange(1, 40).Draw(t, "demands")
		for i := range n {
			d := wants(fmt.Sprint("d", i), 1, cpus(float64(9+rapid.IntRange(0, 2).Draw(t, "shape"))))
			d.Role = fmt.Sprint("r", rapid.IntRange(0, roles-1).Draw(t, "role"))
			d.Rank, d.Seq = int64(rapid.IntRange(0, 3).Draw(t, "rank")), uint64(rapid.IntRange(0, 5).Draw(t, "seq"))
			b.SetDemand(d)
			if rapid.IntRange(0, 9).Draw(t, "recalls") == 0 {
				x := b.demands[demandID{"batch", d.ID}]
				x.preempting = 1
				b.favoured = append(b.favoured, x)
			}
		}
		var all []*demand
		for _, x := range b.demands {
			all = append(all, x)
		}
		slices.SortFunc(all, func(x, y *demand) int {
			if len(b.inLine) == 1 {
				return planOrder(x, y)
			}
			return cmp.Or(yes(y.preempting > 0)-yes(x.preempting > 0), b.hurryOf(x).compare(b.hurryOf(y)),
				strings.Compare(x.Role, y.Role), planOrder(x, y))
		})
		want := all
		var d *demand
		if i := rapid.IntRange(0, n).Draw(t, "of"); i < n {
			d, want = all[i], all[:i]
		}
		most := rapid.IntRange(0, n).Draw(t, "most")
		got := b.before(d, most)
		if got.count != len(want) || len(got.first) < min(most, len(want)) || !slices.Equal(got.first, want[:len(got.first)]) {
			t.Fatalf("%d by name of %d, want %d", len(got.first), got.count, len(want))
		}
	})
}
