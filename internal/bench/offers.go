package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// shape is one row of the allocator's table: a Go benchmark of core/offers that
// rebuilds what others have published a figure for.
type shape struct {
	what      string
	pkg       string // below core
	bench     string // its path of names; each part is matched as a whole
	times     int    // iterations in a run
	metric    string // of the benchmark's output
	published string
	reach     string
}

var shapes = []shape{
	{"decline round, 10,000 agents × 1,000 frameworks (Mesos DeclineOffers/21)", "offers",
		`DeclineRound/agents=10000/frameworks=1000/role=\*`, 100, "ns/op", "1.06 s", "≤ 20 ms"},
	{"decline round, 10,000 × 3,000", "offers",
		`DeclineRound/agents=10000/frameworks=3000/role=\*`, 50, "ns/op", "2.4–2.9 s", "≤ 60 ms"},
	{"3,000 agents × 3,000 roles and frameworks with quota (Mesos LargeAndSmallQuota/2)", "offers",
		`LargeAndSmallQuota`, 20, "ns/op", "15.5 s", "≤ 150 ms"},
	{"sorter, 50,000 agents × 1,000 clients: add all", "offers/shares", `Sorter/add`, 20, "ns/op", "183 ms", "≤ 50 ms"},
	{"sorter: remove all", "offers/shares", `Sorter/remove`, 20, "ns/op", "12.2 s", "≤ 50 ms"},
	{"place 1,000,000 equal tasks on 1,000 agents", "offers", `PlaceMillionTasks/agents=1000`, 3, "ns/op", "", ""},
	{"place 1,000,000 equal tasks on 10,000 agents", "offers", `PlaceMillionTasks/agents=10000`, 3, "ns/op", "", "≤ 1 s"},
	{"place 1,000,000 equal tasks on 50,000 agents", "offers", `PlaceMillionTasks/agents=50000`, 3, "ns/op", "", "per task as on 1,000"},
	{"gang of 1,024 among 10,000 busy agents: it fits", "offers", `Gang/fits`, 100, "ns/op", "", "≤ 10 ms"},
	{"gang of 1,024: whole agents, its hold is found from the ends of 160,000 tasks", "offers",
		`Gang/hold/whole-agents`, 100, "ns/op", "", "≤ 10 ms"},
	{"gang of 1,024: up to 8 on an agent, its hold is found", "offers", `Gang/hold/eighths`, 100, "ns/op", "", "≤ 10 ms"},
	{"gang of 1,024: whole agents, after what runs has changed on all agents", "offers",
		`Gang/hold/all-changed`, 100, "ns/op", "", "≤ 10 ms"},
	{"full pass, 100,000 waiting demands, no two alike, 10,000 agents, 1 hold", "offers",
		`FullPass/holds=1`, 20, "ns/op", "Slurm examines 500", "≤ 100 ms"},
	{"full pass, 8 holds", "offers", `FullPass/holds=8`, 20, "ns/op", "Slurm examines 500", "≤ 100 ms"},
	{"full pass, 8 holds for gangs of 64 at the head", "offers", `FullPass/holds=8/gangs=16`, 20, "ns/op", "Slurm examines 500", "≤ 100 ms"},
	{"Kueue's CI baseline, 15,000 workloads, quota only as there: virtual makespan", "offers",
		`KueueBaseline/quota`, 1, "virtual-s", "351 s, wall; the work itself is 66 s", "≤ 75 s"},
	{"Kueue's CI baseline: all decisions, real time", "offers", `KueueBaseline/quota`, 1, "ns/op", "", ""},
	{"Kueue's CI baseline on 30 agents of 20 units: virtual makespan", "offers", `KueueBaseline/nodes`, 1, "virtual-s", "", "≤ 75 s"},
	{"one more demand while 100,000 of as many shapes wait: set, pass, offer", "offers", `SubmitAmongWaiting`, 300, "ns/op", "", ""},
	{"why, for one behind 100,000, 10,000 agents with 160,000 tasks", "offers", `Explain/behind-100000`, 20, "ns/op", "", ""},
}

// offers prints the allocator's table: each benchmark so many times, in turn, so
// that what disturbs the machine for a while does not fall on one of them.
func (b *bench) offers(ctx context.Context, runs int) error {
	bins := map[string]string{}
	for _, s := range shapes {
		if bins[s.pkg] != "" {
			continue
		}
		bin := filepath.Join(b.dir, strings.ReplaceAll(s.pkg, "/", "-")+".test")
		if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", bin, "./core/"+s.pkg).CombinedOutput(); err != nil {
			return fmt.Errorf("build benchmarks of %s: %w: %s", s.pkg, err, out)
		}
		bins[s.pkg] = bin
	}
	type result struct{ value, bytes, allocs []float64 }
	results := make([]result, len(shapes))
	for range runs {
		measured := map[string]map[string]float64{} // a benchmark with two rows runs once
		for i, s := range shapes {
			m := measured[s.bench]
			if m == nil {
				var err error
				if m, err = s.run(ctx, bins[s.pkg]); err != nil {
					return fmt.Errorf("%s: %w", s.bench, err)
				}
				measured[s.bench] = m
			}
			r := &results[i]
			r.value, r.bytes, r.allocs = append(r.value, m[s.metric]), append(r.bytes, m["B/op"]), append(r.allocs, m["allocs/op"])
		}
	}
	fmt.Printf("| shape | median | min … max | runs | allocated | published | reach |\n|---|---|---|---|---|---|---|\n")
	for i, s := range shapes {
		r := &results[i]
		for _, v := range [][]float64{r.value, r.bytes, r.allocs} {
			slices.Sort(v)
		}
		mid := runs / 2
		fmt.Printf("| %s | %s | %s … %s | %d | %s in %.0f | %s | %s |\n", s.what, s.show(r.value[mid]), s.show(r.value[0]), s.show(r.value[runs-1]),
			runs, mib(r.bytes[mid]), r.allocs[mid], s.published, s.reach)
	}
	return nil
}

// run runs the benchmark once and returns what it reports.
func (s *shape) run(ctx context.Context, bin string) (map[string]float64, error) {
	parts := strings.Split(s.bench, "/")
	parts[0] = "Benchmark" + parts[0]
	cmd := exec.CommandContext(ctx, bin, "-test.run=^$", "-test.bench=^"+strings.Join(parts, "$/^")+"$",
		fmt.Sprintf("-test.benchtime=%dx", s.times))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	// A sub-benchmark of the same name, and those below it, are run together.
	name := strings.ReplaceAll(strings.Join(parts, "/"), `\`, "")
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 4 || f[0] != name && !strings.HasPrefix(f[0], name+"-") {
			continue
		}
		m := map[string]float64{}
		for i := 2; i+1 < len(f); i += 2 {
			v, err := strconv.ParseFloat(f[i], 64)
			if err != nil {
				return nil, fmt.Errorf("read %q: %w", line, err)
			}
			m[f[i+1]] = v
		}
		return m, nil
	}
	return nil, errors.New("no such benchmark: " + string(out))
}

// show writes a value in its unit.
func (s *shape) show(v float64) string {
	switch {
	case s.metric == "virtual-s":
		return fmt.Sprintf("%.1f s", v)
	case v >= 1e9:
		return fmt.Sprintf("%.2f s", v/1e9)
	case v >= 1e6:
		return number(v/1e6) + " ms"
	}
	return number(v/1e3) + " µs"
}

func mib(bytes float64) string {
	if bytes < 1<<20 {
		return fmt.Sprintf("%.0f KiB", bytes/1024)
	}
	return fmt.Sprintf("%.1f MiB", bytes/(1<<20))
}
