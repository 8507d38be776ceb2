package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

// jobQuery is the flags of `tender job`.
type jobQuery struct {
	group, state string
	tasks        int
	hcl          bool
}

func (a *app) jobCmd() *cobra.Command {
	var q jobQuery
	cmd := &cobra.Command{
		Use:   "job [flags] JOB",
		Short: "Show one job: what it is, its tasks, and why it waits",
		Long: `Job shows what a job is, how far it has come, its tasks (those that failed
first, then those that run) and, while it waits, why.

With -o json the job, its tasks and the reasons are one object; -o name prints the
job's id, and --hcl the file it was submitted as.`,
		Example: `  tender job last
  tender job k3f9 --tasks 0               # all tasks
  tender job train --state failed -o wide
  tender job train --hcl > train.hcl`,
		Args:              wants(1, 1, "one JOB"),
		ValidArgsFunction: a.completeJobs,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.job(cmd, args[0], q) },
	}
	cmd.Flags().IntVarP(&q.tasks, "tasks", "n", 20, "show at most `N` tasks (0 = all)")
	cmd.Flags().StringVar(&q.group, "group", "", "only tasks of this `GROUP`")
	cmd.Flags().StringVar(&q.state, "state", "", "only tasks in this `STATE`: waiting, staging, running, finished, failed, killed, gone, …")
	cmd.Flags().BoolVar(&q.hcl, "hcl", false, "print the job file as it was submitted, and nothing else")
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

// jobReport is all that `tender job` shows; what -o json prints.
type jobReport struct {
	model.JobView
	Tasks        []model.TaskView    `json:"tasks"`
	TasksMatch   int                 `json:"tasks_match"` // with --group and --state, shown or not
	Explanations []model.Explanation `json:"explanations,omitempty"`
	Runs         []model.RunView     `json:"runs,omitempty"` // of a schedule, instead of tasks
}

