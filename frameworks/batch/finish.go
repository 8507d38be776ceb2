package batch

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// endIfOver ends the job if nothing of it is left to do.
func (f *Framework) endIfOver(j *job, at sdk.Micros) {
	if j.state.Ended() || j.live > 0 || j.open > 0 && j.state != model.JobStopping || j.noHosts() && j.state != model.JobStopping {
		return
	}
	j.outcome = j.judge()
	switch {
	case j.state == model.JobStopping:
		j.state = model.JobCancelled
		j.outcome = outcome{ExitCode: model.ExitCancelled, Cause: model.CauseKilled, Message: "cancelled"}
	case j.outcome.Failed:
		j.state = model.JobFailed
	case j.outcome.ExitCode == model.ExitCancelled:
		j.state = model.JobCancelled
	default:
		j.state = model.JobSucceeded
	}
	j.ended = max(at, j.started, j.submitted)
	f.closed(j)
	f.stopWaiting(j)
	j.freeReady()
	j.agentPos, j.lastText = nil, ""
	f.touchAll(j)
	f.out.jobDone(j.id)
	f.out.notice(j.ended, "job_ended", j, j.outcome.text())
	f.wakeWaiters(j, j.ended)
}

func (o *outcome) text() string {
	if o.Message == "" {
		return "exit code " + strconv.Itoa(o.ExitCode)
	}
	return "exit code " + strconv.Itoa(o.ExitCode) + ": " + o.Message
}

// judge finds the outcome of a job all of whose slots have ended. Its exit code
// is that of its first failed task; for an array, a gang or a run everywhere, of the one with the
// largest code. Of several groups the one that failed first speaks.
func (j *job) judge() outcome {
	var n [numClasses]int
	for i := range j.groups {
		for c, k := range j.groups[i].counts {
			n[c] += k
		}
	}
	failed := n[classFailed] + n[classLost]
	n[classKilled] -= j.leftBehind()
	switch {
	case failed > 0:
	case n[classKilled] > 0:
		o := outcome{ExitCode: model.ExitCancelled, Cause: model.CauseKilled, Message: "its task was killed"}
		if total := j.slots(); total > 1 {
			o.Message = fmt.Sprintf("%d of %d tasks were killed", n[classKilled], total)
		}
		return o
	default:
		return outcome{Cause: model.CauseFinished}
	}
	var worst *group
	var at int
	var first sdk.Micros
	for i := range j.groups {
		g := &j.groups[i]
		if k, failed := g.worst(); k >= 0 && (worst == nil || failed < first) {
			worst, at, first = g, k, failed
		}
	}
	s := worst.peek(at)
	return outcome{
		Failed: true, Group: worst.num, Slot: uint32(at),
		ExitCode: s.code(), Cause: causes[s.cause], Message: worst.failureText(at, &s, failed),
	}
}

// worst returns the slot that speaks for the group's failure, -1 if none
// failed, and when the first of its slots failed.
func (g *group) worst() (best int, first sdk.Micros) {
	best = -1
	if g.counts[classFailed]+g.counts[classLost] == 0 {
		return best, 0
	}
	byCode := g.gang() || g.spec.Array != nil || g.hosts != nil
	var b slot
	if g.gang() {
		if n, ok := g.firstToFail(); ok {
			return n, g.peek(n).finished
		}
	}
	g.launched(func(n int, s *slot) {
		if c := s.state.class(); c != classFailed && c != classLost {
			return
		}
		if best < 0 || s.finished < first {
			first = s.finished
		}
		if best < 0 || byCode && s.code() > b.code() || !byCode && s.finished < b.finished {
			best, b = n, *s
		}
	})
	return best, first
}

// firstToFail returns the slot of a gang whose failure stopped the others. What
// came of them says more about that than about themselves.
func (g *group) firstToFail() (first int, ok bool) {
	g.launched(func(n int, s *slot) {
		if c := s.state.class(); s.flags&flagFirst != 0 && (c == classFailed || c == classLost) {
			first, ok = n, true
		}
	})
	return first, ok
}

// code returns the exit code a shell would see of a slot that ended; never 0
// for one that did not succeed.
func (s *slot) code() int {
	r := model.Result{ExitCode: int(s.exitCode), Signal: int(s.signal)}
	switch {
	case s.state.class() == classLost:
		return model.ExitLost
	case r.Code() == 0 && s.state.class() == classFailed:
		return 1
	}
	return r.Code()
}

func (g *group) failureText(n int, s *slot, failed int) string {
	var b strings.Builder
	if m := g.messages[uint32(n)]; g.gang() && isRank(m) {
		b.WriteString(m)
		if failed > 1 {
			fmt.Fprintf(&b, " (the first of %d to fail)", failed)
		}
		return b.String()
	}
	if g.size > 1 {
		fmt.Fprintf(&b, "task %d of group %q ", g.indexAt(n), g.spec.Name)
	} else {
		fmt.Fprintf(&b, "group %q ", g.spec.Name)
	}
	switch causes[s.cause] {
	case model.CauseOOM:
		b.WriteString("ran out of its memory limit")
	case model.CauseTimeLimit:
		b.WriteString("ran past its time limit")
	case model.CauseNodeLost:
		b.WriteString("was lost with its agent")
	case model.CauseDeviceLost:
		b.WriteString("lost its device")
	case model.CauseExecutorLost:
		b.WriteString("was lost with its executor")
	case model.CauseLaunchFailed:
		b.WriteString("could not be started")
	default:
		b.WriteString("failed")
		if s.signal != 0 {
			fmt.Fprintf(&b, " on signal %d", s.signal)
		}
	}
	if m := g.messages[uint32(n)]; m != "" {
		b.WriteString(": " + m)
	}
	if failed > 1 {
		fmt.Fprintf(&b, " (%d of %d tasks failed)", failed, g.job.slots())
	}
	return b.String()
}

func isRank(message string) bool {
	_, ok := model.RankNamed(message)
	return ok
}
