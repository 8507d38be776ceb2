package cli

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/api/client"
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
	// Sample is what went on on it lately, nil where nobody has said.
	Sample *model.GPUSample `json:"sample,omitempty"`
}

func (a *app) gpusCmd() *cobra.Command {
	drawn, by := false, gpuMeasure(byAllocated)
	cmd := &cobra.Command{
		Use:   "gpus [flags]",
		Short: "List the GPUs, what they are used for and how busy they are",
		Long: `Gpus lists the GPUs and MIG instances of all nodes: whether each may be used, how
much of it is given out and to which tasks, how busy it was lately and how much of its
memory is in use. Agents tell of the latter every 15 s; a driver may not.

With --map it draws them, a row for each node and a field for each device, the darker
the more of it is given out (or --by busy, --by memory). Without colours it says the
same.`,
		Example: `  tender gpus
  tender gpus -o wide
  tender gpus --map --by busy
  tender gpus -o json | jq -r '.gpus[] | select(.allocated_milli > 0 and .sample.busy_percent < 5).uuid'`,
		Args: wants(0, 0, "no argument"),
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			if cmd.Flags().Changed("by") && !drawn {
				return usagef(cmd, "--by says what --map shows: give --map too")
			}
			if drawn && (a.output == formatJSON || a.output == formatName) {
				return usagef(cmd, "--map draws, -o %s does not: leave one of them out", a.output)
			}
			list, err := c.Nodes(cmd.Context())
			switch {
			case err != nil:
				return err
			case drawn:
				return a.drawGPUs(list, by)
			}
			return a.printGPUs(list)
		}),
	}
	cmd.Flags().BoolVar(&drawn, "map", false, "draw a map instead of a table")
	cmd.Flags().Var(&by, "by", "what the map shows: allocated, busy or memory")
	must(cmd.RegisterFlagCompletionFunc("by", cobra.FixedCompletions(gpuMeasures, cobra.ShellCompDirectiveNoFileComp)))
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
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
				v.AllocatedMilli, v.OfferedMilli, v.Tasks, v.Sample = u.AllocatedMilli, u.OfferedMilli, u.Tasks, u.Sample
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
		return a.noGPUs()
	}
	t := &table{columns: []column{
		{title: "NODE", floor: 8}, {title: "GPU", right: true}, {title: "MODEL", floor: 10, spare: 2}, {title: "MEMORY", right: true, spare: 4},
		{title: "MIG", spare: 3}, {title: "HEALTH", floor: 8}, {title: "USED", right: true},
		{title: "BUSY", right: true}, {title: "IN USE", right: true, spare: 2}, {title: "TASKS", floor: 12, spare: 1}, {title: "UUID", spare: 5},
		{title: "OFFERED", right: true, wide: true}, {title: "HEAT", right: true, wide: true}, {title: "POWER", right: true, wide: true}, {title: "PCI", wide: true},
		{title: "NUMA", right: true, wide: true}, {title: "ISLAND", wide: true},
	}}
	anyMIG, anySample := false, false
	for i := range all {
		anyMIG, anySample = anyMIG || all[i].MIG != "", anySample || all[i].Sample != nil
		t.add(gpuRow(&all[i], a.output == formatWide)...)
	}
	if !anyMIG {
		t.without("MIG")
	}
	if !anySample {
		for _, title := range []string{"BUSY", "IN USE", "HEAT", "POWER"} {
			t.without(title)
		}
	}
	return a.printTable(t)
}

func (a *app) noGPUs() error {
	a.note("no node has a GPU")
	a.hint("agents look for NVIDIA's driver when they start; to try without GPUs: tender dev --data-dir DIR --fake-gpus 8xH100")
	return nil
}

func gpuRow(v *gpuView, whole bool) []cell {
	busy, inUse, heat, power := sampleTexts(v)
	uuid := v.UUID
	if !whole {
		uuid = shortUUID(uuid)
	}
	return []cell{text(v.Node), text(orDash(v.Index >= 0, strconv.Itoa(v.Index))), text(cmp.Or(v.Model, "-")),
		text(orDash(v.MemoryBytes > 0, model.FormatBytes(v.MemoryBytes))), text(cmp.Or(v.MIG, "-")), gpuHealth(v),
		text(gpuShare(v.AllocatedMilli, v.Milli)), text(busy), text(inUse), text(orDash(len(v.Tasks) > 0, gpuTasks(v))), text(uuid),
		text(orDash(v.OfferedMilli > 0, gpuShare(v.OfferedMilli, v.Milli))), text(heat), text(power), text(cmp.Or(v.PCI, "-")),
		text(orDash(v.NUMA >= 0, strconv.Itoa(v.NUMA))), text(cmp.Or(v.Island, "-"))}
}

// sampleTexts says what went on on a device. What a node that is out of contact
// said last is no news.
func sampleTexts(v *gpuView) (busy, inUse, heat, power string) {
	s := v.Sample
	if s == nil || v.NodeState != model.NodeReady {
		return "-", "-", "-", "-"
	}
	return orDash(s.BusyPercent >= 0, fmt.Sprintf("%d%%", s.BusyPercent)), orDash(s.MemoryUsedBytes >= 0, model.FormatBytes(roundBytes(s.MemoryUsedBytes))),
		orDash(s.TemperatureC >= 0, fmt.Sprintf("%d°C", s.TemperatureC)), orDash(s.PowerMilliwatts >= 0, fmt.Sprintf("%dW", s.PowerMilliwatts/1000))
}

// roundBytes drops what nobody reads of a figure that changes all the time.
func roundBytes(n int64) int64 {
	if n < 1<<30 {
		return n >> 20 << 20
	}
	return (n + 1<<26) >> 27 << 27 // eighths of a GiB
}

// shortUUID is as much of a UUID as tells devices apart.
func shortUUID(s string) string {
	if kind, rest, ok := strings.Cut(s, "-"); ok && len(s) == len(kind)+37 {
		return kind + "-" + rest[:8]
	}
	return s
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
