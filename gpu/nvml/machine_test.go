//go:build cgo && linux

package nvml

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/gpu"
)

// TestOnThisMachine asks the machine's own devices, with a program that uses one
// of them (see scripts/gpu-check).
func TestOnThisMachine(t *testing.T) {
	if os.Getenv("TENDER_GPU_CHECK") == "" {
		t.Skip("TENDER_GPU_CHECK is not set: the machine's own GPUs are not asked")
	}
	s, err := Open(Options{Warn: func(text string) { t.Log("warning:", text) }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	all, err := s.Discover()
	if err != nil || len(all) == 0 {
		t.Fatalf("found %d devices: %v", len(all), err)
	}
	text, _ := json.MarshalIndent(all, "", "  ")
	t.Logf("driver %s, devices %s", s.Driver(), text)
	compareWithSMI(t, s)
	for name, known := range s.symbols {
		if !known {
			t.Logf("the library has no %s", name)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := s.Watch(ctx, func(sick map[string]string) { t.Logf("unhealthy: %v", sick) }); err != nil {
		t.Errorf("watch: %v", err)
	}
	if hold := os.Getenv("TENDER_GPU_HOLD"); hold != "" {
		watchUse(t, s, all[0].UUID, hold)
	}
}

// compareWithSMI compares with what nvidia-smi says of the same devices.
func compareWithSMI(t *testing.T, s *Source) {
	out, err := exec.Command("nvidia-smi", "--query-gpu=uuid,name,pci.bus_id,memory.total,mig.mode.current", "--format=csv,noheader,nounits").Output()
	if err != nil {
		t.Logf("nvidia-smi: %v", err)
		return
	}
	all, err := s.Discover()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		t.Logf("nvidia-smi: %s", strings.TrimSpace(line))
		f := strings.Split(strings.TrimSpace(line), ", ")
		found := false
		for _, g := range all {
			found = found || (g.UUID == f[0] || g.Parent == f[0]) && g.Model == f[1] && strings.HasSuffix(strings.ToLower(f[2]), g.PCI)
		}
		if !found {
			t.Errorf("nvidia-smi's device is not among those found, or not the same: %s", line)
		}
	}
}

// watchUse runs a program that takes 512 MiB of device 0 and keeps it busy.
func watchUse(t *testing.T, s *Source, uuid, program string) {
	of := func() (u gpu.Usage) {
		all, err := s.Usage()
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range all {
			if u.UUID == uuid {
				return u
			}
		}
		t.Fatalf("no usage of %s in %+v", uuid, all)
		return u
	}
	before := of()
	cmd := exec.Command(program, "6")
	cmd.Env = append(os.Environ(), "CUDA_VISIBLE_DEVICES="+uuid)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	t.Logf("program %d: %s", cmd.Process.Pid, strings.TrimSpace(line))
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	// The driver's figures lag behind: they are asked for until they tell, or the
	// program is over.
	during, over := of(), false
	for !over && (during.MemoryUsedBytes-before.MemoryUsedBytes < 512<<20 || during.BusyPercent <= 0) {
		select {
		case err := <-ended:
			ended <- err
			over = true
		default:
			during = of()
		}
	}
	text, _ := json.Marshal(during)
	t.Logf("before %+v, during %s", before, text)
	if during.MemoryUsedBytes-before.MemoryUsedBytes < 512<<20 {
		t.Errorf("%d bytes more in use, want at least 512 MiB", during.MemoryUsedBytes-before.MemoryUsedBytes)
	}
	if during.BusyPercent <= 0 {
		t.Errorf("busy %d %%, want some", during.BusyPercent)
	}
	mine := false
	for _, p := range during.Processes {
		mine = mine || p.PID == cmd.Process.Pid
	}
	if !mine { // in a container the driver may tell other pids, or none
		t.Logf("the program is not among the processes")
	}
	if err := <-ended; err != nil {
		t.Errorf("program: %v", err)
	}
}
