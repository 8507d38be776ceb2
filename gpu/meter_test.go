package gpu

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
)

// mine is pids 1 to 9.
func mine(pid int) bool { return pid < 10 }

func use(uuid string, busy int, memory int64, ps ...Process) Usage {
	return Usage{UUID: uuid, BusyPercent: busy, MemoryUsedBytes: memory, Processes: ps}
}

func TestMeter(t *testing.T) {
	unknown := use("a", 60, 900)
	unknown.ProcessesUnknown = true
	for _, c := range []struct {
		name  string
		milli int64
		own   func(int) bool
		at    []int // seconds after the start
		of    []Usage
		want  string
	}{
		{"no sample", 1000, mine, nil, nil, "0 samples, peak -1, busy -1"},
		{"a whole device is busy with the task, its memory is partly the driver's", 1000, mine, []int{1}, []Usage{use("a", 80, 700, Process{1, 500, 30})}, "1 samples, peak 500, busy 800"},
		{"memory of all its processes", 1000, mine, []int{1}, []Usage{use("a", 80, 900, Process{1, 500, -1}, Process{2, 100, -1}, Process{77, 300, -1})}, "1 samples, peak 600, busy 800"},
		{"it has no process there", 1000, mine, []int{1}, []Usage{use("a", 0, 615)}, "1 samples, peak 0, busy 0"},
		{"a share is its own processes", 500, mine, []int{1}, []Usage{use("a", 90, 900, Process{1, 400, 30}, Process{77, 500, 60})}, "1 samples, peak 400, busy 300"},
		{"a share that does nothing while others do", 500, mine, []int{1}, []Usage{use("a", 90, 900, Process{77, 500, -1})}, "1 samples, peak 0, busy 0"},
		{"the driver does not say how busy each process is", 500, mine, []int{1}, []Usage{use("a", 90, 900, Process{1, 400, -1}, Process{77, 500, -1})}, "1 samples, peak 400, busy 900 of device"},
		{"the driver does not say what memory a process has", 500, mine, []int{1}, []Usage{use("a", 90, 900, Process{1, -1, 20})}, "1 samples, peak 900, busy 200 of device"},
		{"processes are not told", 500, mine, []int{1}, []Usage{unknown}, "1 samples, peak 900, busy 600 of device"},
		{"processes are not known here", 500, nil, []int{1}, []Usage{use("a", 60, 900, Process{1, 400, 30})}, "1 samples, peak 900, busy 600 of device"},
		{"a MIG instance", 1000, mine, []int{1}, []Usage{{UUID: "a", BusyPercent: -1, MemoryUsedBytes: 300, ProcessesUnknown: true}}, "1 samples, peak 300, busy -1 of device"},
		{"a lost device", 1000, mine, []int{1}, []Usage{{UUID: "a", BusyPercent: -1, MemoryUsedBytes: -1, ProcessesUnknown: true}}, "1 samples, peak -1, busy -1"},
		{"a sample counts for the time before it", 1000, mine, []int{1, 4}, []Usage{use("a", 100, 9, Process{1, 9, -1}), use("a", 20, 5, Process{1, 5, -1})}, "2 samples, peak 9, busy 400"},
		{"samples that come twice or from before", 1000, mine, []int{2, 2, 1, -5}, []Usage{use("a", 10, 1, Process{1, 1, -1}), use("a", 90, 9), use("a", 90, 9), use("a", 90, 9)}, "1 samples, peak 1, busy 100"},
		{"another device", 1000, mine, []int{1}, []Usage{use("b", 80, 700)}, "0 samples, peak -1, busy -1"},
	} {
		start := time.Unix(1000, 0)
		m := NewMeter([]model.GPUShare{{UUID: "a", Milli: c.milli}}, start)
		for i, at := range c.at {
			m.Sample(start.Add(time.Duration(at)*time.Second), []Usage{c.of[i]}, c.own)
		}
		g := m.Use()[0]
		got := fmt.Sprintf("%d samples, peak %d, busy %d", g.Samples, g.PeakMemoryBytes, g.BusyMilli)
		if g.OfDevice {
			got += " of device"
		}
		if got != c.want || g.UUID != "a" {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if m := NewMeter(nil, time.Now()); m != nil || m.Use() != nil {
		t.Error("a task without devices is metered")
	}
}

// TestMeterProperty: the mean is that of a device looked at in every second, the
// peak the highest that was ever seen, each device by itself.
func TestMeterProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := strings.Split(rapid.SampledFrom([]string{"a", "a b", "a b c"}).Draw(t, "devices"), " ")
		start := time.Unix(1000, 0)
		var shares []model.GPUShare
		for _, n := range names {
			shares = append(shares, model.GPUShare{UUID: n, Milli: 1000})
		}
		m := NewMeter(shares, start)
		seconds := map[string][]int{}
		peaks := map[string]int64{}
		at := start
		for range rapid.IntRange(0, 8).Draw(t, "samples") {
			n := rapid.IntRange(1, 20).Draw(t, "seconds")
			at = at.Add(time.Duration(n) * time.Second)
			var all []Usage
			for _, name := range names {
				busy, memory := rapid.IntRange(0, 100).Draw(t, "busy"), rapid.Int64Range(0, 1<<40).Draw(t, "memory")
				all = append(all, use(name, busy, 1<<41, Process{3, memory, -1}))
				for range n {
					seconds[name] = append(seconds[name], busy)
				}
				peaks[name] = max(peaks[name], memory)
			}
			m.Sample(at, all, mine)
		}
		for i, g := range m.Use() {
			busy, peak := int64(-1), int64(-1)
			if s := seconds[names[i]]; len(s) > 0 {
				sum := 0
				for _, b := range s {
					sum += b
				}
				busy, peak = int64(math.Floor(float64(sum)*10/float64(len(s))+0.5)), peaks[names[i]]
			}
			if d := g.BusyMilli - busy; d < -1 || d > 1 || g.PeakMemoryBytes != peak || g.OfDevice {
				t.Fatalf("%+v, want busy %d, peak %d", g, busy, peak)
			}
		}
	})
}
