package batch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk/sdktest"
)

func newFramework(cfg Config) model.Framework {
	f, err := New(cfg)
	if err != nil {
		panic(err)
	}
	return f
}

// TestTranscripts runs the scenarios of testdata. Commands beside those of
// sdktest.Script:
//
//	config history=N age=D jobs=N
//	submit ID NAME [priority=N] [depends=JOB:KIND,…] [time_limit=D] [key=K] [preemptible] [sysbatch]
//	    [and a group's words; or groups one a line: NAME words…]
//	  words of a group: count=N array=FIRST-LAST[:STEP],… limit=N gang ranks=N cpus=N
//	    kill_timeout=D exclusive restart=ATTEMPTS/INTERVAL/DELAY/MODE constraint=ATTRIBUTE/OP/VALUE
//	cancel SELECTOR [group=NAME] [index=N,…]
//	retry SELECTOR [all]
//	jobs [state=S] [name=N] [limit=N] [before=ID], job SELECTOR
//	list SELECTOR [group=G] [state=S] [index=N] [offset=N] [limit=N]
//	why SELECTOR
//	order (the demands in the order in which they go)
//	plan NAME words…
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		cfg := fcfs()
		var s *sdktest.Script
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "config" {
				cfg = configOf(t, d)
				return ""
			}
			if s == nil {
				s = sdktest.NewScript(func() model.Framework { return newFramework(cfg) })
			}
			out, ok := s.Run(t, d)
			if !ok {
				out = runBatch(t, d, s)
			}
			if err := s.Err(); err != nil {
				d.Fatalf(t, "%v", err)
			}
			return out
		})
	})
}

// fcfs is the default but for the order: first come, first served gives ranks
// that can be read. testdata/order is about the others.
func fcfs() Config {
	cfg := DefaultConfig()
	cfg.Policy = PolicyEASY
	return cfg
}

func configOf(t *testing.T, d *datadriven.TestData) Config {
	cfg := fcfs()
	for _, a := range d.CmdArgs {
		switch a.Key {
		case "age":
			cfg.HistoryAge = duration(t, a.Vals[0]).Std()
		case "history":
			cfg.MaxHistory = atoi(t, a.Vals[0])
		case "history_slots":
			cfg.MaxHistorySlots = atoi(t, a.Vals[0])
		case "policy":
			cfg.Policy = Policy(a.Vals[0])
		case "overtake":
			cfg.OvertakeLimit = duration(t, a.Vals[0]).Std()
		case "jobs":
			cfg.MaxJobs = atoi(t, a.Vals[0])
		default:
			d.Fatalf(t, "no such word %q", a.Key)
		}
	}
	return cfg
}

func runBatch(t *testing.T, d *datadriven.TestData, s *sdktest.Script) string {
	args := words(d)
	switch d.Cmd {
	case "submit":
		id := args.next()
		job := jobOf(t, d, args.next(), args)
		s.Do(model.Submit{ID: model.JobID(id), Job: job, Key: args.get("key"), User: args.get("user"), Parent: model.JobID(args.get("parent")),
			Keep: model.KeepRuns{Successful: args.int(t, "keep"), Failed: args.int(t, "keep_failed")}})
		return s.Output()
	case "cancel":
		r := model.CancelJob{Selector: args.next(), Group: args.get("group")}
		if v := args.get("index"); v != "" {
			for x := range strings.SplitSeq(v, ",") {
				r.Indices = append(r.Indices, uint32(atoi(t, x)))
			}
		}
		s.Do(r)
		return s.Output()
	case "retry":
		s.Do(model.RetryJob{Selector: args.next(), All: args.has("all")})
		return s.Output()
	}
	f := s.Framework().(*Framework)
	if d.Cmd == "order" {
		return renderOrder(f, s)
	}
	answer, err := f.Query(s.Now, queryOf(t, d, args))
	if err != nil {
		return fmt.Sprintf("refused %s: %s\n%s", err.Reason, err.Message, indent(err.Details))
	}
	return renderAnswer(answer)
}

