package openb

import (
	"os"
	"path/filepath"
	"testing"
)

// readTrace reads openb_node_list_gpu_node.csv and openb_pod_list_default.csv of the
// Alibaba cluster trace of 2023 from $TENDER_TRACES/openb; the project does not hold
// them itself.
func readTrace(t testing.TB) *Workload {
	t.Helper()
	traces := filepath.Join(os.Getenv("TENDER_TRACES"), "openb")
	n, err := os.Open(filepath.Join(traces, "openb_node_list_gpu_node.csv"))
	if os.IsNotExist(err) {
		t.Skip("no openb in $TENDER_TRACES: get it from hkust-adsl/kubernetes-scheduler-simulator to run this")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	p, err := os.Open(filepath.Join(traces, "openb_pod_list_default.csv"))
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

// TestReplayOfTheTrace holds what the allocator reaches on the trace: more than the
// 95.39 % that Weng et al. (USENIX ATC 2023) publish for it.
func TestReplayOfTheTrace(t *testing.T) {
	w := readTrace(t)
	for seed := uint64(42); seed < 44; seed++ {
		r, err := Run(w, Options{Seed: seed, Policy: "fgd"})
		if err != nil {
			t.Fatal(err)
		}
		if r.GPUAllocatedRatio < 0.955 {
			t.Errorf("seed %d: %.2f %% of the GPU capacity allocated, want 95.5", seed, 100*r.GPUAllocatedRatio)
		}
	}
}

// BenchmarkReplay is a replay of the trace under each policy.
func BenchmarkReplay(b *testing.B) {
	w := readTrace(b)
	for _, p := range Policies {
		b.Run(p, func(b *testing.B) {
			sum := 0.0
			for n := 0; b.Loop(); n++ {
				r, err := Run(w, Options{Seed: 42 + uint64(n%10), Policy: p})
				if err != nil {
					b.Fatal(err)
				}
				sum += r.GPUAllocatedRatio
			}
			b.ReportMetric(100*sum/float64(b.N), "%allocated")
		})
	}
}
