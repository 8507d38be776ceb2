package offers

import (
	"cmp"
	"fmt"
	"maps"
	"math"
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
		tree := naiveTree{}
		for _, role := range []string{"", "a", "a/x", "a/y", "b", "b/x", "c"} {
			r := &naiveRole{weight: float64(rapid.IntRange(1, 2).Draw(t, "weight"))}
			if rapid.Bool().Draw(t, "guaranteed") {
				r.guarantee = float64(rapid.IntRange(1, 3).Draw(t, "guarantee"))
			}
			r.own = float64(rapid.IntRange(0, 2).Draw(t, "used"))
			tree[role] = r
			b.SetRole(model.RoleConfig{Role: role, Weight: r.weight, Guarantee: cpus(r.guarantee).Resources})
			b.Use(&model.Launch{Agent: "a00000", Job: model.JobID("j" + role), Shape: cpus(r.own),
				Tasks: []model.Attempt{{}}}, Claim{Role: role}, epoch)
		}
		paths := slices.Sorted(maps.Keys(tree))[:rapid.IntRange(1, len(tree)).Draw(t, "roles")]
		n := rapid.IntRange(1, 40).Draw(t, "demands")
		for i := range n {
			d := wants(fmt.Sprint("d", i), 1, cpus(float64(9+rapid.IntRange(0, 2).Draw(t, "shape"))))
			d.Role = rapid.SampledFrom(paths).Draw(t, "role")
			d.Rank, d.Seq = int64(rapid.IntRange(0, 3).Draw(t, "rank")), uint64(rapid.IntRange(0, 5).Draw(t, "seq"))
			b.SetDemand(d)
			if rapid.IntRange(0, 9).Draw(t, "recalls") == 0 {
				x := b.demands[demandID{"batch", d.ID}]
				x.preempting = 1
				b.favoured = append(b.favoured, x)
			}
		}
		var all []*demand
		waits := map[string]bool{}
		for _, x := range b.demands {
			all = append(all, x)
			waits[x.Role] = true
		}
		turns := tree.turns(waits)
		slices.SortFunc(all, func(x, y *demand) int {
			if len(b.inLine) == 1 {
				return planOrder(x, y)
			}
			if x.preempting > 0 && y.preempting > 0 {
				return slices.Index(b.favoured, x) - slices.Index(b.favoured, y)
			}
			return cmp.Or(yes(y.preempting > 0)-yes(x.preempting > 0),
				slices.Index(turns, x.Role)-slices.Index(turns, y.Role), planOrder(x, y))
		})
		want := all
		var d *demand
		if i := rapid.IntRange(0, n).Draw(t, "of"); i < n {
			d, want = all[i], all[:i]
		}
		most := rapid.IntRange(0, n).Draw(t, "most")
		got := b.before(d, most)
		if got.count != len(want) || len(got.first) < min(most, len(want)) || !slices.Equal(got.first, want[:len(got.first)]) {
			t.Fatalf("%d by name of %d, want %d; turns %q", len(got.first), got.count, len(want), turns)
		}
	})
}

// naiveTree is roles by their paths, in a cluster of 16 cpus.
type naiveTree map[string]*naiveRole

type naiveRole struct{ weight, guarantee, own float64 }

func below(path, role string) bool {
	return role == "" || path == role || strings.HasPrefix(path, role+"/")
}

func (t naiveTree) used(role string) (sum float64) {
	for path, r := range t {
		if below(path, role) {
			sum += r.own
		}
	}
	return sum
}

// owed reports whether an unmet guarantee at or below a role is for one that waits.
func (t naiveTree) owed(role string, waits map[string]bool) bool {
	for path, r := range t {
		for w := range waits {
			if below(path, role) && below(w, path) && t.used(path) < r.guarantee {
				return true
			}
		}
	}
	return false
}

// turns returns those that wait in the order in which their turn comes, if nobody
// is served.
func (t naiveTree) turns(waits map[string]bool) (out []string) {
	waits = maps.Clone(waits)
	for len(waits) > 0 {
		role := t.first("", waits)
		out = append(out, role)
		delete(waits, role)
	}
	return out
}

func (t naiveTree) first(role string, waits map[string]bool) string {
	best, bestOwed, bestScore := "", false, math.Inf(1)
	if waits[role] {
		best, bestScore = role, t[role].own
	}
	for _, path := range slices.Sorted(maps.Keys(t)) {
		child := path != role && below(path, role) && !strings.Contains(strings.TrimPrefix(path[len(role):], "/"), "/")
		if !child || !slices.ContainsFunc(slices.Collect(maps.Keys(waits)), func(w string) bool { return below(w, path) }) {
			continue
		}
		owed, score := t.owed(path, waits), t.used(path)/t[path].weight
		if owed && !bestOwed || owed == bestOwed && score < bestScore {
			best, bestOwed, bestScore = path, owed, score
		}
	}
	if best == role {
		return role
	}
	return t.first(best, waits)
}