// renderOrder lists what stands in line by rank, the first first.
func renderOrder(f *Framework, s *sdktest.Script) string {
	var all []*group
	for _, l := range f.lines {
		all = append(all, l.waiting...)
	}
	slices.SortFunc(all, func(a, b *group) int { return f.turn(a, s.Now).Place - f.turn(b, s.Now).Place })
	var b strings.Builder
	for _, g := range all {
		t := f.turn(g, s.Now)
		fmt.Fprintf(&b, "%d of %d: %s", t.Place, t.Of, g.job.spec.Name)
		if t.Overtaken > 0 {
			fmt.Fprintf(&b, ", overtaken for %s", t.Overtaken.Std())
		}
		if t.Promoted {
			b.WriteString(", goes first")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func queryOf(t *testing.T, d *datadriven.TestData, args *wordList) any {
	switch d.Cmd {
	case "jobs":
		return model.ListJobs{State: args.get("state"), Name: args.get("name"), Limit: args.int(t, "limit"), Before: model.JobID(args.get("before"))}
	case "job":
		return model.GetJob{Selector: args.next()}
	case "list":
		q := model.ListTasks{Selector: args.next(), Group: args.get("group"), State: args.get("state"), Limit: args.int(t, "limit"), Offset: args.int(t, "offset")}
		if v := args.get("index"); v != "" {
			i := uint32(atoi(t, v))
			q.Index = &i
		}
		return q
	case "why":
		return model.Why{Selector: args.next()}
	case "plan":
		return model.PlanJob{Job: jobOf(t, d, args.next(), args)}
	}
	d.Fatalf(t, "no such command %q", d.Cmd)
	return nil
}

func renderAnswer(answer any) string {
	var b strings.Builder
	switch a := answer.(type) {
	case model.JobList:
		for i := range a.Jobs {
			fmt.Fprintln(&b, sdktest.RenderJob(&a.Jobs[i]))
		}
		if a.More {
			fmt.Fprintln(&b, "more")
		}
	case model.JobView:
		renderJobView(&b, &a)
	case model.TaskList:
		for i := range a.Tasks {
			fmt.Fprintln(&b, sdktest.RenderTask(&a.Tasks[i]))
		}
		fmt.Fprintf(&b, "%d in all\n", a.Total)
	case model.WhyView:
		fmt.Fprintln(&b, sdktest.RenderJob(&a.Job))
		renderWhy(&b, a.Explanations, a.Demands)
	case model.PlanView:
		fmt.Fprintf(&b, "previous=%q asked=%d\n", a.PreviousID, a.Asked)
		renderWhy(&b, a.Explanations, a.Demands)
	}
	return b.String()
}

func renderJobView(b *strings.Builder, v *model.JobView) {
	fmt.Fprintln(b, sdktest.RenderJob(v))
	at := func(name string, t time.Time) {
		if !t.IsZero() {
			fmt.Fprintf(b, "%s %s\n", name, t.Format("15:04:05"))
		}
	}
	at("submitted", v.Submitted)
	at("started", v.Started)
	at("ended", v.Ended)
	for _, d := range v.DependsOn {
		fmt.Fprintf(b, "depends on %s %s\n", d.Job, d.Kind)
	}
	if v.Failure != nil {
		fmt.Fprintf(b, "failure %s\n", sdktest.RenderTask(v.Failure))
	}
	if u := v.Usage; !u.Zero() {
		fmt.Fprintf(b, "usage cpu=%s peak=%s", u.CPU, model.FormatBytes(u.PeakMemoryBytes))
		if u.GPUTime != 0 || u.PeakGPUMemoryBytes != 0 {
			fmt.Fprintf(b, " gpus=%s peak_gpu=%s", u.GPUTime, model.FormatBytes(u.PeakGPUMemoryBytes))
		}
		b.WriteByte('\n')
	}
}

func renderWhy(b *strings.Builder, exs []model.Explanation, ds []model.Demand) {
	for _, e := range exs {
		fmt.Fprintf(b, "%s %s asked=%d: %s\n", e.Tier, e.Label, e.Asked, e.Summary)
		for _, w := range e.Why {
			fmt.Fprintf(b, "  %s: %s; clears: %s\n", w.Reason, w.Text, w.Clears)
		}
		if e.Fix != "" {
			fmt.Fprintf(b, "  fix: %s\n", e.Fix)
		}
	}
	for i := range ds {
		fmt.Fprintf(b, "demand %s\n", sdktest.RenderDemand(&ds[i]))
	}
}

func indent(lines []string) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString("  " + l + "\n")
	}
	return b.String()
}

// jobOf makes a job named name of a command's words.
func jobOf(t *testing.T, d *datadriven.TestData, name string, args *wordList) *model.Job {
	job := &model.Job{
		Name: name, Type: model.JobBatch, Role: model.DefaultRole, Priority: model.DefaultPriority,
		TimeLimit: duration(t, args.get("time_limit")),
	}
	job.Preemptible = args.has("preemptible")
	if args.has("sysbatch") {
		job.Type = model.JobSysBatch
	}
	if args.has("priority") {
		job.Priority = args.int(t, "priority")
	}
	if v := args.get("depends"); v != "" {
		for x := range strings.SplitSeq(v, ",") {
			j, kind, _ := strings.Cut(x, ":")
			job.DependsOn = append(job.DependsOn, model.Dependency{Job: j, Kind: model.DependencyKind(kind)})
		}
	}
	if d.Input == "" {
		job.Groups = []model.Group{groupOf(t, "main", args)}
		return job
	}
	for line := range strings.Lines(d.Input) {
		w := &wordList{words: strings.Fields(line)}
		job.Groups = append(job.Groups, groupOf(t, w.next(), w))
	}
	return job
}

func groupOf(t *testing.T, name string, args *wordList) model.Group {
	cpus := int64(max(args.int(t, "cpus"), 1))
	g := model.Group{
		Name: name, Count: 1, Exclusive: args.has("exclusive"),
		Tasks: []model.TaskSpec{{Name: "run", Driver: model.DriverExec, Config: model.TaskConfig{Command: "/bin/true"},
			Resources: model.TaskResources{CPUMilli: cpus * 1000}}},
	}
	g.Tasks[0].KillTimeout = duration(t, args.get("kill_timeout"))
	if args.has("count") {
		g.Count = args.int(t, "count")
	}
	if args.has("gang") {
		g.Gang = &model.Gang{Ranks: args.int(t, "ranks"), Launch: args.get("launch")}
	}
	if v := args.get("array"); v != "" {
		g.Array = &model.Array{Limit: args.int(t, "limit")}
		for x := range strings.SplitSeq(v, ",") {
			x, step, ok := strings.Cut(x, ":")
			if !ok {
				step = "1"
			}
			first, last, ok := strings.Cut(x, "-")
			if !ok {
				last = first
			}
			g.Array.Ranges = append(g.Array.Ranges, model.IndexRange{
				First: uint32(atoi(t, first)), Last: uint32(atoi(t, last)), Step: uint32(atoi(t, step))})
		}
	}
	if v := args.get("restart"); v != "" {
		p := strings.Split(v, "/")
		g.Restart = model.RestartPolicy{Attempts: atoi(t, p[0]), Interval: duration(t, p[1]), Delay: duration(t, p[2]), Mode: model.RestartMode(p[3])}
	}
	if v := args.get("constraint"); v != "" {
		p := strings.Split(v, "/")
		g.Constraints = []model.Constraint{{Attribute: p[0], Operator: p[1], Value: p[2]}}
	}
	return g
}

// wordList is a command's arguments: bare words in order, and KEY=VALUE.
type wordList struct {
	words []string
	at    int
}

func words(d *datadriven.TestData) *wordList {
	w := &wordList{}
	for _, a := range d.CmdArgs {
		if len(a.Vals) == 0 {
			w.words = append(w.words, a.Key)
		} else {
			w.words = append(w.words, a.Key+"="+strings.Join(a.Vals, ","))
		}
	}
	return w
}

func (w *wordList) next() string {
	if w.at < len(w.words) {
		w.at++
		return w.words[w.at-1]
	}
	return ""
}

func (w *wordList) get(key string) string {
	for _, x := range w.words {
		if v, ok := strings.CutPrefix(x, key+"="); ok {
			return v
		}
	}
	return ""
}

func (w *wordList) has(key string) bool {
	for _, x := range w.words {
		if x == key || strings.HasPrefix(x, key+"=") {
			return true
		}
	}
	return false
}

func (w *wordList) int(t *testing.T, key string) int {
	if v := w.get(key); v != "" {
		return atoi(t, v)
	}
	return 0
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
