package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/core/model"
)

func (a *app) reserveCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reserve [flags] ROLE NODE AMOUNTS",
		Short: "Keep an amount of a node for a role",
		Long: `Reserve keeps an amount of a node for a role and those below it: nothing else is
started on it. It replaces what was reserved there for the role before. The node
is named as tender nodes has it, and need not be there yet. What others run on it
already goes on.`,
		Example: `  tender role reserve research node-7 cpus=16,gpus=4
  tender role reserve ops node-1 memory=8GiB`,
		Args:              wants(3, 3, "a ROLE, a NODE and amounts such as cpus=4,memory=8GiB"),
		ValidArgsFunction: a.completeRoleThenNode,
		RunE: func(cmd *cobra.Command, args []string) error {
			var v amountsValue
			if err := v.Set(args[2]); err != nil {
				return usagef(cmd, "%s", err)
			}
			r := model.Reservation{Role: args[0], Agent: args[1], Amount: v.resources()}
			if r.Amount.IsZero() {
				return usagef(cmd, "nothing to reserve: tender role unreserve %s %s takes a reservation away", args[0], args[1])
			}
			return a.reserve(cmd, r)
		},
	}
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (a *app) unreserveCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "unreserve [flags] ROLE NODE",
		Short: "Take a reservation away",
		Long: `Unreserve gives what was reserved of a node for a role to everybody again. What the
role runs there goes on.`,
		Example:           `  tender role unreserve research node-7`,
		Args:              wants(2, 2, "a ROLE and a NODE"),
		ValidArgsFunction: a.completeRoleThenNode,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.reserve(cmd, model.Reservation{Role: args[0], Agent: args[1]})
		},
	}
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (a *app) reserve(cmd *cobra.Command, r model.Reservation) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	kept, err := c.SetReservation(cmd.Context(), r)
	if err != nil {
		return err
	}
	switch a.output {
	case formatJSON:
		return a.printJSON(kept)
	case formatName:
		return a.printNames([]string{kept.Role})
	}
	return a.print(fmt.Appendf(nil, "%s of node %s is reserved for role %s\n", kept.Amount, oneLine(kept.Agent), oneLine(kept.Role)))
}
