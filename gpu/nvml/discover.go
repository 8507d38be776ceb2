//go:build cgo && linux

package nvml

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/gpu"
)

// Discover returns the devices, ordered by PCI address and MIG instance. Where
// MIG is on, the instances stand for their device; without any the device is
// there and cannot be used.
func (s *Source) Discover() ([]model.GPU, error) {
	hs, err := s.handles()
	if err != nil {
		return nil, err
	}
	islands := s.islands(hs)
	var out []model.GPU
	for i, h := range hs {
		g := s.describe(h)
		g.Island = islands[i]
		if !s.migOn(h) {
			out = append(out, g)
			continue
		}
		instances := s.instances(h, g)
		if len(instances) == 0 {
			g.Unhealthy = cmp.Or(g.Unhealthy, "MIG mode is on, and no instance is made")
			instances = []model.GPU{g}
		}
		out = append(out, instances...)
	}
	slices.SortStableFunc(out, func(x, y model.GPU) int { return cmp.Compare(x.PCI, y.PCI) })
	return out, nil
}

func (s *Source) describe(h handle) model.GPU {
	g := model.GPU{UUID: h.uuid, Milli: gpu.Whole, Index: h.index, Minor: -1, NUMA: -1}
	if s.has("nvmlDeviceGetName") {
		if name, ret := h.GetName(); ret == nvml.SUCCESS {
			g.Model = name
		}
	}
	if s.has("nvmlDeviceGetMemoryInfo") {
		if m, ret := h.GetMemoryInfo(); ret == nvml.SUCCESS {
			g.MemoryBytes = int64(m.Total)
		}
	}
	if s.has("nvmlDeviceGetMinorNumber") {
		if n, ret := h.GetMinorNumber(); ret == nvml.SUCCESS {
			g.Minor = n
		}
	}
	if s.has("nvmlDeviceGetPciInfo") {
		if p, ret := h.GetPciInfo(); ret == nvml.SUCCESS {
			g.PCI = pciAddress(p)
			g.NUMA = s.numaNode(g.PCI)
		}
	}
	g.Unhealthy = s.ailment(h)
	return g
}

// pciAddress returns an address as sysfs writes it: a domain of four digits.
func pciAddress(p nvml.PciInfo) string {
	return fmt.Sprintf("%04x:%02x:%02x.0", p.Domain, p.Bus, p.Device)
}

// numaNode asks the kernel, which knows of every PCI device; NVML does of few.
func (s *Source) numaNode(pci string) int {
	b, err := os.ReadFile(filepath.Join(s.opts.SysRoot, "bus/pci/devices", pci, "numa_node"))
	if err != nil {
		return -1
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return -1
	}
	return n
}

func (s *Source) migOn(h handle) bool {
	if !s.has("nvmlDeviceGetMigMode") {
		return false
	}
	current, _, ret := h.GetMigMode()
	return ret == nvml.SUCCESS && current == nvml.DEVICE_MIG_ENABLE
}

// eachInstance calls f with the MIG devices of h.
func (s *Source) eachInstance(h handle, f func(d nvml.Device)) {
	if !s.has("nvmlDeviceGetMaxMigDeviceCount") || !s.has("nvmlDeviceGetMigDeviceHandleByIndex") {
		return
	}
	n, ret := h.GetMaxMigDeviceCount()
	if ret != nvml.SUCCESS {
		return
	}
	for i := range n {
		if d, ret := h.GetMigDeviceHandleByIndex(i); ret == nvml.SUCCESS { // else there is none of that number
			f(d)
		}
	}
}

// instances returns the MIG devices of h, which is as parent says.
func (s *Source) instances(h handle, parent model.GPU) (out []model.GPU) {
	s.eachInstance(h, func(d nvml.Device) {
		uuid, ret := d.GetUUID()
		if ret != nvml.SUCCESS {
			s.opts.Warn(fmt.Sprintf("a MIG instance of %s is left out: it has no UUID: %s", parent.UUID, s.text(ret)))
			return
		}
		g := parent
		g.UUID, g.Parent, g.Island = uuid, parent.UUID, ""
		if s.has("nvmlDeviceGetMemoryInfo") {
			if m, ret := d.GetMemoryInfo(); ret == nvml.SUCCESS {
				g.MemoryBytes = int64(m.Total)
			}
		}
		s.place(d, &g)
		g.Unhealthy = cmp.Or(g.Unhealthy, s.lostBy(g.UUID))
		g.MIG = s.profile(d, parent.MemoryBytes)
		g.Milli = model.MIGMilli(g.MIG)
		out = append(out, g)
	})
	return out
}

// profile returns an instance's profile, "1g.10gb": the end of its name, or what
// its attributes come to.
func (s *Source) profile(d nvml.Device, parentBytes int64) string {
	if s.has("nvmlDeviceGetName") {
		if name, ret := d.GetName(); ret == nvml.SUCCESS {
			if _, p, ok := strings.Cut(name, " MIG "); ok {
				return strings.TrimSpace(p)
			}
		}
	}
	if s.has("nvmlDeviceGetAttributes") {
		if a, ret := d.GetAttributes(); ret == nvml.SUCCESS {
			return profileName(a, parentBytes)
		}
	}
	return "unknown"
}

// profileName rounds memory to eighths of the device's, as profiles are named
// (NVIDIA/go-nvlib, pkg/nvlib/device/mig_profile.go).
func profileName(a nvml.DeviceAttributes, parentBytes int64) string {
	const gib = 1 << 30
	total := (parentBytes + gib - 1) / gib
	memory := int64(0)
	if parentBytes > 0 {
		eighths := (int64(a.MemorySizeMB)<<20*8 + parentBytes - 1) / parentBytes
		memory = (eighths*total + 4) / 8
	}
	if a.ComputeInstanceSliceCount != a.GpuInstanceSliceCount {
		return fmt.Sprintf("%dc.%dg.%dgb", a.ComputeInstanceSliceCount, a.GpuInstanceSliceCount, memory)
	}
	return fmt.Sprintf("%dg.%dgb", a.GpuInstanceSliceCount, memory)
}
