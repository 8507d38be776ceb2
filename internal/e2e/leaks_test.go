package e2e

import (
	"encoding/json"
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
	deadline := time.Now().Add(patience)
	var left []string
	for {
		left = slices.Concat(c.processesLeft(), c.mountsLeft(), c.cgroupsLeft())
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
	if len(left) == 0 {
		return
	}
	for range 100 { // until the killed are gone
		for _, dir := range slices.Backward(cgroups(c.agentIDs()...)) {
			_ = syscall.Rmdir(dir)
		}
		if len(c.cgroupsLeft()) == 0 {
			return
		}
		<-time.After(20 * time.Millisecond)
	}
}

// agentIDs reads them from the agents' data directories.
func (c *cluster) agentIDs() []string {
	var ids []string
	_ = filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "agent.json" {
			return nil
		}
		var meta struct {
			ID string `json:"agent_id"`
		}
		if b, err := os.ReadFile(path); err == nil && json.Unmarshal(b, &meta) == nil && meta.ID != "" {
			ids = append(ids, meta.ID)
		}
		return nil
	})
	return ids
}

func (c *cluster) cgroupsLeft() []string {
	var out []string
	for _, dir := range cgroups(c.agentIDs()...) {
		out = append(out, "cgroup "+dir)
	}
	return out
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

// cgroups returns the cgroup directories of any hierarchy that are named for
// one of the ids, or lie below one that is, parents first.
func cgroups(ids ...string) []string {
	var out []string
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		for _, id := range ids {
			if strings.Contains(path, "/"+id) {
				out = append(out, path)
			}
		}
		return nil
	})
	return out
}

// cgroupsWithoutExecutor returns the agents' cgroups that belong to no executor
// that is still there.
func (c *cluster) cgroupsWithoutExecutor() []string {
	var live []string
	for _, args := range c.processes() {
		if _, group, ok := strings.Cut(args, "--cgroup "); ok {
			group, _, _ = strings.Cut(group, " ")
			live = append(live, "/"+group)
		}
	}
	var out []string
	for _, id := range c.agentIDs() {
		for _, dir := range cgroups(id) {
			mine := func(group string) bool { return strings.Contains(dir+"/", group+"/") }
			if !strings.HasSuffix(dir, id) && !slices.ContainsFunc(live, mine) {
				out = append(out, dir)
			}
		}
	}
	return out
}
