package offers

import (
	"testing"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// TestBoundOfPreferred holds a group whose agents are chosen by score, and the
// demands of one kin, to their bound of tasks on one agent.
func TestBoundOfPreferred(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	b := NewBook()
	for _, id := range []model.AgentID{"a", "b"} {
		b.SetAgent(model.AgentInfo{ID: id, Name: string(id), Capacity: model.Resources{CPUMilli: 8000}, Attributes: map[string]string{"node.unique.id": string(id)}})
		b.SetAvailable(id, true)
	}
	demand := func(id string, count int, prefer string) model.Demand {
		return model.Demand{Framework: "service", ID: id, Label: id, Role: "default", Kin: "kin", Groups: []model.DemandGroup{{
			Count: count, Shape: model.Shape{Resources: model.Resources{CPUMilli: 1000}}, MaxPerAgent: 1,
			Affinities: []model.Affinity{{Constraint: model.Constraint{Attribute: "${node.unique.id}", Operator: "=", Value: prefer}, Weight: 100}},
		}}}
	}
	place := func(d model.Demand) map[model.AgentID]int {
		b.SetDemand(d)
		on := map[model.AgentID]int{}
		for _, o := range b.Plan(now) {
			for _, p := range o.Parts {
				on[p.Agent] += p.Count
			}
		}
		return on
	}
	if on := place(demand("one", 1, "b")); on["b"] != 1 || len(on) != 1 {
		t.Fatalf("the first is offered %v, want the agent it prefers", on)
	}
	if on := place(demand("two", 3, "b")); on["a"] != 1 || len(on) != 1 {
		t.Errorf("the others are offered %v, want one on the agent without any", on)
	}
	avoid := demand("three", 1, "a")
	avoid.Kin, avoid.Groups[0].Avoid = "other", []model.AgentID{"a"}
	if on := place(avoid); on["b"] != 1 || len(on) != 1 {
		t.Errorf("who avoids an agent is offered %v", on)
	}
}
