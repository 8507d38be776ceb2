package offers

import (
	"testing"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

func TestSmoke(t *testing.T) {
	b := NewBook()
	now := time.Unix(0, 0)
	for _, n := range []string{"a", "b", "c"} {
		b.SetAgent(model.AgentInfo{ID: model.AgentID(n), Name: n, Capacity: model.Resources{CPUMilli: 4000}})
	}
	b.SetDemand(model.Demand{Framework: "f", ID: "d", Groups: []model.DemandGroup{{Count: 10, Shape: model.Shape{Resources: model.Resources{CPUMilli: 1000}}}}})
	os := b.Plan(now)
	t.Logf("%+v", os)
	if err := b.Audit(); err != nil {
		t.Fatal(err)
	}
	acc := model.Accept{Offer: os[0].ID}
	i := uint32(0)
	for _, p := range os[0].Parts {
		l := model.Launch{Agent: p.Agent, Job: "j", Shape: model.Shape{Resources: model.Resources{CPUMilli: 1000}}}
		for range p.Count {
			l.Tasks = append(l.Tasks, model.Attempt{Index: i})
			i++
		}
		acc.Launches = append(acc.Launches, l)
	}
	if _, r := b.Accept(now, "f", acc); r != nil {
		t.Fatal(r)
	}
	if err := b.Audit(); err != nil {
		t.Fatal(err)
	}
	if len(b.demands) != 0 || b.Plan(now) != nil {
		t.Fatal("left over")
	}
}
