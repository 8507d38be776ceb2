package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/agent/executor"
	"github.com/tender-scheduler/tender/core/agent/tasklog"
	"github.com/tender-scheduler/tender/core/model"
)

// lookAgain is how often a task is looked for that has not come to its executor yet.
const lookAgain = 20 * time.Millisecond

// taskLogs reads the output of this agent's tasks.
type taskLogs struct{ dir *dataDir }

var _ Logs = taskLogs{}

// Open implements Logs.
func (l taskLogs) Open(ctx context.Context, r *agentpb.OpenLog, ended <-chan struct{}) (io.ReadCloser, error) {
	if !validJob(model.JobID(r.GetTask().GetJob())) {
		return nil, model.Refuse(model.ReasonBadRequest, "read output: %q is no job id", r.GetTask().GetJob())
	}
	for {
		over := closed(ended) // before looking: what was there at the end must still be found
		f, err := l.find(r)
		if err == nil {
			return f.open(ctx, r, ended)
		}
		if over || !errors.Is(err, fs.ErrNotExist) {
			return nil, notHere(r, err)
		}
		if pause(ctx, lookAgain); ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func notHere(r *agentpb.OpenLog, err error) error {
	var refusal *model.Refusal
	if errors.As(err, &refusal) {
		return err
	}
	t := r.Task
	return model.Refuse(model.ReasonNotFound,
		"read output of task %s/%d/%d: there is none on its agent; it never started, or its directory was removed for its age or for want of room",
		t.Job, t.Group, t.Index)
}

// taskFiles is where one attempt's output is.
type taskFiles struct {
	group *model.Group
	logs  string
}

// find looks through the directories of the job's executors for the attempt.
// The error is fs.ErrNotExist if none has it.
func (l taskLogs) find(r *agentpb.OpenLog) (*taskFiles, error) {
	for _, id := range l.dir.executorsOf(model.JobID(r.Task.Job)) {
		job, err := l.dir.readSpec(id)
		if err != nil {
			continue // just being made, or removed
		}
		if int(r.Task.Group) >= len(job.Groups) {
			return nil, model.Refuse(model.ReasonNotFound, "read output: job %s has no group %d", r.Task.Job, r.Task.Group)
		}
		g := &job.Groups[r.Task.Group]
		dir := l.dir.executorDir(id)
		for attempt := range attemptsOf(r.Task.Attempt) {
			if _, err := os.Stat(executor.SandboxDir(dir, g.Name, r.Task.Index, attempt)); err == nil {
				return &taskFiles{g, executor.LogDir(dir, g.Name, r.Task.Index, attempt)}, nil
			}
		}
	}
	return nil, fs.ErrNotExist
}

// attemptsOf yields the attempts to look for, the latest first.
func attemptsOf(attempt uint32) func(func(uint16) bool) {
	return func(yield func(uint16) bool) {
		if attempt != latestAttempt {
			yield(uint16(attempt))
			return
		}
		for n := model.MaxAttempts; n >= 0; n-- {
			if !yield(uint16(n)) {
				return
			}
		}
	}
}

// executorsOf lists a job's executors that have a directory, the latest first.
func (d *dataDir) executorsOf(job model.JobID) []ExecID {
	found, _ := filepath.Glob(filepath.Join(d.file(jobsName), string(job)+"~*"))
	var out []ExecID
	for _, path := range found {
		if id, err := parseExecID(filepath.Base(path)); err == nil {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, func(a, b ExecID) int { return int(b.Gen) - int(a.Gen) })
	return append(out, ExecID{job, 1})
}

// open opens the stream that was asked for.
func (f *taskFiles) open(ctx context.Context, r *agentpb.OpenLog, ended <-chan struct{}) (io.ReadCloser, error) {
	task, err := f.task(r.Name)
	if err != nil {
		return nil, err
	}
	if task.Logs.Disabled {
		return nil, model.Refuse(model.ReasonUnsupported, "task %q keeps no output: its logs block says disabled", task.Name)
	}
	rank := int(r.Task.Index) * f.group.Ranks()
	if r.Rank != nil {
		rank = int(r.GetRank())
	}
	if ranks := f.group.Ranks(); rank/ranks != int(r.Task.Index) {
		return nil, model.Refuse(model.ReasonBadRequest, "read output: rank %d is not in allocation %d of group %q, which has ranks %d to %d",
			rank, r.Task.Index, f.group.Name, int(r.Task.Index)*ranks, int(r.Task.Index+1)*ranks-1)
	}
	name := executor.StreamName(f.group, task, rank, r.Stderr)
	in, err := tasklog.Open(ctx, f.logs, name, task.Logs, tasklog.Options{Offset: r.Offset, Follow: r.Follow, Ended: ended})
	if err != nil {
		return nil, fmt.Errorf("read output of task %q: %w", task.Name, err)
	}
	return in, nil
}

// task finds a task block by name; "" is the group's first main task.
func (f *taskFiles) task(name string) (*model.TaskSpec, error) {
	var names []string
	for i := range f.group.Tasks {
		t := &f.group.Tasks[i]
		if t.Name == name || name == "" && t.Lifecycle == nil {
			return t, nil
		}
		names = append(names, t.Name)
	}
	return nil, model.Refuse(model.ReasonNotFound, "group %q has no task %q; it has %s", f.group.Name, name, strings.Join(names, ", "))
}
