package cli

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpColumns bounds the width of help texts where the terminal is wider.
const helpColumns = 100

// help prints a command's page.
func (a *app) help(cmd *cobra.Command, _ []string) {
	var b bytes.Buffer
	p := a.stdoutPaint()
	b.WriteString(strings.TrimSpace(cmd.Long) + "\n")
	if cmd.Runnable() {
		head(&b, p, "Usage")
		if cmd.HasParent() {
			b.WriteString("  " + cmd.UseLine() + "\n")
		} else {
			b.WriteString("  tender COMMAND [flags] [arguments]\n")
		}
	}
	if len(cmd.Aliases) > 0 {
		head(&b, p, "Aliases")
		b.WriteString("  " + strings.Join(cmd.Aliases, ", ") + "\n")
	}
	if cmd.Example != "" {
		head(&b, p, "Examples")
		b.WriteString(strings.TrimRight(cmd.Example, "\n") + "\n")
	}
	a.helpCommands(&b, p, cmd)
	if cmd.Runnable() {
		head(&b, p, "Flags")
		b.WriteString(a.flagUsages(cmd))
	}
	if !cmd.HasParent() {
		b.WriteString("\nSee tender COMMAND --help for a command, tender help TOPIC for a topic.\n")
	}
	_ = a.print(b.Bytes())
}

func head(b *bytes.Buffer, p painter, title string) {
	b.WriteString("\n" + p.paint(bold, title+":") + "\n")
}

// helpCommands lists a command's children by group.
func (a *app) helpCommands(b *bytes.Buffer, p painter, cmd *cobra.Command) {
	if !cmd.HasAvailableSubCommands() {
		return
	}
	list := func(title string, belongs func(*cobra.Command) bool) {
		head(b, p, title)
		for _, c := range cmd.Commands() {
			if !c.Hidden && belongs(c) {
				fmt.Fprintf(b, "  %-12s %s\n", c.Name(), c.Short)
			}
		}
	}
	for _, g := range cmd.Groups() {
		list(g.Title, func(c *cobra.Command) bool { return c.GroupID == g.ID })
	}
	list("Other commands", func(c *cobra.Command) bool { return c.GroupID == "" && c.Runnable() })
	list("Topics", func(c *cobra.Command) bool { return !c.Runnable() })
}

// flagUsages lists a command's flags, its own first.
func (a *app) flagUsages(cmd *cobra.Command) string {
	columns := helpColumns
	if a.StdoutColumns > 0 {
		columns = min(a.StdoutColumns, helpColumns)
	}
	all := pflag.NewFlagSet(cmd.Name(), pflag.ContinueOnError)
	all.SortFlags = false
	add := func(f *pflag.Flag) {
		if all.Lookup(f.Name) == nil {
			all.AddFlag(f)
		}
	}
	own := cmd.NonInheritedFlags()
	own.SortFlags = false
	own.VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			add(f)
		}
	})
	cmd.InheritedFlags().VisitAll(add)
	if f := cmd.Flags().Lookup("help"); f != nil {
		add(f)
	}
	return all.FlagUsagesWrapped(columns)
}

// helpCmd replaces cobra's, which has no examples and no topics.
func (a *app) helpCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND|TOPIC]",
		Short: "Explain a command or a topic",
		Long: `Help prints the page of a command, or of a topic: exit-codes, selectors,
environment.`,
		Example: `  tender help submit
  tender help exit-codes`,
		Args: wants(0, 1, "at most one COMMAND or TOPIC"),
		ValidArgsFunction: func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			var out []cobra.Completion
			for _, c := range cmd.Root().Commands() {
				if !c.Hidden {
					out = append(out, cobra.CompletionWithDesc(c.Name(), c.Short))
				}
			}
			return out, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			target, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return usagef(cmd, "there is no command and no topic %q", args[0])
			}
			target.InitDefaultHelpFlag()
			return target.Help()
		},
	}
}
