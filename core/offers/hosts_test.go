package offers

import (
	"fmt"
	"testing"

	"github.com/tender-scheduler/tender/core/model"
)

// TestHosts: who matches is told by constraints and sizes, not by what runs; who is
// out of contact apart; and who is barred or gone not at all.
func TestHosts(t *testing.T) {
	b := NewBook()
	for i, cpus := range []int64{4, 2, 4, 4} {
		b.SetAgent(model.AgentInfo{
			ID: model.AgentID(fmt.Sprintf("a%d", i)), Name: fmt.Sprintf("n%d", i), Capacity: model.Resources{CPUMilli: cpus * 1000, MemoryBytes: 1 << 30},
			Attributes: map[string]string{"meta.rack": fmt.Sprint(i % 2)},
		})
	}
	g := &model.DemandGroup{Count: 1, Shape: model.Shape{Resources: model.Resources{CPUMilli: 3000}}}
	want := func(what string) {
		t.Helper()
		fit, away := b.Hosts(g)
		if got := fmt.Sprint(fit, away); got != what {
			t.Errorf("hosts are %s, want %s", got, what)
		}
	}
	before := b.Fleet()
	want("[a0 a2 a3] []")
	b.SetAvailable("a2", false)
	want("[a0 a3] [a2]")
	b.Bar("a0", "drained")
	want("[a3] [a2]")
	b.RemoveAgent("a3")
	want("[] [a2]")
	b.Bar("a0", "")
	if b.Fleet() == before {
		t.Error("the fleet is said to be as it was")
	}
	g.Constraints = []model.Constraint{{Attribute: "${meta.rack}", Operator: "=", Value: "1"}}
	want("[] []")
	if !b.Knows("a0") || b.Knows("a3") {
		t.Error("who is known")
	}
}

// TestOnly: a demand bounded to some agents is offered those and no others.
func TestOnly(t *testing.T) {
	b := NewBook()
	for i := range 5 {
		b.SetAgent(model.AgentInfo{ID: model.AgentID(fmt.Sprintf("a%d", i)), Name: fmt.Sprintf("n%d", i), Capacity: model.Resources{CPUMilli: 4000, MemoryBytes: 1 << 30}})
	}
	d := model.Demand{Framework: "f", ID: "d", Every: true, Groups: []model.DemandGroup{{
		Count: 4, MaxPerAgent: 1, Only: []model.AgentID{"a1", "a3", "a9"}, Shape: model.Shape{Resources: model.Resources{CPUMilli: 1000}},
	}}}
	b.SetDemand(d)
	var got []string
	for _, o := range b.Plan(epoch) {
		for _, p := range o.Parts {
			got = append(got, fmt.Sprintf("%s×%d", p.Agent, p.Count))
		}
	}
	if fmt.Sprint(got) != "[a1×1 a3×1]" {
		t.Errorf("offered %v", got)
	}
}
