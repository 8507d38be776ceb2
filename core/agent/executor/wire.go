package executor

import (
	"iter"
	"time"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/model"
)

func taskKey(t *execpb.Task) lifecycle.Key {
	return lifecycle.Key{Group: uint16(t.GetGroup()), Index: t.GetIndex(), Attempt: uint16(t.GetAttempt())}
}

func wireTask(k lifecycle.Key, s model.TaskState) *execpb.Task {
	return &execpb.Task{Group: uint32(k.Group), Index: k.Index, Attempt: uint32(k.Attempt), State: uint32(s)}
}

func keyOfStatus(s *model.TaskStatus) lifecycle.Key {
	return lifecycle.Key{Group: s.Task.Group, Index: s.Task.Index, Attempt: s.Task.Attempt}
}

// launched yields the attempts that a Launch names.
func launched(l *execpb.Launch) iter.Seq[lifecycle.Key] {
	return func(yield func(lifecycle.Key) bool) {
		for i, index := range l.Indices {
			k := lifecycle.Key{Group: uint16(l.Group), Index: index}
			if i < len(l.Attempts) {
				k.Attempt = uint16(l.Attempts[i])
			}
			if !yield(k) {
				return
			}
		}
	}
}

// grantOf returns the named things of the n-th task that l names, nil if none.
func grantOf(l *execpb.Launch, n int) *model.Grant {
	if n >= len(l.Grants) {
		return nil
	}
	g := &model.Grant{}
	for _, d := range l.Grants[n].GetGpus() {
		g.GPUs = append(g.GPUs, model.GPUShare{UUID: d.GetUuid(), Milli: d.GetMilli()})
	}
	for _, p := range l.Grants[n].GetPorts() {
		g.Ports = append(g.Ports, uint16(p))
	}
	return g
}

// gangOf returns what a launch says of its gang, nil if it is none or makes no sense.
func gangOf(l *execpb.Launch) *model.GangPlan {
	if l.Gang == nil {
		return nil
	}
	g := &model.GangPlan{
		Size: int(l.Gang.Size), Nodes: l.Gang.Nodes, LeaderAddress: l.Gang.LeaderAddress, LeaderPort: uint16(l.Gang.LeaderPort),
	}
	for i := 0; i+1 < len(l.Gang.Runs); i += 2 {
		g.Runs = append(g.Runs, model.GangRun{Node: int(l.Gang.Runs[i]), Count: int(l.Gang.Runs[i+1])})
	}
	if g.Validate() != nil {
		return nil
	}
	return g
}

// nodesOf returns the device nodes of the n-th task's devices.
func nodesOf(l *execpb.Launch, n int) map[string][]string {
	if n >= len(l.Grants) || len(l.Grants[n].GetGpus()) == 0 {
		return nil
	}
	nodes := map[string][]string{}
	for _, d := range l.Grants[n].Gpus {
		nodes[d.GetUuid()] = d.GetNodes()
	}
	return nodes
}

func wireUpdate(seq uint64, s *model.TaskStatus) *execpb.Update {
	k := lifecycle.Key{Group: s.Task.Group, Index: s.Task.Index, Attempt: s.Task.Attempt}
	u := &execpb.Update{
		Seq: seq, Task: wireTask(k, s.State), Reason: uint32(s.Reason), Message: s.Message,
		At: nanos(s.At), Started: nanos(s.Started), Finished: nanos(s.Finished),
	}
	if r := s.Result; r != nil {
		u.Result = &execpb.Result{Cause: string(r.Cause), ExitCode: int32(r.ExitCode), Signal: int32(r.Signal), Task: r.Task}
	}
	if s.Usage != nil {
		u.CpuNs, u.PeakMemoryBytes = int64(s.Usage.CPU), s.Usage.PeakMemoryBytes
		for _, g := range s.Usage.GPUs {
			u.Gpus = append(u.Gpus, &execpb.TaskGpu{
				Uuid: g.UUID, Samples: uint32(max(g.Samples, 0)), PeakMemoryBytes: g.PeakMemoryBytes, BusyMilli: g.BusyMilli, OfDevice: g.OfDevice,
			})
		}
	}
	if h := s.Health; h != nil {
		u.Health = &execpb.Health{Healthy: h.Healthy}
		for _, c := range h.Checks {
			u.Health.Checks = append(u.Health.Checks, &execpb.CheckStatus{Service: c.Service, Check: c.Check, Passing: c.Passing, Output: c.Output})
		}
	}
	return u
}

// nanos is a time on the wire: nanoseconds since the Unix epoch, 0 = not set.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
