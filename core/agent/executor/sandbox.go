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

	// In the job's directory, and shared by its tasks.
	artifactsDir = "artifacts" // downloads
	nurseryDir   = "nursery"   // sandboxes nobody has touched
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
	marks   *marks // nil if it cannot be used again
}

func (s *sandbox) alloc() string   { return s.attempt + "/" + allocDir }
func (s *sandbox) logs() string    { return s.attempt + "/" + logsDir }
func (s *sandbox) local() string   { return s.task + "/local" }
func (s *sandbox) tmp() string     { return s.task + "/tmp" }
func (s *sandbox) secrets() string { return s.task + "/secrets" }

// sandboxes makes the sandboxes of a job.
type sandboxes struct {
	jobDir  string
	nursery *nursery
}

// make makes the directories of a task and gives them to the task's user. The
// logs directory comes with the first output.
func (b *sandboxes) make(p *plan, k lifecycle.Key, owner *account) (*sandbox, error) {
	group, task := p.group.Name, p.task.Name
	for _, name := range []string{group, task} {
		if !plainName(name) {
			return nil, fmt.Errorf("make sandbox: name %q cannot be a directory", name)
		}
	}
	if task == logsDir || task == allocDir {
		return nil, fmt.Errorf("make sandbox: a task cannot be named %q", task)
	}
	dir := SandboxDir(b.jobDir, group, k.Index, k.Attempt)
	s := &sandbox{attempt: dir, task: dir + "/" + task}
	if len(p.group.Tasks) > 1 {
		return s, s.makeDirs(owner)
	}
	if b.nursery.give(p, s) {
		return s, nil
	}
	b.nursery.skeleton(s)
	if err := s.makeDirs(owner); err != nil {
		return nil, err
	}
	b.nursery.mark(s)
	return s, nil
}

func (s *sandbox) makeDirs(owner *account) error {
	for _, d := range []struct {
		path string
		mode os.FileMode
	}{
		{s.attempt, 0o755}, {s.alloc(), 0o777}, {s.task, 0o755}, {s.local(), 0o755}, {s.tmp(), 0o777}, {s.secrets(), 0o700},
	} {
		if err := os.Mkdir(d.path, d.mode); err != nil && !os.IsExist(err) {
			return fmt.Errorf("make sandbox: %w", err)
		}
		if owner.cred == nil || d.path == s.attempt {
			continue
		}
		if d.path == s.alloc() {
			// Tasks of one group may run as different users.
			if err := os.Chmod(d.path, 0o777|os.ModeSticky); err != nil {
				return fmt.Errorf("make sandbox: %w", err)
			}
		} else if err := owner.own(d.path); err != nil {
			return err
		}
	}
	return nil
}

func plainName(s string) bool {
	return s != "" && s != "." && s != ".." && !strings.ContainsAny(s, "/\x00")
}
