package cli

import (
	"fmt"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

func (a *app) sharesCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "shares [flags] [ROLE]",
		Short: "Show how roles share the cluster",
		Long: `Shares shows the tree of roles, or the part below ROLE. SHARE is a role's dominant
share: the largest part of the cluster's processors, memory, disk or GPUs that it
uses, and which of them that is. FAIR is what its weight gives it among those that
have work; who is furthest below it goes first, after unmet guarantees. Numbers of
a role include those below it. -o wide adds what is reserved.`,
		Example: `  tender shares
  tender shares research -o wide
  tender shares -o json | jq '.roles[] | select(.below_guarantee).role'`,
		Args:              wants(0, 1, "at most one ROLE"),
		ValidArgsFunction: a.completeRoles,
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			role := ""
			if len(args) > 0 {
				role = args[0]
			}
			list, err := c.Shares(cmd.Context(), role)
			if err != nil {
				return err
			}
			return a.printShares(list)
		}),
	}
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (a *app) roleLsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "ls [flags]",
		Short:   "List the roles that have settings",
		Long:    `Ls lists the roles somebody has set up. tender shares shows all that are used.`,
		Example: `  tender role ls`,
		Args:    wants(0, 0, "no argument"),
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			list, err := c.Shares(cmd.Context(), "")
			if err != nil {
				return err
			}
			return a.printConfigured(list)
		}),
	}
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (a *app) printConfigured(list model.ShareList) error {
	roles := []model.RoleConfig{}
	names := []string{}
	t := &table{columns: []column{{title: "ROLE", floor: 10}, {title: "WEIGHT", right: true}, {title: "GUARANTEE", floor: 10, spare: 1}, {title: "LIMIT", floor: 10, spare: 2}}}
	for i := range list.Roles {
		v := &list.Roles[i]
		if !v.Configured {
			continue
		}
		roles, names = append(roles, v.RoleConfig), append(names, v.Role)
		t.add(text(v.Role), text(weightText(v.Weight)), text(orDash(!v.Guarantee.IsZero(), v.Guarantee.String())), text(orDash(limitsText(v.Limit) != "", limitsText(v.Limit))))
	}
	switch {
	case a.output == formatJSON:
		return a.printJSON(roles)
	case a.output == formatName:
		return a.printNames(names)
	case len(roles) == 0:
		a.note("no role has settings: all have weight 1 and no quota")
		a.hint("set one up with: tender role set ROLE --weight 2")
		return nil
	}
	return a.printTable(t)
}

func (a *app) printShares(list model.ShareList) error {
	switch a.output {
	case formatJSON:
		return a.printJSON(list)
	case formatName:
		names := make([]string, len(list.Roles))
		for i := range list.Roles {
			names[i] = list.Roles[i].Role
		}
		return a.printNames(names)
	}
	if len(list.Roles) == 0 {
		a.note("no role is used or set up")
		return nil
	}
	t := &table{columns: []column{
		{title: "ROLE", floor: 10}, {title: "WEIGHT", right: true, spare: 4}, {title: "SHARE"}, {title: "FAIR", right: true},
		{title: "USED", floor: 12, spare: 3}, {title: "GUARANTEE", floor: 10, spare: 5}, {title: "LIMIT", floor: 10, spare: 6},
		{title: "RUNNING", right: true, spare: 1}, {title: "WAITING", right: true, spare: 2}, {title: "RESERVED", wide: true},
	}}
	var tree outline
	for i := range list.Roles {
		v := &list.Roles[i]
		share := percent(v.Share) + orEmpty(" ", v.Dominant)
		if a.StdoutColumns > 0 {
			share = bar(v.Share) + " " + share
		}
		guarantee := cell{orDash(!v.Guarantee.IsZero(), v.Guarantee.String()), plain}
		if v.Below {
			guarantee = cell{guarantee.text + " (below)", yellow}
		}
		limit := text(orDash(limitsText(v.Limit) != "", limitsText(v.Limit)))
		if len(v.AtLimit) > 0 {
			limit = cell{limit.text + atLimit(v), yellow}
		}
		t.add(text(tree.name(v.Role)), text(weightText(v.Weight)), text(share), text(percent(v.Fair)), text(orDash(!v.Used.IsZero(), v.Used.String())),
			guarantee, limit, text(number(v.Running)), text(number(v.Waiting)), text(orDash(!v.Reserved.IsZero(), v.Reserved.String())))
	}
	if err := a.printTable(t); err != nil || len(list.Reservations) == 0 || a.output != formatWide {
		return err
	}
	r := &table{columns: []column{{title: "RESERVED FOR"}, {title: "NODE"}, {title: "AMOUNT"}}}
	for _, x := range list.Reservations {
		r.add(text(x.Role), text(x.Agent), text(x.Amount.String()))
	}
	if err := a.print([]byte("\n")); err != nil {
		return err
	}
	return a.printTable(r)
}

// outline names the roles of a walk over the tree: each by what it adds to the
// nearest role above it that was listed, and indented below that.
type outline struct{ above []string }

func (o *outline) name(role string) string {
	if role == "" {
		return "(all)"
	}
	for len(o.above) > 0 && !strings.HasPrefix(role, o.above[len(o.above)-1]+"/") {
		o.above = o.above[:len(o.above)-1]
	}
	indent := strings.Repeat("  ", len(o.above))
	short := role
	if n := len(o.above); n > 0 {
		short = role[len(o.above[n-1])+1:]
	}
	o.above = append(o.above, role)
	return indent + short
}

// barCells is how wide a bar is.
const barCells = 10

func bar(share float64) string {
	n := int(math.Round(min(max(share, 0), 1) * barCells))
	return strings.Repeat("█", n) + strings.Repeat("░", barCells-n)
}

func percent(share float64) string {
	return fmt.Sprintf("%.3g%%", math.Round(share*1000)/10)
}

func atLimit(v *model.ShareView) string {
	return mark(len(v.AtLimit) > 0, " (reached: "+strings.Join(v.AtLimit, ", ")+")")
}
