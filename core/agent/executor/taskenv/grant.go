package taskenv

import (
	"net"
	"strconv"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// granted sets what a task is told of the named things its allocation has: the
// group's ports, which its tasks share, and the devices that are this task's own.
//
// Tasks share their agent's network, so the port to listen on is the agent's
// whatever the job file's "to" says.
func (e *Env) granted(f *Facts) {
	if n := f.Group.Network; n != nil && f.Grant != nil {
		for i := range min(len(n.Ports), len(f.Grant.Ports)) {
			label, port := envName(n.Ports[i].Label), strconv.Itoa(int(f.Grant.Ports[i]))
			for _, name := range []string{"TENDER_PORT_", "NOMAD_PORT_", "NOMAD_HOST_PORT_"} {
				e.vars[name+label] = port
			}
			if ip := f.Attributes["attr.unique.network.ip-address"]; ip != "" {
				for _, name := range []string{"TENDER_", "NOMAD_", "NOMAD_HOST_"} {
					e.vars[name+"IP_"+label], e.vars[name+"ADDR_"+label] = ip, net.JoinHostPort(ip, port)
				}
			}
		}
	}
	devices := Devices(f.Group, f.Task, f.Grant)
	if len(devices) == 0 {
		e.hideGPUs(f)
		return
	}
	uuids := make([]string, len(devices))
	for i, d := range devices {
		uuids[i] = d.UUID
	}
	list := strings.Join(uuids, ",")
	e.vars["CUDA_VISIBLE_DEVICES"], e.vars["NVIDIA_VISIBLE_DEVICES"] = list, list
	// CUDA's own order is by speed; by bus it is that of nvidia-smi.
	e.vars["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
	if g := f.Task.Resources.GPU; g.ShareMilli > 0 {
		e.vars["TENDER_GPU_SHARE"] = model.FormatCPU(int64(g.ShareMilli))
	}
}

// hideGPUs keeps a task that was given no device from using one by accident: CUDA
// without the variable takes all it finds, which are others'. "void" is how the
// NVIDIA container runtime is told the same; empty would mean its default.
//
// A machine without GPUs has nothing to hide, and its tasks no odd variables.
func (e *Env) hideGPUs(f *Facts) {
	if n := f.Attributes["attr.gpu.count"]; n == "" || n == "0" {
		return
	}
	e.vars["CUDA_VISIBLE_DEVICES"], e.vars["NVIDIA_VISIBLE_DEVICES"] = "", "void"
}

// Devices returns which of an allocation's devices are the task's: a grant lists
// them in the order of the group's tasks, as model.Group.Shape does.
func Devices(g *model.Group, task *model.TaskSpec, grant *model.Grant) []model.GPUShare {
	if grant == nil {
		return nil
	}
	rest := grant.GPUs
	for i := range g.Tasks {
		r := g.Tasks[i].Resources.GPU
		if r == nil {
			continue
		}
		n := min(max(r.Count, 1), len(rest))
		if g.Tasks[i].Name == task.Name {
			return rest[:n]
		}
		rest = rest[n:]
	}
	return nil
}
