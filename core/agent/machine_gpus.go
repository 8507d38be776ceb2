package agent

import (
	"cmp"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/api/execpb"
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
	m.tellExecutors(in)
	// More often than this is only for the tasks.
	if m.stream != streamRegistered || m.now.Sub(m.usageTold) < sampleEvery-time.Second {
		return
	}
	m.usageTold = m.now
	uuids := make([]string, len(m.info.GPUs))
	for i := range m.info.GPUs {
		uuids[i] = m.info.GPUs[i].UUID
	}
	m.send(&agentpb.AgentMessage{Kind: &agentpb.AgentMessage_GpuUsage{GpuUsage: agentpb.FromGPUSamples(uuids, in.Samples)}})
}

// tellExecutors gives the sample to those whose tasks have devices.
func (m *Machine) tellExecutors(in GPUUsage) {
	if m.gpuUsers == 0 {
		return
	}
	msg := &execpb.ToExecutor{Kind: &execpb.ToExecutor_GpuSample{GpuSample: gpuSample(in)}}
	for _, j := range m.sortedJobs() {
		for _, x := range j.execs {
			if x.gpus {
				m.tell(x, msg)
			}
		}
	}
}

func gpuSample(in GPUUsage) *execpb.GpuSample {
	out := &execpb.GpuSample{At: in.At.UnixNano()}
	for i := range in.Devices {
		d := &in.Devices[i]
		u := &execpb.GpuUsage{
			Uuid: d.UUID, BusyPercent: int32(d.BusyPercent), MemoryUsedBytes: d.MemoryUsedBytes, ProcessesUnknown: d.ProcessesUnknown,
		}
		for _, p := range d.Processes {
			u.Processes = append(u.Processes, &execpb.GpuProcess{
				Pid: int32(p.PID), MemoryUsedBytes: p.MemoryUsedBytes, BusyPercent: int32(p.BusyPercent),
			})
		}
		out.Devices = append(out.Devices, u)
	}
	return out
}

// gpuWanted notes whether x wants to be told what goes on on the devices. Each
// task that starts is to be seen once before long.
func (m *Machine) gpuWanted(x *process, on bool) {
	if !on && !x.gpus {
		return
	}
	switch {
	case on && !x.gpus:
		m.gpuUsers++
	case !on:
		m.gpuUsers--
	}
	x.gpus = on
	if on || m.gpuUsers == 0 {
		m.do(SampleGPUs{Often: m.gpuUsers > 0})
	}
}

// tellGPUs sends the devices where they are not what Register said.
func (m *Machine) tellGPUs() {
	if m.gpusTold || m.stream != streamRegistered {
		return
	}
	m.gpusTold = true
	m.send(&agentpb.AgentMessage{Kind: &agentpb.AgentMessage_Devices{Devices: &agentpb.Devices{Gpus: agentpb.FromGPUs(m.info.GPUs)}}})
}
