package cli

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

func (a *app) deploymentCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "deployment",
		Short: "Look at the deployment of a service, promote, pause or fail it",
		Long: `A deployment replaces a service's tasks by those of a new version, some at a time:
as many as max_parallel in the job's update block says, going on when they have
been healthy for min_healthy_time. With canaries it first makes those, beside the
old tasks, and waits for their promotion. It fails when no further task becomes
healthy within progress_deadline; with auto_revert the last stable version then
comes back.`,
		Example: `  tender deployment ls
  tender deployment show web
  tender deployment promote web`,
		Aliases: []string{"deployments"},
	}
	return commandGroup(cmd, a.deploymentLsCmd(), a.deploymentShowCmd(),
		a.deploymentActionCmd(model.DeploymentPromote, "Let a deployment's canaries take over",
			"Promote lets the canaries, all of which have to be healthy, take the place of the\ntasks beside them; the rest of the group follows, max_parallel at a time."),
		a.deploymentActionCmd(model.DeploymentPause, "Have a deployment replace nothing more until it is resumed",
			"Pause keeps a deployment from replacing further tasks. Its deadline does not run\nmeanwhile; tasks that fail are started again as always."),
		a.deploymentActionCmd(model.DeploymentResume, "Have a paused deployment go on", "Resume has a paused deployment go on. Its progress deadline begins anew."),
		a.deploymentActionCmd(model.DeploymentFail, "Give a deployment up",
			"Fail ends a deployment as failed: with auto_revert the last stable version comes\nback, else the tasks that were not replaced yet stay as they are."),
		a.deploymentHealthCmd(model.DeploymentHealthy, "Say that tasks are healthy, where health_check is \"manual\"",
			"Healthy says of running tasks that they work, for services whose update block says\nhealth_check = \"manual\": a deployment goes on only by that. Of a task that is being\nreplaced, the new one is meant."),
		a.deploymentHealthCmd(model.DeploymentUnhealthy, "Say that tasks are not healthy, where health_check is \"manual\"",
			"Unhealthy says of tasks that they do not work. A deployment that has to do with them\nfails; with auto_revert the last stable version comes back."))
}

func (a *app) deploymentActionCmd(action model.DeploymentAction, short, long string) *cobra.Command {
	cmd := &cobra.Command{
		Use:               string(action) + " [flags] JOB",
		Short:             short,
		Long:              long,
		Example:           "  tender deployment " + string(action) + " web",
		Args:              wants(1, 1, "one JOB"),
		ValidArgsFunction: a.completeJobs,
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			d, err := c.ChangeDeployment(cmd.Context(), model.ChangeDeployment{Selector: args[0], Action: action})
			if err != nil {
				return err
			}
			switch a.output {
			case formatJSON:
				return a.printJSON(d)
			case formatName:
				return a.printNames([]string{string(d.Job)})
			}
			return a.print([]byte(deploymentLine(&d) + "\n"))
		}),
	}
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (a *app) deploymentHealthCmd(action model.DeploymentAction, short, long string) *cobra.Command {
	r := model.ChangeDeployment{Action: action}
	var tasks []uint
	cmd := &cobra.Command{
		Use:               string(action) + " [flags] JOB --task INDEX,…",
		Short:             short,
		Long:              long,
		Example:           "  tender deployment " + string(action) + " web --task 0\n  tender deployment " + string(action) + " web --group front --task 1,2",
		Args:              wants(1, 1, "one JOB"),
		ValidArgsFunction: a.completeJobs,
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if len(tasks) == 0 {
				return usagef(cmd, "say which tasks are %s: --task 0,2", action)
			}
			r.Selector = args[0]
			for _, t := range tasks {
				if t > math.MaxUint32 {
					return usagef(cmd, "--task %d: there is no such index", t)
				}
				r.Tasks = append(r.Tasks, uint32(t))
			}
			d, err := c.ChangeDeployment(cmd.Context(), r)
			switch {
			case err != nil:
				return err
			case a.output == formatJSON:
				return a.printJSON(d)
			case a.output == formatName:
				return a.printNames([]string{string(d.Job)})
			}
			return a.print([]byte(deploymentLine(&d) + "\n"))
		}),
	}
	cmd.Flags().UintSliceVar(&tasks, "task", nil, "the tasks, by their `INDEX`; several with commas")
	cmd.Flags().StringVarP(&r.Group, "group", "g", "", "of group `NAME`, where the job has several")
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (a *app) deploymentLsCmd() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "ls [flags] [JOB]",
		Short: "List the latest deployment of each service, or those of one",
		Long: `Ls lists the latest deployment of each service, or with a JOB those of it that are
remembered, the newest first.`,
		Example: `  tender deployment ls
  tender deployment ls web -o json`,
		Args:              wants(0, 1, "at most one JOB"),
		ValidArgsFunction: a.completeJobs,
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			q := model.ListDeployments{Limit: limit}
			if len(args) > 0 {
				q.Selector = args[0]
			}
			list, err := c.Deployments(cmd.Context(), q)
			if err != nil {
				return err
			}
			return a.printDeployments(list)
		}),
	}
	cmd.Flags().IntVarP(&limit, "limit", "n", 0, "at most `N` deployments (0 = all)")
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (a *app) printDeployments(list model.DeploymentList) error {
	switch a.output {
	case formatJSON:
		return a.printJSON(list)
	case formatName:
		var names []string
		for _, d := range list.Deployments {
			names = append(names, fmt.Sprintf("%s %d", d.Job, d.Number))
		}
		return a.printNames(names)
	}
	if len(list.Deployments) == 0 {
		a.note("no deployments")
		return nil
	}
	t := &table{columns: []column{
		{title: "JOB", floor: 8}, {title: "ID"}, {title: "NUMBER", right: true}, {title: "VERSION", right: true}, {title: "KIND", spare: 2},
		{title: "STATE"}, {title: "HEALTHY", right: true, spare: 1}, {title: "AGE", right: true, spare: 1}, {title: "MESSAGE", floor: 12, spare: 3},
	}}
	now := a.Now()
	for _, d := range list.Deployments {
		healthy, desired := deployed(&d)
		progress := "-"
		if desired > 0 {
			progress = fmt.Sprintf("%d/%d", healthy, desired)
		}
		t.add(text(d.JobName), text(string(d.Job)), text(fmt.Sprint(d.Number)), text(fmt.Sprint(d.Version)), text(d.Kind),
			cell{string(d.State), deploymentStyle(d.State)}, text(progress), text(ago(now, d.Started)), text(d.Message))
	}
	return a.printTable(t)
}

