package agent

import (
	"fmt"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/model"
)

// formatEffect prints an effect on a line, times relative to now.
func formatEffect(now time.Time, e Effect) string {
	switch e := e.(type) {
	case Persist:
		return fmt.Sprintf("persist cluster=%s epoch=%d fence=%s", e.Meta.ClusterID, e.Meta.Epoch, e.Meta.FenceAfter)
	case Contact:
		return fmt.Sprintf("contact %s", e.At.Sub(now))
	case Send:
		return "send " + formatToMaster(e.Message)
	case Redial:
		return fmt.Sprintf("redial %q: %s", e.Address, e.Reason)
	case StartExecutor:
		return fmt.Sprintf("start %s", e.Exec)
	case SendExecutor:
		return fmt.Sprintf("tell %s %s", e.Exec, formatToExecutor(e.Message))
	case KillTree:
		return fmt.Sprintf("kill-tree %s", e.Exec)
	case Settle:
		return fmt.Sprintf("settle %s", e.Exec)
	case RemoveSandbox:
		return fmt.Sprintf("remove %s %d/%d/%d", e.Exec, e.Task.Group, e.Task.Index, e.Task.Attempt)
	case RemoveExecutor:
		return fmt.Sprintf("remove %s", e.Exec)
	case Measure:
		return "measure"
	case OpenLog:
		return "open-log " + e.Request.Request
	case CloseLog:
		return "close-log " + e.Request
	case Wake:
		return fmt.Sprintf("wake in %s", e.At.Sub(now))
	case Stop:
		return fmt.Sprintf("stop removed=%v %q", e.Removed, e.Message)
	}
	return fmt.Sprintf("%T", e)
}

func formatToMaster(m *agentpb.AgentMessage) string {
	switch k := m.Kind.(type) {
	case *agentpb.AgentMessage_Register:
		r := k.Register
		out := fmt.Sprintf("register %s name=%s cluster=%s epoch=%d incarnation=%s", r.AgentId, r.Name, r.ClusterId, r.LastEpoch, r.Incarnation)
		for _, t := range r.Tasks {
			out += fmt.Sprintf(" %s:%s", formatTaskID(t.Id), model.TaskState(t.State))
		}
		return out
	case *agentpb.AgentMessage_Updates:
		var out []string
		for _, u := range k.Updates.Updates {
			out = append(out, formatUpdate(u))
		}
		return "updates " + strings.Join(out, " ")
	case *agentpb.AgentMessage_Pong:
		return fmt.Sprintf("pong %d", k.Pong.Seq)
	case *agentpb.AgentMessage_LaunchRefused:
		return fmt.Sprintf("refused %s %v: %s", k.LaunchRefused.Launch.Job, k.LaunchRefused.Launch.Indices, k.LaunchRefused.Message)
	}
	return "?"
}

func formatTaskID(id *agentpb.TaskId) string {
	return fmt.Sprintf("%s/%d/%d/%d", id.Job, id.Group, id.Index, id.Attempt)
}

func formatUpdate(u *agentpb.Update) string {
	out := fmt.Sprintf("%d.%d:%s:%s", u.Seq>>bootShift, u.Seq&(1<<bootShift-1), formatTaskID(u.Task), model.TaskState(u.State))
	var more []string
	if u.Reason != 0 {
		more = append(more, strings.TrimPrefix(model.TaskReason(u.Reason).String(), "REASON_"))
	}
	if r := u.Result; r != nil {
		more = append(more, r.Cause)
		if r.ExitCode != 0 {
			more = append(more, fmt.Sprint("code=", r.ExitCode))
		}
		if r.Signal != 0 {
			more = append(more, fmt.Sprint("signal=", r.Signal))
		}
	}
	if more != nil {
		out += "(" + strings.Join(more, " ") + ")"
	}
	return out
}

func formatToExecutor(m *execpb.ToExecutor) string {
	switch k := m.Kind.(type) {
	case *execpb.ToExecutor_Hello:
		return fmt.Sprintf("hello %s patience=%s", k.Hello.AgentId, time.Duration(k.Hello.RecoveryTimeoutNs))
	case *execpb.ToExecutor_Launch:
		return fmt.Sprintf("launch group=%d indices=%v attempts=%v", k.Launch.Group, k.Launch.Indices, k.Launch.Attempts)
	case *execpb.ToExecutor_Kill:
		out := "kill"
		for _, t := range k.Kill.Tasks {
			out += fmt.Sprintf(" %d/%d/%d", t.Group, t.Index, t.Attempt)
		}
		if k.Kill.Tasks == nil {
			out += " all"
		}
		return out + fmt.Sprintf(" reason=%d grace=%s", k.Kill.Reason, time.Duration(k.Kill.GraceNs))
	case *execpb.ToExecutor_Acknowledge:
		return fmt.Sprintf("acknowledge %v", k.Acknowledge.Seqs)
	case *execpb.ToExecutor_Exit:
		return fmt.Sprintf("exit force=%v", k.Exit.Force)
	}
	return "?"
}
