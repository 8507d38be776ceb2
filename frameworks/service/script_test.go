package service

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk/sdktest"
)

func newFramework() model.Framework {
	f, err := New(DefaultConfig())
	if err != nil {
		panic(err)
	}
	return f
}

// TestTranscripts runs the scenarios of testdata. Commands beside those of
// sdktest.Script:
//
//	submit ID NAME words… [key=K] [index=N]; or groups one a line: NAME words…
//	  words of a group: run=TEXT count=N cpus=N port=N distinct checks
//	    update=PARALLEL/MIN_HEALTHY/HEALTHY_DEADLINE/PROGRESS_DEADLINE stagger=D
//	    canary=N auto_promote auto_revert manual restart=ATTEMPTS/INTERVAL/DELAY/MODE
//	    reschedule=DELAY/FUNCTION/MAX migrate=PARALLEL/MIN_HEALTHY/HEALTHY_DEADLINE
//	    shutdown_delay=D
//	  of the job: system priority=N
//	cancel JOB, restart JOB [GROUP], scale JOB [GROUP] N, rollback JOB [N]
//	promote, pause, resume, fail JOB; healthy, unhealthy JOB INDEX…
//	job JOB, list JOB, why JOB, deployments [JOB], versions JOB, plan NAME words…
//	drain AGENT (asks for its tasks back, as the master does for a drain)
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := sdktest.NewScript(newFramework)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			out, ok := s.Run(t, d)
			if !ok {
				out = runService(t, d, s)
			}
			if err := s.Err(); err != nil {
				d.Fatalf(t, "%v", err)
			}
			return out
		})
	})
}

func runService(t *testing.T, d *datadriven.TestData, s *sdktest.Script) string {
	w := wordsOf(d)
	if body := requestOf(t, d, w); body != nil {
		s.Do(body)
		return s.Output()
	}
	var q any
	switch d.Cmd {
	case "job":
		q = model.GetJob{Selector: w.next()}
	case "jobs":
		q = model.ListJobs{State: w.get("state")}
	case "list":
		q = model.ListTasks{Selector: w.next()}
	case "why":
		q = model.Why{Selector: w.next()}
	case "deployments":
		q = model.ListDeployments{Selector: w.next()}
	case "versions":
		q = model.ListVersions{Selector: w.next()}
	case "plan":
		q = model.PlanJob{Job: jobOf(t, d, w.next(), w)}
	default:
		d.Fatalf(t, "no such command %q", d.Cmd)
	}
	answer, err := s.Framework().(*Framework).Query(s.Now, q)
	if err != nil {
		return fmt.Sprintf("refused %s: %s\n", err.Reason, err.Message)
	}
	return render(answer)
}

func requestOf(t *testing.T, d *datadriven.TestData, w *words) any {
	switch d.Cmd {
	case "submit":
		r := model.Submit{ID: model.JobID(w.next())}
		r.Job = jobOf(t, d, w.next(), w)
		r.Key = w.get("key")
		if v := w.get("index"); v != "" {
			i := uint64(atoi(t, v))
			r.CheckIndex = &i
		}
		return r
	case "cancel":
		return model.CancelJob{Selector: w.next()}
	case "restart":
		return model.RestartJob{Selector: w.next(), Group: w.next()}
	case "scale":
		r := model.ScaleJob{Selector: w.next()}
		last := w.next()
		if more := w.next(); more != "" {
			r.Group, last = last, more
		}
		r.Count = atoi(t, last)
		return r
	case "rollback":
		r := model.RollbackJob{Selector: w.next()}
		if v := w.next(); v != "" {
			r.To = uint32(atoi(t, v))
		}
		return r
	case "healthy", "unhealthy":
		c := model.ChangeDeployment{Selector: w.next(), Action: model.DeploymentAction(d.Cmd)}
		for x := w.next(); x != ""; x = w.next() {
			c.Tasks = append(c.Tasks, uint32(atoi(t, x)))
		}
		return c
	case "promote", "pause", "resume", "fail":
		return model.ChangeDeployment{Selector: w.next(), Action: model.DeploymentAction(d.Cmd)}
	}
	return nil
}