func (a *app) deploymentShowCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "show [flags] JOB",
		Short:             "Show a service's latest deployment",
		Long:              "Show tells how far a service's latest deployment is with each of its groups.",
		Example:           "  tender deployment show web",
		Args:              wants(1, 1, "one JOB"),
		ValidArgsFunction: a.completeJobs,
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			list, err := c.Deployments(cmd.Context(), model.ListDeployments{Selector: args[0], Limit: 1})
			switch {
			case err != nil:
				return err
			case len(list.Deployments) == 0:
				return &exitError{code: exitTrouble, err: fmt.Errorf("job %s has had no deployment", args[0])}
			case a.output == formatJSON:
				return a.printJSON(list.Deployments[0])
			case a.output == formatName:
				return a.printNames([]string{string(list.Deployments[0].Job)})
			}
			return a.print(a.renderDeployment(&list.Deployments[0]))
		}),
	}
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (a *app) renderDeployment(d *model.DeploymentView) []byte {
	p, now := a.stdoutPaint(), a.Now()
	var b bytes.Buffer
	line := func(name, value string) {
		fmt.Fprintf(&b, "%s%s\n", p.paint(bold, fmt.Sprintf("%-12s", name)), value)
	}
	line("Job", fmt.Sprintf("%s (%s)", oneLine(d.JobName), d.Job))
	line("Deployment", fmt.Sprintf("%d, %s to version %d", d.Number, d.Kind, d.Version))
	state := p.paint(deploymentStyle(d.State), string(d.State))
	if !d.Ended.IsZero() {
		state += " after " + span(d.Ended.Sub(d.Started))
	}
	line("State", state)
	if d.Message != "" {
		a.wrapped(&b, "            ", d.Message)
	}
	line("Started", fmt.Sprintf("%s ago (%s)", ago(now, d.Started), d.Started.In(now.Location()).Format(time.DateTime)))
	if !d.Deadline.IsZero() {
		line("Fails", clock(now, d.Deadline)+" unless another task is healthy by then")
	}
	b.WriteByte('\n')
	t := &table{columns: []column{
		{title: "GROUP", floor: 8}, {title: "DESIRED", right: true}, {title: "CANARIES", right: true, spare: 1}, {title: "PROMOTED", spare: 1}, {title: "PLACED", right: true},
		{title: "HEALTHY", right: true}, {title: "UNHEALTHY", right: true}, {title: "TO REPLACE", right: true},
	}}
	for _, g := range d.Groups {
		promoted := "-"
		if g.Canaries > 0 {
			promoted = fmt.Sprint(g.Promoted)
		}
		t.add(text(g.Group), text(fmt.Sprint(g.Desired)), text(fmt.Sprint(g.Canaries)), text(promoted), text(fmt.Sprint(g.Placed)),
			text(fmt.Sprint(g.Healthy)), text(fmt.Sprint(g.Unhealthy)), text(fmt.Sprint(g.Old)))
	}
	b.Write(t.render(p, a.output == formatWide, a.StdoutColumns))
	return b.Bytes()
}

// deployed sums up a deployment's groups.
func deployed(d *model.DeploymentView) (healthy, desired int) {
	for _, g := range d.Groups {
		healthy, desired = healthy+g.Healthy, desired+g.Desired
	}
	return healthy, desired
}

// deploymentLine tells of a deployment in a line.
func deploymentLine(d *model.DeploymentView) string {
	healthy, desired := deployed(d)
	state := "is " + string(d.State)
	switch d.State {
	case model.DeploymentFailed:
		state = "has failed"
	case model.DeploymentSuccessful:
		state = "has succeeded"
	case model.DeploymentCancelled:
		state = "was cancelled"
	}
	s := fmt.Sprintf("job %s (%s): deployment %d of version %d %s", oneLine(d.JobName), d.Job, d.Number, d.Version, state)
	if desired > 0 {
		s += fmt.Sprintf(", %d of %s healthy", healthy, plural(desired, "task"))
	}
	if d.Message != "" {
		s += ": " + strings.TrimSpace(oneLine(d.Message))
	}
	return s
}

func deploymentStyle(s model.DeploymentState) style {
	switch s {
	case model.DeploymentSuccessful:
		return green
	case model.DeploymentFailed:
		return red
	case model.DeploymentPaused:
		return yellow
	case model.DeploymentCancelled:
		return dim
	}
	return cyan
}
