package master

import (
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/model"
)

// TestNodesSayWhoHasWhichGPU: three tasks of half a device on two; one ends, and
// the leader after that knows the same.
func TestNodesSayWhoHasWhichGPU(t *testing.T) {
	s := &script{t: t, m: newTestMachine(t), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), sessions: map[string]SessionID{"a1": 1}}
	s.turn(Lead{Epoch: 1, ClusterID: "c1"})
	register := &agentpb.Register{AgentId: "id-a1", Name: "a1", CpuMilli: 8000, MemoryBytes: 8 << 30, DiskBytes: 1 << 40,
		Gpus: agentpb.FromGPUs([]model.GPU{{UUID: "g0", Model: "H100", MemoryBytes: 80 << 30, Milli: 1000}, {UUID: "g1", Model: "H100", MemoryBytes: 80 << 30, Milli: 1000}})}
	s.turn(AgentUp{Session: 1, Register: register})
	s.turn(s.pong(1, 1))
	job := &model.Job{Name: "train", Type: model.JobBatch, Role: model.DefaultRole, Priority: model.DefaultPriority, Groups: []model.Group{{
		Name: "w", Count: 3, Tasks: []model.TaskSpec{{Name: "t", Driver: model.DriverExec, Config: model.TaskConfig{Command: "/bin/true"},
			Resources: model.TaskResources{CPUMilli: 1000, MemoryBytes: 64 << 20, GPU: &model.GPURequest{Count: 1, ShareMilli: 500}}}}}}}
	s.turn(Asked{ID: 1, Body: model.Submit{ID: "j1", Job: job}})
	check := func(want string) {
		t.Helper()
		got := ""
		for _, n := range s.m.nodes().Nodes {
			for _, u := range n.GPUUse {
				got += fmt.Sprint(u.UUID, " ", u.AllocatedMilli)
				for _, x := range u.Tasks {
					got += fmt.Sprintf(" %s=%d", x.Label, x.Milli)
				}
				got += "\n"
			}
		}
		if got != want {
			t.Errorf("the nodes say\n%swant\n%s", got, want)
		}
	}
	check("g0 1000 train.w[0]=500 train.w[1]=500\ng1 500 train.w[2]=500\n")
	s.update(&datadriven.TestData{CmdArgs: []datadriven.CmdArg{{Key: "a1"}, {Key: "j1/0/0/0", Vals: []string{"FINISHED"}}}})
	check("g0 500 train.w[1]=500\ng1 500 train.w[2]=500\n")
	s.failover(&datadriven.TestData{})
	check("g0 500 train.w[1]=500\ng1 500 train.w[2]=500\n")
}
