package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/tender-scheduler/tender/core/agent"
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/gpu/fake"
	"github.com/tender-scheduler/tender/gpu/nvml"
)

// findGPUs returns the machine's GPUs, or those that notation pretends; nil if
// there are none, which the log says. An error is about the notation.
func findGPUs(notation, node, dataDir string, log *slog.Logger) (agent.GPUSource, error) {
	if notation != "" {
		if node == "" {
			node, _ = os.Hostname()
		}
		if abs, err := filepath.Abs(dataDir); err == nil {
			dataDir = abs // tasks' executors run elsewhere
		}
		s, err := fake.New(notation, node, filepath.Join(dataDir, "fake-gpus"))
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	s, err := nvml.Open(nvml.Options{Warn: func(text string) { log.Warn(text) }})
	switch {
	case err == nil:
		return s, nil
	case errors.Is(err, nvml.ErrNoLibrary), errors.Is(err, nvml.ErrNoCgo) && !hasNVIDIA():
		log.Info("no GPUs", "because", err)
	default:
		log.Warn("the machine's GPUs are not used", "error", err)
	}
	return nil, nil
}

// hasNVIDIA reports whether the kernel has NVIDIA's driver.
func hasNVIDIA() bool {
	_, err := os.Stat("/proc/driver/nvidia/version")
	return !errors.Is(err, fs.ErrNotExist)
}

// devPorts returns the i-th of n equal parts of the usual ports: all agents of
// `tender dev` share one machine's.
func devPorts(i, n int) []model.PortRange {
	all := agent.DefaultPorts[0]
	part := (int(all.Last) - int(all.First) + 1) / n
	first := int(all.First) + i*part
	return []model.PortRange{{First: uint16(first), Last: uint16(first + part - 1)}}
}

// portsValue is a flag that holds ranges of ports: "20000-21000,30000".
type portsValue []model.PortRange

func (v *portsValue) ranges() []model.PortRange { return *v }

func (v *portsValue) String() string {
	var parts []string
	for _, r := range *v {
		parts = append(parts, fmt.Sprintf("%d-%d", r.First, r.Last))
	}
	return strings.Join(parts, ",")
}

// Type names the flag's value in help texts.
func (v *portsValue) Type() string { return "FIRST-LAST" }

// Set reads ranges.
func (v *portsValue) Set(s string) error {
	var out portsValue
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		a, err1 := strconv.ParseUint(first, 10, 16)
		b, err2 := strconv.ParseUint(last, 10, 16)
		if err1 != nil || err2 != nil || a == 0 || b < a {
			return fmt.Errorf("want ports such as 20000-32000, from 1 to 65535")
		}
		out = append(out, model.PortRange{First: uint16(a), Last: uint16(b)})
	}
	*v = out
	return nil
}
