package sdktest

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// naughty is a framework that breaks the rules it is told to.
type naughty struct {
	breaks string
	steps  int
	count  int // folded
}

func (n *naughty) ID() model.FrameworkID { return "naughty" }

func (n *naughty) Step(now time.Time, in model.Input) (e model.Effects) {
	n.steps++
	switch in := in.(type) {
	case model.Leading:
		e.Calls = []model.Call{model.Demands{Set: []model.Demand{{
			ID: "j/0", AllOrNothing: n.breaks == "gang",
			Groups: []model.DemandGroup{{Count: 2, Shape: model.Shape{Resources: model.Resources{CPUMilli: 1000}}}},
		}}}}
	case model.Offers:
		if n.breaks == "silence" {
			return e
		}
		e.Calls = []model.Call{model.Accept{Offer: in[0].ID, Launches: n.launches()}}
	case model.Staged:
		n.count++
		if n.breaks == "fold" {
			n.count++
		}
	case model.Statuses:
		n.count++
	}
	return e
}

func (n *naughty) launches() []model.Launch {
	tasks := []model.Attempt{{Index: 0}, {Index: 1}}
	switch n.breaks {
	case "gang":
		tasks = tasks[:1]
	case "twice":
		tasks = []model.Attempt{{Index: 0}, {Index: 0}}
	case "two live":
		tasks = []model.Attempt{{Index: 0}, {Index: 0, Attempt: 1}}
	case "order":
		tasks = []model.Attempt{{Index: 1}, {Index: 0}}
	case "too many":
		tasks = append(tasks, model.Attempt{Index: 2})
	}
	return []model.Launch{{Agent: "a", Job: "j", Tasks: tasks,
		Shape: model.Shape{Resources: model.Resources{CPUMilli: 1000}}}}
}

func (n *naughty) Apply(model.JournalEvent) error { n.count++; return nil }
func (n *naughty) Snapshot() ([]byte, error)      { return strconv.AppendInt(nil, int64(n.count), 10), nil }
func (n *naughty) Restore(b []byte) (err error)   { n.count, err = strconv.Atoi(string(b)); return err }

// TestRules sees that the master finds what a framework does wrong.
func TestRules(t *testing.T) {
	for breaks, want := range map[string]string{
		"":         "",
		"fold":     "state after Step",
		"silence":  "neither accepted nor declined",
		"gang":     "in part",
		"twice":    "launched before",
		"two live": "is live",
		"order":    "ascending",
		"too many": "than offered",
	} {
		m := NewMaster(func() model.Framework { return &naughty{breaks: breaks} })
		m.AddAgent("a", model.Resources{CPUMilli: 2000})
		m.Offer()
		m.Failover(false)
		m.Failover(true)
		got := ""
		if err := m.Err(); err != nil {
			got = err.Error()
		}
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("breaking %q: found %q, want %q", breaks, got, want)
		}
	}
}
