package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/schedule"
)

func (a *app) cronCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cron",
		Short: "Look at scheduled jobs, pause them, run them now",
		Long: `A job with a periodic block is a schedule: whenever it is due a run of it is
submitted as a job of its own, JOB.1, JOB.2 and so on, which is like any other job.
tender submit submits a schedule, and again under the same name changes it;
tender cancel ends it.`,
		Example: `  tender submit nightly.hcl
  tender cron ls
  tender cron next nightly
  tender cron runs nightly
  tender cron next "30 2 * * *" --time-zone Europe/Berlin`,
	}
	return commandGroup(cmd, a.cronLsCmd(), a.cronNextCmd(), a.cronRunsCmd(), a.cronPauseCmd(), a.cronResumeCmd(), a.cronTriggerCmd())
}

func (a *app) cronLsCmd() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "ls [flags]",
		Short: "List scheduled jobs, the one that is due first on top",
		Long: `Ls lists scheduled jobs, the one that is due first on top; those that follow others
in a DAG have no time of their own. LAST is how long ago the latest run was due,
and RESULT what became of it.`,
		Example: `  tender cron ls
  tender cron ls --all -o wide`,
		Args: wants(0, 0, "no argument (tender job JOB shows one schedule)"),
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, _ []string) error {
			list, err := schedules(cmd.Context(), c, all)
			if err != nil {
				return err
			}
			return a.printSchedules(list)
		}),
	}
	cmd.Flags().BoolVarP(&all, "all", "a", false, "also those that have ended")
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (a *app) cronNextCmd() *cobra.Command {
	var n int
	var zone string
	cmd := &cobra.Command{
		Use:   "next [flags] JOB|EXPRESSION",
		Short: "Show when a schedule, or a cron expression, is due next",
		Long: `Next shows when a scheduled job is due, on the clock of its time zone. Of a cron
expression or an ISO 8601 repetition in quotes it does so without a cluster, which
is a way to try one out.

On the days when the clocks change, an expression that names times of the day
(neither the minute nor the hour begins with *) runs right after the change where
its time is skipped, and once where it comes twice. All others follow real time.`,
		Example: `  tender cron next nightly
  tender cron next "30 2 * * MON-FRI" -n 10 --time-zone America/New_York
  tender cron next "R/2026-01-31T09:00:00/P1M"`,
		Args:              wants(1, -1, "one JOB, or an EXPRESSION in quotes"),
		ValidArgsFunction: a.completeJobs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if n < 1 || n > 1000 {
				return usagef(cmd, "--count %d: want 1 to 1000", n)
			}
			// The fields of an expression may also come as words of their own.
			if text := strings.Join(args, " "); strings.ContainsAny(text, " @/*") {
				return a.nextOfExpression(cmd, text, zone, n)
			}
			if zone != "" {
				return usagef(cmd, "--time-zone is for expressions: a job has its own")
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			defer c.Close()
			list, err := c.NextRuns(cmd.Context(), model.NextRuns{Selector: args[0], Count: n})
			if err != nil {
				return err
			}
			return a.printDue(list, list)
		},
	}
	cmd.Flags().IntVarP(&n, "count", "n", 5, "show `N` times")
	cmd.Flags().StringVar(&zone, "time-zone", "", "the `ZONE` of an expression, such as Europe/Berlin (default UTC)")
	must(cmd.RegisterFlagCompletionFunc("time-zone", cobra.NoFileCompletions))
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

// nextOfExpression shows when an expression is due, without a cluster.
func (a *app) nextOfExpression(cmd *cobra.Command, text, zone string, n int) error {
	if fault := schedule.CheckZone(zone); fault != nil {
		return usagef(cmd, "--time-zone: %w", fault)
	}
	p := model.Periodic{TimeZone: zone}
	var fault *schedule.Fault
	if strings.HasPrefix(text, "R") && strings.Contains(text, "/") {
		p.Schedule = text
		_, fault = schedule.ParseRepeat(text)
	} else {
		p.Crons = []string{text}
		_, fault = schedule.ParseCron(text)
	}
	if fault != nil {
		return usagef(cmd, "%s\n  %s\n  %s%s", fault, text, strings.Repeat(" ", cells(text[:fault.From])), strings.Repeat("^", max(cells(text[fault.From:fault.To]), 1)))
	}
	if zone == "" {
		zone = schedule.UTC
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return &exitError{code: exitTrouble, err: err}
	}
	now := a.Now()
	s, fault := schedule.New(&p, loc, now)
	if fault != nil {
		return usagef(cmd, "%s", fault)
	}
	type due struct {
		Due  []time.Time `json:"due"`
		Zone string      `json:"time_zone"`
	}
	list := model.DueList{Due: s.Upcoming(now, n), Zone: zone}
	return a.printDue(list, due{list.Due, list.Zone})
}

func (a *app) cronRunsCmd() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "runs [flags] JOB",
		Short: "List the runs of a schedule, the newest first",
		Long: `Runs lists what became of the times at which a schedule was due: the runs with
their jobs, those that wait for the one before, and those that were skipped, and
why. The latest 50 are remembered.`,
		Example: `  tender cron runs nightly
  tender cron runs nightly -o json | jq '.runs[] | select(.state == "skipped")'`,
		Args:              wants(1, 1, "one JOB"),
		ValidArgsFunction: a.completeJobs,
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			if limit < 0 {
				return usagef(cmd, "--limit %d: want 0 or more", limit)
			}
			list, err := c.Runs(cmd.Context(), model.ListRuns{Selector: args[0], Limit: limit})
			if err != nil {
				return err
			}
			return a.printRuns(list)
		}),
	}
	cmd.Flags().IntVarP(&limit, "limit", "n", 0, "at most `N` runs (0 = all that are remembered)")
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (a *app) cronPauseCmd() *cobra.Command {
	return a.cronChange(&cobra.Command{
		Use:   "pause [flags] JOB...",
		Short: "Keep schedules from coming due",
		Long: `Pause keeps schedules from coming due until tender cron resume. Runs that go on are
left alone, and tender cron trigger still works. What would have been due
meanwhile is not made up for.`,
		Example: `  tender cron pause nightly`,
	}, func(cmd *cobra.Command, c *client.Client, sel string) (model.JobView, error) {
		return c.Pause(cmd.Context(), sel)
	})
}

