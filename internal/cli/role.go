package cli

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

func (a *app) roleCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "role",
		Short: "Set what roles may use: weights, guarantees, limits, reservations",
		Long: `Roles share the cluster. They form a tree named by paths: "research/nlp" is below
"research", and what nlp uses counts for both. A job says which role pays for it
with role = "research/nlp"; a role needs no setting up to be used, it then has
weight 1 and no quota.

  weight       scales a role's fair share among its siblings
  guarantee    what a role and those below it get before others get their fair
               share; it is lent out while they do not want it
  limit        what a role and those below it may use at most
  reservation  an amount of a named node that only the role and those below it
               may use

Amounts are written cpus=64,memory=256GiB,disk=1TiB,gpus=8. tender shares shows
how the roles stand.`,
		Example: `  tender role set research --weight 2 --guarantee cpus=64,gpus=8
  tender role ls`,
	}
	return commandGroup(cmd, a.roleSetCmd(), a.roleGetCmd(), a.roleLsCmd(), a.roleRmCmd(), a.reserveCmd(), a.unreserveCmd())
}

func (a *app) roleSetCmd() *cobra.Command {
	var weight float64
	var guarantee, limit amountsValue
	cmd := &cobra.Command{
		Use:   "set [flags] ROLE",
		Short: "Set a role's weight, guarantee or limit",
		Long: `Set changes what is given and leaves the rest of the role's settings as they are.
"none" takes a guarantee or a limit away. Refused is what cannot be kept: a
guarantee above the limit, or guarantees of roles below that exceed it.`,
		Example: `  tender role set research --weight 2
  tender role set research/nlp --guarantee cpus=64,memory=256GiB,gpus=8
  tender role set guests --limit cpus=32,gpus=0
  tender role set research --limit none`,
		Args:              wants(1, 1, "one ROLE"),
		ValidArgsFunction: a.completeRoles,
		RunE: func(cmd *cobra.Command, args []string) error {
			weighs := cmd.Flags().Changed("weight")
			if !weighs && !guarantee.given && !limit.given {
				return usagef(cmd, "nothing to set: give --weight, --guarantee or --limit")
			}
			if weighs && !(weight > 0) {
				return usagef(cmd, "a weight is more than 0, not %v", weight)
			}
			return a.onRole(cmd, args[0], func(c *client.Client, role model.RoleConfig) (model.RoleConfig, error) {
				if weighs {
					role.Weight = weight
				}
				if guarantee.given {
					role.Guarantee = guarantee.resources()
				}
				if limit.given {
					role.Limit = limit.limits
				}
				return c.SetRole(cmd.Context(), role)
			})
		},
	}
	cmd.Flags().Float64Var(&weight, "weight", 1, "the role's weight among its siblings, as `NUMBER`")
	cmd.Flags().Var(&guarantee, "guarantee", "what the role gets before others get their fair share")
	cmd.Flags().Var(&limit, "limit", "what the role may use at most")
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

// onRole changes a role, beginning with what is set about it now.
func (a *app) onRole(cmd *cobra.Command, role string, change func(*client.Client, model.RoleConfig) (model.RoleConfig, error)) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	now, err := a.roleNow(cmd, c, role)
	if err != nil {
		return err
	}
	kept, err := change(c, now.RoleConfig)
	if err != nil {
		return err
	}
	switch a.output {
	case formatJSON:
		return a.printJSON(kept)
	case formatName:
		return a.printNames([]string{kept.Role})
	}
	return a.print([]byte(roleLine(&kept) + "\n"))
}

// roleNow finds how a role stands; one that nobody knows has weight 1 and no quota.
func (a *app) roleNow(cmd *cobra.Command, c *client.Client, role string) (model.ShareView, error) {
	none := model.ShareView{RoleConfig: model.RoleConfig{Role: role}}
	list, err := c.Shares(cmd.Context(), role)
	if r, ok := errors.AsType[*model.Refusal](err); ok && r.Reason == model.ReasonNotFound {
		return none, nil
	}
	if err != nil {
		return none, err
	}
	for _, v := range list.Roles {
		if v.Role == role {
			return v, nil
		}
	}
	return none, nil
}

func roleLine(c *model.RoleConfig) string {
	out := fmt.Sprintf("role %s: weight %s", oneLine(c.Role), weightText(c.Weight))
	if !c.Guarantee.IsZero() {
		out += ", guarantee " + c.Guarantee.String()
	}
	if l := limitsText(c.Limit); l != "" {
		out += ", limit " + l
	}
	return out
}

func weightText(w float64) string { return strconv.FormatFloat(cmp.Or(w, 1), 'g', 4, 64) }

func (a *app) roleGetCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "get [flags] ROLE",
		Short: "Show a role: its settings and how it stands",
		Long: `Get shows what is set about a role, what it uses and what is reserved for it. A
role that nobody has set or used has weight 1 and no quota.`,
		Example: `  tender role get research/nlp
  tender role get research -o json | jq .share`,
		Args:              wants(1, 1, "one ROLE"),
		ValidArgsFunction: a.completeRoles,
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			list, err := c.Shares(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			for i := range list.Roles {
				if list.Roles[i].Role == args[0] {
					return a.printRole(&list.Roles[i], list.Reservations)
				}
			}
			return a.printRole(&model.ShareView{RoleConfig: model.RoleConfig{Role: args[0]}}, list.Reservations)
		}),
	}
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (a *app) printRole(v *model.ShareView, reserved []model.Reservation) error {
	switch a.output {
	case formatJSON:
		return a.printJSON(v)
	case formatName:
		return a.printNames([]string{v.Role})
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n", a.stdoutPaint().paint(bold, "role "+oneLine(v.Role)))
	row := func(name, value string) { fmt.Fprintf(&b, "  %-10s %s\n", name, value) }
	row("weight", weightText(v.Weight))
	row("share", percent(v.Share)+orEmpty(" of ", v.Dominant)+", fair "+percent(v.Fair))
	row("used", v.Used.String())
	row("guarantee", orDash(!v.Guarantee.IsZero(), v.Guarantee.String())+mark(v.Below, " (below it)"))
	row("limit", orDash(limitsText(v.Limit) != "", limitsText(v.Limit))+atLimit(v))
	row("tasks", fmt.Sprintf("%s running, %s waiting", number(v.Running), number(v.Waiting)))
	for _, r := range reserved {
		row("reserved", fmt.Sprintf("%s on %s%s", r.Amount, oneLine(r.Agent), mark(r.Role != v.Role, " for "+r.Role)))
	}
	return a.print(b.Bytes())
}

func (a *app) roleRmCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rm [flags] ROLE",
		Short: "Forget a role's settings",
		Long: `Rm gives a role weight 1 and no quota again. Its jobs go on, and so do the settings
of roles below it and reservations.`,
		Example:           `  tender role rm research/nlp`,
		Args:              wants(1, 1, "one ROLE"),
		ValidArgsFunction: a.completeRoles,
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			was, err := c.RemoveRole(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			switch a.output {
			case formatJSON:
				return a.printJSON(was)
			case formatName:
				return a.printNames([]string{was.Role})
			}
			return a.print([]byte("forgotten: " + roleLine(&was) + "\n"))
		}),
	}
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func orEmpty(lead, s string) string {
	if s == "" {
		return ""
	}
	return lead + s
}

// mark is text that is there only if something holds.
func mark(on bool, text string) string {
	if on {
		return text
	}
	return ""
}
