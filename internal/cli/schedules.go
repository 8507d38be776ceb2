package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // for machines without a tz database

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/cron"
)

// cronFramework makes the framework for scheduled jobs.
func cronFramework() model.Framework {
	cfg := cron.DefaultConfig()
	cfg.Zone = time.LoadLocation
	f, err := cron.New(cfg)
	must(err) // the defaults are valid
	return f
}

// schedules lists the scheduled jobs, first due first.
func schedules(ctx context.Context, c *client.Client, ended bool) (model.JobList, error) {
	out := model.JobList{Jobs: []model.JobView{}}
	states := []string{string(model.JobScheduled), string(model.JobPaused)}
	if ended {
		states = []string{""}
	}
	for _, state := range states {
		q := model.ListJobs{State: state, Limit: 1000}
		for {
			page, err := c.Jobs(ctx, q)
			if err != nil {
				return out, err
			}
			for _, j := range page.Jobs {
				if j.Schedule != nil {
					out.Jobs = append(out.Jobs, j)
				}
			}
			if !page.More || len(page.Jobs) == 0 {
				break
			}
			q.Before = page.Jobs[len(page.Jobs)-1].ID
		}
	}
	slices.SortStableFunc(out.Jobs, func(x, y model.JobView) int {
		a, b := x.Schedule.Next, y.Schedule.Next
		switch {
		case a.IsZero() != b.IsZero():
			return cmp.Compare(b.Compare(time.Time{}), a.Compare(time.Time{}))
		case !a.Equal(b):
			return a.Compare(b)
		}
		return cmp.Compare(x.Name, y.Name)
	})
	return out, nil
}

func (a *app) printSchedules(list model.JobList) error {
	switch {
	case a.output == formatJSON || a.output == formatName:
		return a.printJobs(list)
	case len(list.Jobs) == 0:
		a.note("no scheduled jobs")
		return nil
	}
	t := &table{columns: []column{
		{title: "ID"}, {title: "NAME", floor: 8}, {title: "STATE"}, {title: "WHEN", floor: 10}, {title: "ZONE", floor: 5, spare: 3},
		{title: "NEXT", right: true}, {title: "LAST", right: true}, {title: "RESULT", floor: 8}, {title: "RUNS", right: true, spare: 2},
		{title: "FAILED", right: true, wide: true}, {title: "SKIPPED", right: true, wide: true}, {title: "OVERLAP", wide: true},
		{title: "CATCH UP", wide: true}, {title: "VERSION", right: true, wide: true}, {title: "ROLE", wide: true}, {title: "USER", wide: true},
	}}
	now := a.Now()
	for _, j := range list.Jobs {
		s := j.Schedule
		last, result := "-", cell{text: "-"}
		if s.Last != nil {
			last, result = ago(now, s.Last.Due)+" ago", cell{runEnd(s.Last), runStyle(s.Last.State)}
		}
		t.add(text(string(j.ID)), text(j.Name), cell{string(j.State), jobStyle(j.State)}, text(s.When), text(s.Zone),
			text(dueIn(now, s.Next)), text(last), result, text(number(s.Runs)),
			text(number(s.Failed)), text(number(s.Skipped)), text(string(s.Overlap)), text(string(s.CatchUp)),
			text(fmt.Sprint(s.Version)), text(j.Role), text(j.User))
	}
	return a.printTable(t)
}

// dueIn is how long it is until a due time.
func dueIn(now, t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return "in " + ago(t, now)
}

// runEnd says how a run stands in a word or two.
func runEnd(r *model.RunView) string {
	if r.ExitCode != nil && r.State == model.JobFailed {
		return fmt.Sprintf("failed (%d)", *r.ExitCode)
	}
	return string(r.State)
}

func runStyle(s model.JobState) style {
	switch s {
	case model.RunSkipped, model.RunWaiting:
		return dim
	case model.RunRefused:
		return red
	}
	return jobStyle(s)
}