func render(answer any) string {
	var b strings.Builder
	switch a := answer.(type) {
	case model.JobView:
		fmt.Fprintln(&b, sdktest.RenderJob(&a))
	case model.JobList:
		for i := range a.Jobs {
			fmt.Fprintln(&b, sdktest.RenderJob(&a.Jobs[i]))
		}
	case model.TaskList:
		for i := range a.Tasks {
			fmt.Fprintln(&b, sdktest.RenderTask(&a.Tasks[i]))
		}
	case model.DeploymentList:
		for i := range a.Deployments {
			fmt.Fprintln(&b, sdktest.RenderDeployment(&a.Deployments[i]))
		}
	case model.VersionList:
		for _, v := range a.Versions {
			fmt.Fprintf(&b, "version %d current=%t stable=%t tasks=%d %s\n", v.Version, v.Current, v.Stable, v.Tasks, v.Why)
		}
	case model.WhyView:
		fmt.Fprintln(&b, sdktest.RenderJob(&a.Job))
		for _, e := range a.Explanations {
			fmt.Fprintf(&b, "%s %s asked=%d: %s\n", e.Tier, e.Label, e.Asked, e.Summary)
			for _, w := range e.Why {
				fmt.Fprintf(&b, "  %s; clears: %s\n", w.Reason, w.Clears)
			}
		}
		for i := range a.Demands {
			fmt.Fprintf(&b, "demand %s\n", sdktest.RenderDemand(&a.Demands[i]))
		}
	case model.PlanView:
		fmt.Fprintf(&b, "previous=%q check_index=%d\n", a.PreviousID, a.CheckIndex)
		for _, g := range a.Groups {
			fmt.Fprintf(&b, "  %s create=%d in_place=%d replace=%d stop=%d canaries=%d\n", g.Group, g.Create, g.InPlace, g.Replace, g.Stop, g.Canaries)
		}
	}
	return b.String()
}

func jobOf(t *testing.T, d *datadriven.TestData, name string, w *words) *model.Job {
	job := &model.Job{Name: name, Type: model.JobService, Role: model.DefaultRole, Priority: model.DefaultPriority}
	if w.has("system") {
		job.Type = model.JobSystem
	}
	if v := w.get("priority"); v != "" {
		job.Priority = atoi(t, v)
	}
	job.Preemptible = w.has("preemptible")
	if d.Input == "" {
		job.Groups = []model.Group{groupSpec(t, "main", w)}
		return job
	}
	for line := range strings.Lines(d.Input) {
		g := &words{all: strings.Fields(line)}
		job.Groups = append(job.Groups, groupSpec(t, g.next(), g))
	}
	return job
}

