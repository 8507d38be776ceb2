package cli

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/frameworks/batch"
	"github.com/tender-scheduler/tender/sim/openb"
)

// simGPU places the tasks of a GPU trace.
func (a *app) simGPU(cmd *cobra.Command, args []string, s simSettings) error {
	policy := s.policy
	if policy == string(batch.PolicyDefault) {
		policy = openb.Policies[0]
	}
	switch {
	case s.gpuNodes == "" || s.gpuFile == "":
		return usagef(cmd, "--gpu-nodes and --gpu-tasks go together: one lists the nodes, the other the tasks")
	case len(args) > 0:
		return usagef(cmd, "sim replays a log or places GPU tasks, not both: leave out %q", args[0])
	case !slices.Contains(openb.Policies, policy):
		return usagef(cmd, "--policy %q: want one of %s for GPU tasks", s.policy, strings.Join(openb.Policies, ", "))
	case s.seed < 0:
		return usagef(cmd, "--seed %d: want 0 or more", s.seed)
	}
	nodes, err := os.Open(s.gpuNodes)
	if err != nil {
		return err
	}
	defer nodes.Close()
	tasks, err := os.Open(s.gpuFile)
	if err != nil {
		return err
	}
	defer tasks.Close()
	w, err := openb.Load(nodes, tasks)
	if err != nil {
		return err
	}
	r, err := openb.Run(w, openb.Options{Seed: uint64(s.seed), Policy: policy})
	if err != nil {
		return err
	}
	switch a.output {
	case formatJSON:
		return a.printJSON(r)
	case formatName:
		return a.printNames([]string{s.gpuFile})
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s with %.0f GPUs, policy %s, seed %d\n\n", plural(r.Nodes, "node"), r.GPUs, r.Policy, r.Seed)
	fmt.Fprintf(&b, "tasks          %s placed of %s\n", number(r.Placed), number(r.Arrived))
	fmt.Fprintf(&b, "GPUs asked     %.1f\n", r.GPUsAsked)
	fmt.Fprintf(&b, "GPUs allocated %.1f, %.2f %%\n", r.GPUsAllocated, 100*r.GPUAllocatedRatio)
	fmt.Fprintf(&b, "CPUs allocated %.2f %%\n", 100*r.CPUAllocatedRatio)
	return a.print(b.Bytes())
}
