package e2e

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	prommodel "github.com/prometheus/common/model"
)

// scrape is what a process tells Prometheus, by metric.
type scrape map[string]*dto.MetricFamily

func (c *cluster) scrape(address string) scrape {
	c.t.Helper()
	r, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		c.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		c.t.Fatalf("scrape %s: %v %s\n%s", address, err, r.Status, text)
	}
	parser := expfmt.NewTextParser(prommodel.UTF8Validation)
	all, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		c.t.Fatalf("scrape %s: %v", address, err)
	}
	if promtool, err := exec.LookPath("promtool"); err == nil {
		lint := exec.Command(promtool, "check", "metrics")
		lint.Stdin = bytes.NewReader(text)
		if out, err := lint.CombinedOutput(); err != nil {
			c.t.Errorf("promtool about %s: %v\n%s", address, err, out)
		}
	}
	return all
}

// value returns the sum of a metric's series that have all of these labels, and
// -1 if there is none.
func (s scrape) value(name string, labels ...string) float64 {
	sum, found := 0.0, false
	if s[name] == nil {
		return -1
	}
	for _, m := range s[name].Metric {
		if !hasLabels(m, labels) {
			continue
		}
		found = true
		sum += m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
	}
	if !found {
		return -1
	}
	return sum
}

func hasLabels(m *dto.Metric, want []string) bool {
	for i := 0; i < len(want); i += 2 {
		if !slices.ContainsFunc(m.Label, func(l *dto.LabelPair) bool { return l.GetName() == want[i] && l.GetValue() == want[i+1] }) {
			return false
		}
	}
	return true
}

