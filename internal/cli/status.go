package cli

import (
	"bytes"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

func (a *app) statusCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status [flags]",
		Short: "Show which master leads, and since when",
		Long: `Status asks a master, leading or standing by, what it knows of the cluster: who
leads, for how long, and how far its journal is. The exit code is 250 if no master
answers or none leads.`,
		Example: `  tender status
  tender status --address m2.example.org:7070 -o json`,
		Args: wants(0, 0, "no argument"),
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			s, err := c.Status(cmd.Context())
			if err != nil {
				return err
			}
			if err := a.printStatus(s); err != nil || s.Leader != "" {
				return err
			}
			return &exitError{code: model.ExitUnreachable}
		}),
	}
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (a *app) printStatus(s model.MasterStatus) error {
	switch a.output {
	case formatJSON:
		return a.printJSON(s)
	case formatName:
		return a.printNames([]string{s.Leader})
	}
	p := a.stdoutPaint()
	var b bytes.Buffer
	line := func(name, value string) {
		fmt.Fprintf(&b, "%s%s\n", p.paint(bold, fmt.Sprintf("%-10s", name)), oneLine(value))
	}
	line("Cluster", s.Cluster)
	role := "standing by"
	if s.Leading {
		role = "leading"
	}
	line("Answers", fmt.Sprintf("%s, %s, version %s", s.Address, role, s.Version))
	leader := s.Leader
	if leader == "" {
		leader = "none: an election is on"
	} else if !s.Since.IsZero() {
		leader += ", for " + span(a.Now().Sub(s.Since))
	}
	line("Leader", leader)
	if s.Leading {
		line("Agents", number(s.Nodes))
		line("Journal", fmt.Sprintf("entry %d, term %d", s.Index, s.Epoch))
	}
	return a.print(b.Bytes())
}
