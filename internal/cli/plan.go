package cli

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/jobspec"
)

func (a *app) planCmd() *cobra.Command {
	var v variables
	cmd := &cobra.Command{
		Use:   "plan [flags] FILE",
		Short: "Show what submitting a job file would do",
		Long: `Plan checks a job file and asks the cluster what would become of it: what is
different from the latest job with its name, how many of its tasks would start at
once, and what the others would wait for. Nothing is submitted.

The exit code is 0 also for a job that would wait, or could never run; 251 for a
file with mistakes, which is found out without the cluster.`,
		Example: `  tender plan job.hcl
  tender plan --var epochs=100 train.hcl
  tender plan -o json job.hcl | jq .starts_now`,
		Args: wants(1, 1, "one FILE (- for standard input)"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.plan(cmd, args[0], v) },
	}
	v.register(cmd)
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (a *app) plan(cmd *cobra.Command, path string, v variables) error {
	job, err := a.loadJob(cmd, path, v)
	if err != nil {
		return err
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	view, err := c.Plan(cmd.Context(), job)
	if err != nil {
		return err
	}
	switch a.output {
	case formatJSON:
		return a.printJSON(view)
	case formatName:
		return a.printNames([]string{job.Name})
	}
	return a.print(a.renderPlan(job, view))
}

func (a *app) renderPlan(job *model.Job, v model.PlanView) []byte {
	p := a.stdoutPaint()
	var b bytes.Buffer
	changes := jobspec.Diff(v.Previous, job)
	switch {
	case v.Previous == nil:
		fmt.Fprintf(&b, "job %s is new\n", oneLine(job.Name))
	case len(changes) == 0:
		fmt.Fprintf(&b, "job %s is the same as %s\n", oneLine(job.Name), v.PreviousID)
	default:
		fmt.Fprintf(&b, "job %s differs from %s:\n", oneLine(job.Name), v.PreviousID)
	}
	if v.Previous != nil {
		a.renderChanges(&b, changes)
	}
	a.renderGroupPlans(&b, v)
	b.WriteByte('\n')
	if job.Periodic != nil {
		a.renderPlannedDue(&b, job, v.Due)
		if len(v.Explanations) > 0 {
			fmt.Fprintf(&b, "\n%s\n", p.paint(yellow, "its runs could never start:"))
			for _, e := range v.Explanations {
				a.renderExplanation(&b, e)
			}
		}
		return b.Bytes()
	}
	if v.Groups != nil && v.Asked == 0 {
		fmt.Fprintf(&b, "%s\n", p.paint(green, "no task would be started"))
		return b.Bytes()
	}
	all, asked := v.StartsNow >= v.Asked, plural(v.Asked, "task")
	switch {
	case all && v.Asked == 1:
		fmt.Fprintf(&b, "%s\n", p.paint(green, "its task would start now"))
	case all:
		fmt.Fprintf(&b, "%s\n", p.paint(green, "all of its "+asked+" would start now"))
	case v.StartsNow > 0:
		fmt.Fprintf(&b, "%s would start now\n", p.paint(yellow, fmt.Sprintf("%s of its %s", number(v.StartsNow), asked)))
	default:
		fmt.Fprintf(&b, "%s\n", p.paint(yellow, "none of its "+asked+" would start now"))
	}
	for _, e := range v.Explanations {
		b.WriteByte('\n')
		a.renderExplanation(&b, e)
	}
	return b.Bytes()
}

// renderGroupPlans tells what would become of a service's tasks.
func (a *app) renderGroupPlans(b *bytes.Buffer, v model.PlanView) {
	if v.Groups == nil {
		return
	}
	b.WriteByte('\n')
	for _, g := range v.Groups {
		var parts []string
		for _, x := range []struct {
			n    int
			what string
		}{{g.Create, "created"}, {g.InPlace, "updated in place"}, {g.Replace, "replaced"}, {g.Stop, "stopped"}} {
			if x.n > 0 {
				parts = append(parts, fmt.Sprintf("%s %s", number(x.n), x.what))
			}
		}
		if g.Canaries > 0 {
			parts = append(parts, number(g.Canaries)+" of them first, as canaries")
		}
		if parts == nil {
			parts = []string{"one on every agent that fits"}
		}
		fmt.Fprintf(b, "group %s: %s\n", oneLine(g.Group), strings.Join(parts, ", "))
	}
	fmt.Fprintf(b, "check index %d: tender submit --check-index %d refuses if it has changed by then\n", v.CheckIndex, v.CheckIndex)
}
