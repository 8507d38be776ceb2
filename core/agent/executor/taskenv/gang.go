package taskenv

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// gang tells a rank of a gang its place, also under the names that programs
// written for Slurm and for torch.distributed look for. Tasks beside the main
// one, such as what comes before it, are told the place of the first rank here.
//
// LOCAL_RANK counts within the allocation, whose devices are all that a rank
// sees; SLURM_LOCALID, as Slurm's, over all of the gang's ranks on the node.
func (e *Env) gang(f *Facts) {
	if f.Group.Gang == nil || f.Gang == nil {
		return
	}
	p, ranks := f.Gang, f.Group.Ranks()
	alloc := int(f.Index)
	node := max(p.NodeOf(alloc), 0)
	world := p.Size * ranks
	nodes := strings.Join(p.Nodes, ",")
	rank := strconv.Itoa(alloc*ranks + f.Local)
	set := func(value string, names ...string) {
		for _, n := range names {
			e.vars[n] = value
		}
	}
	set(rank, "TENDER_RANK")
	set(strconv.Itoa(world), "TENDER_WORLD_SIZE")
	set(strconv.Itoa(f.Local), "TENDER_LOCAL_RANK")
	set(strconv.Itoa(ranks), "TENDER_LOCAL_WORLD_SIZE", "TENDER_RANKS_HERE")
	set(strconv.Itoa(p.Size), "TENDER_GANG_SIZE")
	set(strconv.Itoa(node), "TENDER_NODE_ID")
	set(strconv.Itoa(len(p.Nodes)), "TENDER_NNODES")
	set(nodes, "TENDER_NODELIST")
	if f.Group.Gang.Launch == model.LaunchMPIRun {
		// What starts the ranks would take this for a Slurm job and call srun.
		return
	}
	set(rank, "RANK", "SLURM_PROCID")
	set(strconv.Itoa(f.Local), "LOCAL_RANK")
	set(strconv.Itoa(p.Before(alloc)*ranks+f.Local), "SLURM_LOCALID")
	set(strconv.Itoa(world), "WORLD_SIZE", "SLURM_NTASKS", "SLURM_NPROCS")
	set(strconv.Itoa(ranks), "LOCAL_WORLD_SIZE")
	set(strconv.Itoa(alloc), "GROUP_RANK")
	set(strconv.Itoa(node), "SLURM_NODEID")
	set(strconv.Itoa(len(p.Nodes)), "SLURM_NNODES", "SLURM_JOB_NUM_NODES")
	set(nodes, "SLURM_JOB_NODELIST", "SLURM_NODELIST")
	set(tasksPerNode(p, ranks), "SLURM_TASKS_PER_NODE", "SLURM_STEP_TASKS_PER_NODE")
	set(string(f.Job), "SLURM_JOB_ID", "SLURM_JOBID")
	set(f.Spec.Name, "SLURM_JOB_NAME")
	set(p.Nodes[node], "SLURMD_NODENAME")
	if p.LeaderPort != 0 {
		set(p.LeaderAddress, "MASTER_ADDR")
		set(strconv.Itoa(int(p.LeaderPort)), "MASTER_PORT")
	}
}

// tasksPerNode writes how many ranks each node has as Slurm does: "4(x2),2".
func tasksPerNode(p *model.GangPlan, ranks int) string {
	var out []string
	per := p.PerNode()
	for i := 0; i < len(per); {
		n := 1
		for i+n < len(per) && per[i+n] == per[i] {
			n++
		}
		text := strconv.Itoa(per[i] * ranks)
		if n > 1 {
			text += fmt.Sprintf("(x%d)", n)
		}
		out, i = append(out, text), i+n
	}
	return strings.Join(out, ",")
}
