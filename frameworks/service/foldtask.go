package service

import (
	"strings"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// foldStaged records launches that are on their way to their agents.
func (f *Framework) foldStaged(e *model.Staged) {
	at := sdk.MicrosOf(e.At)
	for i := range e.Launches {
		l := &e.Launches[i]
		x, ok := f.launchOf(l.Job)
		var g *group
		if ok {
			g = x.group(l.Group)
		}
		for n, t := range l.Tasks {
			if g == nil || !f.stage(g, x, l.Agent, t, at) {
				f.out.kill(l.ID(n), model.ReasonNone) // nobody waits for it
			}
		}
		if g != nil {
			g.refusals = sdk.Refusals{}
			f.out.touch(g.job)
		}
	}
}

// stage folds the launch of one task; false if no allocation wants it.
func (f *Framework) stage(g *group, l launch, agent model.AgentID, t model.Attempt, at sdk.Micros) bool {
	s := g.slot(t.Index)
	if s == nil && g.job.system() && g.want() != nil && !g.job.stopping() {
		s = &slot{Index: t.Index, Agent: agent}
		f.insert(g, s)
		s.Cur = g.newAlloc(s)
	}
	if s == nil {
		return false
	}
	for _, a := range [...]*alloc{s.Cur, s.Next} {
		if a == nil || a.Base != l.base || a.Lane != l.lane || a.Live || a.Attempt != t.Attempt || a.Stop != 0 {
			continue
		}
		a.Live, a.State, a.Agent, a.Attempt = true, model.TaskStaging, agent, a.Attempt+1
		a.Staged, a.Started, a.Well, a.Checks = at, 0, 0, nil
		a.Marked, a.Since, a.Wait, a.claimed = false, 0, 0, false
		if a.First == 0 {
			a.First = at
		}
		return true
	}
	return false
}

// foldStatuses records what became of tasks.
func (f *Framework) foldStatuses(sts model.Statuses) {
	for i := range sts {
		st := &sts[i]
		g, s, a := f.find(st.Task)
		if a == nil {
			continue
		}
		next, err := a.State.Next(st.State)
		if err != nil {
			continue
		}
		news := next != a.State
		a.State = next
		switch {
		case next.Terminal():
			f.ended1(g, s, a, st)
		case next == model.TaskRunning:
			f.running(g, s, a, st)
		case next == model.TaskUnreachable:
			a.Well = 0
		}
		f.noticeTask(g, st, news)
		f.out.touch(g.job)
		if next.Terminal() {
			f.endIfOver(g.job, sdk.MicrosOf(st.At))
		}
	}
}

// running folds an update about a task that runs: that it does, or what its
// checks say.
func (f *Framework) running(g *group, s *slot, a *alloc, st *model.TaskStatus) {
	at := sdk.MicrosOf(st.At)
	if a.Started == 0 {
		a.Started = at
		if !st.Started.IsZero() {
			a.Started = sdk.MicrosOf(st.Started)
		}
		if j := g.job; j.Started == 0 || j.State == model.JobQueued {
			if j.Started == 0 {
				j.Started = at
			}
			if j.State == model.JobQueued {
				j.State = model.JobRunning
			}
			f.out.notice(at, "job_started", j, "")
		}
	}
	if st.Health != nil {
		a.Checks = st.Health
	}
	f.assess(g, s, a, at)
}

// ended1 folds the end of an allocation's task.
func (f *Framework) ended1(g *group, s *slot, a *alloc, st *model.TaskStatus) {
	at := sdk.MicrosOf(st.At)
	a.End = &ending{
		At: at, Attempt: a.Attempt - 1, State: st.State, Result: st.Result, Reason: st.Reason,
		Message: strings.ToValidUTF8(clip(st.Message, maxMessage), ""),
	}
	if u := st.Usage; u != nil {
		g.job.CPU += u.CPU
		g.job.PeakBytes = max(g.job.PeakBytes, u.PeakMemoryBytes)
		if len(u.GPUs) > 0 && a.Started != 0 {
			sum := model.Usage{GPUTime: g.job.GPUTime, PeakGPUMemoryBytes: g.job.PeakGPU}
			sum.AddGPUs(u.GPUs, at.Time().Sub(a.Started.Time()))
			g.job.GPUTime, g.job.PeakGPU = sum.GPUTime, sum.PeakGPUMemoryBytes
		}
	}
	well := a.Well
	a.Live, a.Well, a.killed, a.withdrawn = false, 0, false, false
	if a.Stop != 0 || a == s.Cur && s.Moving && s.Next != nil && s.Next.Stop == 0 { // its successor is the same
		f.gone(g, s, a, at)
		return
	}
	switch causeOf(st) {
	case model.CausePreempted, model.CauseDeviceLost:
		a.Prefer, a.Shun = "", ""
	case model.CauseNodeLost, model.CauseKilled, model.CauseDrained:
		// Its agent is gone, or is going. It was no fault of the task's.
		a.Prefer, a.Shun = "", ""
		if g.job.system() {
			f.gone(g, s, a, at)
			return
		}
	default:
		f.failed(g, s, a, at, well)
	}
	if s.Leave != 0 && s.Cur == a && !a.Failed {
		// It had to leave anyhow, and now starts elsewhere.
		s.Leave, a.Prefer, a.Shun = 0, "", a.Agent
		if g.job.system() {
			f.gone(g, s, a, at)
		}
	}
}

func causeOf(st *model.TaskStatus) model.Cause {
	switch {
	case st.Reason == model.ReasonContainerPreempted:
		return model.CausePreempted
	case st.Reason == model.ReasonAgentDraining:
		return model.CauseDrained
	case st.Result == nil:
		return model.CauseNodeLost
	}
	return st.Result.Cause
}

// maxMessage bounds what is kept of a task's last words.
const maxMessage = 512

func clip(s string, n int) string { return s[:min(len(s), n)] }

// noticeTask tells of a task's new state, or of its health.
func (f *Framework) noticeTask(g *group, st *model.TaskStatus, news bool) {
	if f.out == nil || !news && st.Health == nil {
		return
	}
	kind := "task_" + strings.ToLower(st.State.String())
	if !news {
		kind = "task_unhealthy"
		if st.Health.Healthy {
			kind = "task_healthy"
		}
	}
	id := st.Task
	f.out.Notices = append(f.out.Notices, model.Notice{
		At: st.At, Kind: kind, Job: g.job.ID, JobName: g.job.spec().Name, Task: &id, Group: g.Name,
		Agent: st.Agent, Status: st, Message: st.Message,
	})
}
