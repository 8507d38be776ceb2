package master

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/model"
)

// roles asks what operators ask: "role" and "reserve" take JSON, "unrole" a path.
// Under the turn stands what is kept then.
func (s *script) roles(d *datadriven.TestData) string {
	read := func(into any) {
		if err := json.Unmarshal([]byte(d.Input), into); err != nil {
			d.Fatalf(s.t, "%v", err)
		}
	}
	s.asked++
	in := Asked{ID: s.asked}
	switch d.Cmd {
	case "role":
		var r model.SetRole
		read(&r.RoleConfig)
		in.Body = r
	case "reserve":
		var r model.SetReservation
		read(&r.Reservation)
		in.Body = r
	case "unrole":
		in.Body = model.RemoveRole{Role: d.CmdArgs[0].Key}
	}
	var b strings.Builder
	b.WriteString(s.turn(in))
	for _, c := range s.m.state.roles.sortedConfigs() {
		b.WriteString("  " + c.Role + " " + describeRole(c) + "\n")
	}
	for _, r := range s.m.state.roles.sortedReservations("") {
		b.WriteString("  " + r.Amount.String() + " on " + r.Agent + " for " + r.Role + "\n")
	}
	return b.String()
}

// inverse asks for tasks back, in the allocator's place: for=LABEL grace=D, the
// tasks as further words. The framework has answered that it keeps them.
func (s *script) inverse(d *datadriven.TestData) string {
	grace, err := time.ParseDuration(s.strArg(d, "grace", "30s"))
	if err != nil {
		d.Fatalf(s.t, "%v", err)
	}
	o := model.InverseOffer{
		ID: model.OfferID(1000 + len(s.m.inverse)), Framework: "batch", For: s.strArg(d, "for", ""), MadeAt: s.now, Deadline: s.now.Add(grace),
	}
	for _, a := range d.CmdArgs {
		if id, err := model.ParseTaskID(a.Key); err == nil {
			o.Tasks = append(o.Tasks, id)
		}
	}
	s.m.inverse[o.ID] = o
	return s.turn(Tick{})
}

// TestNextWakeKnowsDeadlines: nobody need ask for a turn at an inverse offer's deadline.
func TestNextWakeKnowsDeadlines(t *testing.T) {
	m := newTestMachine(t)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m.Step(now, []Input{Lead{Epoch: 1, ClusterID: "c"}})
	m.inverse[1] = model.InverseOffer{ID: 1, Deadline: now.Add(time.Minute)}
	if e := m.Step(now, []Input{Tick{}}); !e.Wake.Equal(now.Add(time.Minute)) {
		t.Errorf("wakes at %v", e.Wake)
	}
	if e := m.Step(now.Add(time.Minute), []Input{Tick{}}); !e.Wake.IsZero() {
		t.Errorf("wakes at %v although nothing is left to do", e.Wake)
	}
	if len(m.inverse)+len(m.overdue) > 0 {
		t.Error("an inverse offer whose tasks have ended is kept")
	}
}

// TestGrantsAreKept: which ports and devices a task has outlives the leader.
func TestGrantsAreKept(t *testing.T) {
	m := newTestMachine(t)
	l := model.Launch{
		Agent: "a1", Job: "j1", Tasks: []model.Attempt{{Index: 0}, {Index: 1}},
		Shape:  model.Shape{Ports: []model.PortRequest{{Label: "http"}}, GPUs: []model.GPURequest{{Count: 1}}},
		Grants: []model.Grant{{Ports: []uint16{20000}, GPUs: []model.GPUShare{{UUID: "x", Milli: 500}}}, {Ports: []uint16{20001}}},
	}
	m.state.setAgent(model.AgentInfo{ID: "a1", Name: "a1"}, time.Time{})
	rec := stagedRecord{Launch: l}
	if err := m.state.stage(rec.batch(), &l); err != nil {
		t.Fatal(err)
	}
	b, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	again := newTestMachine(t)
	if err := again.Restore(b); err != nil {
		t.Fatal(err)
	}
	if bs := again.state.snapshotBatches(); len(bs) != 1 || len(bs[0].Launch.Grants) != 2 || bs[0].Launch.Grants[1].Ports[0] != 20001 ||
		bs[0].Launch.Grants[0].GPUs[0].UUID != "x" {
		t.Errorf("restored %+v", bs)
	}
	if w := grantsToWire(l.Grants); len(w) != 2 || w[0].Gpus[0].Milli != 500 || w[0].Ports[0] != 20000 {
		t.Errorf("on the wire: %v", w)
	}
	var none *agentpb.Launch
	if grantsToWire(nil) != nil || none.GetGrants() != nil {
		t.Error("a launch without named things has grants")
	}
}
