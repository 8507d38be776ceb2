package cli

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// gpuView is one device as `tender nodes --gpu` prints it.
type gpuView struct {
	Node      string          `json:"node"`
	NodeState model.NodeState `json:"node_state"`
	model.GPU
	// Gone says that the agent tells of the device no longer, and tasks still have it.
	Gone           bool            `json:"gone,omitempty"`
	AllocatedMilli int64           `json:"allocated_milli"`
	OfferedMilli   int64           `json:"offered_milli,omitempty"`
	Tasks          []model.GPUTask `json:"tasks,omitempty"`
}

// nodeGPUs is how much of a node's healthy devices is allocated, and how many
// must not be used.
func nodeGPUs(n *model.NodeView) cell {
	if len(n.GPUs) == 0 {
		return text("-")
	}
	c := text(model.FormatCPU(n.Allocated.GPUMilli) + "/" + model.FormatCPU(n.Capacity.GPUMilli))
	bad := 0
	for i := range n.GPUs {
		if n.GPUs[i].Unhealthy != "" {
			bad++
		}
	}
	if bad > 0 {
		c.text, c.style = fmt.Sprintf("%s (%d bad)", c.text, bad), red
	}
	return c
}

// gpuViews lists all devices, by node.
func gpuViews(nodes []model.NodeView) []gpuView {
	out := []gpuView{}
	for i := range nodes {
		n := &nodes[i]
		use := make(map[string]*model.GPUUse, len(n.GPUUse))
		for k := range n.GPUUse {
			use[n.GPUUse[k].UUID] = &n.GPUUse[k]
		}
		add := func(v gpuView) {
			v.Node, v.NodeState = n.Name, n.State
			if u := use[v.UUID]; u != nil {
				v.AllocatedMilli, v.OfferedMilli, v.Tasks = u.AllocatedMilli, u.OfferedMilli, u.Tasks
			}
			delete(use, v.UUID)
			out = append(out, v)
		}
		for k := range n.GPUs {
			add(gpuView{GPU: n.GPUs[k]})
		}
		for k := range n.GPUUse {
			if u := &n.GPUUse[k]; use[u.UUID] != nil {
				add(gpuView{GPU: model.GPU{UUID: u.UUID, Index: -1, Minor: -1, NUMA: -1}, Gone: true})
			}
		}
	}
	return out
}

func (a *app) printGPUs(list model.NodeList) error {
	all := gpuViews(list.Nodes)
	switch a.output {
	case formatJSON:
		return a.printJSON(struct {
			GPUs []gpuView `json:"gpus"`
		}{all})
	case formatName:
		names := make([]string, len(all))
		for i := range all {
			names[i] = all[i].UUID
		}
		return a.printNames(names)
	}
	if len(all) == 0 {
		a.note("no node has a GPU")
		a.hint("agents look for NVIDIA's driver when they start; to try without GPUs: tender dev --data-dir DIR --fake-gpus 8xH100")
		return nil
	}
	t := &table{columns: []column{
		{title: "NODE", floor: 8}, {title: "GPU", right: true}, {title: "MODEL", floor: 10, spare: 2}, {title: "MEMORY", right: true, spare: 4},
		{title: "MIG", spare: 3}, {title: "HEALTH", floor: 8}, {title: "USED", right: true}, {title: "TASKS", floor: 12, spare: 1},
		{title: "OFFERED", right: true, wide: true}, {title: "UUID", wide: true}, {title: "PCI", wide: true},
		{title: "NUMA", right: true, wide: true}, {title: "ISLAND", wide: true},
	}}
	anyMIG := false
	for i := range all {
		anyMIG = anyMIG || all[i].MIG != ""
		t.add(gpuRow(&all[i])...)
	}
	if !anyMIG {
		t.without("MIG")
	}
	return a.printTable(t)
}

func gpuRow(v *gpuView) []cell {
	return []cell{text(v.Node), text(orDash(v.Index >= 0, strconv.Itoa(v.Index))), text(cmp.Or(v.Model, "-")),
		text(orDash(v.MemoryBytes > 0, model.FormatBytes(v.MemoryBytes))), text(cmp.Or(v.MIG, "-")), gpuHealth(v),
		text(gpuShare(v.AllocatedMilli, v.Milli)), text(orDash(len(v.Tasks) > 0, gpuTasks(v))),
		text(orDash(v.OfferedMilli > 0, gpuShare(v.OfferedMilli, v.Milli))), text(v.UUID), text(cmp.Or(v.PCI, "-")),
		text(orDash(v.NUMA >= 0, strconv.Itoa(v.NUMA))), text(cmp.Or(v.Island, "-"))}
}

// gpuHealth says whether a device may be used. What a node that is out of contact
// said last is not known to be true any more.
func gpuHealth(v *gpuView) cell {
	switch {
	case v.Gone:
		return cell{"gone", red}
	case v.Unhealthy != "":
		return cell{v.Unhealthy, red}
	case v.NodeState != model.NodeReady:
		return cell{"unknown", yellow}
	}
	return cell{"ok", green}
}

// gpuShare says how much of a device n is. A MIG instance, which is a part of a
// device and given out whole, is all of itself.
func gpuShare(n, all int64) string {
	if all <= 0 {
		all = 1000
	}
	return model.FormatCPU(n * 1000 / all)
}

// gpuTasks lists who has a device, each with its share where that is not all.
func gpuTasks(v *gpuView) string {
	parts := make([]string, len(v.Tasks))
	for i, t := range v.Tasks {
		parts[i] = t.Label
		if s := gpuShare(t.Milli, v.Milli); s != "1" {
			parts[i] += " " + s
		}
	}
	return strings.Join(parts, ", ")
}
