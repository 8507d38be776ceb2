package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"syscall"
	"time"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

// Of a failed task's standard error, this much is shown.
const (
	tailLines = 10
	tailBytes = 8 << 10
	tailWait  = 3 * time.Second
)

// printEnd says how a job ended and, if it went wrong, where and with which
// last words.
func (w *watch) printEnd(ctx context.Context, v model.JobView) {
	p := w.stderrPaint()
	if v.State == model.JobSucceeded && (w.quiet || w.brief) || w.brief && plainFailure(v) {
		return
	}
	line := fmt.Sprintf("job %s (%s) %s", oneLine(v.Name), v.ID, p.paint(jobStyle(v.State), string(v.State)))
	if !v.Ended.IsZero() {
		line += " after " + span(v.Ended.Sub(v.Submitted))
	}
	if v.Slots.Total > 1 {
		line += ": " + slotsText(v.Slots)
	}
	if v.State == model.JobFailed && v.ExitCode != nil {
		line += fmt.Sprintf("; exit code %d", *v.ExitCode)
	}
	fmt.Fprintln(w.Stderr, line)
	if v.Failure == nil {
		if v.Message != "" && v.Message != string(v.State) {
			fmt.Fprintln(w.Stderr, "  "+printable(v.Message))
		}
		return
	}
	t := v.Failure
	fmt.Fprintf(w.Stderr, "  %s\n", taskEnd(*t))
	logs := fmt.Sprintf("tender logs %s", v.ID)
	if v.Slots.Total > 1 {
		logs += taskFlags(t)
	}
	if !w.follow && !t.Started.IsZero() {
		if text, more := w.lastWords(ctx, v.ID, t); text != "" {
			what := "its standard error:"
			if more {
				what = "the end of its standard error:"
			}
			fmt.Fprintf(w.Stderr, "  %s\n%s", what, text)
		}
	}
	if !t.Started.IsZero() && !w.brief {
		fmt.Fprintf(w.Stderr, "%s %s --stderr\n", p.paint(dim, "hint:"), logs)
	}
}

// taskFlags are what makes `tender logs` show the task, or the rank that failed.
func taskFlags(t *model.TaskView) string {
	if rank, ok := model.RankNamed(t.Message); ok {
		return fmt.Sprintf(" --group %s --rank %d", t.Group, rank)
	}
	return fmt.Sprintf(" --group %s --index %d", t.Group, t.ID.Index)
}

// plainFailure is one of a single command that said itself what was wrong.
func plainFailure(v model.JobView) bool {
	return v.State == model.JobFailed && v.Slots.Total == 1 && v.Failure != nil && v.Failure.Result != nil &&
		v.Failure.Result.Cause == model.CauseFailed && v.Failure.Result.Signal == 0
}

// taskEnd tells a task's end in a line: which, where, how.
func taskEnd(t model.TaskView) string {
	s := fmt.Sprintf("task %s[%d]", t.Group, t.ID.Index)
	if t.ID.Attempt > 0 {
		s += fmt.Sprintf(", attempt %d", t.ID.Attempt+1)
	}
	if t.AgentName != "" {
		s += " on " + t.AgentName
	}
	if how := howEnded(t.Result, t.Message); how != "" {
		s += ": " + how
	}
	return oneLine(s)
}

// howEnded joins what a result says with a message that says more.
func howEnded(r *model.Result, message string) string {
	if r == nil || r.Cause == model.CauseFinished {
		return message
	}
	how := resultText(*r)
	if saysAll(r.Cause) && message != "" {
		return message
	}
	if _, whole := model.RankNamed(message); whole || r.Cause == model.CauseKilled && strings.HasPrefix(message, "stopped") {
		return message
	}
	if message == "" || strings.Contains(how, message) {
		return how
	}
	return how + ": " + message
}

// saysAll are the causes of which the message tells for what, or what of.
func saysAll(c model.Cause) bool {
	switch c {
	case model.CausePreempted, model.CauseDeviceLost, model.CauseDrained, model.CauseUnhealthy:
		return true
	}
	return false
}

// resultText says in words how a task ended.
func resultText(r model.Result) string {
	how := fmt.Sprintf("exit code %d", r.ExitCode)
	if r.Signal != 0 {
		how = fmt.Sprintf("ended by signal %d (%s)", r.Signal, syscall.Signal(r.Signal))
	}
	in := ""
	if r.Task != "" {
		in = " in task " + r.Task
	}
	switch r.Cause {
	case model.CauseFinished:
		return "finished" + in
	case model.CauseFailed:
		return how + in
	case model.CauseOOM:
		return "ran out of memory" + in + ": its limit was reached and the kernel killed it"
	case model.CauseTimeLimit:
		return "ran past its time limit" + in
	case model.CauseKilled:
		return "stopped on request"
	case model.CausePreempted:
		return "stopped to make room for more urgent work"
	case model.CauseDrained:
		return "stopped as its node was drained"
	case model.CauseUnhealthy:
		return "stopped as a check failed too often" + in
	case model.CauseNodeLost:
		return "its agent was lost"
	case model.CauseDeviceLost:
		return "stopped, as a GPU of it must not be used any more"
	case model.CauseExecutorLost:
		return "its executor died, and with it the task"
	case model.CauseLaunchFailed:
		return "could not be started" + in
	}
	return string(r.Cause) + ", " + how + in
}

// lastWords returns the last lines of a task's standard error, indented, and
// whether there is more before them. Nothing on any trouble: this is a courtesy.
func (w *watch) lastWords(ctx context.Context, id model.JobID, t *model.TaskView) (text string, more bool) {
	ctx, cancel := context.WithTimeout(ctx, tailWait)
	defer cancel()
	r := model.ReadLog{Selector: string(id), Group: t.Group, Index: t.ID.Index, Attempt: &t.ID.Attempt, Stderr: true, Offset: -tailBytes}
	if t.Result != nil {
		r.Task = t.Result.Task
	}
	if n, ok := model.RankNamed(t.Message); ok {
		rank := uint32(n)
		r.Rank = &rank
	}
	var b bytes.Buffer
	if err := copyLog(ctx, w.client, r, &b); err != nil {
		return "", false
	}
	lines := strings.Split(strings.TrimRight(printable(b.String()), "\n"), "\n")
	more = b.Len() >= tailBytes || len(lines) > tailLines
	if over := len(lines) - tailLines; over > 0 {
		lines = lines[over:]
	}
	if len(lines) == 1 && lines[0] == "" {
		return "", false
	}
	bar := w.stderrPaint().paint(dim, "    │ ")
	for _, l := range lines {
		text += bar + l + "\n"
	}
	return text, more
}

// copyLog copies a task's output as it is.
func copyLog(ctx context.Context, c *client.Client, r model.ReadLog, to io.Writer) error {
	log, err := c.Logs(ctx, r)
	if err != nil {
		return err
	}
	defer log.Close()
	_, err = io.Copy(to, log)
	return err
}
