package batch

import (
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// recordGPUs keeps what an attempt did with its devices. Of a slot that is tried
// again it is the last attempt's, as all that is kept; the job adds them all up.
func (g *group) recordGPUs(n int, s *slot, u *model.Usage) {
	k := uint32(n)
	if u == nil || len(u.GPUs) == 0 {
		delete(g.gpus, k)
		return
	}
	var sum model.Usage
	ran := time.Duration(0)
	if s.started != 0 {
		ran = s.finished.Time().Sub(s.started.Time())
	}
	sum.AddGPUs(u.GPUs, ran)
	g.job.gpuTime += sum.GPUTime.Std()
	g.job.peakGPU = max(g.job.peakGPU, sum.PeakGPUMemoryBytes)
	if _, had := g.gpus[k]; !had && len(g.gpus) >= maxMessages {
		return
	}
	if g.gpus == nil {
		g.gpus = map[uint32][]model.TaskGPU{}
	}
	g.gpus[k] = u.GPUs
}

// gpuRecords is what a snapshot says of devices, by group and slot; nil if there
// is nothing to say.
func (j *job) gpuRecords() map[uint16]map[uint32][]model.TaskGPU {
	var all map[uint16]map[uint32][]model.TaskGPU
	for i := range j.groups {
		if len(j.groups[i].gpus) == 0 {
			continue
		}
		if all == nil {
			all = map[uint16]map[uint32][]model.TaskGPU{}
		}
		all[uint16(i)] = j.groups[i].gpus
	}
	return all
}

func (j *job) restoreGPUs(all map[uint16]map[uint32][]model.TaskGPU) {
	for i, slots := range all {
		if int(i) < len(j.groups) {
			j.groups[i].gpus = slots
		}
	}
}