func (a *app) cronResumeCmd() *cobra.Command {
	return a.cronChange(&cobra.Command{
		Use:   "resume [flags] JOB...",
		Short: "Have paused schedules come due again",
		Long: `Resume undoes tender cron pause, and enabled = false of a job file. What would have
been due meanwhile is not made up for.`,
		Example: `  tender cron resume nightly`,
	}, func(cmd *cobra.Command, c *client.Client, sel string) (model.JobView, error) {
		return c.Resume(cmd.Context(), sel)
	})
}

// cronChange completes a command that makes one change to several schedules.
func (a *app) cronChange(cmd *cobra.Command, change func(*cobra.Command, *client.Client, string) (model.JobView, error)) *cobra.Command {
	cmd.Args, cmd.ValidArgsFunction = wants(1, -1, "at least one JOB"), a.completeJobs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return a.changeJobs(cmd, args, func(c *client.Client, sel string) (model.JobView, error) { return change(cmd, c, sel) })
	}
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (a *app) cronTriggerCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trigger [flags] JOB",
		Short: "Make a run of a schedule now",
		Long: `Trigger makes a run of a schedule now, also of one that is paused. What is due
later stays due. While another run goes on it does as the schedule's overlap says;
with "forbid" it is refused. Runs that follow it in a DAG follow this one too.`,
		Example: `  tender cron trigger nightly
  tender wait "$(tender cron trigger -o name nightly)"`,
		Args:              wants(1, 1, "one JOB"),
		ValidArgsFunction: a.completeJobs,
		RunE: a.asking(func(cmd *cobra.Command, c *client.Client, args []string) error {
			run, err := c.Trigger(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			switch {
			case a.output == formatJSON:
				return a.printJSON(run)
			case a.output == formatName && run.Job != "":
				return a.printNames([]string{string(run.Job)})
			case run.Job == "":
				return a.print(fmt.Appendf(nil, "a run of %s waits for the one before\n", args[0]))
			}
			a.hint("tender wait %s waits for its end, tender logs %s shows its output", run.Job, run.Job)
			return a.print(fmt.Appendf(nil, "run %d of %s submitted as job %s\n", run.Number, args[0], run.Job))
		}),
	}
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}
