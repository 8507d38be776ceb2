package cli

import (
	"fmt"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// gpuTotal is what a job did with devices, to be put after what else it used.
func gpuTotal(u *model.Usage) string {
	if u.GPUTime == 0 && u.PeakGPUMemoryBytes == 0 {
		return ""
	}
	return fmt.Sprintf("; GPUs busy for %s, at most %s of one's memory", span(u.GPUTime.Std()), model.FormatBytes(u.PeakGPUMemoryBytes))
}

func usedGPUs(tasks []model.TaskView) bool {
	return slices.ContainsFunc(tasks, func(v model.TaskView) bool { return v.Usage != nil && len(v.Usage.GPUs) > 0 })
}

// gpuCells says how busy a task's devices were on average, and how much of the
// memory of one was in use at most. "of device" are figures that others may have
// a part in.
func gpuCells(u *model.Usage) (busy, memory string) {
	if u == nil || len(u.GPUs) == 0 {
		return "-", "-"
	}
	var sum, known, peak int64
	peak = -1
	of := ""
	for _, g := range u.GPUs {
		if g.BusyMilli >= 0 {
			sum += g.BusyMilli
			known++
		}
		peak = max(peak, g.PeakMemoryBytes)
		if g.OfDevice {
			of = " of device"
		}
	}
	busy, memory = "unknown", "unknown"
	if known > 0 {
		busy = fmt.Sprintf("%d%%%s", (sum/known+5)/10, of)
		if n := len(u.GPUs); n > 1 {
			busy = fmt.Sprintf("%d × %s", n, busy)
		}
	}
	if peak >= 0 {
		memory = model.FormatBytes(peak) + of
	}
	return busy, memory
}
