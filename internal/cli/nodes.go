package cli

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

func (a *app) nodesCmd() *cobra.Command {
	gpus := false
	cmd := &cobra.Command{
		Use:     "nodes [flags]",
		Aliases: []string{"agents"},
		Short:   "List the agents and what is in use on them",
		Long: `Nodes lists the agents by name: whether the master hears from each, how much of
its processors, memory, disk and GPUs is allocated, and how many tasks it runs.
Of a node that is drained or ineligible (tender node) the state says so.
-o wide adds what is being offered and the attributes that constraints can match.

With --gpu it lists the GPUs instead: whether each may be used, how much of it is
given out, and to which tasks.`,
		Example: `  tender nodes
  tender nodes -o wide
  tender nodes --gpu
  tender nodes --gpu -o json | jq -r '.gpus[] | select(.allocated_milli == 0).uuid'
  tender nodes -o json | jq -r '.nodes[] | select(.state != "ready").name'`,
		Args: wants(0, 0, "no argument"),
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			list, err := c.Nodes(cmd.Context())
			if err != nil {
				return err
			}
			if gpus {
				return a.printGPUs(list)
			}
			return a.printNodes(list)
		}),
	}
	cmd.Flags().BoolVar(&gpus, "gpu", false, "list the nodes' GPUs, and which tasks have them")
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (a *app) printNodes(list model.NodeList) error {
	switch a.output {
	case formatJSON:
		return a.printJSON(list)
	case formatName:
		names := make([]string, len(list.Nodes))
		for i, n := range list.Nodes {
			names[i] = n.Name
		}
		return a.printNames(names)
	}
	if len(list.Nodes) == 0 {
		a.note("no agents are registered")
		a.hint("start one with: tender agent --data-dir DIR --masters HOST:PORT")
		return nil
	}
	t := &table{columns: []column{
		{title: "NAME", floor: 10}, {title: "STATE"}, {title: "CPUS", right: true}, {title: "GPUS", right: true}, {title: "MEMORY", right: true, spare: 1},
		{title: "DISK", right: true, spare: 3}, {title: "TASKS", right: true, spare: 2}, {title: "SINCE", right: true, spare: 4},
		{title: "ID", wide: true, spare: 7}, {title: "VERSION", wide: true, spare: 8}, {title: "OFFERED", wide: true, floor: 8, spare: 6},
		{title: "ATTRIBUTES", wide: true, floor: 16, spare: 9},
	}}
	now := a.Now()
	for _, n := range list.Nodes {
		state := cell{string(n.State), green}
		if n.State != model.NodeReady {
			state.style = red
			if !n.GoneAt.IsZero() && n.GoneAt.After(now) {
				state.text += " (gone in " + span(n.GoneAt.Sub(now)) + ")"
			}
		}
		if why := drainText(now, &n); why != "" {
			state.text += ", " + why
			if state.style == green {
				state.style = yellow
			}
		}
		used, total := n.Allocated, n.Capacity
		t.add(text(n.Name), state,
			text(model.FormatCPU(used.CPUMilli)+"/"+model.FormatCPU(total.CPUMilli)), nodeGPUs(&n),
			text(share(used.MemoryBytes, total.MemoryBytes)), text(share(used.DiskBytes, total.DiskBytes)),
			text(number(n.Tasks)), text(ago(now, n.Since)), text(string(n.ID)), text(n.Version), text(offeredText(n.Offered)), text(attributes(n.Attributes)))
	}
	if !slices.ContainsFunc(list.Nodes, func(n model.NodeView) bool { return len(n.GPUs) > 0 }) {
		t.without("GPUS")
	}
	return a.printTable(t)
}

func share(used, total int64) string {
	if total == 0 {
		return "-"
	}
	return model.FormatBytes(used) + "/" + model.FormatBytes(total)
}

func offeredText(r model.Resources) string { return orDash(!r.IsZero(), r.String()) }

func attributes(m map[string]string) string {
	parts := make([]string, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, k+"="+m[k])
	}
	return strings.Join(parts, " ")
}
