package cli

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

func (a *app) mastersCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "masters [flags]",
		Short: "List the masters and the etcd members behind them",
		Long: `Masters lists all masters that the one it asks knows of: which leads, in which term
and since when, how far the others are behind it, and the members of the etcd that
the journal is on, or that are inside the masters. Any master can be asked.

LAG is how many entries of the leader's journal a master has not applied yet, and
for how long the oldest of them has been there. A master that does not answer stays
listed for a day; the exit code is 250 if none leads.`,
		Example: `  tender masters
  tender masters -o json | jq -r '.masters[] | select(.state == "unreachable").address'
  tender masters step-down`,
		Args: wants(0, 0, "no argument"),
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			list, err := c.Masters(cmd.Context(), false)
			if err != nil {
				return err
			}
			addUnlisted(&list, c.Addresses())
			if err := a.printMasters(list); err != nil || list.Leader != "" {
				return err
			}
			return &exitError{code: model.ExitUnreachable}
		}),
	}
	a.printsData(cmd)
	a.talks(cmd)
	cmd.AddCommand(a.stepDownCmd())
	return cmd
}

func (a *app) stepDownCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "step-down [flags]",
		Short: "Let another master lead",
		Long: `Step-down ends the leader's term and waits until another master leads, which takes a
fraction of a second. Before a leader's machine is shut down this is not needed:
a master that is told to end lets another one lead first.`,
		Example: `  tender masters step-down`,
		Args:    wants(0, 0, "no argument"),
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			r, err := c.StepDown(cmd.Context(), a.Username())
			if err != nil {
				return err
			}
			leader, term, err := awaitLeader(cmd.Context(), c, r)
			if err != nil {
				return err
			}
			switch a.output {
			case formatJSON:
				return a.printJSON(map[string]any{"from": r.From, "to": leader, "term": term})
			case formatName:
				return a.printNames([]string{leader})
			}
			return a.print([]byte(r.From + " stepped down, " + leader + " leads in term " + strconv.FormatInt(term, 10) + "\n"))
		}),
	}
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

// awaitLeader returns who leads after a term has ended.
func awaitLeader(ctx context.Context, c *client.Client, ended model.StepDownReply) (string, int64, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 20*time.Second,
		model.Refuse(model.ReasonUnavailable, "%s stepped down, but no other master leads after 20 s: tender masters says more", ended.From))
	defer cancel()
	pause := time.NewTicker(50 * time.Millisecond)
	defer pause.Stop()
	for {
		s, err := c.Status(ctx)
		if err == nil && s.Leader != "" && s.Epoch > ended.Term {
			return s.Leader, s.Epoch, nil
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return "", 0, context.Cause(ctx)
		}
	}
}

// addUnlisted adds the addresses the command was given that no master knows of.
// One that listens as 0.0.0.0 may be known under another name, so that this says
// no more than that.
func addUnlisted(list *model.MasterList, addresses []string) {
	if len(addresses) < 2 {
		return
	}
	for _, address := range addresses {
		if !slices.ContainsFunc(list.Masters, func(v model.MasterView) bool { return v.Address == address }) {
			list.Masters = append(list.Masters, model.MasterView{Address: address, State: model.MasterUnreachable,
				Error: "no master of this cluster says that it has this address"})
		}
	}
}

func (a *app) printMasters(list model.MasterList) error {
	switch a.output {
	case formatJSON:
		return a.printJSON(list)
	case formatName:
		names := make([]string, len(list.Masters))
		for i, m := range list.Masters {
			names[i] = m.Address
		}
		return a.printNames(names)
	}
	t := &table{columns: []column{
		{title: "MASTER"}, {title: "STATE"}, {title: "TERM", right: true, spare: 3}, {title: "ENTRY", right: true, spare: 2},
		{title: "LAG", right: true}, {title: "UP", right: true, spare: 1}, {title: "LEADS", right: true, spare: 4},
		{title: "VERSION", spare: 5}, {title: "NOTE", floor: 10, spare: 6},
	}}
	now := a.Now()
	for _, m := range list.Masters {
		state := cell{string(m.State), green}
		note := m.Error
		up, leads, entry, lag, term := text(ago(now, m.Since)), text(ago(now, m.Leading)), text(strconv.FormatUint(m.Index, 10)), text(lagText(m)), text(strconv.FormatInt(m.Term, 10))
		switch m.State {
		case model.MasterUnreachable:
			state.style = red
			up, entry, lag, term = text("-"), text("-"), text("-"), text("-")
			if !m.Seen.IsZero() {
				note += ", last there " + span(now.Sub(m.Seen)) + " ago"
			}
		case model.MasterStarting:
			state.style = yellow
			entry, lag, term = text("-"), text("-"), text("-")
		case model.MasterStandby:
			state.style = dim
		}
		t.add(text(m.Address), state, term, entry, lag, up, leads, text(orDash(m.Version != "", m.Version)), text(note))
	}
	if !slices.ContainsFunc(t.rows, func(r []cell) bool { return r[8].text != "" }) {
		t.without("NOTE")
	}
	if err := a.printTable(t); err != nil {
		return err
	}
	if list.Leader == "" {
		a.note("no master leads: an election is on, or too few members of etcd are up")
	}
	return a.printEtcd(list.Etcd)
}

func lagText(m model.MasterView) string {
	switch {
	case m.State == model.MasterLeader:
		return "-"
	case m.LagEntries == 0:
		return "0"
	case m.LagSeconds == nil || *m.LagSeconds == 0:
		return strconv.FormatUint(m.LagEntries, 10)
	}
	return strconv.FormatUint(m.LagEntries, 10) + " (" + span(time.Duration(*m.LagSeconds*float64(time.Second))) + ")"
}

func (a *app) printEtcd(members []model.EtcdMember) error {
	if len(members) == 0 {
		return nil
	}
	if err := a.print([]byte("\n")); err != nil {
		return err
	}
	t := &table{columns: []column{
		{title: "ETCD"}, {title: "STATE"}, {title: "TERM", right: true, spare: 3}, {title: "ENTRY", right: true, spare: 2},
		{title: "DATABASE", right: true}, {title: "IN USE", right: true, spare: 4}, {title: "VERSION", spare: 5},
		{title: "ID", wide: true}, {title: "NOTE", floor: 10, spare: 6},
	}}
	for _, m := range members {
		state := cell{string(m.State), dim}
		switch m.State {
		case model.EtcdLeader:
			state.style = green
		case model.EtcdUnreachable, model.EtcdLeaderless:
			state.style = red
		}
		term, entry, db, used := text(strconv.FormatUint(m.Term, 10)), text(strconv.FormatUint(m.Index, 10)), text(model.FormatBytes(m.DBBytes)), text(model.FormatBytes(m.DBInUseBytes))
		if m.State == model.EtcdUnreachable {
			term, entry, db, used = text("-"), text("-"), text("-"), text("-")
		}
		name := m.Address
		if name == "" {
			name = orDash(m.Name != "", m.Name)
			if m.Name == "" {
				name = "embedded"
			}
		}
		t.add(text(name), state, term, entry, db, used, text(orDash(m.Version != "", m.Version)), text(m.ID), text(m.Error))
	}
	if !slices.ContainsFunc(t.rows, func(r []cell) bool { return r[8].text != "" }) {
		t.without("NOTE")
	}
	return a.printTable(t)
}
