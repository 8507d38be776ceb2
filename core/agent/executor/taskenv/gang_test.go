package taskenv

import (
	"testing"

	"github.com/tender-scheduler/tender/core/model"
)

// TestGang: the place of a rank in an uneven gang, by every name there is for it.
func TestGang(t *testing.T) {
	f := &Facts{
		Job: "j1", Index: 3, Local: 1,
		Spec:  &model.Job{Name: "mpi"},
		Group: &model.Group{Name: "g", Count: 4, Gang: &model.Gang{Launch: model.LaunchTorchrun, Ranks: 2}},
		Task:  &model.TaskSpec{Name: "t"},
		Gang: &model.GangPlan{
			Size: 4, Nodes: []string{"n1", "n2", "n3"}, LeaderAddress: "10.0.0.1", LeaderPort: 20001,
			Runs: []model.GangRun{{Node: 0, Count: 1}, {Node: 1, Count: 1}, {Node: 2, Count: 2}},
		},
	}
	env, err := New(f)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"TENDER_RANK": "7", "TENDER_WORLD_SIZE": "8", "TENDER_LOCAL_RANK": "1", "TENDER_LOCAL_WORLD_SIZE": "2",
		"TENDER_NODELIST": "n1,n2,n3", "TENDER_NNODES": "3", "TENDER_NODE_ID": "2", "TENDER_GANG_SIZE": "4",
		"RANK": "7", "LOCAL_RANK": "1", "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "2", "GROUP_RANK": "3",
		"MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "20001",
		"SLURM_PROCID": "7", "SLURM_LOCALID": "3", "SLURM_NODEID": "2", "SLURM_NTASKS": "8", "SLURM_NNODES": "3",
		"SLURM_TASKS_PER_NODE": "2(x2),4", "SLURM_JOB_ID": "j1", "SLURM_JOB_NODELIST": "n1,n2,n3", "SLURMD_NODENAME": "n3",
	} {
		if got, _ := env.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	// mpirun would take a task with Slurm's variables for one of Slurm's.
	f.Group.Gang.Launch = model.LaunchMPIRun
	if env, err = New(f); err != nil {
		t.Fatal(err)
	}
	if v, set := env.Get("SLURM_JOB_ID"); set {
		t.Errorf("with mpirun there is SLURM_JOB_ID=%s", v)
	}
}
