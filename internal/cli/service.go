package cli

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

// rolled is the flags of the commands that begin a deployment.
type rolled struct{ wait bool }

func (r *rolled) register(a *app, cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&r.wait, "wait", "w", false, "wait until the service is as wanted; exit with 1 if its deployment fails")
	cmd.Flags().BoolVarP(&a.quiet, "quiet", "q", false, "print no progress")
	a.printsData(cmd)
	a.talks(cmd)
}

// change makes a change to a service and tells of it.
func (r *rolled) change(a *app, cmd *cobra.Command, do func(*client.Client) (model.JobView, error)) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	view, err := do(c)
	if err != nil {
		return err
	}
	if r.wait {
		return a.waitDeployed(cmd.Context(), c, view.ID, view.Service.Version)
	}
	switch a.output {
	case formatJSON:
		return a.printJSON(view)
	case formatName:
		return a.printNames([]string{string(view.ID)})
	}
	return a.print([]byte(serviceLine(&view) + "\n"))
}

// serviceLine tells in a line where a service stands.
func serviceLine(v *model.JobView) string {
	s := fmt.Sprintf("job %s (%s) %s", oneLine(v.Name), v.ID, stateText(v.State))
	if x := v.Service; x != nil {
		s += fmt.Sprintf(": version %d, %d of %s healthy", x.Version, x.Healthy, plural(x.Desired, "task"))
		if d := x.Deployment; d != nil && d.State.Active() {
			s += fmt.Sprintf(", deployment %d is %s", d.Number, d.State)
		}
	}
	return s
}

func (a *app) scaleCmd() *cobra.Command {
	var r rolled
	cmd := &cobra.Command{
		Use:   "scale [flags] JOB [GROUP] COUNT",
		Short: "Change how many tasks a service has",
		Long: `Scale sets the count of a service's group, which need not be named if it is the
only one. Tasks that there are go on as they are. It is a new version of the job;
submitting the job file again sets the count back to what the file says.`,
		Example: `  tender scale web 6
  tender scale --wait shop frontend 10`,
		Args:              wants(2, 3, "a JOB, its GROUP if it has several, and a COUNT"),
		ValidArgsFunction: a.completeJobs,
		RunE: func(cmd *cobra.Command, args []string) error {
			last := args[len(args)-1]
			count, err := strconv.Atoi(last)
			if err != nil || count < 0 {
				return usagef(cmd, "%q is no count: want a number of tasks, 0 or more", last)
			}
			q := model.ScaleJob{Selector: args[0], Count: count}
			if len(args) == 3 {
				q.Group = args[1]
			}
			return r.change(a, cmd, func(c *client.Client) (model.JobView, error) { return c.Scale(cmd.Context(), q) })
		},
	}
	r.register(a, cmd)
	return cmd
}

func (a *app) restartCmd() *cobra.Command {
	var r rolled
	var group string
	cmd := &cobra.Command{
		Use:   "restart [flags] JOB",
		Short: "Replace a service's tasks by new ones of the same version",
		Long: `Restart replaces all tasks of a service, as many at a time as its update block
allows: each new one is healthy before the one it replaces is stopped.`,
		Example: `  tender restart web
  tender restart --wait --group frontend shop`,
		Args:              wants(1, 1, "one JOB"),
		ValidArgsFunction: a.completeJobs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.change(a, cmd, func(c *client.Client) (model.JobView, error) {
				return c.Restart(cmd.Context(), model.RestartJob{Selector: args[0], Group: group})
			})
		},
	}
	cmd.Flags().StringVar(&group, "group", "", "only the tasks of this `GROUP`")
	r.register(a, cmd)
	return cmd
}

func (a *app) rollbackCmd() *cobra.Command {
	var r rolled
	var to uint32
	cmd := &cobra.Command{
		Use:   "rollback [flags] JOB",
		Short: "Go back to an earlier version of a service",
		Long: `Rollback makes an earlier version of a service its newest one, and deploys it as
any other: without --to the latest stable version before the present. tender
versions lists them.`,
		Example: `  tender rollback web
  tender rollback --to 3 --wait web`,
		Args:              wants(1, 1, "one JOB"),
		ValidArgsFunction: a.completeJobs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.change(a, cmd, func(c *client.Client) (model.JobView, error) {
				return c.Rollback(cmd.Context(), model.RollbackJob{Selector: args[0], To: to})
			})
		},
	}
	cmd.Flags().Uint32Var(&to, "to", 0, "the `VERSION` to go back to (default: the latest stable one before the present)")
	r.register(a, cmd)
	return cmd
}

