//go:build cgo && linux

package nvml

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/tender-scheduler/tender/core/model"
)

// place is where a MIG instance is: its numbers on its device.
type place struct {
	parent  string // UUID
	gpu, ci int    // GPU instance and compute instance
}

// place notes the numbers of d, which g describes.
func (s *Source) place(d nvml.Device, g *model.GPU) {
	if !s.has("nvmlDeviceGetGpuInstanceId") || !s.has("nvmlDeviceGetComputeInstanceId") {
		return
	}
	gi, ret1 := d.GetGpuInstanceId()
	ci, ret2 := d.GetComputeInstanceId()
	if ret1 != nvml.SUCCESS || ret2 != nvml.SUCCESS {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.migs[g.UUID] = place{parent: g.Parent, gpu: gi, ci: ci}
}

// instanceOf returns the UUID of the MIG instance with these numbers, and the
// device's where there is none: an error of the device is one of all of it.
func (s *Source) instanceOf(device string, gpu, ci uint32) string {
	for uuid, p := range s.migs {
		if p.parent == device && uint32(p.gpu) == gpu && uint32(p.ci) == ci {
			return uuid
		}
	}
	return device
}

// Nodes returns the device nodes that a program opens to use g: those of the
// driver, that of the device, and for a MIG instance those that stand for the
// right to use it (NVIDIA Multi-Instance GPU User Guide, "Device Nodes and
// Capabilities").
func (s *Source) Nodes(g *model.GPU) []string {
	dev := func(name string) string { return filepath.Join(s.opts.DevRoot, name) }
	nodes := []string{dev("nvidiactl"), dev("nvidia-uvm"), dev("nvidia-uvm-tools"), dev("nvidia-modeset")}
	if g.Minor >= 0 {
		nodes = append(nodes, dev(fmt.Sprintf("nvidia%d", g.Minor)))
	}
	s.mu.Lock()
	p, mig := s.migs[g.UUID]
	s.mu.Unlock()
	if !mig {
		return nodes
	}
	instance := filepath.Join(s.opts.Proc, "driver/nvidia/capabilities", fmt.Sprintf("gpu%d/mig/gi%d", g.Minor, p.gpu))
	for _, file := range []string{filepath.Join(instance, "access"), filepath.Join(instance, fmt.Sprintf("ci%d", p.ci), "access")} {
		minor, err := capability(file)
		if err != nil {
			s.opts.Warn(fmt.Sprintf("tasks will not be able to use MIG instance %s: %v", g.UUID, err))
			break
		}
		nodes = append(nodes, dev("nvidia-caps/nvidia-cap"+minor))
	}
	return nodes
}

// capability reads which nvidia-cap stands for a right.
func capability(file string) (minor string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if v, ok := strings.CutPrefix(lines.Text(), "DeviceFileMinor:"); ok {
			return strings.TrimSpace(v), nil
		}
	}
	return "", fmt.Errorf("%s does not say DeviceFileMinor", file)
}
