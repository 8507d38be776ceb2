package master

import (
	"fmt"
	"math"
	"time"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/model"
)

func taskIDToWire(id model.TaskID) *agentpb.TaskId {
	return &agentpb.TaskId{Job: string(id.Job), Group: uint32(id.Group), Index: id.Index, Attempt: uint32(id.Attempt)}
}

func taskIDFromWire(w *agentpb.TaskId) (model.TaskID, error) {
	if w == nil || w.Job == "" || w.Group > math.MaxUint16 || w.Attempt > math.MaxUint16 {
		return model.TaskID{}, fmt.Errorf("read task id %v: a field is missing or too large", w)
	}
	return model.TaskID{Job: model.JobID(w.Job), Group: uint16(w.Group), Index: w.Index, Attempt: uint16(w.Attempt)}, nil
}

// grantsToWire returns nil for launches without named things.
func grantsToWire(gs []model.Grant) []*agentpb.Grant {
	if len(gs) == 0 {
		return nil
	}
	out := make([]*agentpb.Grant, len(gs))
	for i := range gs {
		w := &agentpb.Grant{}
		for _, d := range gs[i].GPUs {
			w.Gpus = append(w.Gpus, &agentpb.GpuShare{Uuid: d.UUID, Milli: d.Milli})
		}
		for _, p := range gs[i].Ports {
			w.Ports = append(w.Ports, uint32(p))
		}
		out[i] = w
	}
	return out
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// fromNanos gives UTC times, so that a replayed status equals the one that was folded live.
func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

func statusToWire(s *model.TaskStatus) *agentpb.Update {
	u := &agentpb.Update{
		Task: taskIDToWire(s.Task), State: uint32(s.State), Reason: uint32(s.Reason), Message: s.Message,
		At: nanos(s.At), Started: nanos(s.Started), Finished: nanos(s.Finished),
	}
	if r := s.Result; r != nil {
		u.Result = &agentpb.Result{Cause: string(r.Cause), ExitCode: int32(r.ExitCode), Signal: int32(r.Signal), Task: r.Task}
	}
	if s.Usage != nil {
		u.CpuNs, u.PeakMemoryBytes = int64(s.Usage.CPU), s.Usage.PeakMemoryBytes
		u.Gpus = agentpb.FromTaskGPUs(s.Usage.GPUs)
	}
	u.Health = agentpb.FromHealth(s.Health)
	return u
}

func statusFromWire(agent model.AgentID, u *agentpb.Update) (model.TaskStatus, error) {
	id, err := taskIDFromWire(u.Task)
	if err != nil {
		return model.TaskStatus{}, err
	}
	if u.State > uint32(model.TaskUnknown) || u.Reason > math.MaxUint8 {
		return model.TaskStatus{}, fmt.Errorf("read update of task %s: no state %d or reason %d", id, u.State, u.Reason)
	}
	s := model.TaskStatus{
		Task: id, Agent: agent, State: model.TaskState(u.State), Reason: model.TaskReason(u.Reason), Message: u.Message,
		At: fromNanos(u.At), Started: fromNanos(u.Started), Finished: fromNanos(u.Finished),
	}
	if r := u.Result; r != nil {
		s.Result = &model.Result{Cause: model.Cause(r.Cause), ExitCode: int(r.ExitCode), Signal: int(r.Signal), Task: r.Task}
	}
	if u.CpuNs != 0 || u.PeakMemoryBytes != 0 || len(u.Gpus) > 0 {
		s.Usage = &model.Usage{CPU: model.Duration(u.CpuNs), PeakMemoryBytes: u.PeakMemoryBytes, GPUs: agentpb.ToTaskGPUs(u.Gpus)}
	}
	if s.State == model.TaskRunning {
		s.Health = agentpb.ToHealth(u.Health)
	}
	return s, nil
}
