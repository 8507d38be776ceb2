package executor

import (
	"strconv"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/model"
)

// TestGPUUse: what the task's own processes do with its device is in its result,
// what others do there is not; the agent is asked for samples while it runs only.
func TestGPUUse(t *testing.T) {
	j := sh("sleep 1000 & echo $! > pid; wait")
	j.Groups[0].Tasks[0].Driver = model.DriverRawExec // with pids that are everybody's
	j.Groups[0].Tasks[0].Resources.GPU = &model.GPURequest{Count: 1, ShareMilli: 500}
	r := newRig(t, j)
	r.launchWith(&execpb.Launch{Indices: []uint32{0}, Grants: []*execpb.Grant{{Gpus: []*execpb.GpuShare{{Uuid: "GPU-1", Milli: 500}}}}})
	r.awaitReached(lifecycle.Key{}, model.TaskRunning)
	for len(r.wanted) == 0 {
		r.must(r.receive())
	}
	pid, err := strconv.Atoi(r.awaitFile("t/pid"))
	r.must(err)
	start := time.Now()
	for i, busy := range []int32{40, 20} {
		r.send(&execpb.ToExecutor{Kind: &execpb.ToExecutor_GpuSample{GpuSample: &execpb.GpuSample{
			At: start.Add(time.Duration(i+1) * time.Hour).UnixNano(),
			Devices: []*execpb.GpuUsage{{Uuid: "GPU-1", BusyPercent: 100, MemoryUsedBytes: 1 << 40, Processes: []*execpb.GpuProcess{
				{Pid: int32(pid), MemoryUsedBytes: int64(busy) << 20, BusyPercent: busy}, {Pid: 1, MemoryUsedBytes: 1 << 39, BusyPercent: 60},
			}}},
		}}})
	}
	r.sync()
	r.reconnect()
	if !r.state.GpuWanted {
		t.Error("an agent that comes back is not told that samples are wanted")
	}
	r.kill(&execpb.Kill{GraceNs: -1})
	u := r.await(lifecycle.Key{})
	if len(u.Gpus) != 1 || u.Gpus[0].Uuid != "GPU-1" || u.Gpus[0].Samples != 2 || u.Gpus[0].PeakMemoryBytes != 40<<20 || u.Gpus[0].OfDevice {
		t.Errorf("used %v", u.Gpus)
	}
	if b := u.Gpus[0].BusyMilli; b < 299 || b > 301 {
		t.Errorf("busy for %d thousandths of the time", b)
	}
	for len(r.wanted) < 2 {
		r.must(r.receive())
	}
	if !r.wanted[0] || r.wanted[1] {
		t.Errorf("samples were wanted: %v", r.wanted)
	}
}

// TestUseOfNoGPU: a task without devices asks for no samples and tells of none.
func TestUseOfNoGPU(t *testing.T) {
	r := newRig(t, sh("true"))
	if u := r.run(0); len(u.Gpus) != 0 || len(r.wanted) != 0 {
		t.Errorf("used %v, samples were wanted: %v", u.Gpus, r.wanted)
	}
}

// TestUseThatNobodySaw: a task that no sample has seen says so.
func TestUseThatNobodySaw(t *testing.T) {
	j := sh("true")
	j.Groups[0].Tasks[0].Resources.GPU = &model.GPURequest{Count: 1}
	r := newRig(t, j)
	r.launchWith(&execpb.Launch{Indices: []uint32{0}, Grants: []*execpb.Grant{{Gpus: []*execpb.GpuShare{{Uuid: "GPU-1", Milli: 1000}}}}})
	if u := r.await(lifecycle.Key{}); len(u.Gpus) != 1 || u.Gpus[0].Samples != 0 || u.Gpus[0].PeakMemoryBytes != -1 || u.Gpus[0].BusyMilli != -1 {
		t.Errorf("used %v", u.Gpus)
	}
}
