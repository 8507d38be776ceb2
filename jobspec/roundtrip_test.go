package jobspec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
)

// TestRoundTrip: a job that is written as a file and read again is the same job,
// also after formatting, and after a trip through JSON.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawJob(t)
		if p := Validate(want); len(p) > 0 {
			t.Fatalf("the generator makes bad jobs: %v", p)
		}
		text := write(want)
		got, ds := Parse([]byte(text), Options{})
		if got == nil {
			t.Fatalf("%s\n%s", ds.Error(), text)
		}
		got.Source = ""
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("Parse(write(job)) differs (-want +got):\n%s\n%s", d, text)
		}
		formatted, ds := Format([]byte(text), "job.hcl")
		if ds.HasErrors() {
			t.Fatal(ds.Error())
		}
		if again, ds := Format(formatted, "job.hcl"); ds.HasErrors() || !bytes.Equal(again, formatted) {
			t.Fatalf("formatting is not idempotent:\n%s\n%s", formatted, again)
		}
		after, ds := Parse(formatted, Options{})
		if after == nil {
			t.Fatal(ds.Error())
		}
		after.Source = ""
		var read model.Job
		if err := json.Unmarshal(Canonical(after), &read); err != nil {
			t.Fatal(err)
		}
		Complete(&read)
		if d := cmp.Diff(want, &read); d != "" {
			t.Fatalf("formatting or JSON changed the job:\n%s", d)
		}
		if !bytes.Equal(Canonical(want), Canonical(&read)) {
			t.Fatal("equal jobs have different canonical forms")
		}
	})
}

// TestDiffTellsAll: two jobs have an empty diff exactly if they are equal, and
// each change names a path once.
func TestDiffTellsAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawJob(t), drawJob(t)
		if rapid.Bool().Draw(t, "same") {
			b = a
		}
		changes := Diff(a, b)
		if same := bytes.Equal(Canonical(a), Canonical(b)); same != (len(changes) == 0) {
			t.Fatalf("equal %v, yet %d changes: %v\n%s\n%s", same, len(changes), changes, Canonical(a), Canonical(b))
		}
		seen := map[string]bool{}
		for _, c := range changes {
			if seen[c.Path] {
				t.Fatalf("%s is reported twice", c.Path)
			}
			seen[c.Path] = true
			if c.Kind == Changed && c.Old == c.New || c.Kind == Added && c.Old != "" || c.Kind == Removed && c.New != "" {
				t.Fatalf("a change that is none: %+v", c)
			}
		}
		if back := Diff(b, a); len(back) != len(changes) {
			t.Fatalf("%d changes there, %d back", len(changes), len(back))
		}
	})
}

func drawName(t *rapid.T, label string) string {
	return rapid.StringMatching(`[a-z][a-z0-9._-]{0,8}[a-z0-9]`).Filter(func(s string) bool { return s != "last" }).Draw(t, label)
}

// drawText draws text that a job may hold anywhere: any printable characters,
// new lines, dollar signs and braces.
func drawText(t *rapid.T, label string) string {
	piece := rapid.OneOf(
		rapid.StringMatching(`[ -~]{0,12}`),
		rapid.SampledFrom([]string{"${attr.cpu.arch}", "$${", "%{", "$", "{{ x }}", "\n", "\t", "ä日本😀", "\\", `"`, "EOT\n", "#", "//", "/*"}),
	)
	s := strings.Join(rapid.SliceOfN(piece, 1, 4).Draw(t, label), "")
	if strings.TrimSpace(s) == "" {
		return "x"
	}
	return s
}

func drawMap(t *rapid.T, label string) map[string]string {
	n := rapid.IntRange(0, 3).Draw(t, label)
	if n == 0 {
		return nil
	}
	m := map[string]string{}
	for range n {
		m[drawName(t, label)] = drawText(t, label)
	}
	return m
}

func drawDuration(t *rapid.T, label string) model.Duration {
	return model.Duration(rapid.Int64Range(0, int64(48*time.Hour)).Draw(t, label))
}

func drawConstraints(t *rapid.T, distinct bool) []model.Constraint {
	all := []model.Constraint{
		{Attribute: "${attr.kernel.name}", Operator: "=", Value: "linux"},
		{Attribute: "${meta.rack}", Operator: "!=", Value: "r${node.unique.name}"},
		{Attribute: "${attr.os.version}", Operator: "version", Value: ">= 1.2, < 3"},
		{Attribute: `${meta["a b"]}`, Operator: "regexp", Value: `^a\.b$`},
		{Attribute: "${attr.gpu.model}", Operator: "is_set"},
		{Attribute: "${meta.tags}", Operator: "set_contains_any", Value: "a,b"},
	}
	if distinct {
		all = append(all, model.Constraint{Operator: "distinct_hosts"},
			model.Constraint{Attribute: "${meta.rack}", Operator: "distinct_property", Value: "2"})
	}
	cs := rapid.SliceOfN(rapid.SampledFrom(all), 0, 3).Draw(t, "constraints")
	if len(cs) == 0 {
		return nil
	}
	return cs
}

