package agent

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/agent/executor"
	"github.com/tender-scheduler/tender/core/model"
)

func TestTaskLogs(t *testing.T) {
	d := openTestDir(t, t.TempDir())
	testExecutor(t, d, ExecID{"j1", 1}, "a.0.0", "a.0.2", "b.2.5.0")
	testExecutor(t, d, ExecID{"j1", 3}, "a.0.3")
	// The executor leaves a file where an attempt has left nothing.
	if err := os.WriteFile(executor.SandboxDir(d.executorDir(ExecID{"j1", 1}), "a", 4, 0), nil, 0o444); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	close(over)
	for _, c := range []struct {
		what string
		ask  *agentpb.OpenLog
		want string
		not  model.Reason
	}{
		{"first attempt", &agentpb.OpenLog{Task: &agentpb.TaskId{Job: "j1"}}, "output of a.0.0", ""},
		{"an attempt of a later executor", &agentpb.OpenLog{Task: &agentpb.TaskId{Job: "j1", Attempt: 3}}, "output of a.0.3", ""},
		{"latest attempt", &agentpb.OpenLog{Task: &agentpb.TaskId{Job: "j1", Attempt: latestAttempt}}, "output of a.0.3", ""},
		{"by task name", &agentpb.OpenLog{Task: &agentpb.TaskId{Job: "j1"}, Name: "main", Offset: -5}, "a.0.0", ""},
		{"nothing on standard error", &agentpb.OpenLog{Task: &agentpb.TaskId{Job: "j1"}, Stderr: true, Follow: true}, "", ""},
		{"of an attempt that left nothing", &agentpb.OpenLog{Task: &agentpb.TaskId{Job: "j1", Index: 4}}, "", ""},
		{"the end of nothing", &agentpb.OpenLog{Task: &agentpb.TaskId{Job: "j1", Index: 4}, Offset: -9, Follow: true}, "", ""},
		{"no such task block", &agentpb.OpenLog{Task: &agentpb.TaskId{Job: "j1"}, Name: "web"}, "", model.ReasonNotFound},
		{"output disabled", &agentpb.OpenLog{Task: &agentpb.TaskId{Job: "j1", Group: 1, Index: 5}}, "", model.ReasonUnsupported},
		{"no such attempt", &agentpb.OpenLog{Task: &agentpb.TaskId{Job: "j1", Attempt: 9}}, "", model.ReasonNotFound},
		{"no such group", &agentpb.OpenLog{Task: &agentpb.TaskId{Job: "j1", Group: 5}}, "", model.ReasonNotFound},
		{"no such job", &agentpb.OpenLog{Task: &agentpb.TaskId{Job: "j9", Attempt: latestAttempt}}, "", model.ReasonNotFound},
		{"a job id that leads out", &agentpb.OpenLog{Task: &agentpb.TaskId{Job: "../x"}}, "", model.ReasonBadRequest},
	} {
		in, err := taskLogs{d}.Open(t.Context(), c.ask, over)
		var refusal *model.Refusal
		if c.not != "" {
			if !errors.As(err, &refusal) || refusal.Reason != c.not {
				t.Errorf("%s: %v, want refusal %s", c.what, err, c.not)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		b, err := io.ReadAll(in)
		if string(b) != c.want || err != nil {
			t.Errorf("%s: %q, %v, want %q", c.what, b, err, c.want)
		}
		in.Close()
	}
}

// TestTaskLogsWait asks for a task that its executor has not begun with.
func TestTaskLogsWait(t *testing.T) {
	d := openTestDir(t, t.TempDir())
	ended := make(chan struct{})
	ask := &agentpb.OpenLog{Task: &agentpb.TaskId{Job: "j1"}, Follow: true}
	type opened struct {
		in  io.ReadCloser
		err error
	}
	done := make(chan opened, 1)
	go func() {
		in, err := taskLogs{d}.Open(t.Context(), ask, ended)
		done <- opened{in, err}
	}()
	testExecutor(t, d, ExecID{"j1", 1}, "a.0.0")
	o := <-done
	if o.err != nil {
		t.Fatal(o.err)
	}
	defer o.in.Close()
	log := filepath.Join(d.executorDir(ExecID{"j1", 1}), "tasks/a.0.0/logs/main.stdout.0")
	f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString(", and more")
	f.Close()
	close(ended)
	if b, err := io.ReadAll(o.in); string(b) != "output of a.0.0, and more" || err != nil {
		t.Errorf("read %q, %v", b, err)
	}

	// Who asked goes away.
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	ask.Task.Job = "j9"
	if _, err := (taskLogs{d}).Open(ctx, ask, make(chan struct{})); !errors.Is(err, context.Canceled) {
		t.Errorf("open: %v", err)
	}
}