func (a *app) versionsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "versions [flags] JOB",
		Short:             "List the versions of a service",
		Long:              "Versions lists the versions of a service that are remembered, the newest first, and\nhow many tasks run each. A version is stable once its deployment has succeeded.",
		Example:           "  tender versions web",
		Args:              wants(1, 1, "one JOB"),
		ValidArgsFunction: a.completeJobs,
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			list, err := c.Versions(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.printVersions(list)
		}),
	}
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (a *app) printVersions(list model.VersionList) error {
	switch a.output {
	case formatJSON:
		return a.printJSON(list)
	case formatName:
		var names []string
		for _, v := range list.Versions {
			names = append(names, fmt.Sprint(v.Version))
		}
		return a.printNames(names)
	}
	t := &table{columns: []column{
		{title: "VERSION", right: true}, {title: "STABLE"}, {title: "TASKS", right: true}, {title: "AGE", right: true}, {title: "USER", spare: 2}, {title: "FROM", floor: 10, spare: 1},
	}}
	now := a.Now()
	for _, v := range list.Versions {
		from := v.Why
		if from == "" {
			from = "a job file"
		}
		if v.Current {
			from += " (in force)"
		}
		t.add(text(fmt.Sprint(v.Version)), text(yesNo(v.Stable)), text(fmt.Sprint(v.Tasks)), text(ago(now, v.Submitted)), text(orDash(v.User != "", v.User)), text(from))
	}
	return a.printTable(t)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// waitDeployed stays until a service's deployment has ended, and every task that is
// wanted is healthy; it fails if the deployment does. Where a failed one reverts,
// what it reverts to is waited for too, and the exit code still says that it failed.
func (a *app) waitDeployed(ctx context.Context, c *client.Client, id model.JobID, version uint32) error {
	w := &deployWatch{app: a, version: version}
	for {
		view, err := c.Job(ctx, string(id))
		if err != nil {
			if ctx.Err() != nil {
				return w.gaveUp(id)
			}
			return err
		}
		if done, err := w.look(view); done {
			if a.output == formatJSON {
				view.Spec = nil
				if perr := a.printJSON(view); perr != nil {
					return perr
				}
			}
			return err
		}
		pause := time.NewTimer(w.pause())
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return w.gaveUp(id)
		}
	}
}

// deployWatch follows a deployment.
type deployWatch struct {
	*app
	version uint32 // that is waited for
	line    string
	failed  error
}

func (w *deployWatch) pause() time.Duration {
	if w.Poll > 0 {
		return w.Poll
	}
	return pollTerminal
}

// look tells what is new about a service; done says that there is nothing more to
// wait for.
func (w *deployWatch) look(v model.JobView) (done bool, err error) {
	s := v.Service
	if s == nil || v.State.Ended() {
		return true, jobExit(v)
	}
	line := serviceLine(&v)
	d := s.Deployment
	if d != nil && d.State.Active() {
		line = deploymentLine(d)
	}
	if line != w.line && !w.quiet {
		w.line = line
		w.note("%s", line)
	}
	switch {
	case d != nil && d.State.Active() && d.NeedsPromotion:
		return true, w.failed // only an operator can go on from here
	case d != nil && d.State.Active():
		return false, nil
	case w.failed != nil:
	case d != nil && d.Version == w.version && d.State != model.DeploymentSuccessful:
		w.failed = &exitError{code: exitTrouble, err: fmt.Errorf("%s", deploymentLine(d))}
		if s.Version == w.version {
			return true, w.failed
		}
	case s.Version != w.version:
		w.failed = &exitError{code: exitTrouble, err: fmt.Errorf("job %s (%s): version %d took the place of version %d: tender deployment ls %s tells why",
			oneLine(v.Name), v.ID, s.Version, w.version, oneLine(v.Name))}
	}
	if s.Healthy < s.Desired {
		return false, nil
	}
	return true, w.failed
}

func (w *deployWatch) gaveUp(id model.JobID) error {
	fmt.Fprintf(w.Stderr, "no longer waiting; the service goes on: tender deployment show %s tells how far it is, tender cancel %s stops it\n", id, id)
	return &exitError{code: exitInterrupted}
}
