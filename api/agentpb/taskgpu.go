package agentpb

import "github.com/tender-scheduler/tender/core/model"

// FromTaskGPUs returns nil for none.
func FromTaskGPUs(in []model.TaskGPU) []*TaskGpu {
	var out []*TaskGpu
	for _, g := range in {
		out = append(out, &TaskGpu{
			Uuid: g.UUID, Samples: uint32(max(g.Samples, 0)), PeakMemoryBytes: g.PeakMemoryBytes, BusyMilli: g.BusyMilli, OfDevice: g.OfDevice,
		})
	}
	return out
}

// ToTaskGPUs is its inverse.
func ToTaskGPUs(in []*TaskGpu) []model.TaskGPU {
	var out []model.TaskGPU
	for _, g := range in {
		out = append(out, model.TaskGPU{
			UUID: g.GetUuid(), Samples: int(g.GetSamples()), PeakMemoryBytes: max(g.GetPeakMemoryBytes(), -1),
			BusyMilli: min(max(g.GetBusyMilli(), -1), 1000), OfDevice: g.GetOfDevice(),
		})
	}
	return out
}
