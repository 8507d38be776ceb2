package offers

import (
	"fmt"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// TestSpreadCountsWhatIsThere adds to a group a few tasks at a time: they end up as
// evenly as if all had come at once, although another agent would be left with less.
func TestSpreadCountsWhatIsThere(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	b := NewBook()
	for i, cpus := range []int64{8, 9, 10} {
		id := model.AgentID(fmt.Sprint("a", i))
		b.SetAgent(model.AgentInfo{ID: id, Name: string(id), Capacity: model.Resources{CPUMilli: cpus * 1000}, Attributes: map[string]string{"node.unique.id": string(id)}})
		b.SetAvailable(id, true)
	}
	on := map[model.AgentID]int{}
	for round, count := range []int{3, 3, 1, 2, 6} {
		b.SetDemand(model.Demand{Framework: "service", ID: fmt.Sprint(round), Label: "web", Role: "default", Kin: "web", Groups: []model.DemandGroup{{
			Count: count, Shape: model.Shape{Resources: model.Resources{CPUMilli: 1000}},
			Spreads: []model.Spread{{Attribute: "${node.unique.id}", Weight: 50}},
		}}})
		for _, o := range b.Plan(now) {
			for _, p := range o.Parts {
				on[p.Agent] += p.Count
			}
		}
		least, most := 100, 0
		for i := range 3 {
			n := on[model.AgentID(fmt.Sprint("a", i))]
			least, most = min(least, n), max(most, n)
		}
		if most-least > 1 {
			t.Errorf("after %d more they are on %v", count, on)
		}
	}
}
