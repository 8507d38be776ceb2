package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

func (a *app) nodeCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "node COMMAND",
		Short: "Drain a node, or say whether it takes tasks",
		Long: `Node changes what a node is used for. A node is named as tender nodes has it, or by
its agent's id. What is set is kept by the name: a machine that was drained to be
repaired is still ineligible when it comes back.`,
		Example: `  tender node drain n7 --deadline 30m --wait
  tender node drain --disable n7`,
		Args: wants(0, 0, "one of its commands: drain, eligible, ineligible"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.drainCmd(), a.eligibleCmd(true), a.eligibleCmd(false))
	return cmd
}

// drainFlags are what `tender node drain` is told.
type drainFlags struct {
	deadline                                        time.Duration
	noDeadline, force, ignoreSystem, disable, stays bool
	wait                                            bool
	message                                         string
}

func (a *app) drainCmd() *cobra.Command {
	f := drainFlags{deadline: model.DefaultDrainDeadline}
	cmd := &cobra.Command{
		Use:   "drain [flags] NODE",
		Short: "Empty a node, for maintenance",
		Long: `Drain keeps new tasks off a node and has those that run there leave: services move
as their migrate block says, a preemptible batch task goes back to the queue at
once, other batch tasks may end by themselves. What still runs at the deadline is
stopped and started elsewhere; none of it counts as a failure.

The drain is over when nothing is left. The node stays ineligible until
tender node drain --disable or tender node eligible. A second drain changes the
terms of the first.

--wait shows who is left until the drain is over. Interrupting it does not end the
drain.`,
		Example: `  tender node drain n7
  tender node drain n7 --deadline 10m -m new-disk --wait
  tender node drain n7 --force
  tender node drain --disable n7`,
		Args:              wants(1, 1, "one NODE"),
		ValidArgsFunction: a.completeNodes,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			defer c.Close()
			if f.disable {
				return a.endDrain(cmd.Context(), c, args[0], f.stays)
			}
			return a.drain(cmd.Context(), c, args[0], &f)
		},
	}
	durationFlag(cmd.Flags(), &f.deadline, "deadline", "stop after this long what still runs there")
	cmd.Flags().BoolVar(&f.noDeadline, "no-deadline", false, "stop nothing: wait for as long as it takes")
	cmd.Flags().BoolVar(&f.force, "force", false, "stop everything at once")
	cmd.Flags().BoolVar(&f.ignoreSystem, "ignore-system", false, "leave the tasks of system jobs alone")
	cmd.Flags().BoolVar(&f.disable, "disable", false, "end the drain; the node takes tasks again")
	cmd.Flags().BoolVar(&f.stays, "keep-ineligible", false, "with --disable: the node takes no tasks yet")
	cmd.Flags().BoolVar(&f.wait, "wait", false, "wait until the drain is over, and say who is left")
	cmd.Flags().StringVarP(&f.message, "message", "m", "", "why, a `TEXT` for those who see the node in tender nodes")
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (f *drainFlags) check(cmd *cobra.Command) error {
	given := 0
	for _, name := range []string{"deadline", "no-deadline", "force", "disable"} {
		if cmd.Flags().Changed(name) {
			given++
		}
	}
	switch {
	case given > 1:
		return usagef(cmd, "only one of --deadline, --no-deadline, --force and --disable can be meant")
	case f.stays && !f.disable:
		return usagef(cmd, "--keep-ineligible goes with --disable; a node that is drained is ineligible anyway")
	case f.disable && (f.wait || f.message != "" || f.ignoreSystem):
		return usagef(cmd, "--disable ends a drain: --wait, --message and --ignore-system have no place there")
	}
	return nil
}

