//go:build cgo && linux

package nvml

import (
	"cmp"
	"slices"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/tender-scheduler/tender/gpu"
)

// Usage asks every device what goes on there. What runs on a MIG instance is told
// with its device; of the instance alone, only its memory is known.
func (s *Source) Usage() ([]gpu.Usage, error) {
	hs, err := s.handles()
	if err != nil {
		return nil, err
	}
	var out []gpu.Usage
	for _, h := range hs {
		out = append(out, s.usage(h))
		if s.migOn(h) {
			s.eachInstance(h, func(d nvml.Device) { out = s.instanceUsage(d, out) })
		}
	}
	return out, nil
}

func (s *Source) instanceUsage(d nvml.Device, out []gpu.Usage) []gpu.Usage {
	uuid, ret := d.GetUUID()
	if ret != nvml.SUCCESS {
		return out
	}
	u := gpu.Usage{UUID: uuid, BusyPercent: -1, MemoryUsedBytes: -1, MemoryBytes: -1, TemperatureC: -1, PowerMilliwatts: -1, ProcessesUnknown: true}
	if s.has("nvmlDeviceGetMemoryInfo") {
		if m, ret := d.GetMemoryInfo(); ret == nvml.SUCCESS {
			u.MemoryUsedBytes, u.MemoryBytes = int64(m.Used), int64(m.Total)
		}
	}
	return append(out, u)
}

func (s *Source) usage(h handle) gpu.Usage {
	u := gpu.Usage{UUID: h.uuid, BusyPercent: -1, MemoryUsedBytes: -1, MemoryBytes: -1, TemperatureC: -1, PowerMilliwatts: -1, ProcessesUnknown: true}
	if s.has("nvmlDeviceGetUtilizationRates") {
		if r, ret := h.GetUtilizationRates(); ret == nvml.SUCCESS {
			u.BusyPercent = int(r.Gpu)
		}
	}
	if s.has("nvmlDeviceGetMemoryInfo") {
		if m, ret := h.GetMemoryInfo(); ret == nvml.SUCCESS {
			u.MemoryUsedBytes, u.MemoryBytes = int64(m.Used), int64(m.Total)
		}
	}
	if s.has("nvmlDeviceGetTemperature") {
		if t, ret := h.GetTemperature(nvml.TEMPERATURE_GPU); ret == nvml.SUCCESS {
			u.TemperatureC = int(t)
		}
	}
	if s.has("nvmlDeviceGetPowerUsage") {
		if p, ret := h.GetPowerUsage(); ret == nvml.SUCCESS {
			u.PowerMilliwatts = int64(p)
		}
	}
	if s.has("nvmlDeviceGetComputeRunningProcesses") {
		if ps, ret := h.GetComputeRunningProcesses(); ret == nvml.SUCCESS {
			u.Processes, u.ProcessesUnknown = s.processes(h, ps), false
		}
	}
	return u
}

// processes adds what each was busy with since the last time that was asked.
func (s *Source) processes(h handle, ps []nvml.ProcessInfo) []gpu.Process {
	busy := map[uint32]int{}
	if s.has("nvmlDeviceGetProcessUtilization") {
		s.mu.Lock()
		since := s.samples[h.uuid]
		s.mu.Unlock()
		// Without samples the answer is "not found".
		samples, ret := h.GetProcessUtilization(since)
		if ret == nvml.SUCCESS {
			for _, p := range samples {
				busy[p.Pid] = max(busy[p.Pid], int(p.SmUtil))
				since = max(since, p.TimeStamp)
			}
			s.mu.Lock()
			s.samples[h.uuid] = since
			s.mu.Unlock()
		}
	}
	var out []gpu.Process
	for _, p := range ps {
		q := gpu.Process{PID: int(p.Pid), MemoryUsedBytes: int64(p.UsedGpuMemory), BusyPercent: -1}
		if p.UsedGpuMemory == unknownMemory {
			q.MemoryUsedBytes = -1
		}
		if b, ok := busy[p.Pid]; ok {
			q.BusyPercent = b
		}
		out = append(out, q)
	}
	slices.SortFunc(out, func(x, y gpu.Process) int { return cmp.Compare(x.PID, y.PID) })
	return out
}

// unknownMemory is NVML_VALUE_NOT_AVAILABLE.
const unknownMemory = 1<<64 - 1
