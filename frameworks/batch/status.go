package batch

import (
	"math"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// foldStatuses folds updates about tasks. An update about a job, slot or
// attempt that is not current, or one the task state table does not allow,
// changes nothing: updates are repeated until acknowledged.
func (f *Framework) foldStatuses(e model.Statuses) {
	for i := range e {
		f.foldStatus(&e[i])
	}
}

func (f *Framework) foldStatus(st *model.TaskStatus) {
	j := f.recent
	if j == nil || j.id != st.Task.Job {
		if j = f.jobs[st.Task.Job]; j == nil {
			return
		}
		f.recent = j
	}
	if int(st.Task.Group) >= len(j.groups) {
		return
	}
	g := &j.groups[st.Task.Group]
	n, ok := g.slotOf(st.Task.Index)
	if !ok || g.pages[n/pageSlots] == nil {
		return
	}
	s := g.at(n)
	if int(st.Task.Attempt)+1 != int(s.attempts) || !s.state.class().live() {
		return
	}
	from := s.state.task()
	to, err := from.Next(st.State)
	if err != nil || to == from {
		return
	}
	if to.Terminal() {
		f.foldEnd(g, n, s, st)
		return
	}
	g.set(n, s, taskSlot(to))
	if to == model.TaskRunning {
		if s.started == 0 {
			s.started = firstOf(sdk.MicrosOf(st.Started), sdk.MicrosOf(st.At))
		}
		f.jobRuns(j, s.started)
	}
	f.tell(j, st)
	if from == model.TaskUnreachable && to != model.TaskKilling && s.flags&flagKill != 0 {
		f.kill(g, n, s) // its agent may have missed the first
	}
}

// foldEnd records how an attempt ended and decides what becomes of its slot.
func (f *Framework) foldEnd(g *group, n int, s *slot, st *model.TaskStatus) {
	j := g.job
	at := firstOf(sdk.MicrosOf(st.Finished), sdk.MicrosOf(st.At), s.started, s.staged)
	v := judge(st, s.flags&flagKill != 0)
	if s.flags&flagKill != 0 {
		s.flags &^= flagKill
		g.killing--
	}
	st, v = g.held(n, st, v)
	g.record(n, s, st, at)
	if s.started != 0 {
		f.jobRuns(j, s.started)
	}
	to := st.State
	if v == verdictKilled && (to == model.TaskDropped || to == model.TaskGone) {
		// It was to stop; that nobody saw it stop changes nothing.
		to, s.cause = model.TaskKilled, codeOfCause(model.CauseKilled)
	}
	if v != verdictFree && s.started != 0 {
		f.learn(g, n, int64(at-s.started))
	}
	if s.started != 0 {
		f.work(g, int64(at-s.started))
	}
	g.set(n, s, taskSlot(to))
	if to == model.TaskKilled && v == verdictKilled && (g.abort == abortFault || g.abort == abortFree) {
		g.say(n, stoppedWithGang[g.abort])
	}
	f.tell(j, st)
	if g.gang() {
		f.letGo(g, n, v)
		f.endOfRank(g, n, s, v, at)
	} else {
		f.endOfTask(g, n, s, v, at)
	}
	f.touch(g)
	f.endIfOver(j, at)
}

// record keeps what a terminal update says.
func (g *group) record(n int, s *slot, st *model.TaskStatus, at sdk.Micros) {
	s.finished, s.reason = at, st.Reason
	if t := sdk.MicrosOf(st.Started); t != 0 {
		s.started = t
	} else if s.started == 0 && st.State == model.TaskFinished {
		s.started = at // it must have
	}
	if r := st.Result; r != nil {
		s.cause = codeOfCause(r.Cause)
		s.exitCode = int32(min(max(r.ExitCode, math.MinInt32), math.MaxInt32))
		s.signal = uint8(min(max(r.Signal, 0), math.MaxUint8))
		for i := range g.spec.Tasks {
			if g.spec.Tasks[i].Name == r.Task {
				s.task = uint8(i + 1)
			}
		}
	}
	if s.cause == 0 {
		s.cause = codeOfCause(likelyCause(st))
	}
	if u := st.Usage; u != nil {
		s.flags |= flagUsage
		s.cpu, s.peakBytes = max(u.CPU.Std().Truncate(time.Microsecond), 0), max(u.PeakMemoryBytes, 0)
		g.job.cpu += s.cpu
		g.job.peakBytes = max(g.job.peakBytes, s.peakBytes)
	}
	g.recordGPUs(n, s, st.Usage)
	g.say(n, st.Message)
}

// jobRuns notes that a task of the job has started at the time at.
func (f *Framework) jobRuns(j *job, at sdk.Micros) {
	if j.started == 0 {
		j.started = max(at, j.submitted)
		defer f.wakeWaiters(j, at)
	}
	if j.state == model.JobQueued {
		j.state = model.JobRunning
		f.out.notice(at, "job_started", j, "")
	}
}

// verdict is what the end of an attempt means for its slot.
type verdict uint8

const (
	verdictOK      verdict = iota
	verdictKilled          // stopped on request
	verdictFault           // failed: a retry counts
	verdictFree            // no fault of the job's: back to the queue for nothing
	verdictPreempt         // stopped for another job or a drain: back to the queue, however often
)

// judge reads a terminal update.
func judge(st *model.TaskStatus, wantedDead bool) verdict {
	var cause model.Cause
	if st.Result != nil {
		cause = st.Result.Cause
	}
	switch {
	case st.State == model.TaskFinished:
		return verdictOK
	case wantedDead:
		return verdictKilled
	case cause == model.CausePreempted || st.Reason == model.ReasonContainerPreempted || st.Reason == model.ReasonAgentDraining:
		return verdictPreempt
	case cause == model.CauseNodeLost || cause == model.CauseDeviceLost:
		return verdictFree
	case st.State == model.TaskFailed || st.State == model.TaskError:
		return verdictFault
	case st.State == model.TaskDropped:
		return verdictFree
	case st.State == model.TaskGone:
		if st.Reason == model.ReasonExecutorTerminated || cause == model.CauseExecutorLost {
			return verdictFault
		}
		return verdictFree
	}
	switch st.Reason { // killed, and not by this framework
	case model.ReasonAgentRemoved,
		model.ReasonAgentRemovedByOperator, model.ReasonAgentRestarted, model.ReasonAgentDisconnected:
		return verdictFree
	}
	return verdictKilled
}

// likelyCause is the cause of an end that was reported without one.
func likelyCause(st *model.TaskStatus) model.Cause {
	switch st.State {
	case model.TaskFinished:
		return model.CauseFinished
	case model.TaskKilled:
		return model.CauseKilled
	case model.TaskError:
		return model.CauseLaunchFailed
	case model.TaskDropped:
		return model.CauseNodeLost
	case model.TaskGone:
		if st.Reason == model.ReasonExecutorTerminated {
			return model.CauseExecutorLost
		}
		return model.CauseNodeLost
	}
	return model.CauseFailed
}

func firstOf(times ...sdk.Micros) sdk.Micros {
	for _, t := range times {
		if t != 0 {
			return t
		}
	}
	return 0
}
