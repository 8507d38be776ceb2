package cli

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

func (a *app) offersCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "offers [flags]",
		Short: "List offers, what is held and asked back, and who waits",
		Long: `Offers shows the master's market: the offers that frameworks have neither taken
nor declined yet (usually none: they are answered within milliseconds), the room
that is held for demands from a time on, the tasks that are asked back to make
room, and the demands that are waiting, the most urgent first. tender why JOB says
what a demand waits for.

On held room others may run what ends in time, so a job with a time_limit starts
sooner.`,
		Example: `  tender offers
  tender offers -o json | jq '.demands | length'`,
		Args: wants(0, 0, "no argument"),
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			list, err := c.Offers(cmd.Context())
			if err != nil {
				return err
			}
			return a.printOffers(list)
		}),
	}
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (a *app) printOffers(list model.OfferList) error {
	switch a.output {
	case formatJSON:
		return a.printJSON(list)
	case formatName:
		names := make([]string, len(list.Offers))
		for i, o := range list.Offers {
			names[i] = o.ID.String()
		}
		return a.printNames(names)
	}
	if len(list.Offers)+len(list.Holds)+len(list.Inverse)+len(list.Demands) == 0 {
		a.note("no offers are outstanding and no demand waits")
		return nil
	}
	t := &table{columns: []column{
		{title: "WHAT"}, {title: "ID", floor: 8}, {title: "FOR", floor: 10}, {title: "FRAMEWORK", spare: 3}, {title: "ROLE", floor: 6, spare: 4},
		{title: "TASKS", right: true}, {title: "EACH", floor: 10, spare: 1}, {title: "AGENTS", floor: 8, spare: 2}, {title: "PRIORITY", right: true, spare: 5},
		{title: "TIME", spare: 6},
	}}
	for i := range list.Offers {
		t.add(a.offerRow(&list.Offers[i])...)
	}
	for i := range list.Holds {
		t.add(a.holdRow(&list.Holds[i])...)
	}
	for i := range list.Inverse {
		t.add(a.inverseRow(&list.Inverse[i])...)
	}
	for i := range list.Demands {
		t.add(demandRow(&list.Demands[i])...)
	}
	return a.printTable(t)
}

func (a *app) offerRow(o *model.Offer) []cell {
	tasks, until := 0, "-"
	agents := map[model.AgentID]bool{}
	for _, part := range o.Parts {
		tasks += part.Count
		agents[part.Agent] = true
	}
	if !o.UnavailableFrom.IsZero() {
		until = "until " + a.hour(o.UnavailableFrom)
	}
	return []cell{{"offer", green}, text(o.ID.String()), text(cmp.Or(o.Label, o.Demand)), text(string(o.Framework)), text(cmp.Or(o.Role, "-")),
		text(number(tasks) + gangMark(o.AllOrNothing)), text("-"), text(number(len(agents))), text("-"), text(until)}
}

func (a *app) holdRow(h *model.HoldView) []cell {
	when := "when it is free"
	if !h.From.IsZero() {
		when = "from " + a.hour(h.From)
	}
	each := "-"
	if len(h.Parts) > 0 && h.Parts[0].Tasks > 0 {
		each = eachOf(&h.Parts[0]).String()
	}
	return []cell{{"hold", blue}, text(h.Demand), text(cmp.Or(h.Label, h.Demand)), text("-"), text(cmp.Or(h.Role, "-")),
		text(number(h.Tasks)), text(each), text(holdNodes(h)), text("-"), text(when)}
}

// eachOf is what one task of a hold's part has.
func eachOf(p *model.HoldPart) model.Resources {
	n, r := int64(p.Tasks), p.Resources
	return model.Resources{CPUMilli: r.CPUMilli / n, MemoryBytes: r.MemoryBytes / n, DiskBytes: r.DiskBytes / n, GPUMilli: r.GPUMilli / n}
}

// holdNodes names the nodes of a hold, each with how many tasks if not one.
func holdNodes(h *model.HoldView) string {
	parts := make([]string, len(h.Parts))
	for i, p := range h.Parts {
		parts[i] = cmp.Or(p.Name, string(p.Agent))
		if p.Tasks != 1 {
			parts[i] += fmt.Sprintf("×%d", p.Tasks)
		}
	}
	return strings.Join(parts, " ")
}

func (a *app) inverseRow(o *model.InverseOffer) []cell {
	agents := map[model.AgentID]bool{}
	for _, id := range o.Agents {
		agents[id] = true
	}
	by := "when they end"
	if !o.Deadline.IsZero() {
		by = "by " + a.hour(o.Deadline)
	}
	return []cell{{"inverse", yellow}, text(o.ID.String()), text(o.For), text(string(o.Framework)), text(cmp.Or(o.ForRole, "-")),
		text(number(len(o.Tasks))), text("-"), text(number(len(agents))), text("-"), text(by)}
}

func demandRow(d *model.Demand) []cell {
	tasks := 0
	var each []string
	for i := range d.Groups {
		tasks += d.Groups[i].Count
		each = append(each, d.Groups[i].Shape.Resources.String())
	}
	return []cell{{"demand", yellow}, text(d.ID), text(cmp.Or(d.Label, d.ID)), text(string(d.Framework)), text(cmp.Or(d.Role, "-")),
		text(number(tasks) + gangMark(d.AllOrNothing)), text(strings.Join(each, " + ")), text("-"), text(fmt.Sprint(d.Priority)), text("-")}
}

// hour prints a time of day in the reader's zone.
func (a *app) hour(t time.Time) string { return t.In(a.Now().Location()).Format(time.TimeOnly) }

// gangMark marks counts that go together or not at all.
func gangMark(gang bool) string {
	if gang {
		return " (all)"
	}
	return ""
}
