package agentpb

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// FromGPUs returns devices as they are sent.
func FromGPUs(in []model.GPU) []*Gpu {
	out := make([]*Gpu, 0, len(in))
	for i := range in {
		g := &in[i]
		out = append(out, &Gpu{
			Uuid: g.UUID, Model: g.Model, MemoryBytes: g.MemoryBytes, Milli: g.Milli, Pci: g.PCI, Index: int32(g.Index),
			Minor: int32(g.Minor), Numa: int32(g.NUMA), Island: g.Island, Mig: g.MIG, Parent: g.Parent, Unhealthy: g.Unhealthy,
		})
	}
	return out
}

// ToGPUs returns devices as they were sent; nil if there are none.
func ToGPUs(in []*Gpu) []model.GPU {
	var out []model.GPU
	for _, g := range in {
		out = append(out, model.GPU{
			UUID: g.GetUuid(), Model: g.GetModel(), MemoryBytes: g.GetMemoryBytes(), Milli: g.GetMilli(), PCI: g.GetPci(), Index: int(g.GetIndex()),
			Minor: int(g.GetMinor()), NUMA: int(g.GetNuma()), Island: g.GetIsland(), MIG: g.GetMig(), Parent: g.GetParent(), Unhealthy: g.GetUnhealthy(),
		})
	}
	return out
}

// FromPorts returns port ranges as they are sent.
func FromPorts(in []model.PortRange) []*PortRange {
	out := make([]*PortRange, 0, len(in))
	for _, r := range in {
		out = append(out, &PortRange{First: uint32(r.First), Last: uint32(r.Last)})
	}
	return out
}

// ToPorts returns port ranges as they were sent, without those that are none;
// nil if there are none.
func ToPorts(in []*PortRange) []model.PortRange {
	var out []model.PortRange
	for _, r := range in {
		if 0 < r.GetFirst() && r.GetFirst() <= r.GetLast() && r.GetLast() < 1<<16 {
			out = append(out, model.PortRange{First: uint16(r.GetFirst()), Last: uint16(r.GetLast())})
		}
	}
	return out
}

// FromGPUSamples makes a GpuUsage of samples by UUID, in the order of uuids.
func FromGPUSamples(uuids []string, samples map[string]model.GPUSample) *GpuUsage {
	u := &GpuUsage{}
	for _, uuid := range uuids {
		if s, ok := samples[uuid]; ok {
			u.Samples = append(u.Samples, &GpuSample{
				Uuid: uuid, BusyPercent: int32(s.BusyPercent), MemoryUsedBytes: s.MemoryUsedBytes, TemperatureC: int32(s.TemperatureC),
				PowerMilliwatts: s.PowerMilliwatts, Processes: int32(s.Processes), At: s.At.UnixNano(),
			})
		}
	}
	return u
}

// ToGPUSamples is the inverse of FromGPUSamples.
func ToGPUSamples(u *GpuUsage) map[string]model.GPUSample {
	out := make(map[string]model.GPUSample, len(u.GetSamples()))
	for _, s := range u.GetSamples() {
		out[s.Uuid] = model.GPUSample{
			BusyPercent: int(s.BusyPercent), MemoryUsedBytes: s.MemoryUsedBytes, TemperatureC: int(s.TemperatureC),
			PowerMilliwatts: s.PowerMilliwatts, Processes: int(s.Processes), At: time.Unix(0, s.At).UTC(),
		}
	}
	return out
}
