package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// completionTimeout bounds what a shell waits for job names.
const completionTimeout = time.Second

// The groups that `tender --help` lists commands in.
const (
	groupRun    = "run"
	groupLook   = "look"
	groupFiles  = "files"
	groupDaemon = "daemons"
)

// Commands are listed in the order of use. The switch is a global of cobra's.
func init() { cobra.EnableCommandSorting = false }

// root builds the command tree.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "tender",
		Short: "Run batch jobs, services and scheduled jobs on a cluster",
		Long: `tender schedules work on a cluster: agents offer what their machines have, a
master makes offers of it, and what you wrote in a job file runs where it fits.

A first job, on this machine alone:

  tender dev --data-dir /tmp/tender &
  tender init job.hcl
  tender submit --wait job.hcl

JOB in the commands below is a job's id, the beginning of one that no other id
has, its name (the latest job with it) or "last" (see tender help selectors).`,
		Example: `  tender submit --wait job.hcl     # run a job, exit with its exit code
  tender jobs                      # what there is
  tender why last                  # why it does not run yet`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			msg := fmt.Sprintf("unknown command %q", args[0])
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				msg += fmt.Sprintf(", did you mean %q?", near[0])
			}
			return usagef(cmd, "%s", msg)
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SuggestionsMinimumDistance = 2
	root.PersistentFlags().BoolVar(&a.noColor, "no-color", false, "never colour the output (as NO_COLOR=1 does)")
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpFunc(a.help)
	help := a.helpCmd()
	root.SetHelpCommand(help)
	root.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Run work"},
		&cobra.Group{ID: groupLook, Title: "See what happens"},
		&cobra.Group{ID: groupFiles, Title: "Job files"},
		&cobra.Group{ID: groupDaemon, Title: "Run a cluster"},
	)
	grouped(root, groupRun, a.submitCmd(), a.waitCmd(), a.cancelCmd(), a.retryCmd())
	grouped(root, groupRun, a.runCmd(), a.execCmd())
	grouped(root, groupRun, a.cronCmd())
	grouped(root, groupLook, a.jobsCmd(), a.jobCmd(), a.whyCmd(), a.logsCmd(), a.eventsCmd(), a.nodesCmd(), a.offersCmd(), a.sharesCmd(), a.statusCmd())
	grouped(root, groupLook, a.servicesCmd())
	grouped(root, groupFiles, a.initCmd(), a.validateCmd(), a.planCmd(), a.fmtCmd())
	grouped(root, groupRun, a.deploymentCmd(), a.scaleCmd(), a.restartCmd(), a.rollbackCmd())
	grouped(root, groupLook, a.versionsCmd())
	grouped(root, groupLook, a.simCmd())
	grouped(root, groupDaemon, append(a.daemonCmds(), a.roleCmd())...)
	grouped(root, groupDaemon, a.nodeCmd())
	grouped(root, groupLook, a.mastersCmd())
	grouped(root, groupLook, a.gpusCmd())
	root.AddCommand(a.versionCmd(), a.completionCmd(), help)
	root.AddCommand(topics()...)
	// A flag error of a command should point at that command.
	for _, c := range root.Commands() {
		c.SetFlagErrorFunc(flagError)
	}
	return root
}

func grouped(root *cobra.Command, group string, cmds ...*cobra.Command) {
	for _, c := range cmds {
		c.GroupID = group
		root.AddCommand(c)
	}
}

// flagError adds the nearest flag there is to a complaint about an unknown one.
func flagError(cmd *cobra.Command, err error) error {
	if errors.Is(err, pflag.ErrHelp) {
		return err
	}
	unknown, isUnknown := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !isUnknown {
		return &usageError{cmd: cmd, err: err}
	}
	best, distance := "", 3
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if d := editDistance(unknown, f.Name); d < distance && !f.Hidden {
			best, distance = f.Name, d
		}
	})
	if best != "" {
		return usagef(cmd, "unknown flag --%s, did you mean --%s?", unknown, best)
	}
	return usagef(cmd, "unknown flag --%s", unknown)
}

// wants checks the number of arguments in words; most < 0 = no bound.
func wants(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && (most < 0 || len(args) <= most) {
			return nil
		}
		if len(args) > most && most >= 0 {
			return usagef(cmd, "%s takes %s, but got %q as well", cmd.Name(), what, args[most])
		}
		return usagef(cmd, "%s needs %s", cmd.Name(), what)
	}
}

// must is for mistakes of this package that every run of any command would show.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// commandGroup makes cmd a command that is nothing but its parts.
func commandGroup(cmd *cobra.Command, parts ...*cobra.Command) *cobra.Command {
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		msg := fmt.Sprintf("%s has no command %q", cmd.Name(), args[0])
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			msg += fmt.Sprintf(", did you mean %q?", near[0])
		}
		return usagef(cmd, "%s", msg)
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(parts...)
	return cmd
}
