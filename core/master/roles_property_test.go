package master

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
)

// TestRolesProperty: whatever operators ask for, no role is left with more
// promised below it than it may use, and a replay and a restored snapshot give
// the same bytes.
func TestRolesProperty(t *testing.T) {
	paths := []string{"a", "a/b", "a/b/c", "a/d", "a/d/e", "f", "ab"}
	rapid.Check(t, func(rt *rapid.T) {
		m := newTestMachine(t)
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		e := m.Step(now, []Input{Lead{Epoch: 1, ClusterID: "c"}})
		log := [][][]byte{e.Records}
		for range rapid.IntRange(1, 30).Draw(rt, "requests") {
			role := rapid.SampledFrom(paths).Draw(rt, "role")
			var body any
			switch rapid.IntRange(0, 4).Draw(rt, "kind") {
			case 0:
				body = model.RemoveRole{Role: role}
			case 1:
				body = model.SetReservation{Reservation: model.Reservation{
					Role: role, Agent: rapid.SampledFrom([]string{"n1", "n2"}).Draw(rt, "agent"),
					Amount: model.Resources{CPUMilli: rapid.Int64Range(-1, 2).Draw(rt, "reserved")}}}
			default:
				c := model.RoleConfig{Role: role, Guarantee: model.Resources{CPUMilli: rapid.Int64Range(-1, 4).Draw(rt, "guarantee")}}
				if limit := rapid.Int64Range(-1, 8).Draw(rt, "limit"); limit > 0 {
					c.Limit.CPUMilli = &limit
				}
				body = model.SetRole{RoleConfig: c}
			}
			e := m.Step(now, []Input{Asked{ID: 1, Body: body}})
			if len(e.Replies) != 1 || (e.Replies[0].Err == nil) != (len(e.Records) == 1) {
				rt.Fatalf("%+v: %d replies, %d records", body, len(e.Replies), len(e.Records))
			}
			if len(e.Records) > 0 {
				log = append(log, e.Records)
			}
			checkPromises(rt, m.state.roles.configs)
		}
		want, err := m.Snapshot()
		if err != nil {
			rt.Fatal(err)
		}
		replayed, restored := newTestMachine(t), newTestMachine(t)
		for i, g := range log {
			if err := replayed.Apply(uint64(i+1), g); err != nil {
				rt.Fatal(err)
			}
		}
		if err := restored.Restore(want); err != nil {
			rt.Fatal(err)
		}
		for name, x := range map[string]*Machine{"replay": replayed, "restored snapshot": restored} {
			if got, err := x.Snapshot(); err != nil || !bytes.Equal(got, want) {
				rt.Fatalf("%s (%v):\n%s\n%s", name, err, got, want)
			}
		}
	})
}

// checkPromises looks at each role alone: what it has to give below itself is, for
// each child, the larger of the child's own guarantee and what that has to give.
func checkPromises(t *rapid.T, configs map[string]model.RoleConfig) {
	var promised func(role string) int64
	promised = func(role string) (sum int64) {
		children := map[string]bool{}
		for r := range configs {
			if rest, below := strings.CutPrefix(r, role+"/"); below {
				first, _, _ := strings.Cut(rest, "/")
				children[role+"/"+first] = true
			}
		}
		for c := range children {
			sum += max(configs[c].Guarantee.CPUMilli, promised(c))
		}
		return sum
	}
	for role, c := range configs {
		if l := c.Limit.CPUMilli; l != nil && (promised(role) > *l || c.Guarantee.CPUMilli > *l) {
			t.Fatalf("role %s has a limit of %d, is guaranteed %d and those below it %d", role, *l, c.Guarantee.CPUMilli, promised(role))
		}
	}
}
