package executor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/core/agent/executor/taskenv"
	"github.com/tender-scheduler/tender/core/agent/isolation"
)

const scriptName = "script" // of a task's script, in its local directory

// devNull is what tasks read from.
var devNull = sync.OnceValues(func() (uintptr, error) {
	f, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	f.Close()
	return uintptr(fd), err
})

// command works out what to run with an environment.
func (t *run) command(env *taskenv.Env) (*isolation.Command, error) {
	if t.mpirun() && t.plan.group.HoldsIndex(t.key.Index) {
		return t.holder(env)
	}
	c := t.plan.task.Config
	args, err := env.ExpandAll(c.Args)
	if err != nil {
		return nil, fmt.Errorf("work out the arguments: %w", err)
	}
	owner, err := t.plan.account()
	if err != nil {
		return nil, err
	}
	cmd := &isolation.Command{Credential: owner.cred, Env: env.List()}
	if cmd.Dir, err = t.workDir(env, c.WorkDir); err != nil {
		return nil, err
	}
	if c.Script != "" {
		return cmd, t.script(cmd, c.Script, args, owner)
	}
	name, err := env.Expand(c.Command)
	if err != nil {
		return nil, fmt.Errorf("work out the command: %w", err)
	}
	if cmd.Path, err = find(env, name, cmd.Dir); err != nil {
		return nil, err
	}
	cmd.Args = append([]string{name}, args...)
	return cmd, nil
}

// workDir returns the directory to run in, by default the task's own.
func (t *run) workDir(env *taskenv.Env, name string) (string, error) {
	name, err := env.Expand(name)
	if err != nil {
		return "", fmt.Errorf("work out the working directory: %w", err)
	}
	if name == "" {
		return t.sandbox.task, nil
	}
	dir := name
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(t.sandbox.task, dir)
	}
	switch info, err := os.Stat(dir); {
	case os.IsNotExist(err):
		return "", fmt.Errorf("working directory %q does not exist on this agent; make it there, or correct work_dir", name)
	case err != nil:
		return "", fmt.Errorf("working directory %q: %w", name, err)
	case !info.IsDir():
		return "", fmt.Errorf("working directory %q is a file; correct work_dir", name)
	}
	return dir, nil
}

// script writes a task's script and makes cmd run it: by its #! line, else by /bin/sh.
func (t *run) script(cmd *isolation.Command, text string, args []string, owner *account) error {
	path := filepath.Join(t.sandbox.local(), scriptName)
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		return fmt.Errorf("write the script: %w", err)
	}
	if err := owner.own(path); err != nil {
		return err
	}
	line, _, _ := strings.Cut(text, "\n")
	if !strings.HasPrefix(line, "#!") {
		cmd.Path, cmd.Args = "/bin/sh", append([]string{"/bin/sh", path}, args...)
		return nil
	}
	interpreter, _, _ := strings.Cut(strings.TrimSpace(line[2:]), " ")
	if _, err := os.Stat(interpreter); err != nil {
		return fmt.Errorf("the script's first line asks for %q, which does not exist on this agent", interpreter)
	}
	cmd.Path, cmd.Args = path, append([]string{path}, args...)
	return nil
}

// find returns the program's path: a name without a slash is looked up in the
// task's PATH, a relative path in its working directory.
func find(env *taskenv.Env, name, dir string) (string, error) {
	if name == "" {
		return "", fmt.Errorf("the command is empty")
	}
	if strings.Contains(name, "/") {
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		return path, runnable(name, path)
	}
	search, _ := env.Get("PATH")
	for _, d := range filepath.SplitList(search) {
		if d == "" {
			d = dir
		}
		path := filepath.Join(d, name)
		if runnable(name, path) == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("command %q does not exist on this agent: it is in no directory of PATH=%s. Install it there, fetch it with an artifact, or give its path", name, search)
}

// runnable says why a program cannot be run.
func runnable(name, path string) error {
	var st unix.Stat_t
	err := unix.Stat(path, &st)
	switch {
	case err == unix.ENOENT || err == unix.ENOTDIR:
		return fmt.Errorf("command %q does not exist on this agent; install it there, fetch it with an artifact, or correct the path", name)
	case err != nil:
		return fmt.Errorf("command %q: %w", name, err)
	case st.Mode&unix.S_IFMT == unix.S_IFDIR:
		return fmt.Errorf("command %q is a directory", name)
	case st.Mode&0o111 == 0:
		return fmt.Errorf("command %q is not executable; make it so with chmod +x", name)
	}
	return nil
}