func drawAffinities(t *rapid.T) (out []model.Affinity) {
	for _, c := range drawConstraints(t, false) {
		weight := rapid.IntRange(-100, 99).Draw(t, "weight")
		if weight >= 0 {
			weight++
		}
		out = append(out, model.Affinity{Constraint: c, Weight: weight})
	}
	return out
}

func drawSpreads(t *rapid.T) (out []model.Spread) {
	for _, a := range []string{"${meta.rack}", "${node.unique.name}"} {
		if !rapid.Bool().Draw(t, a) {
			continue
		}
		s := model.Spread{Attribute: a, Weight: rapid.IntRange(1, 100).Draw(t, "weight")}
		for i := range rapid.IntRange(0, 3).Draw(t, "targets") {
			s.Targets = append(s.Targets, model.SpreadTarget{Value: fmt.Sprint("r", i), Percent: rapid.IntRange(0, 33).Draw(t, "percent")})
		}
		out = append(out, s)
	}
	return out
}

func drawNetwork(t *rapid.T) *model.Network {
	if rapid.Bool().Draw(t, "no network") {
		return nil
	}
	n := &model.Network{}
	for i := range rapid.IntRange(1, 3).Draw(t, "ports") {
		n.Ports = append(n.Ports, model.Port{
			Label: fmt.Sprintf("p%d", i), To: rapid.Uint16().Draw(t, "to"),
			Static: uint16(rapid.SampledFrom([]int{0, 8080 + i}).Draw(t, "static")),
		})
	}
	return n
}

func drawJob(t *rapid.T) *model.Job {
	j := &model.Job{
		Name: drawName(t, "job"), Type: model.JobBatch,
		Role:      rapid.StringMatching(`[a-z]{1,5}(/[a-z]{1,5}){0,2}`).Draw(t, "role"),
		Priority:  rapid.IntRange(0, 100).Draw(t, "priority"),
		TimeLimit: drawDuration(t, "time limit"), Constraints: drawConstraints(t, true), Meta: drawMap(t, "meta"),
	}
	j.Preemptible = rapid.Bool().Draw(t, "preemptible")
	j.Placement = model.Placement(rapid.SampledFrom(append(placements, "")).Draw(t, "placement"))
	j.Affinities, j.Spreads = drawAffinities(t), drawSpreads(t)
	for i := range rapid.IntRange(0, 2).Draw(t, "dependencies") {
		kind := rapid.SampledFrom(dependencyKinds).Draw(t, "kind")
		j.DependsOn = append(j.DependsOn, model.Dependency{Job: fmt.Sprintf("dep-%d", i), Kind: model.DependencyKind(kind)})
	}
	j.Periodic = drawPeriodic(t, len(j.DependsOn) > 0)
	for i := range rapid.IntRange(1, 3).Draw(t, "groups") {
		j.Groups = append(j.Groups, drawGroup(t, fmt.Sprintf("g%d", i)))
	}
	return j
}

func drawPeriodic(t *rapid.T, follows bool) *model.Periodic {
	if !rapid.Bool().Draw(t, "periodic") {
		return nil
	}
	p := &model.Periodic{
		Chained: follows, TimeZone: rapid.SampledFrom([]string{"", "UTC", "Europe/Berlin"}).Draw(t, "zone"),
		Overlap: model.Overlap(rapid.SampledFrom(overlaps).Draw(t, "overlap")),
		CatchUp: model.CatchUp(rapid.SampledFrom(catchUps).Draw(t, "catch up")),
		Epsilon: model.Duration(time.Duration(rapid.IntRange(1, 100_000).Draw(t, "epsilon")) * time.Second), Disabled: rapid.Bool().Draw(t, "disabled"),
		Keep: model.KeepRuns{Successful: rapid.IntRange(1, 20).Draw(t, "keep"), Failed: rapid.IntRange(1, model.MaxKeepRuns).Draw(t, "keep failed")},
	}
	switch {
	case follows:
	case rapid.Bool().Draw(t, "repeat"):
		p.Schedule = rapid.SampledFrom([]string{"R//PT10M", "R5/2026-01-01T00:00:00Z/P1D"}).Draw(t, "schedule")
	default:
		p.Crons = rapid.SliceOfN(rapid.SampledFrom([]string{"@daily", "30 2 * * MON-FRI", "*/10 * * * * *"}), 1, 3).Draw(t, "crons")
	}
	return p
}