func (a *app) printRuns(list model.RunList) error {
	switch a.output {
	case formatJSON:
		return a.printJSON(list)
	case formatName:
		var names []string
		for _, r := range list.Runs {
			if r.Job != "" {
				names = append(names, string(r.Job))
			}
		}
		return a.printNames(names)
	}
	if len(list.Runs) == 0 {
		a.note("no runs yet%s", nextText(a.Now(), list.Job.Schedule))
		return nil
	}
	return a.print(a.renderRuns(list.Job.Schedule, list.Runs))
}

// renderRuns lays out runs, their due times on the clock of the schedule.
func (a *app) renderRuns(s *model.ScheduleView, runs []model.RunView) []byte {
	t := &table{columns: []column{
		{title: "RUN", right: true}, {title: "JOB", spare: 2}, {title: "DUE"}, {title: "CAUSE", spare: 4}, {title: "STATE"}, {title: "EXIT", right: true, spare: 5},
		{title: "LATE", right: true, spare: 3}, {title: "TIME", right: true, spare: 6}, {title: "WHY", floor: 12, spare: 1},
	}}
	now, loc := a.Now(), zone(s)
	for i := range runs {
		r := &runs[i]
		num, exit, late, why := "-", "-", "-", r.Message
		if r.Number > 0 {
			num = fmt.Sprint(r.Number)
			late = span(r.Created.Sub(r.Due))
		}
		if r.ExitCode != nil {
			exit = fmt.Sprint(*r.ExitCode)
		}
		due := r.Due.In(loc).Format(time.DateTime)
		if !r.Until.IsZero() {
			layout := time.TimeOnly
			if r.Until.Sub(r.Due) >= 24*time.Hour {
				layout = time.DateTime
			}
			due += " … " + r.Until.In(loc).Format(layout)
		}
		if r.Count > 1 {
			why = fmt.Sprintf("%s times: %s", number(r.Count), why)
		}
		t.add(text(num), text(cmp.Or(string(r.Job), "-")), text(due), text(string(r.Cause)), cell{string(r.State), runStyle(r.State)}, text(exit),
			text(late), text(ranFor(now, r.Started, r.Ended)), text(why))
	}
	return t.render(a.stdoutPaint(), a.output == formatWide, a.StdoutColumns)
}

// zone is a schedule's time zone; UTC if this machine does not know it.
func zone(s *model.ScheduleView) *time.Location {
	if loc, err := time.LoadLocation(s.Zone); err == nil {
		return loc
	}
	return time.UTC
}

// printDue prints due times; data is what -o json prints.
func (a *app) printDue(list model.DueList, data any) error {
	switch {
	case a.output == formatJSON:
		return a.printJSON(data)
	case len(list.Due) == 0:
		a.note("it is never due%s", mark(list.Job.State == model.JobPaused, " while it is paused"))
		return nil
	}
	loc := zone(&model.ScheduleView{Zone: list.Zone})
	if a.output == formatName {
		var names []string
		for _, d := range list.Due {
			names = append(names, d.In(loc).Format(time.RFC3339))
		}
		return a.printNames(names)
	}
	t := &table{columns: []column{{title: "DUE"}, {title: "IN", right: true}, {title: "UTC", wide: true}}}
	now := a.Now()
	for _, d := range list.Due {
		t.add(text(d.In(loc).Format("Mon 2006-01-02 15:04:05 MST")), text(span(d.Sub(now))), text(d.UTC().Format(time.RFC3339)))
	}
	return a.printTable(t)
}

// nextText says when a schedule is due next, as the rest of a sentence.
func nextText(now time.Time, s *model.ScheduleView) string {
	switch {
	case s == nil:
		return ""
	case s.Next.IsZero() && len(s.Parents) > 0:
		return "; it runs " + s.When
	case s.Next.IsZero():
		return ""
	}
	return fmt.Sprintf("; the next is due %s (in %s)", s.Next.In(zone(s)).Format("Mon 2006-01-02 15:04:05 MST"), span(s.Next.Sub(now)))
}

