package executor

import (
	"slices"
	"time"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/agent/executor/taskenv"
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/gpu"
)

// meterGPUs begins to add up what the task does with its devices, if it has any.
// Called once its processes run, with t.mu held.
func (t *run) meterGPUs(start time.Time) {
	t.gpus = gpu.NewMeter(taskenv.Devices(t.plan.group, t.plan.task, t.given.grant), start)
}

// sampleGPUs takes a sample in while the task's processes run.
func (t *run) sampleGPUs(at time.Time, all []gpu.Usage) {
	t.mu.Lock()
	defer t.mu.Unlock()
	// Under the lock, as in strike: the slot must stay this task's.
	if t.slot == nil || t.gpus == nil {
		return
	}
	pids, ok := t.slot.cell.Group.Pids()
	var own func(int) bool
	if ok {
		own = func(pid int) bool { return slices.Contains(pids, pid) }
	}
	t.gpus.Sample(at, all, own)
}

// gpuSample gives a sample to the tasks that run.
func (l *loop) gpuSample(in *execpb.GpuSample) {
	all := make([]gpu.Usage, 0, len(in.Devices))
	for _, d := range in.Devices {
		u := gpu.Usage{
			UUID: d.GetUuid(), BusyPercent: int(d.GetBusyPercent()), MemoryUsedBytes: d.GetMemoryUsedBytes(), ProcessesUnknown: d.GetProcessesUnknown(),
		}
		for _, p := range d.Processes {
			u.Processes = append(u.Processes, gpu.Process{PID: int(p.GetPid()), MemoryUsedBytes: p.GetMemoryUsedBytes(), BusyPercent: int(p.GetBusyPercent())})
		}
		all = append(all, u)
	}
	for _, t := range l.gpuTasks {
		t.sampleGPUs(time.Unix(0, in.At), all)
	}
}

// gpuTaskRuns notes that a task runs, and has the agent look at its devices soon
// if it has some.
func (l *loop) gpuTaskRuns(in lifecycle.Started) {
	a := l.runner.attempts[in.Key]
	if a == nil || a.given.grant == nil || len(a.given.grant.GPUs) == 0 {
		return
	}
	if t := a.runs[in.Task]; t != nil && t.metered() {
		l.gpuTasks = append(l.gpuTasks, t)
		l.wantGPUs(true)
	}
}

// gpuTaskEnded is its opposite.
func (l *loop) gpuTaskEnded(in lifecycle.Ended) {
	n := len(l.gpuTasks)
	l.gpuTasks = slices.DeleteFunc(l.gpuTasks, func(t *run) bool { return t.key == in.Key && t.task == in.Task })
	if n > 0 && len(l.gpuTasks) == 0 {
		l.wantGPUs(false)
	}
}

func (t *run) metered() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.gpus != nil
}

// gpuUse is what the samples say.
func (t *run) gpuUse() []model.TaskGPU {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.gpus.Use()
}

func (l *loop) wantGPUs(on bool) {
	l.send(&execpb.FromExecutor{Kind: &execpb.FromExecutor_GpuWanted{GpuWanted: &execpb.GpuWanted{On: on}}})
}
