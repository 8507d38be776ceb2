package batch

import (
	"fmt"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// view is a job as shown to people.
func (f *Framework) view(j *job, withSpec bool) model.JobView {
	v := model.JobView{
		ID: j.id, Name: j.spec.Name, Type: j.spec.Type, Role: j.spec.Role, Priority: j.spec.Priority,
		User: j.user, Parent: j.parent, State: j.state,
		Submitted: j.submitted.Time(), Started: j.started.Time(), Ended: j.ended.Time(),
		Slots: j.slotCounts(),
		Usage: model.Usage{
			CPU: model.Duration(j.cpu), PeakMemoryBytes: j.peakBytes, GPUTime: model.Duration(j.gpuTime), PeakGPUMemoryBytes: j.peakGPU,
		},
	}
	for _, d := range j.deps {
		v.DependsOn = append(v.DependsOn, model.Dependency{Job: string(d.Job), Kind: d.Kind})
	}
	if j.state.Ended() {
		o := j.outcome
		v.ExitCode, v.Cause, v.Message = &o.ExitCode, o.Cause, o.Message
		if o.Failed {
			t := j.groups[o.Group].task(int(o.Slot))
			v.Failure = &t
		}
	}
	if withSpec {
		v.Spec = j.spec
	}
	return v
}

// slotCounts counts the job's slots; the waiting ones of a cancelled job are killed.
func (j *job) slotCounts() model.SlotCounts {
	var c model.SlotCounts
	for i := range j.groups {
		n := &j.groups[i].counts
		c.Total += j.groups[i].filled()
		c.Waiting += n[classWaiting] + n[classDelayed]
		c.Staging += n[classStaging]
		c.Running += n[classRunning]
		c.Succeeded += n[classOK]
		c.Failed += n[classFailed]
		c.Killed += n[classKilled]
		c.Lost += n[classLost]
	}
	if j.dropped() {
		c.Killed += c.Waiting
		c.Waiting = 0
	}
	return c
}

const stateWaiting = "waiting"

// stateName is the state that a slot is shown in.
func (g *group) stateName(s slotState) string {
	switch {
	case s != slotWaiting && s != slotDelayed:
		return taskStateNames[s.task()]
	case g.job.dropped():
		return taskStateNames[model.TaskKilled]
	}
	return stateWaiting
}

var taskStateNames = func() (n [16]string) {
	for i := range n {
		n[i] = strings.ToLower(model.TaskState(i).String())
	}
	return n
}()

// task is slot n as shown to people: its latest attempt, or while it waits the
// attempt to come, with what became of the last as the message.
func (g *group) task(n int) model.TaskView {
	s := g.peek(n)
	v := model.TaskView{ID: g.taskID(n, s), Group: g.spec.Name, State: g.stateName(s.state)}
	if v.State == stateWaiting {
		if s.attempts > 0 {
			v.Message = fmt.Sprintf("attempt %d: %s", v.ID.Attempt, g.lastEnd(n, &s))
			v.ID.Attempt++
		}
		if t := g.tries[uint32(n)]; s.state == slotDelayed && !g.gang() {
			v.Message += ", tried again at " + t.dueTime().Format(time.RFC3339)
		}
		return v
	}
	if s.attempts == 0 || s.state == slotWaiting || s.state == slotDelayed {
		v.Finished, v.Message = g.droppedAt(&s).Time(), "cancelled before it started"
		if s.attempts > 0 {
			v.Message = fmt.Sprintf("cancelled before attempt %d; attempt %d: %s", s.attempts, v.ID.Attempt, g.lastEnd(n, &s))
		}
		return v
	}
	v.Agent = g.job.agents[s.agent]
	v.Staged, v.Started, v.Finished = s.staged.Time(), s.started.Time(), s.finished.Time()
	v.Reason, v.Message = s.reason, g.messages[uint32(n)]
	if s.state.class().ended() {
		v.Result = g.result(&s)
	}
	if s.flags&flagUsage != 0 {
		v.Usage = &model.Usage{CPU: model.Duration(s.cpu), PeakMemoryBytes: s.peakBytes, GPUs: g.gpus[uint32(n)]}
	}
	return v
}

func (g *group) result(s *slot) *model.Result {
	r := &model.Result{Cause: causes[s.cause], ExitCode: int(s.exitCode), Signal: int(s.signal)}
	if s.task > 0 && int(s.task) <= len(g.spec.Tasks) {
		r.Task = g.spec.Tasks[s.task-1].Name
	}
	return r
}

// droppedAt is when a slot without a live attempt was cancelled.
func (g *group) droppedAt(s *slot) sdk.Micros {
	if s.state == slotWaiting || s.state == slotDelayed {
		return g.job.ended // with the whole job
	}
	return s.finished
}

// lastEnd says how the attempt before the one to come ended.
func (g *group) lastEnd(n int, s *slot) string {
	if m := g.messages[uint32(n)]; m != "" && (causes[s.cause] == model.CausePreempted || causes[s.cause] == model.CauseDeviceLost) {
		return m
	}
	text := string(causes[s.cause])
	if s.exitCode != 0 || s.signal != 0 {
		text += fmt.Sprintf(", exit code %d", g.result(s).Code())
	}
	if m := g.messages[uint32(n)]; m != "" {
		text += ": " + m
	}
	return text
}

// dueTime returns when the present retry delay ends.
func (t *tries) dueTime() time.Time {
	if !t.due.IsZero() {
		return t.due.UTC()
	}
	return t.since.Add(t.wait).Time()
}