func (a *app) job(cmd *cobra.Command, selector string, q jobQuery) error {
	if q.tasks < 0 {
		return usagef(cmd, "--tasks %d: want 0 or more", q.tasks)
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	ctx := cmd.Context()
	view, err := c.Job(ctx, selector)
	if err != nil {
		return err
	}
	switch {
	case q.hcl && (view.Spec == nil || view.Spec.Source == ""):
		return &exitError{code: exitTrouble, err: fmt.Errorf("job %s was submitted without a job file; -o json shows its specification", view.ID)}
	case q.hcl:
		return a.print([]byte(strings.TrimRight(view.Spec.Source, "\n") + "\n"))
	case a.output == formatName:
		return a.printNames([]string{string(view.ID)})
	}
	r := jobReport{JobView: view}
	if view.Schedule != nil {
		return a.scheduleReport(ctx, c, r, q.tasks)
	}
	if r.Tasks, r.TasksMatch, err = tasksToShow(ctx, c, view, q); err != nil {
		return err
	}
	if s := view.State; s == model.JobQueued || s == model.JobBlocked || s == model.JobRunning && view.Slots.Waiting > 0 {
		why, err := c.Why(ctx, string(view.ID))
		if err != nil {
			return err
		}
		r.Explanations = why.Explanations
	}
	if a.output == formatJSON {
		return a.printJSON(r)
	}
	return a.print(a.renderJob(r))
}

// showFirst is the order tasks are shown in: what needs attention first.
var showFirst = []string{"failed", "error", "gone", "lost", "dropped", "unreachable", "killing", "running", "starting", "staging", "killed", "waiting", "finished"}

// tasksToShow gets the tasks to show, asking for one state after the other so
// that a job of a million tasks costs no more than what is shown.
func tasksToShow(ctx context.Context, c *client.Client, view model.JobView, q jobQuery) ([]model.TaskView, int, error) {
	const page = 1000
	limit := q.tasks
	if limit == 0 {
		limit = max(view.Slots.Total, 1)
	}
	order := showFirst
	if q.state != "" || view.Slots.Total <= min(limit, page) {
		order = []string{q.state} // all of them in one go, to be sorted here
	}
	tasks, match := []model.TaskView{}, view.Slots.Total
	if q.state != "" || q.group != "" {
		match = 0
	}
	for _, state := range order {
		for offset := 0; len(tasks) < limit; {
			list, err := c.Tasks(ctx, model.ListTasks{
				Selector: string(view.ID), Group: q.group, State: state, Offset: offset, Limit: min(page, limit-len(tasks)),
			})
			if err != nil {
				return nil, 0, err
			}
			if offset == 0 && (q.state != "" || q.group != "") {
				match += list.Total
			}
			tasks = append(tasks, list.Tasks...)
			if offset += len(list.Tasks); offset >= list.Total || len(list.Tasks) == 0 {
				break
			}
		}
	}
	rank := func(t model.TaskView) int {
		if i := slices.Index(showFirst, t.State); i >= 0 {
			return i
		}
		return len(showFirst)
	}
	slices.SortStableFunc(tasks, func(a, b model.TaskView) int { return cmp.Compare(rank(a), rank(b)) })
	return tasks, max(match, len(tasks)), nil
}

// renderJob lays out a job's report.
func (a *app) renderJob(r jobReport) []byte {
	p, now := a.stdoutPaint(), a.Now()
	var b bytes.Buffer
	line := func(name, format string, args ...any) {
		text := oneLine(fmt.Sprintf(format, args...))
		if a.StdoutColumns > 0 {
			text = cut(text, max(a.StdoutColumns-12, 20))
		}
		fmt.Fprintf(&b, "%s%s\n", p.paint(bold, fmt.Sprintf("%-12s", name)), text)
	}
	line("Job", "%s (%s)", r.Name, r.ID)
	fmt.Fprintf(&b, "%s%s\n", p.paint(bold, fmt.Sprintf("%-12s", "State")), p.paint(jobStyle(r.State), string(r.State))+endText(r.JobView))
	if r.Message != "" && r.Failure == nil {
		line("", "%s", r.Message)
	}
	switch {
	case r.Schedule != nil:
		a.renderSchedule(line, r.Schedule)
	case r.Service != nil:
		a.serviceLines(line, r.JobView)
	default:
		line("Tasks", "%s", slotsText(r.Slots))
	}
	if r.Parent != "" {
		line("Run of", "%s", r.Parent)
	}
	line("Submitted", "%s ago%s (%s)", ago(now, r.Submitted), byUser(r.User), r.Submitted.In(now.Location()).Format(time.DateTime))
	if !r.Started.IsZero() {
		line("Ran", "%s, after %s in the queue", ranFor(now, r.Started, r.Ended), span(r.Started.Sub(r.Submitted)))
	}
	if !r.Usage.Zero() {
		line("Used", "%s of CPU time, at most %s of memory in one task%s", span(r.Usage.CPU.Std()), model.FormatBytes(r.Usage.PeakMemoryBytes), gpuTotal(&r.Usage))
	}
	line("Priority", "%d, role %s%s", r.Priority, cmp.Or(r.Role, model.DefaultRole), mark(r.Spec != nil && r.Spec.Preemptible, ", preemptible"))
	for _, d := range r.DependsOn {
		line("Depends on", "%s (%s)", d.Job, d.Kind)
	}
	if r.Spec != nil {
		for i := range r.Spec.Groups {
			line("Group", "%s", groupText(r.Spec, &r.Spec.Groups[i]))
		}
	}
	if r.Schedule != nil {
		a.renderRunsOf(&b, r.Schedule, r.Runs)
	}
	if len(r.Tasks) > 0 {
		b.WriteByte('\n')
		b.Write(a.renderTasks(r.Tasks))
		if more := r.TasksMatch - len(r.Tasks); more > 0 {
			fmt.Fprintf(&b, "%s\n", p.paint(dim, fmt.Sprintf("… and %s more (--tasks 0 shows all)", number(more))))
		}
	}
	if len(r.Explanations) > 0 {
		b.WriteByte('\n')
		for _, e := range r.Explanations {
			a.renderExplanation(&b, e)
		}
	}
	if f := r.Failure; f != nil && !f.Started.IsZero() {
		fmt.Fprintf(&b, "\n%s tender logs %s%s --stderr\n", p.paint(dim, "hint:"), r.ID, taskFlags(f))
	}
	return b.Bytes()
}

func byUser(user string) string {
	if user == "" {
		return ""
	}
	return " by " + user
}

// endText says how an ended job ended, after its state.
func endText(v model.JobView) string {
	if v.ExitCode == nil || v.State == model.JobSucceeded {
		return ""
	}
	s := fmt.Sprintf(", exit code %d", *v.ExitCode)
	if v.Cause != "" {
		s += fmt.Sprintf(" (%s)", v.Cause)
	}
	if v.Failure != nil {
		s += "; " + taskEnd(*v.Failure)
	}
	return s
}

// groupText describes a group of a job file in a line.
func groupText(job *model.Job, g *model.Group) string {
	s, limit := fmt.Sprintf("%s: %s", g.Name, plural(g.Size(), "task")), job.TimeLimit.Std()
	if job.Type == model.JobSysBatch {
		s = g.Name + ": one task on every agent that matches"
	}
	if g.Array != nil {
		s += " (array"
		if g.Array.Limit > 0 {
			s += fmt.Sprintf(", at most %s at once", number(g.Array.Limit))
		}
		s += ")"
	}
	if g.Gang != nil {
		s += ", all or none"
	}
	s += fmt.Sprintf(", each %s", g.Shape().Resources)
	if limit > 0 {
		s += ", at most " + span(limit)
	}
	if len(g.Tasks) > 1 {
		names := make([]string, len(g.Tasks))
		for i := range g.Tasks {
			names[i] = g.Tasks[i].Name
		}
		s += ": " + strings.Join(names, ", ")
	}
	return s
}

// serviceLines tells of a service: its version, its health, its deployment.
func (a *app) serviceLines(line func(name, format string, args ...any), v model.JobView) {
	s := v.Service
	stable := ""
	if s.Stable {
		stable = ", stable"
	}
	line("Version", "%d%s (check index %d)", s.Version, stable, s.CheckIndex)
	for _, g := range s.Groups {
		text := fmt.Sprintf("%s: %d of %d healthy, %d running", g.Group, g.Healthy, g.Desired, g.Running)
		if g.Failed > 0 {
			text += fmt.Sprintf(", %d failed for good", g.Failed)
		}
		if g.Stopping > 0 {
			text += fmt.Sprintf(", %d stopping", g.Stopping)
		}
		line("Tasks", "%s", text)
	}
	if d := s.Deployment; d != nil {
		healthy, desired := deployed(d)
		text := fmt.Sprintf("%d, %s to version %d: %s", d.Number, d.Kind, d.Version, d.State)
		if d.State.Active() {
			text += fmt.Sprintf(", %d of %d healthy", healthy, desired)
		}
		if d.Message != "" {
			text += "; " + d.Message
		}
		line("Deployment", "%s", text)
	}
}

// taskNote is what there is to say of a task: how it ended, or of a service's what
// is to become of it.
func taskNote(v model.TaskView) string {
	note := whyOf(&v)
	if v.Version == 0 {
		return note
	}
	parts := []string{fmt.Sprintf("version %d", v.Version)}
	switch {
	case v.Canary:
		parts = append(parts, "canary")
	case v.Draining:
		parts = append(parts, "to stop")
	}
	if v.State == "running" && !v.Healthy && v.Health == nil {
		parts = append(parts, "not healthy")
	}
	if note != "" {
		parts = append(parts, note)
	}
	return strings.Join(parts, ", ")
}

// whyOf says how a task ended, or what its checks say while it runs.
func whyOf(v *model.TaskView) string {
	if v.Health != nil && v.State == "running" {
		return v.Health.Why()
	}
	return howEnded(v.Result, v.Message)
}

// waitingRun is how many tasks at the start of the list are alike: of one group,
// waiting for their first attempt.
func waitingRun(tasks []model.TaskView) int {
	n := 0
	for n < len(tasks) && tasks[n].State == "waiting" && tasks[n].ID.Attempt == 0 && tasks[n].Message == "" && tasks[n].ID.Group == tasks[0].ID.Group {
		n++
	}
	return n
}

// renderTasks lays out a list of tasks.
func (a *app) renderTasks(tasks []model.TaskView) []byte {
	t := &table{columns: []column{
		{title: "TASK", floor: 10}, {title: "STATE"}, {title: "EXIT", right: true}, {title: "AGENT", floor: 8, spare: 2},
		{title: "STARTED", right: true, spare: 3}, {title: "TIME", right: true, spare: 1},
		{title: "CPU", right: true, wide: true, spare: 5}, {title: "PEAK MEMORY", right: true, wide: true, spare: 5},
		{title: "GPU BUSY", right: true, wide: true, spare: 5}, {title: "PEAK GPU MEMORY", right: true, wide: true, spare: 5},
		{title: "ATTEMPT", right: true, wide: true, spare: 6}, {title: "WHY", floor: 12, spare: 4},
	}}
	now := a.Now()
	for n := 0; n < len(tasks); n++ {
		v := tasks[n]
		if run := waitingRun(tasks[n:]); run > 2 { // nothing tells them apart
			last := tasks[n+run-1].ID.Index
			t.add(text(fmt.Sprintf("%s[%d…%d]", v.Group, v.ID.Index, last)), cell{v.State, taskStyle(v.State)}, text("-"), text("-"),
				text("-"), text("-"), text("-"), text("-"), text("-"), text("-"), text("-"), text(plural(run, "task")))
			n += run - 1
			continue
		}
		exit := "-"
		if v.Result != nil {
			exit = fmt.Sprint(v.Result.Code())
		}
		started := "-"
		if !v.Started.IsZero() {
			started = ago(now, v.Started) + " ago"
		}
		cpu, memory := "-", "-"
		if v.Usage != nil {
			cpu, memory = span(v.Usage.CPU.Std()), model.FormatBytes(v.Usage.PeakMemoryBytes)
		}
		busy, gpuMemory := gpuCells(v.Usage)
		state := cell{v.State, taskStyle(v.State)}
		if v.Health != nil && v.State == "running" && !v.Health.Healthy {
			state = cell{"running, unhealthy", yellow}
		}
		t.add(text(fmt.Sprintf("%s[%d]", v.Group, v.ID.Index)), state, text(exit), text(cmp.Or(v.AgentName, string(v.Agent), "-")),
			text(started), text(ranFor(now, v.Started, v.Finished)), text(cpu), text(memory), text(busy), text(gpuMemory), text(fmt.Sprint(v.ID.Attempt+1)), text(taskNote(v)))
	}
	if !usedGPUs(tasks) {
		t.without("GPU BUSY")
		t.without("PEAK GPU MEMORY")
	}
	return t.render(a.stdoutPaint(), a.output == formatWide, a.StdoutColumns)
}
