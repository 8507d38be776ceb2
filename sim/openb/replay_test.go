package openb

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// TestReplayOfTheTrace prints what the policies reach on the trace in
// $TENDER_OPENB: a directory with openb_node_list_gpu_node.csv and
// openb_pod_list_default.csv. The trace is not part of the project.
func TestReplayOfTheTrace(t *testing.T) {
	dir := os.Getenv("TENDER_OPENB")
	if dir == "" {
		t.Skip("TENDER_OPENB names no directory with the trace")
	}
	seeds := 1
	if n, err := strconv.Atoi(os.Getenv("TENDER_OPENB_SEEDS")); err == nil {
		seeds = n
	}
	policies := Policies
	if p := os.Getenv("TENDER_OPENB_POLICY"); p != "" {
		policies = []string{p}
	}
	w := loadFiles(t, filepath.Join(dir, "openb_node_list_gpu_node.csv"), filepath.Join(dir, "openb_pod_list_default.csv"))
	for _, p := range policies {
		sum := 0.0
		for seed := range seeds {
			r, err := Run(w, Options{Seed: 42 + uint64(seed), Policy: p})
			if err != nil {
				t.Fatal(err)
			}
			sum += r.GPUAllocatedRatio
		}
		t.Logf("%s: %.3f %% of the GPU capacity allocated, mean of %d", p, 100*sum/float64(seeds), seeds)
	}
}

func loadFiles(t *testing.T, nodes, tasks string) *Workload {
	t.Helper()
	n, err := os.Open(nodes)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	p, err := os.Open(tasks)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	w, err := Load(n, p)
	if err != nil {
		t.Fatal(err)
	}
	return w
}
