package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// checkNothingLeft fails the test if, once its daemons have ended, a process
// started from its directory, a cgroup or a mount of it is still there, and
// cleans up. It is registered first, so it runs last.
func (c *cluster) checkNothingLeft() {
	deadline := time.Now().Add(20 * time.Second)
	var left []string
	for {
		left = slices.Concat(c.processesLeft(), c.mountsLeft())
		if len(left) == 0 || time.Now().After(deadline) {
			break
		}
		<-time.After(20 * time.Millisecond)
	}
	for _, l := range left {
		c.t.Errorf("left behind: %s", l)
	}
	for pid := range c.processes() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// processes returns those that belong to this test: the program under test
// with the test's directory in its arguments or environment, and what has its
// working directory there.
func (c *cluster) processes() map[int]string {
	found := map[int]string{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		args, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		env, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		cwd, _ := os.Readlink(filepath.Join("/proc", e.Name(), "cwd"))
		if len(args) == 0 {
			continue // a zombie or a kernel thread
		}
		if strings.Contains(string(args), c.dir) || strings.Contains(string(env), c.dir) || strings.HasPrefix(cwd, c.dir) {
			found[pid] = strings.ReplaceAll(strings.TrimRight(string(args), "\x00"), "\x00", " ")
		}
	}
	return found
}

// reapOrphans takes the exit statuses of the orphans this process was given.
// Only the end of the run may do so: before that it would take those that
// exec.Cmd waits for.
func reapOrphans() {
	for {
		var ws syscall.WaitStatus
		if pid, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil); err != nil || pid <= 0 {
			return
		}
	}
}

func (c *cluster) processesLeft() []string {
	var out []string
	for pid, args := range c.processes() {
		out = append(out, "process "+strconv.Itoa(pid)+": "+args)
	}
	return out
}

func (c *cluster) mountsLeft() []string {
	b, _ := os.ReadFile("/proc/self/mountinfo")
	var out []string
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, c.dir) {
			out = append(out, "mount "+strings.TrimSpace(line))
		}
	}
	return out
}

// cgroups returns the cgroup directories below any hierarchy whose path names
// one of the ids.
func cgroups(ids ...string) []string {
	var out []string
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		for _, id := range ids {
			if strings.Contains(filepath.Base(path), id) {
				out = append(out, path)
			}
		}
		return nil
	})
	return out
}
