package agent

import (
	"slices"
	"testing"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/model"
)

// TestGrantsStayWithTheirTasks: of a launch that waits for its executor one task
// is stopped for another job; the others keep their ports and devices.
func TestGrantsStayWithTheirTasks(t *testing.T) {
	m := NewMachine(Options{Meta: Meta{AgentID: "a1", Boot: 1}, Info: model.AgentInfo{Name: "n1"}})
	step := func(in Input) []Effect { return m.Step(epoch, in) }
	master := func(name string, words ...string) []Effect {
		return step(FromMaster{parseMaster(t, name, words, map[string]string{"epoch": "1", "ping": "2s", "fence": "2m", "reason": "18"})})
	}
	step(Recovered{})
	step(StreamUp{})
	master("registered")
	master("spec", "j1")
	launch := &agentpb.Launch{Job: "j1", Indices: []uint32{4, 5, 6}}
	for i := range launch.Indices {
		launch.Grants = append(launch.Grants, &agentpb.Grant{
			Ports: []uint32{8000 + uint32(i)}, Gpus: []*agentpb.GpuShare{{Uuid: "GPU-" + string(rune('a'+i)), Milli: 500}},
		})
	}
	step(FromMaster{&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Launch{Launch: launch}}})

	var ended *agentpb.Update
	for _, e := range master("kill", "j1", "0/5/0") {
		if s, ok := e.(Send); ok && len(s.Message.GetUpdates().GetUpdates()) > 0 {
			ended = s.Message.GetUpdates().Updates[0]
		}
	}
	if ended.GetResult().GetCause() != string(model.CausePreempted) || ended.GetReason() != uint32(model.ReasonContainerPreempted) {
		t.Errorf("the task that was stopped for another ended as %v", ended)
	}

	var sent *execpb.Launch
	for _, e := range step(ExecutorUp{parseExec(t, "j1"), &execpb.State{Pid: 1, Job: "j1"}}) {
		if s, ok := e.(SendExecutor); ok && s.Message.GetLaunch() != nil {
			sent = s.Message.GetLaunch()
		}
	}
	var ports []uint32
	var devices []string
	for _, g := range sent.GetGrants() {
		ports, devices = append(ports, g.Ports...), append(devices, g.Gpus[0].Uuid)
	}
	if !slices.Equal(sent.GetIndices(), []uint32{4, 6}) || !slices.Equal(ports, []uint32{8000, 8002}) || !slices.Equal(devices, []string{"GPU-a", "GPU-c"}) {
		t.Errorf("the executor gets %v", sent)
	}

	launch = &agentpb.Launch{Job: "j1", Indices: []uint32{8, 9}, Grants: launch.Grants}
	refused := false
	for _, e := range step(FromMaster{&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Launch{Launch: launch}}}) {
		s, ok := e.(Send)
		refused = refused || ok && s.Message.GetLaunchRefused() != nil
	}
	if !refused {
		t.Error("a launch with three grants for two tasks is taken")
	}
}