// renderSchedule lays out what a schedule has instead of tasks.
func (a *app) renderSchedule(line func(name, format string, args ...any), s *model.ScheduleView) {
	now, loc := a.Now(), zone(s)
	line("When", "%s%s", s.When, mark(len(s.Parents) == 0, " ("+s.Zone+")"))
	if !s.Next.IsZero() {
		line("Next", "%s, in %s", s.Next.In(loc).Format("Mon 2006-01-02 15:04:05 MST"), span(s.Next.Sub(now)))
	}
	if s.Last != nil {
		line("Last", "run %d (%s), due %s ago: %s", s.Last.Number, s.Last.Job, ago(now, s.Last.Due), runEnd(s.Last))
	}
	line("Runs", "%s, of which %s failed; %s skipped", number(s.Runs), number(s.Failed), plural(s.Skipped, "due time"))
	line("Overlap", "%s; missed runs: %s", s.Overlap, s.CatchUp)
	if len(s.Children) > 0 {
		line("Then", "%s", strings.Join(s.Children, ", "))
	}
	if s.Version > 1 {
		line("Version", "%d", s.Version)
	}
}

// renderRunsOf adds a schedule's latest runs to its report.
func (a *app) renderRunsOf(b *bytes.Buffer, s *model.ScheduleView, runs []model.RunView) {
	if len(runs) > 0 {
		b.WriteByte('\n')
		b.Write(a.renderRuns(s, runs))
	}
}

// scheduleReport shows a schedule with its latest runs.
func (a *app) scheduleReport(ctx context.Context, c *client.Client, r jobReport, limit int) error {
	list, err := c.Runs(ctx, model.ListRuns{Selector: string(r.ID), Limit: limit})
	if err != nil {
		return err
	}
	r.Tasks, r.Runs = []model.TaskView{}, list.Runs
	if a.output == formatJSON {
		return a.printJSON(r)
	}
	return a.print(a.renderJob(r))
}

// changedText is what a change made of a job, as the end of a line about it.
func (a *app) changedText(v model.JobView) string {
	switch {
	case v.Service != nil:
		return plural(v.Slots.Staging+v.Slots.Running, "task") + " running"
	case v.Schedule == nil:
		return slotsText(v.Slots)
	case len(v.Schedule.Active) > 0:
		ids := make([]string, len(v.Schedule.Active))
		for i, id := range v.Schedule.Active {
			ids[i] = string(id)
		}
		return "of its runs " + strings.Join(ids, ", ") + " not ended" + nextText(a.Now(), v.Schedule)
	}
	return "no run goes on" + nextText(a.Now(), v.Schedule)
}

// printScheduled tells of a schedule that was submitted.
func (a *app) printScheduled(r model.SubmitReply, job *model.Job) error {
	if r.Warning != nil {
		a.warn("a run of %s %s", r.Name, warningText(*r.Warning))
	}
	what := "submitted"
	switch {
	case r.Existing:
		what = "was submitted before"
	case r.Version > 1:
		what = fmt.Sprintf("updated to version %d", r.Version)
	}
	s := model.ScheduleView{Next: r.Next, Zone: cmp.Or(job.Periodic.TimeZone, "UTC")}
	if job.Periodic.Chained {
		names := make([]string, len(job.DependsOn))
		for i, d := range job.DependsOn {
			names[i] = d.Job
		}
		s.Parents, s.When = names, "after "+strings.Join(names, ", ")
	}
	next := nextText(a.Now(), &s)
	if job.Periodic.Disabled {
		next = "; it is paused (enabled = false)"
	}
	a.hint("tender cron runs %s lists its runs, tender cron trigger %s makes one now", r.Name, r.Name)
	return a.print(fmt.Appendf(nil, "schedule %s (%s) %s%s\n", r.Name, r.ID, what, next))
}

// renderPlannedDue says when a schedule would be due.
func (a *app) renderPlannedDue(b *bytes.Buffer, job *model.Job, due []time.Time) {
	if job.Periodic.Chained {
		b.WriteString("a run of it would follow those of the jobs it depends on\n")
	}
	loc, now := zone(&model.ScheduleView{Zone: job.Periodic.TimeZone}), a.Now()
	for i, d := range due {
		lead := "it would be due "
		if i > 0 {
			lead = "           then "
		}
		fmt.Fprintf(b, "%s%s, in %s\n", lead, d.In(loc).Format("Mon 2006-01-02 15:04:05 MST"), span(d.Sub(now)))
	}
}
