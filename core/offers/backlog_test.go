package offers

import (
	"testing"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// What waits is counted by role, from when it came; what is not to start yet does
// not wait.
func TestBacklogs(t *testing.T) {
	b, now := NewBook(), time.Unix(1000, 0)
	demand := func(id, role string, count int, earliest time.Time) model.Demand {
		return model.Demand{Framework: "f", ID: id, Role: role, EarliestStart: earliest, Groups: []model.DemandGroup{
			{Count: count, Shape: model.Shape{Resources: model.Resources{CPUMilli: 1000}}},
		}}
	}
	check := func(role string, want Backlog) {
		t.Helper()
		if got := b.Backlogs(now)[role]; got != want {
			t.Errorf("of %s waits %+v, want %+v", role, got, want)
		}
	}
	b.SetDemand(demand("d1", "x", 5, time.Time{}))
	b.SetDemand(demand("d2", "y", 2, time.Time{}))
	b.SetDemand(demand("d3", "y", 2, now.Add(time.Hour)))
	b.Plan(now)
	check("x", Backlog{Demands: 1, Tasks: 5, Oldest: now})
	check("y", Backlog{Demands: 1, Tasks: 2, Oldest: now})
	came := now
	now = now.Add(time.Minute)
	b.SetDemand(demand("d4", "y", 1, time.Time{}))
	b.Plan(now)
	check("y", Backlog{Demands: 2, Tasks: 3, Oldest: came})
	b.DropDemand("f", "d2")
	b.Plan(now)
	check("y", Backlog{Demands: 1, Tasks: 1, Oldest: now})
	if _, ok := b.Backlogs(now)["z"]; ok {
		t.Error("a role with nothing waiting is listed")
	}
}
