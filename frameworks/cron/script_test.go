package cron

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/cockroachdb/datadriven"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk/sdktest"
)

func testConfig() Config {
	cfg := DefaultConfig()
	cfg.Zone = time.LoadLocation
	return cfg
}

func newFramework(cfg Config) model.Framework {
	f, err := New(cfg)
	if err != nil {
		panic(err)
	}
	return f
}

// TestTranscripts runs the scenarios of testdata. The clock begins at 10:00 UTC on
// Thursday, 1 January 2026. Commands beside sdktest.Script's:
//
//	config catch_up=N waiting=N step=N ended=N
//	at TIME            set the clock (RFC 3339), which nobody notices
//	submit ID NAME [zone=Z] [overlap=O] [catch_up=C] [epsilon=D] [disabled] [key=K] [after=JOB[:KIND],…]
//	    one cron expression a line, or an ISO 8601 repetition
//	run JOB            its first task starts
//	end JOB [CODE]     it ends
//	away D             the masters are away for so long; then another leads
//	wall D             the wall clock is now so far ahead of the master's
//	forget JOB         the job leaves the batch framework's history
//	refuse_jobs        the batch framework takes no more jobs; "refuse_jobs no" undoes it
//	pause, resume, trigger JOB, cancel JOB [runs]
//	jobs, job, runs, why, next JOB [N]
//	quiet              the commands that follow print nothing; "quiet no" undoes it
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		if strings.Contains(path, "rapid") {
			return // what a failed property left
		}
		cfg := testConfig()
		var s *sdktest.Script
		quiet := false
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "config":
				configure(t, d, &cfg)
				return ""
			case "quiet":
				quiet = len(d.CmdArgs) == 0
				return ""
			}
			if s == nil {
				s = sdktest.NewScript(func() model.Framework { return newFramework(cfg) })
			}
			out, ok := s.Run(t, d)
			if !ok {
				out = runCron(t, d, s)
			}
			if err := s.Err(); err != nil {
				d.Fatalf(t, "%v", err)
			}
			if quiet {
				return ""
			}
			return out
		})
	})
}

func configure(t *testing.T, d *datadriven.TestData, cfg *Config) {
	for _, a := range d.CmdArgs {
		n, err := strconv.Atoi(a.Vals[0])
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		*map[string]*int{"catch_up": &cfg.MaxCatchUp, "waiting": &cfg.MaxWaiting, "step": &cfg.StepRuns, "ended": &cfg.MaxEnded}[a.Key] = n
	}
}

func runCron(t *testing.T, d *datadriven.TestData, s *sdktest.Script) string {
	arg := func(n int) string {
		if n < len(d.CmdArgs) {
			return d.CmdArgs[n].Key
		}
		return ""
	}
	switch d.Cmd {
	case "at":
		at, err := time.Parse(time.RFC3339, arg(0))
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		s.Now = at
	case "submit":
		s.Do(model.Submit{ID: model.JobID(arg(0)), Job: jobOf(t, d, arg(1)), Key: value(d, "key"), User: "ada"})
	case "run":
		s.SetJob(model.JobID(arg(0)), model.JobRunning, nil)
	case "end":
		code, state := 0, model.JobSucceeded
		if arg(1) == "cancelled" {
			code, state = model.ExitCancelled, model.JobCancelled
		} else if arg(1) != "" {
			code, _ = strconv.Atoi(arg(1))
			state = model.JobFailed
		}
		s.SetJob(model.JobID(arg(0)), state, &code)
	case "away":
		by, err := time.ParseDuration(arg(0))
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		s.Now = s.Now.Add(by)
		s.Failover(false)
		s.Advance(0)
	case "wall":
		by, err := time.ParseDuration(arg(0))
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		s.SetWallClock(by)
	case "forget":
		s.ForgetJob(model.JobID(arg(0)))
	case "refuse_jobs":
		s.RefuseSpawn = func(model.Submit) *model.Refusal { return model.Refuse(model.ReasonQueueFull, "the queue is full") }
		if arg(0) == "no" {
			s.RefuseSpawn = nil
		}
	case "pause":
		s.Do(model.PauseJob{Selector: arg(0)})
	case "resume":
		s.Do(model.ResumeJob{Selector: arg(0)})
	case "trigger":
		s.Do(model.TriggerJob{Selector: arg(0)})
	case "cancel":
		s.Do(model.CancelJob{Selector: arg(0), Runs: arg(1) == "runs"})
	default:
		return ask(t, d, s, arg)
	}
	return s.Output()
}

func ask(t *testing.T, d *datadriven.TestData, s *sdktest.Script, arg func(int) string) string {
	var q any
	switch d.Cmd {
	case "jobs":
		q = model.ListJobs{}
	case "job":
		q = model.GetJob{Selector: arg(0)}
	case "runs":
		q = model.ListRuns{Selector: arg(0)}
	case "why":
		q = model.Why{Selector: arg(0)}
	case "next":
		n, _ := strconv.Atoi(arg(1))
		q = model.NextRuns{Selector: arg(0), Count: n}
	case "plan":
		q = model.PlanJob{Job: jobOf(t, d, arg(0))}
	default:
		d.Fatalf(t, "no such command")
	}
	answer, refusal := s.Framework().(model.Querier).Query(s.Now, q)
	if refusal != nil {
		return fmt.Sprintf("refused %s: %s\n", refusal.Reason, refusal.Message)
	}
	return render(answer)
}

