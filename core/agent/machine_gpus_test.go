package agent

import (
	"fmt"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/gpu"
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

// TestGPUSamplesForTasks: samples go to the executors that want them and to no
// other, and are taken more often while there is one; the master is told as
// often as without.
func TestGPUSamplesForTasks(t *testing.T) {
	now := epoch
	m := NewMachine(Options{Meta: Meta{AgentID: "a1", Boot: 1}, Info: model.AgentInfo{Name: "n1", GPUs: []model.GPU{{UUID: "g0", Milli: 1000}}}})
	var asked []bool // for samples
	told := 0        // the master
	var sampled []string
	step := func(in Input) {
		for _, e := range m.Step(now, in) {
			switch e := e.(type) {
			case SampleGPUs:
				asked = append(asked, e.Often)
			case Send:
				if e.Message.GetGpuUsage() != nil {
					told++
				}
			case SendExecutor:
				if s := e.Message.GetGpuSample(); s != nil {
					sampled = append(sampled, e.Exec.String()+" "+s.Devices[0].Uuid)
				}
			}
		}
	}
	want := func(what, samples, asks string, master int) {
		t.Helper()
		if s, a := fmt.Sprint(sampled), fmt.Sprint(asked); s != samples || a != asks || told != master {
			t.Errorf("%s: samples for %s, asked %s, master told %d times; want %s, %s, %d", what, s, a, told, samples, asks, master)
		}
		sampled, asked, told = nil, nil, 0
	}
	sample := func() {
		now = now.Add(sampleOften)
		step(GPUUsage{now, []gpu.Usage{{UUID: "g0", BusyPercent: 5}}, map[string]model.GPUSample{"g0": {BusyPercent: 5}}})
	}
	master := func(name string, words ...string) {
		step(FromMaster{parseMaster(t, name, words, map[string]string{"epoch": "1", "ping": "10m", "fence": "20m", "reason": "18"})})
	}
	step(Recovered{})
	step(StreamUp{})
	master("registered")
	for _, j := range []string{"j1", "j2"} {
		master("spec", j)
		master("launch", j, "0", "0")
		step(ExecutorUp{parseExec(t, j), &execpb.State{Pid: 1, Job: j}})
	}
	sample()
	want("nobody wants samples", "[]", "[]", 1)
	step(GPUWanted{parseExec(t, "j2"), true})
	step(GPUWanted{parseExec(t, "j2"), true}) // another task
	sample()
	sample()
	sample()
	want("one wants them", "[j2 g0 j2 g0 j2 g0]", "[true true]", 1)
	step(GPUWanted{parseExec(t, "j1"), true})
	sample()
	want("two", "[j1 g0 j2 g0]", "[true]", 0)
	step(GPUWanted{parseExec(t, "j2"), false})
	sample()
	want("one has enough", "[j1 g0]", "[]", 0)
	step(ExecutorDied{parseExec(t, "j1")})
	sample()
	want("the other has died", "[]", "[false]", 1)
	step(GPUWanted{parseExec(t, "j2"), false})
	want("said twice", "[]", "[]", 0)
}