func drawGroup(t *rapid.T, name string) model.Group {
	g := newGroup(name)
	switch rapid.IntRange(0, 2).Draw(t, "kind") {
	case 0:
		g.Count = rapid.IntRange(1, model.MaxCount).Draw(t, "count")
	case 1:
		g.Array = drawArray(t)
	case 2:
		g.Gang = &model.Gang{
			Launch: rapid.SampledFrom([]string{"none", "pmi", "torchrun"}).Draw(t, "launch"), Ranks: rapid.IntRange(1, 16).Draw(t, "ranks"),
			Topology: rapid.SampledFrom([]string{"", "rack"}).Draw(t, "topology"),
		}
	}
	g.Exclusive = rapid.Bool().Draw(t, "exclusive")
	g.Constraints = drawConstraints(t, true)
	g.Affinities, g.Spreads, g.Network = drawAffinities(t), drawSpreads(t), drawNetwork(t)
	g.Meta = drawMap(t, "meta")
	g.DiskBytes = rapid.Int64Range(0, 1<<40).Draw(t, "disk")
	g.Restart = model.RestartPolicy{
		Attempts: rapid.IntRange(0, model.MaxAttempts).Draw(t, "attempts"),
		Interval: drawDuration(t, "interval") + 1, Delay: drawDuration(t, "delay"),
		Mode: model.RestartMode(rapid.SampledFrom(restartModes).Draw(t, "mode")),
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "tasks") {
		g.Tasks = append(g.Tasks, drawTask(t, fmt.Sprintf("t%d", i), i > 0))
	}
	g.ShutdownDelay = model.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "shutdown delay"))
	for i := range rapid.IntRange(0, 2).Draw(t, "services") {
		g.Services = append(g.Services, drawService(t, i, g.Tasks))
	}
	if g.Gang != nil { // which has one task whose processes are the ranks
		g.Count = min(g.Count, 1000)
		main := 0
		for i := range g.Tasks {
			if g.Tasks[i].Lifecycle == nil {
				main++
			}
		}
		if main > 1 {
			g.Gang.Launch, g.Gang.Ranks = "none", 1
		}
	}
	return g
}

func drawService(t *rapid.T, i int, tasks []model.TaskSpec) model.Service {
	s := model.Service{
		Name: fmt.Sprintf("svc-%d", i), Port: rapid.SampledFrom([]string{"80", "8080"}).Draw(t, "port"), Meta: drawMap(t, "meta"),
		Task: rapid.SampledFrom([]string{"", tasks[0].Name}).Draw(t, "task"),
	}
	if rapid.Bool().Draw(t, "tags") {
		s.Tags = []string{"a", "b=c"}
	}
	for k := range rapid.IntRange(0, 3).Draw(t, "checks") {
		s.Checks = append(s.Checks, drawCheck(t, k))
	}
	return s
}

func drawCheck(t *rapid.T, k int) model.Check {
	c := model.Check{
		Name: fmt.Sprintf("check %d", k), Type: rapid.SampledFrom(checkTypes).Draw(t, "type"),
		Interval: drawDuration(t, "interval") + minCheckInterval, Timeout: drawDuration(t, "timeout") + 1,
		SuccessBeforePassing: rapid.IntRange(0, 3).Draw(t, "passes"), FailuresBeforeCritical: rapid.IntRange(0, 3).Draw(t, "failures"),
	}
	switch c.Type {
	case model.CheckHTTP:
		c.Protocol = rapid.SampledFrom(protocols).Draw(t, "protocol")
		c.Method = rapid.SampledFrom(methods).Draw(t, "method")
		c.Path, c.Body = "/"+drawName(t, "path"), drawText(t, "body")
		c.TLSSkipVerify = rapid.Bool().Draw(t, "skip")
		if rapid.Bool().Draw(t, "header") {
			c.Header = map[string][]string{"Host": {"x"}, "X-Two": {"a", "b"}}
		}
		fallthrough
	case model.CheckTCP:
		c.Port = rapid.SampledFrom([]string{"", "81"}).Draw(t, "port")
	case model.CheckScript:
		c.Command, c.Args = "/bin/"+drawName(t, "command"), []string{drawText(t, "arg")}
	}
	if rapid.Bool().Draw(t, "restart") {
		c.Restart = &model.CheckRestart{Limit: rapid.IntRange(1, 9).Draw(t, "limit"), Grace: drawDuration(t, "grace")}
	}
	return c
}

