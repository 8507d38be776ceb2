package agent

import (
	"testing"
	"time"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/model"
)

func TestHealthOfGPUsIsToldOnce(t *testing.T) {
	now := time.Unix(1000, 0)
	m := NewMachine(Options{Meta: Meta{AgentID: "a1", Boot: 1}, Info: model.AgentInfo{
		Name: "n", Capacity: model.Resources{GPUMilli: 1284},
		GPUs: []model.GPU{{UUID: "g0", Milli: 1000}, {UUID: "m0", Parent: "g1", Milli: 142, MIG: "1g.10gb"}, {UUID: "m1", Parent: "g1", Milli: 142, MIG: "1g.10gb"}},
	}})
	var told []*agentpb.Devices
	var registers []*agentpb.Register
	step := func(in Input) {
		now = now.Add(time.Second)
		for _, e := range m.Step(now, in) {
			if s, ok := e.(Send); ok {
				if d := s.Message.GetDevices(); d != nil {
					told = append(told, d)
				}
				if r := s.Message.GetRegister(); r != nil {
					registers = append(registers, r)
				}
			}
		}
	}
	step(Recovered{})
	step(StreamUp{})
	step(GPUHealth{map[string]string{"g0": "XID 79"}}) // between Register and its answer
	if len(registers) != 1 || len(registers[0].Gpus) != 3 || len(told) != 0 {
		t.Fatalf("registered %v, told %v", registers, told)
	}
	step(FromMaster{&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Registered{Registered: &agentpb.Registered{ClusterId: "c", Epoch: 1}}}})
	if len(told) != 1 || told[0].Gpus[0].Unhealthy != "XID 79" || m.Info().Capacity.GPUMilli != 284 {
		t.Fatalf("told %v, has %v", told, m.Info().Capacity)
	}
	step(GPUHealth{map[string]string{"g0": "XID 79"}})
	if len(told) != 1 {
		t.Fatal("what the master knows is told again")
	}
	step(GPUHealth{map[string]string{"g1": "lost"}})
	if len(told) != 2 || told[1].Gpus[0].Unhealthy != "" || told[1].Gpus[1].Unhealthy != "lost" || told[1].Gpus[2].Unhealthy != "lost" ||
		m.Info().Capacity.GPUMilli != 1000 {
		t.Fatalf("told %v, has %v", told, m.Info().Capacity)
	}
	step(StreamDown{})
	step(GPUHealth{})
	step(StreamUp{})
	if len(told) != 2 || registers[1].Gpus[1].Unhealthy != "" {
		t.Fatalf("registered %v, told %v", registers[1], told)
	}
}
