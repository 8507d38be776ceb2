package fake

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/tender-scheduler/tender/core/model"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		notation string
		n        int
		first    model.GPU
		fault    bool
	}{
		{"8xH100", 8, model.GPU{UUID: "GPU-fake-n-0", Model: "NVIDIA H100 80GB HBM3", MemoryBytes: 80 << 30, Milli: 1000, PCI: "0000:01:00.0", Minor: -1, Island: "nvlink0"}, false},
		{"1xt4", 1, model.GPU{UUID: "GPU-fake-n-0", Model: "Tesla T4", MemoryBytes: 16 << 30, Milli: 1000, PCI: "0000:01:00.0", Minor: -1}, false},
		{"2xX1@24GiB + 2xA100", 4, model.GPU{UUID: "GPU-fake-n-0", Model: "X1", MemoryBytes: 24 << 30, Milli: 1000, PCI: "0000:01:00.0", Minor: -1}, false},
		{"7xH100:1g.10gb", 7, model.GPU{UUID: "MIG-fake-n-0-0", Model: "NVIDIA H100 80GB HBM3", MemoryBytes: 80 << 30 * 142 / 1000, Milli: 142, MIG: "1g.10gb", Parent: "GPU-fake-n-0", PCI: "0000:01:00.0", Minor: -1}, false},
		{"H100", 0, model.GPU{}, true},
		{"0xH100", 0, model.GPU{}, true},
		{"129xH100", 0, model.GPU{}, true},
		{"1xX@0GiB", 0, model.GPU{}, true},
		{"99999999999999999999xH100", 0, model.GPU{}, true},
	} {
		got, err := Parse(c.notation, "n")
		if (err != nil) != c.fault || len(got) != c.n || c.n > 0 && got[0] != c.first {
			t.Errorf("%q: %v, %v", c.notation, got, err)
		}
		seen := map[string]bool{}
		for _, g := range got {
			if seen[g.UUID] {
				t.Errorf("%q: %s comes twice", c.notation, g.UUID)
			}
			seen[g.UUID] = true
		}
	}
}

func TestWatchTellsOfHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New("2xT4", "n", "")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		var got map[string]string
		go s.Watch(ctx, func(sick map[string]string) { got = sick })
		s.Break("GPU-fake-n-1", "XID 79")
		synctest.Wait()
		if got["GPU-fake-n-1"] != "XID 79" || len(got) != 1 {
			t.Errorf("told %v", got)
		}
		s.Break("GPU-fake-n-1", "")
		synctest.Wait()
		if len(got) != 0 {
			t.Errorf("told %v after it healed", got)
		}
		cancel()
		synctest.Wait()
	})
}

// TestFilesSayWhatHappens: by the end of a UUID, whole lines at a time; errors that
// are a program's own fault break nothing, as with NVIDIA's.
func TestFilesSayWhatHappens(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fake-gpus")
	s, err := New("3xT4", "n", dir)
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{
		"broken": "n-0 xid 31\nn-1 xid 79\nGPU-fake-n-2 too hot to touch\nelsewhere xid 79\n\nn-0\n",
		"usage":  "n-1 40 1024 77 512\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	all, err := s.Discover()
	if err != nil || all[0].Unhealthy != "" || all[1].Unhealthy != "XID 79: fallen off the bus" || all[2].Unhealthy != "too hot to touch" {
		t.Errorf("%v %+v", err, all)
	}
	use, err := s.Usage()
	if err != nil || use[0].BusyPercent != 0 || use[1].BusyPercent != 40 || use[1].MemoryUsedBytes != 1024 || len(use[1].Processes) != 1 {
		t.Errorf("%v %+v", err, use)
	}
	if nodes := s.Nodes(&all[1]); len(nodes) != 1 || nodes[0] != dir+"/dev/GPU-fake-n-1" {
		t.Errorf("nodes %q", nodes)
	}
	if err := os.WriteFile(filepath.Join(dir, "usage"), []byte("n-1 much\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Usage(); err == nil {
		t.Error("nonsense is taken for usage")
	}
}