func value(d *datadriven.TestData, key string) string {
	for _, a := range d.CmdArgs {
		if a.Key == key && len(a.Vals) > 0 {
			return strings.Join(a.Vals, ",")
		}
	}
	return ""
}

func jobOf(t *testing.T, d *datadriven.TestData, name string) *model.Job {
	p := &model.Periodic{
		TimeZone: value(d, "zone"), Overlap: model.OverlapAllow, CatchUp: model.CatchUpLatest, Epsilon: model.Duration(time.Minute),
		Disabled: slices.ContainsFunc(d.CmdArgs, func(a datadriven.CmdArg) bool { return a.Key == "disabled" }),
	}
	if v := value(d, "overlap"); v != "" {
		p.Overlap = model.Overlap(v)
	}
	if v := value(d, "catch_up"); v != "" {
		p.CatchUp = model.CatchUp(v)
	}
	if v := value(d, "epsilon"); v != "" {
		if err := p.Epsilon.UnmarshalText([]byte(v)); err != nil {
			d.Fatalf(t, "%v", err)
		}
	}
	job := &model.Job{
		Name: name, Type: model.JobBatch, Role: model.DefaultRole, Priority: model.DefaultPriority, Periodic: p,
		Groups: []model.Group{{Name: "main", Count: 1, Tasks: []model.TaskSpec{{Name: "run", Driver: model.DriverExec, Config: model.TaskConfig{Command: "/bin/true"}}}}},
	}
	if v := value(d, "after"); v != "" {
		p.Chained = true
		for x := range strings.SplitSeq(v, ",") {
			other, kind, ok := strings.Cut(x, ":")
			if !ok {
				kind = "ok"
			}
			job.DependsOn = append(job.DependsOn, model.Dependency{Job: other, Kind: model.DependencyKind(kind)})
		}
	}
	for line := range strings.Lines(d.Input) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "R") {
			p.Schedule = line
		} else {
			p.Crons = append(p.Crons, line)
		}
	}
	return job
}

func stamp(t time.Time) string {
	if t.Sub(sdktest.Start.Truncate(24*time.Hour)) < 24*time.Hour {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

func render(answer any) string {
	var b strings.Builder
	switch a := answer.(type) {
	case model.JobList:
		for i := range a.Jobs {
			b.WriteString(renderJob(&a.Jobs[i]))
		}
	case model.JobView:
		b.WriteString(renderJob(&a))
	case model.RunList:
		for _, r := range a.Runs {
			b.WriteString(renderRun(&r))
		}
	case model.DueList:
		loc, err := time.LoadLocation(a.Zone)
		if err != nil {
			return err.Error()
		}
		for _, t := range a.Due {
			fmt.Fprintln(&b, t.In(loc).Format("Mon 2006-01-02 15:04:05 MST"))
		}
	case model.PlanView:
		for _, t := range a.Due {
			fmt.Fprintln(&b, stamp(t))
		}
	case model.WhyView:
		b.WriteString(renderJob(&a.Job))
		for _, e := range a.Explanations {
			for _, w := range e.Why {
				fmt.Fprintf(&b, "  %s: %s", w.Reason, w.Text)
				if w.Clears != "" {
					fmt.Fprintf(&b, " (clears: %s)", w.Clears)
				}
				b.WriteByte('\n')
			}
			fmt.Fprintf(&b, "  in short: %s\n", e.Summary)
		}
	}
	return b.String()
}

func renderJob(v *model.JobView) string {
	s := v.Schedule
	out := fmt.Sprintf("%s %s %s v%d %q", v.ID, v.Name, v.State, s.Version, s.When)
	if !s.Next.IsZero() {
		out += " next=" + stamp(s.Next)
	}
	if s.Active != nil {
		out += fmt.Sprintf(" active=%v", s.Active)
	}
	out += fmt.Sprintf(" runs=%d", s.Runs)
	for _, x := range []struct {
		name string
		n    int
	}{{"waiting", s.Waiting}, {"failed", s.Failed}, {"skipped", s.Skipped}} {
		if x.n > 0 {
			out += fmt.Sprintf(" %s=%d", x.name, x.n)
		}
	}
	return out + "\n"
}

func renderRun(r *model.RunView) string {
	out := "-"
	if r.Number > 0 {
		out = fmt.Sprintf("%d %s", r.Number, r.Job)
	}
	out += " due=" + stamp(r.Due)
	if !r.Until.IsZero() {
		out += "…" + stamp(r.Until)
	}
	out += fmt.Sprintf(" %s %s", r.Cause, r.State)
	if r.Number > 0 && !r.Created.Equal(r.Due) {
		out += " created=" + stamp(r.Created)
	}
	if r.ExitCode != nil && *r.ExitCode != 0 {
		out += fmt.Sprintf(" exit=%d", *r.ExitCode)
	}
	if r.Count > 1 {
		out += fmt.Sprintf(" ×%d", r.Count)
	}
	if r.Message != "" {
		out += " (" + r.Message + ")"
	}
	return out + "\n"
}
