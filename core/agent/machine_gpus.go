package agent

import (
	"cmp"
	"slices"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/model"
)

// gpuHealth takes note of which devices must not be used. What becomes of the
// tasks on them is the master's to say.
func (m *Machine) gpuHealth(in GPUHealth) {
	all := slices.Clone(m.info.GPUs)
	for i := range all {
		all[i].Unhealthy = cmp.Or(in.Unhealthy[all[i].UUID], in.Unhealthy[all[i].Parent])
	}
	if slices.Equal(all, m.info.GPUs) {
		return
	}
	m.info.GPUs = all
	m.info.Capacity.GPUMilli = model.GPUMilli(all)
	m.gpusTold = false
}

// gpuUsage passes on what goes on on the devices. It is of the moment: without a
// master to tell, the next sample serves as well.
func (m *Machine) gpuUsage(in GPUUsage) {
	m.samples = in.Samples
	if m.stream != streamRegistered {
		return
	}
	uuids := make([]string, len(m.info.GPUs))
	for i := range m.info.GPUs {
		uuids[i] = m.info.GPUs[i].UUID
	}
	m.send(&agentpb.AgentMessage{Kind: &agentpb.AgentMessage_GpuUsage{GpuUsage: agentpb.FromGPUSamples(uuids, in.Samples)}})
}

// tellGPUs sends the devices where they are not what Register said.
func (m *Machine) tellGPUs() {
	if m.gpusTold || m.stream != streamRegistered {
		return
	}
	m.gpusTold = true
	m.send(&agentpb.AgentMessage{Kind: &agentpb.AgentMessage_Devices{Devices: &agentpb.Devices{Gpus: agentpb.FromGPUs(m.info.GPUs)}}})
}
