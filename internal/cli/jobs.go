package cli

import (
	"cmp"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/core/model"
)

func (a *app) jobsCmd() *cobra.Command {
	var q model.ListJobs
	cmd := &cobra.Command{
		Use:   "jobs [flags]",
		Short: "List jobs, the newest first",
		Long: `Jobs lists jobs, the newest first.

TASKS is how many of a job's tasks have ended and how many there are; of a service,
how many are healthy and how many it is to have. AGE is how long ago it was
submitted and TIME how long it has been running, or ran. A schedule has no tasks;
its runs are jobs of their own (tender cron ls lists schedules).`,
		Example: `  tender jobs
  tender jobs --state running -o wide
  tender jobs --name nightly --limit 5
  tender jobs -o name --state queued | xargs tender cancel`,
		Args: wants(0, 0, "no argument (tender job JOB shows one job)"),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.jobs(cmd, q) },
	}
	cmd.Flags().StringVar(&q.State, "state", "", "only jobs in this `STATE`: scheduled, paused, blocked, queued, running, stopping, succeeded, failed or cancelled")
	cmd.Flags().StringVar(&q.Name, "name", "", "only jobs with this `NAME`")
	cmd.Flags().IntVarP(&q.Limit, "limit", "n", 50, "at most `N` jobs (0 = all)")
	must(cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions(
		[]cobra.Completion{"scheduled", "paused", "blocked", "queued", "running", "stopping", "succeeded", "failed", "cancelled"}, cobra.ShellCompDirectiveNoFileComp)))
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (a *app) jobs(cmd *cobra.Command, q model.ListJobs) error {
	if q.Limit < 0 {
		return usagef(cmd, "--limit %d: want 0 or more", q.Limit)
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	const page = 1000
	want, list := q.Limit, model.JobList{Jobs: []model.JobView{}}
	for {
		q.Limit = page
		if want > 0 {
			q.Limit = min(page, want-len(list.Jobs))
		}
		next, err := c.Jobs(cmd.Context(), q)
		if err != nil {
			return err
		}
		list.Jobs, list.More = append(list.Jobs, next.Jobs...), next.More
		if !next.More || len(next.Jobs) == 0 || len(list.Jobs) == want {
			break
		}
		q.Before = next.Jobs[len(next.Jobs)-1].ID
	}
	if err := a.printJobs(list); err != nil {
		return err
	}
	if len(list.Jobs) == 0 && a.output != formatJSON && a.output != formatName {
		a.note("no jobs")
	}
	if list.More {
		a.hint("there are more: --limit 0 shows all")
	}
	return nil
}

func (a *app) printJobs(list model.JobList) error {
	switch a.output {
	case formatJSON:
		return a.printJSON(list)
	case formatName:
		names := make([]string, len(list.Jobs))
		for i, j := range list.Jobs {
			names[i] = string(j.ID)
		}
		return a.printNames(names)
	}
	if len(list.Jobs) == 0 {
		return nil
	}
	t := &table{columns: []column{
		{title: "ID"}, {title: "NAME", floor: 8}, {title: "STATE"}, {title: "TASKS", right: true, spare: 2},
		{title: "EXIT", right: true, spare: 4}, {title: "AGE", right: true, spare: 1}, {title: "TIME", right: true, spare: 3},
		{title: "PRIORITY", right: true, wide: true, spare: 9}, {title: "ROLE", wide: true, floor: 6, spare: 8}, {title: "USER", wide: true, floor: 6, spare: 7},
		{title: "CPU", right: true, wide: true, spare: 6}, {title: "PEAK MEMORY", right: true, wide: true, spare: 5},
		{title: "PARENT", wide: true}, {title: "MESSAGE", wide: true, floor: 10, spare: 10},
	}}
	now := a.Now()
	for _, j := range list.Jobs {
		t.add(text(string(j.ID)), text(j.Name), cell{string(j.State), jobStyle(j.State)},
			text(tasksText(j)), text(exitText(j)),
			text(ago(now, j.Submitted)), text(ranFor(now, j.Started, j.Ended)),
			text(fmt.Sprint(j.Priority)), text(j.Role), text(j.User),
			text(orDash(j.Usage.CPU != 0, span(j.Usage.CPU.Std()))), text(orDash(j.Usage.PeakMemoryBytes != 0, model.FormatBytes(j.Usage.PeakMemoryBytes))),
			text(cmp.Or(string(j.Parent), "-")), text(cmp.Or(j.Message, serviceText(j))))
	}
	return a.printTable(t)
}

// tasksText is how many of a job's tasks have ended; of a service's, how many are
// healthy. A schedule has runs instead.
func tasksText(j model.JobView) string {
	switch {
	case j.Service != nil:
		return fmt.Sprintf("%d/%d", j.Service.Healthy, j.Service.Desired)
	case j.Schedule != nil:
		return "-"
	}
	return fmt.Sprintf("%d/%d", ended(j.Slots), j.Slots.Total)
}

// serviceText says which version of a service runs, and how its deployment is.
func serviceText(j model.JobView) string {
	s := j.Service
	if s == nil {
		return ""
	}
	out := fmt.Sprintf("version %d", s.Version)
	if d := s.Deployment; d != nil {
		out += fmt.Sprintf(", deployment %d %s", d.Number, d.State)
	}
	return out
}

// exitText is a job's exit code, or the word for one of the tool's own.
func exitText(j model.JobView) string {
	if j.ExitCode == nil {
		return "-"
	}
	return fmt.Sprint(*j.ExitCode)
}

// ranFor is how long something has been running, or ran.
func ranFor(now, started, ended time.Time) string {
	if started.IsZero() {
		return "-"
	}
	if ended.IsZero() {
		ended = now
	}
	return span(ended.Sub(started))
}

func orDash(ok bool, s string) string {
	if !ok {
		return "-"
	}
	return s
}
