package replay

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"

	"github.com/tender-scheduler/tender/frameworks/batch"
)

// readTrace reads a log of $TENDER_TRACES, which the project does not hold itself;
// its lines' waits come along.
func readTrace(t testing.TB, name string) *Log {
	t.Helper()
	f, err := os.Open(filepath.Join(os.Getenv("TENDER_TRACES"), name))
	if os.IsNotExist(err) {
		t.Skipf("no %s in $TENDER_TRACES: get it from the Parallel Workloads Archive or the study's results to run this", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	log, err := ReadSWF(z)
	if err != nil {
		t.Fatal(err)
	}
	if len(log.Faults) > 0 {
		t.Fatalf("%s: %v", name, log.Faults)
	}
	return log
}

// TestKTH holds EASY on KTH-SP2 against the simulation of Gaussier et al. (SC'15),
// whose result file has each job's wait: the start of every job is the same.
func TestKTH(t *testing.T) {
	log := readTrace(t, "KTH-SP2.easy-result.swf.gz")
	res, err := Run(log, Options{Policy: batch.PolicyEASY})
	if err != nil {
		t.Fatal(err)
	}
	wait := map[int64]int64{}
	for _, r := range log.Records {
		wait[r.ID] = r.Wait
	}
	differ := 0
	for i := range res.Jobs {
		if j := &res.Jobs[i]; j.Wait() != wait[j.ID] {
			if differ++; differ <= 5 {
				t.Errorf("job %d waits %d s, %d s in the reference", j.ID, j.Wait(), wait[j.ID])
			}
		}
	}
	if differ > 0 || res.Count != 28_481 {
		t.Errorf("%d of %d jobs start at another time", differ, res.Count)
	}
	t.Logf("bsld %.2f, wait %.0f s, at most %d s, utilization %.3f", res.BsldMean, res.WaitMean, res.WaitMax, res.Utilization)
}

func BenchmarkKTH(b *testing.B) {
	log := readTrace(b, "KTH-SP2.easy-result.swf.gz")
	for _, p := range batch.Policies() {
		b.Run(string(p), func(b *testing.B) {
			for b.Loop() {
				res, err := Run(log, Options{Policy: p})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(res.BsldMean, "bsld")
				b.ReportMetric(float64(res.WaitMax)/3600, "h-maxwait")
				b.ReportMetric(res.Utilization, "util")
			}
		})
	}
}