func (a *app) drain(ctx context.Context, c *client.Client, node string, f *drainFlags) error {
	r := model.DrainNode{Node: node, NoDeadline: f.noDeadline, Force: f.force, IgnoreSystem: f.ignoreSystem, Message: f.message}
	if !f.noDeadline && !f.force {
		r.Deadline = model.Duration(f.deadline)
	}
	v, err := c.DrainNode(ctx, r)
	if err != nil {
		return err
	}
	if !f.wait {
		return a.printNode(&v)
	}
	return a.awaitDrain(ctx, c, v)
}

// awaitDrain says who is left whenever that changes. It hears of changes from the
// event stream, which goes on over failovers.
func (a *app) awaitDrain(ctx context.Context, c *client.Client, v model.NodeView) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	said := -1
	for _, err := range c.Events(ctx, 0, "") {
		if err != nil {
			return err
		}
		list, err := c.Nodes(ctx)
		if err != nil {
			return err
		}
		for i := range list.Nodes {
			if list.Nodes[i].Name == v.Name {
				v = list.Nodes[i]
			}
		}
		switch d := v.Drain; {
		case d == nil:
			return &exitError{code: exitTrouble, err: errors.New("the drain of node " + oneLine(v.Name) + " was ended before it was over")}
		case !d.Done.IsZero():
			return a.printNode(&v)
		case v.Leaving != said:
			said = v.Leaving
			a.note("%s left on node %s%s", plural(said, "task"), v.Name, untilText(a.Now(), d))
		}
	}
	return ctx.Err()
}

func untilText(now time.Time, d *model.Drain) string {
	if d.Deadline.IsZero() || !d.Deadline.After(now) {
		return ""
	}
	return ", to be stopped in " + span(d.Deadline.Sub(now))
}

func (a *app) endDrain(ctx context.Context, c *client.Client, node string, stays bool) error {
	v, err := c.EndDrain(ctx, node, stays)
	if err != nil {
		return err
	}
	return a.printNode(&v)
}

func (a *app) eligibleCmd(eligible bool) *cobra.Command {
	r := model.SetEligibility{Eligible: eligible}
	cmd := &cobra.Command{
		Use:   "ineligible [flags] NODE",
		Short: "Keep new tasks off a node",
		Long: `Ineligible keeps new tasks off a node. What runs there goes on; to have it leave,
use tender node drain.`,
		Example: `  tender node ineligible n7 -m odd-noises`,
	}
	if eligible {
		cmd.Use, cmd.Short = "eligible [flags] NODE", "Let a node take tasks again"
		cmd.Long = `Eligible lets a node take tasks again, one that was drained or made ineligible. The
drain of a node that still has tasks is ended by tender node drain.`
		cmd.Example = `  tender node eligible n7`
	} else {
		cmd.Flags().StringVarP(&r.Message, "message", "m", "", "why, a `TEXT` for those who see the node in tender nodes")
	}
	cmd.Args = wants(1, 1, "one NODE")
	cmd.ValidArgsFunction = a.completeNodes
	cmd.RunE = a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
		r.Node = args[0]
		v, err := c.SetEligibility(cmd.Context(), r)
		if err != nil {
			return err
		}
		return a.printNode(&v)
	})
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

// printNode says in a line what is set about a node.
func (a *app) printNode(v *model.NodeView) error {
	switch a.output {
	case formatJSON:
		return a.printJSON(v)
	case formatName:
		return a.printNames([]string{v.Name})
	}
	what := drainText(a.Now(), v)
	if what == "" {
		what = "takes tasks"
	}
	return a.print(fmt.Appendf(nil, "node %s: %s\n", oneLine(v.Name), oneLine(what)))
}

// drainText says whether a node is drained or ineligible, and why; empty if neither.
func drainText(now time.Time, v *model.NodeView) string {
	var text string
	switch d := v.Drain; {
	case d != nil && d.Done.IsZero():
		text = fmt.Sprintf("draining, %d left%s", v.Leaving, untilText(now, d))
	case d != nil:
		text = "drained, ineligible"
	case v.Ineligible:
		text = "ineligible"
	default:
		return ""
	}
	if v.Message != "" {
		text += " (" + v.Message + ")"
	}
	return text
}