func drawArray(t *rapid.T) *model.Array {
	a := &model.Array{Limit: rapid.IntRange(0, 100).Draw(t, "limit")}
	next := uint32(0)
	for range rapid.IntRange(1, 3).Draw(t, "parts") {
		first := next + rapid.Uint32Range(0, 1000).Draw(t, "gap")
		r := model.IndexRange{First: first, Last: first, Step: 1}
		if n := rapid.Uint32Range(0, 1000).Draw(t, "length"); n > 0 {
			r.Step = rapid.Uint32Range(1, 10).Draw(t, "step")
			r.Last = first + n*r.Step
		}
		a.Ranges = append(a.Ranges, r)
		next = r.Last + 1
	}
	return a
}

func drawTask(t *rapid.T, name string, helper bool) model.TaskSpec {
	s := model.TaskSpec{
		Name: name, Driver: rapid.SampledFrom(drivers).Draw(t, "driver"),
		User: rapid.SampledFrom([]string{"", "nobody"}).Draw(t, "user"),
		Env:  drawMap(t, "env"), Constraints: drawConstraints(t, false), Meta: drawMap(t, "meta"),
		KillTimeout: drawDuration(t, "kill timeout") / 2, KillSignal: rapid.SampledFrom(signals).Draw(t, "signal"),
		Logs: model.LogConfig{
			MaxFiles:     rapid.IntRange(1, maxLogFiles).Draw(t, "files"),
			MaxFileBytes: rapid.Int64Range(minLogBytes, 1<<40).Draw(t, "bytes"), Disabled: rapid.Bool().Draw(t, "disabled"),
		},
		Resources: drawResources(t),
	}
	s.ShutdownDelay = model.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "shutdown delay"))
	s.Affinities = drawAffinities(t)
	if rapid.Bool().Draw(t, "script") {
		s.Config.Script = drawText(t, "text")
	} else {
		s.Config.Command = "/bin/" + drawName(t, "command")
		for range rapid.IntRange(0, 3).Draw(t, "args") {
			s.Config.Args = append(s.Config.Args, drawText(t, "arg"))
		}
	}
	if helper && rapid.Bool().Draw(t, "hook") {
		s.Lifecycle = &model.Lifecycle{Hook: "prestart", Sidecar: rapid.Bool().Draw(t, "sidecar")}
	}
	s.Leader = !helper && rapid.Bool().Draw(t, "leader")
	if rapid.Bool().Draw(t, "artifact") {
		s.Artifacts = []model.Artifact{{
			Source: "https://example.org/" + drawName(t, "source"), Destination: "local/x", Mode: rapid.SampledFrom(artifactModes).Draw(t, "mode"),
			Checksum: rapid.SampledFrom([]string{"", "md5:d41d8cd98f00b204e9800998ecf8427e"}).Draw(t, "checksum"),
		}}
	}
	if rapid.Bool().Draw(t, "template") {
		s.Templates = []model.Template{{
			Data: "{{ env `X` }} $" + drawName(t, "data"), Destination: "local/y", Perms: "0600",
			LeftDelim: "{{", RightDelim: "}}", Env: rapid.Bool().Draw(t, "env"), ErrMissing: rapid.Bool().Draw(t, "missing"),
		}}
	}
	return s
}

func drawResources(t *rapid.T) model.TaskResources {
	r := model.TaskResources{
		CPUMilli:    rapid.Int64Range(0, 1<<20).Draw(t, "cpu"),
		MemoryBytes: rapid.Int64Range(minMemoryBytes, 1<<40).Draw(t, "memory"),
		DiskBytes:   rapid.Int64Range(0, 1<<40).Draw(t, "disk"),
		PidsMax:     rapid.Int64Range(0, maxPids).Draw(t, "pids"),
	}
	if rapid.Bool().Draw(t, "burst") {
		r.MemoryMaxBytes = r.MemoryBytes + rapid.Int64Range(1, 1<<30).Draw(t, "more")
	}
	switch rapid.IntRange(0, 3).Draw(t, "gpu") {
	case 1:
		r.GPU = &model.GPURequest{Count: rapid.IntRange(1, 16).Draw(t, "count"), Model: "H100", MemoryMinBytes: 40 << 30}
	case 2:
		r.GPU = &model.GPURequest{Count: 1, ShareMilli: rapid.IntRange(1, 999).Draw(t, "share")}
	case 3:
		r.GPU = &model.GPURequest{Count: 2, MIG: "1g.10gb"}
	}
	return r
}
