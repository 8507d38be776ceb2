package isolation

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Tree is the directories of one cgroup, one per hierarchy, absolute. It can be
// stored and used by another process, also one in another cgroup itself.
type Tree []string

// Tree returns the directories of rel below the host's tree. They need not exist.
func (h *Host) Tree(rel string) Tree {
	var t Tree
	for _, c := range controllers {
		if dir := h.dir1(c, rel); dir != "" && !slices.Contains(t, dir) {
			t = append(t, dir)
		}
	}
	if h.root2 != "" {
		t = append(t, filepath.Join(h.root2, rel))
	}
	return t
}

// pathParts yields the elements of a slash-separated relative path.
func pathParts(rel string) iter.Seq[string] {
	return strings.SplitSeq(filepath.Clean(rel), "/")
}

// dirs yields the tree's directories that exist, children before parents.
func (t Tree) dirs() []string {
	var all []string
	for _, top := range t {
		var found []string
		_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				found = append(found, path)
			}
			return nil // a cgroup that vanishes meanwhile is as good as listed
		})
		slices.Reverse(found)
		all = append(all, found...)
	}
	return all
}

// Pids returns the processes in the tree, each once.
func (t Tree) Pids() ([]int, error) {
	var all []int
	for _, dir := range t.dirs() {
		pids, err := procs(dir)
		if err != nil {
			return nil, fmt.Errorf("list processes of cgroup %s: %w", dir, err)
		}
		all = append(all, pids...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// others counts the processes in the tree but this one: a v1 group lists a
// process as soon as one of its threads sits in it.
func (t Tree) others() (int, error) {
	pids, err := t.Pids()
	self := os.Getpid()
	return len(slices.DeleteFunc(pids, func(p int) bool { return p == self })), err
}

// Kill sends SIGKILL to every process in the tree once. With cgroup.kill or a
// freezer, processes being forked meanwhile are hit too.
func (t Tree) Kill() error {
	self := os.Getpid()
	for _, dir := range t.dirs() {
		if write(dir, "cgroup.kill", "1") == nil {
			continue
		}
		frozen := write(dir, "freezer.state", "FROZEN") == nil
		pids, err := procs(dir)
		for _, pid := range pids {
			if pid != self {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
		if frozen {
			err = errors.Join(err, write(dir, "freezer.state", "THAWED"))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENODEV) {
			return fmt.Errorf("kill cgroup %s: %w", dir, err)
		}
	}
	return nil
}

// Destroy kills everything in the tree, waits until it is gone and removes the
// cgroups. It is for what a dead executor left behind.
func (t Tree) Destroy(patience time.Duration) error {
	deadline := time.Now().Add(patience)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		n, err := t.others()
		if err == nil && n == 0 {
			err = t.Remove()
			if err == nil {
				return nil
			}
		} else if err == nil {
			err = t.Kill()
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("destroy cgroups %v: %d processes are still there after %v", []string(t), n, patience), err)
		}
		time.Sleep(pause)
	}
}

// Remove removes the tree's cgroups and then parents that have become empty, up
// to and including the directory named "tender". It fails while a process is inside.
func (t Tree) Remove() error {
	var errs []error
	for _, dir := range t.dirs() {
		if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("remove cgroup: %w", err))
		}
	}
	for _, dir := range t {
		for filepath.Base(dir) != treeName && len(dir) > len(mountPoint) {
			dir = filepath.Dir(dir)
			if os.Remove(dir) != nil {
				break // in use, which is fine
			}
		}
	}
	return errors.Join(errs...)
}

// List returns the names of the groups directly below rel, in any hierarchy.
func (h *Host) List(rel string) ([]string, error) {
	var names []string
	for _, dir := range h.Tree(rel) {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("list cgroups: %w", err)
		}
		for _, e := range entries {
			if e.IsDir() {
				names = append(names, e.Name())
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