// busyCluster is a cluster in which everything has happened that figures tell of:
// a leader and a standby on an etcd, an agent with GPUs of which one is broken,
// tasks that have succeeded, failed, run and wait.
func busyCluster(t *testing.T) (c *cluster, leader, standby, agent string) {
	t.Helper()
	c = newCluster(t)
	etcd := startEtcd(t)
	leader, standby, agent = freeAddress(t), freeAddress(t), freeAddress(t)
	c.start(true, "master", "--listen", leader, "--etcd", etcd)
	c.start(true, "master", "--listen", standby, "--etcd", etcd)
	c.addr = leader
	data := filepath.Join(c.dir, "agent")
	if err := os.MkdirAll(filepath.Join(data, "fake-gpus"), 0o755); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{"broken": "n1-2 xid 79\n", "usage": "n1-0 90 2147483648 4711 2147483648\n"} {
		if err := os.WriteFile(filepath.Join(data, "fake-gpus", file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c.start(true, "agent", "--masters", leader+","+standby, "--data-dir", data, "--name", "n1", "--cpus", "4",
		"--fake-gpus", "3xH100", "--metrics-listen", agent, "--stop-tasks")
	c.nodes(1)
	c.must("submit", c.script("good", "", "true"), "--wait")
	c.run("submit", c.script("bad", "restart { attempts = 0 }", "exit 3"), "--wait")
	c.running(c.submit(c.needs("train", 1, "gpu {}", "")), 1)
	c.submit(c.needs("queued", 1, "gpu { count = 2 }", ""))
	c.eventually("the agent has said what goes on on its devices", func() bool {
		return c.scrape(leader).value("tender_master_gpu_busy_ratio", "gpu", "0") == 0.9
	})
	return c, leader, standby, agent
}

func TestMetrics(t *testing.T) {
	c, leader, standby, agent := busyCluster(t)
	for _, x := range []struct {
		of     string
		name   string
		labels []string
		want   float64
	}{
		{leader, "tender_master_leading", nil, 1},
		{leader, "tender_master_agents", []string{"state", "ready"}, 1},
		{leader, "tender_master_tasks", []string{"state", "running"}, 1},
		{leader, "tender_master_jobs", []string{"framework", "batch", "state", "succeeded"}, 1},
		{leader, "tender_master_jobs", []string{"framework", "batch", "state", "failed"}, 1},
		{leader, "tender_master_tasks_ended_total", []string{"cause", "failed"}, 1},
		{leader, "tender_master_tasks_launched_total", nil, 3},
		{leader, "tender_master_task_start_duration_seconds", nil, 3},
		{leader, "tender_master_offers_total", []string{"event", "accepted"}, 3},
		{leader, "tender_master_demands_waiting", []string{"role", "default"}, 1},
		{leader, "tender_master_capacity_cpu_cores", nil, 4},
		{leader, "tender_master_capacity_gpus", nil, 2},
		{leader, "tender_master_allocated_gpus", nil, 1},
		{leader, "tender_master_gpu_allocated_ratio", nil, 1},
		{leader, "tender_master_gpu_healthy", []string{"gpu", "2"}, 0},
		{standby, "tender_master_leading", nil, 0},
		{standby, "tender_master_agents", nil, -1},
		{agent, "tender_agent_registered", nil, 1},
		{agent, "tender_agent_tasks", []string{"state", "running"}, 1},
		{agent, "tender_agent_executors", []string{"state", "up"}, 1},
		{agent, "tender_agent_tasks_ended_total", []string{"state", "finished"}, 1},
		{agent, "tender_agent_gpu_memory_used_bytes", []string{"gpu", "0"}, 2 << 30},
		{agent, "tender_agent_gpu_processes", []string{"gpu", "0"}, 1},
	} {
		// What has ended is tidied up by and by.
		c.eventually(fmt.Sprintf("%s%q = %g", x.name, x.labels, x.want), func() bool {
			return c.scrape(x.of).value(x.name, x.labels...) == x.want
		})
	}
	led, ran := c.scrape(leader), c.scrape(agent)
	c.eventually("the standby has the journal that the leader has", func() bool {
		at := c.scrape(standby).value("tender_journal_index")
		return at > 0 && at == c.scrape(leader).value("tender_journal_index")
	})
	if led.value("tender_master_queue_age_seconds", "role", "default") <= 0 || led.value("tender_journal_append_duration_seconds") <= 0 ||
		led.value("tender_master_allocation_pass_duration_seconds") <= 0 {
		t.Error("a wait, an append or a pass was not measured")
	}
	told := maps.Clone(led)
	maps.Copy(told, ran)
	checkMetricsDoc(t, told)
	checkDashboard(t, told)
	for _, name := range []string{"train", "queued"} {
		c.must("cancel", name)
	}
}

const (
	metricsDoc = "../../docs/metrics.md"
	docBegin   = "<!-- figures: written by TENDER_UPDATE_DOCS=1 go test ./internal/e2e -run TestMetrics -->\n"
	docEnd     = "<!-- end of figures -->\n"
)

// checkMetricsDoc holds the document's tables to what is really told, or with
// TENDER_UPDATE_DOCS writes them.
func checkMetricsDoc(t *testing.T, told scrape) {
	t.Helper()
	b, err := os.ReadFile(metricsDoc)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(b), docBegin)
	_, after, ok2 := strings.Cut(rest, docEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the figures, which begins with %s", metricsDoc, docBegin)
	}
	want := before + docBegin + metricTables(told) + docEnd + after
	if string(b) == want {
		return
	}
	if os.Getenv("TENDER_UPDATE_DOCS") == "" {
		t.Errorf("%s does not say what masters and agents tell; write it anew with TENDER_UPDATE_DOCS=1", metricsDoc)
		return
	}
	if err := os.WriteFile(metricsDoc, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func metricTables(told scrape) string {
	var b strings.Builder
	for _, part := range []struct{ prefix, title string }{
		{"tender_master_", "Masters"}, {"tender_journal_", "Masters: the journal"}, {"tender_agent_", "Agents"},
	} {
		fmt.Fprintf(&b, "\n### %s\n\n| figure | kind | labels | |\n|---|---|---|---|\n", part.title)
		for _, name := range slices.Sorted(maps.Keys(told)) {
			if !strings.HasPrefix(name, part.prefix) {
				continue
			}
			f := told[name]
			labels := map[string]bool{}
			for _, m := range f.Metric {
				for _, l := range m.Label {
					labels["`"+l.GetName()+"`"] = true
				}
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, strings.ToLower(f.GetType().String()),
				cmp.Or(strings.Join(slices.Sorted(maps.Keys(labels)), ", "), "–"), strings.TrimSuffix(f.GetHelp(), "."))
		}
	}
	b.WriteString("\n")
	return b.String()
}
