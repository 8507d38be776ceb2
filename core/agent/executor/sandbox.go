package executor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
)

const (
	tasksDir = "tasks"
	logsDir  = "logs"
	allocDir = "alloc"

	artifactsDir = "artifacts" // in the job's directory: downloads, shared by its tasks
)

// SandboxDir returns the directory of one attempt below a job's directory:
// alloc (shared), logs, and one directory per task with local, tmp and secrets.
func SandboxDir(jobDir, group string, index uint32, attempt uint16) string {
	return filepath.Join(jobDir, tasksDir, fmt.Sprintf("%s.%d.%d", group, index, attempt))
}

// LogDir returns where an attempt's output is, for tasklog: the stream of task T
// is called T.stdout or T.stderr.
func LogDir(jobDir, group string, index uint32, attempt uint16) string {
	return filepath.Join(SandboxDir(jobDir, group, index, attempt), logsDir)
}

// sandbox is the directories of one task of an attempt.
type sandbox struct {
	attempt string // holds alloc, logs and the tasks' directories
	task    string
}

func (s *sandbox) alloc() string   { return s.attempt + "/" + allocDir }
func (s *sandbox) logs() string    { return s.attempt + "/" + logsDir }
func (s *sandbox) local() string   { return s.task + "/local" }
func (s *sandbox) tmp() string     { return s.task + "/tmp" }
func (s *sandbox) secrets() string { return s.task + "/secrets" }

// makeSandbox makes the directories and gives them to the task's user. The logs
// directory comes with the first output.
func makeSandbox(jobDir, group, task string, k lifecycle.Key, owner *account) (*sandbox, error) {
	for _, name := range []string{group, task} {
		if !plainName(name) {
			return nil, fmt.Errorf("make sandbox: name %q cannot be a directory", name)
		}
	}
	dir := SandboxDir(jobDir, group, k.Index, k.Attempt)
	s := &sandbox{attempt: dir, task: dir + "/" + task}
	if task == logsDir || task == allocDir {
		return nil, fmt.Errorf("make sandbox: a task cannot be named %q", task)
	}
	for _, d := range []struct {
		path string
		mode os.FileMode
	}{
		{s.attempt, 0o755}, {s.alloc(), 0o777}, {s.task, 0o755}, {s.local(), 0o755}, {s.tmp(), 0o777}, {s.secrets(), 0o700},
	} {
		if err := os.Mkdir(d.path, d.mode); err != nil && !os.IsExist(err) {
			return nil, fmt.Errorf("make sandbox: %w", err)
		}
		if owner.cred == nil || d.path == s.attempt {
			continue
		}
		if d.path == s.alloc() {
			// Tasks of one group may run as different users.
			if err := os.Chmod(d.path, 0o777|os.ModeSticky); err != nil {
				return nil, fmt.Errorf("make sandbox: %w", err)
			}
		} else if err := owner.own(d.path); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func plainName(s string) bool {
	return s != "" && s != "." && s != ".." && !strings.ContainsAny(s, "/\x00")
}
