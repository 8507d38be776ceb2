package batch

import (
	"fmt"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// endOfTask decides what becomes of a slot whose attempt has just ended.
func (f *Framework) endOfTask(g *group, n int, s *slot, v verdict, at sdk.Micros) {
	if v != verdictFault && v != verdictFree && v != verdictPreempt {
		return // with the job being stopped, always: the attempt was to be killed
	}
	wait, ok := g.again(n, v, at, s.ran())
	if !ok || s.attempts == maxAttemptNumber {
		return
	}
	f.putBack(g, n, s, wait)
	if f.out != nil {
		id := g.taskID(n, *s)
		f.out.retry(at, g, &id, backMessage(v, wait, g.messages[uint32(n)]))
	}
}

// ran is how long the slot's last attempt ran, as far as is known.
func (s *slot) ran() time.Duration {
	if s.started == 0 {
		return 0
	}
	return time.Duration(s.finished-s.started) * time.Microsecond
}

// again asks whether slot n may go back to the queue after an attempt that ran
// for so long, and counts it.
func (g *group) again(n int, v verdict, at sdk.Micros, ran time.Duration) (wait time.Duration, ok bool) {
	t := g.tries[uint32(n)]
	switch v {
	case verdictPreempt:
		return 0, true // others decide how often that is; its own tries are untouched
	case verdictFree:
		if ran >= freeAgainAfter {
			t.free = 0
		}
		if ok = t.free < maxFreeReturns; ok {
			t.free++
		}
	default:
		ok, wait, t.retries = sdk.Retry(g.spec.Restart, t.retries, at.Time())
	}
	if !ok {
		return 0, false
	}
	t.retries.Window = sdk.MicrosOf(t.retries.Window).Time() // as a snapshot keeps it
	t.since, t.wait = 0, 0
	if wait > 0 {
		t.since, t.wait = at, wait
	}
	if g.tries == nil {
		g.tries = map[uint32]tries{}
	}
	g.tries[uint32(n)] = t
	return wait, true
}

// putBack returns a slot to the queue, at once or after a delay.
func (f *Framework) putBack(g *group, n int, s *slot, wait time.Duration) {
	if wait <= 0 {
		g.set(n, s, slotWaiting)
		return
	}
	g.set(n, s, slotDelayed)
	if !g.gang() || n == 0 {
		f.setAlarm(g, n, wait)
	}
}

func backMessage(v verdict, wait time.Duration, ended string) string {
	switch {
	case v == verdictPreempt && ended != "":
		return ended + "; back in the queue"
	case v == verdictPreempt:
		return "preempted; back in the queue"
	case v == verdictFree:
		return "back in the queue through no fault of its own"
	}
	if wait > 0 {
		return fmt.Sprintf("tried again in %s", wait)
	}
	return "tried again"
}

var (
	abortOf   = map[verdict]abort{verdictFault: abortFault, verdictFree: abortFree, verdictPreempt: abortPreempt, verdictKilled: abortStop}
	verdictOf = map[abort]verdict{abortFault: verdictFault, abortFree: verdictFree, abortPreempt: verdictPreempt}
)

// stoppedWithGang is what is said of tasks that did not bring their gang down.
var stoppedWithGang = map[abort]string{
	abortFault: "stopped, as another rank had failed",
	abortFree:  "stopped, as another rank was lost",
}

// endOfRank decides what becomes of a gang after the end of one of its tasks:
// the first that does not succeed stops the others, and when none is left the
// gang goes back to the queue as one, or has failed.
func (f *Framework) endOfRank(g *group, n int, s *slot, v verdict, at sdk.Micros) {
	if g.abort == 0 && v != verdictOK {
		g.abort = abortOf[v]
		s.flags |= flagFirst
		f.killLive(g)
	}
	if g.abort == 0 || g.live() > 0 {
		return
	}
	why := verdictOf[g.abort]
	wanted := g.abort != abortStop && !g.job.dropped()
	g.abort = 0
	if !wanted {
		return
	}
	for k := range g.size {
		if g.at(k).attempts == maxAttemptNumber {
			return
		}
	}
	wait, ok := g.again(0, why, at, s.ran())
	if !ok {
		return
	}
	for k := range g.size {
		f.putBack(g, k, g.at(k), wait)
	}
	if why == verdictFree {
		g.at(0).flags |= flagFront
	}
	if f.out != nil {
		f.out.retry(at, g, nil, backMessage(why, wait, g.messages[uint32(n)]))
	}
}

// retry tells that a task's slot, or with no task a whole gang, is back in the queue.
func (o *outbox) retry(at sdk.Micros, g *group, task *model.TaskID, message string) {
	n := model.Notice{
		At: at.Time(), Kind: "task_retry", Job: g.job.id, JobName: g.job.spec.Name,
		Task: task, Group: g.spec.Name, Message: message,
	}
	if task == nil {
		n.Kind = "gang_retry"
	}
	o.Notices = append(o.Notices, n)
}

// tell puts a task's new state on the event stream. Staging, starting and
// killing are left out: a large array would say little else.
func (f *Framework) tell(j *job, st *model.TaskStatus) {
	if f.out == nil {
		return
	}
	kind := noticeKinds[st.State]
	if kind == "" {
		return
	}
	f.out.Notices = append(f.out.Notices, model.Notice{
		At: st.At, Kind: kind, Job: j.id, JobName: j.spec.Name, Task: &st.Task,
		Group: j.spec.Groups[st.Task.Group].Name, Agent: st.Agent, Status: st,
	})
}

var noticeKinds = [16]string{
	model.TaskRunning:     "task_running",
	model.TaskFinished:    "task_finished",
	model.TaskFailed:      "task_failed",
	model.TaskError:       "task_failed",
	model.TaskKilled:      "task_killed",
	model.TaskGone:        "task_lost",
	model.TaskDropped:     "task_dropped",
	model.TaskUnreachable: "task_unreachable",
}