func groupSpec(t *testing.T, name string, w *words) model.Group {
	g := model.Group{
		Name: name, Count: 1,
		Restart: model.RestartPolicy{Attempts: 2, Interval: minutes(30), Delay: model.Duration(15 * time.Second), Mode: model.RestartFail},
		Update: &model.UpdatePolicy{
			MaxParallel: 1, HealthCheck: model.HealthByChecks, MinHealthyTime: model.Duration(10 * time.Second),
			HealthyDeadline: minutes(5), ProgressDeadline: minutes(10),
		},
		Reschedule: &model.ReschedulePolicy{Delay: model.Duration(30 * time.Second), DelayFunction: "exponential", MaxDelay: minutes(60), Unlimited: true},
		Migrate:    &model.MigratePolicy{MaxParallel: 1, MinHealthyTime: model.Duration(10 * time.Second), HealthyDeadline: minutes(5)},
		Tasks: []model.TaskSpec{{Name: "run", Driver: model.DriverExec, Config: model.TaskConfig{Command: "/bin/" + w.get("run")},
			Resources: model.TaskResources{CPUMilli: 1000}}},
	}
	if v := w.get("count"); v != "" {
		g.Count = atoi(t, v)
	}
	if v := w.get("cpus"); v != "" {
		g.Tasks[0].Resources.CPUMilli = int64(atoi(t, v)) * 1000
	}
	if v := w.get("port"); v != "" {
		g.Network = &model.Network{Ports: []model.Port{{Label: "http", Static: uint16(atoi(t, v))}}}
	}
	if w.has("distinct") {
		g.Constraints = []model.Constraint{{Operator: "distinct_hosts"}}
	}
	if v := w.get("on"); v != "" {
		g.Constraints = append(g.Constraints, model.Constraint{Attribute: "${node.unique.id}", Operator: "=", Value: v})
	}
	if w.has("checks") {
		g.Services = []model.Service{{Name: "web", Checks: []model.Check{{Name: "alive", Type: model.CheckTCP}}}}
	}
	g.ShutdownDelay = duration(t, w.get("shutdown_delay"))
	policies(t, &g, w)
	return g
}

func policies(t *testing.T, g *model.Group, w *words) {
	u := g.Update
	if p := strings.Split(w.get("update"), "/"); len(p) == 4 {
		u.MaxParallel, u.MinHealthyTime, u.HealthyDeadline, u.ProgressDeadline = atoi(t, p[0]), duration(t, p[1]), duration(t, p[2]), duration(t, p[3])
	}
	if w.has("manual") {
		u.HealthCheck = model.HealthManual
	}
	if v := w.get("canary"); v != "" {
		u.Canary = atoi(t, v)
	}
	u.Stagger, u.AutoPromote, u.AutoRevert = duration(t, w.get("stagger")), w.has("auto_promote"), w.has("auto_revert")
	if p := strings.Split(w.get("restart"), "/"); len(p) == 4 {
		g.Restart = model.RestartPolicy{Attempts: atoi(t, p[0]), Interval: duration(t, p[1]), Delay: duration(t, p[2]), Mode: model.RestartMode(p[3])}
	}
	if p := strings.Split(w.get("reschedule"), "/"); len(p) == 3 {
		g.Reschedule.Delay, g.Reschedule.DelayFunction, g.Reschedule.MaxDelay = duration(t, p[0]), p[1], duration(t, p[2])
	} else if w.get("reschedule") == "never" {
		g.Reschedule = &model.ReschedulePolicy{}
	}
	if p := strings.Split(w.get("migrate"), "/"); len(p) == 3 {
		g.Migrate = &model.MigratePolicy{MaxParallel: atoi(t, p[0]), MinHealthyTime: duration(t, p[1]), HealthyDeadline: duration(t, p[2])}
	}
}

func minutes(n int) model.Duration { return model.Duration(time.Duration(n) * time.Minute) }

// words are a command's arguments.
type words struct{ all []string }

func wordsOf(d *datadriven.TestData) *words {
	w := &words{}
	for _, a := range d.CmdArgs {
		w.all = append(w.all, strings.Trim(a.String(), "()"))
	}
	return w
}

// next takes the first word without a value.
func (w *words) next() string {
	for i, x := range w.all {
		if !strings.Contains(x, "=") {
			w.all = append(w.all[:i:i], w.all[i+1:]...)
			return x
		}
	}
	return ""
}

func (w *words) get(key string) string {
	for _, x := range w.all {
		if v, ok := strings.CutPrefix(x, key+"="); ok {
			return strings.Trim(v, "()")
		}
	}
	return ""
}

func (w *words) has(word string) bool {
	for _, x := range w.all {
		if x == word {
			return true
		}
	}
	return false
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func duration(t *testing.T, s string) model.Duration {
	t.Helper()
	if s == "" {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return model.Duration(d)
}
