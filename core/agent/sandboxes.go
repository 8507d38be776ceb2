package agent

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent/executor"
	"github.com/tender-scheduler/tender/core/model"
)

// readSpec reads the job that an executor's directory is for.
func (d *dataDir) readSpec(id ExecID) (*model.Job, error) {
	path := filepath.Join(d.executorDir(id), specName)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	job := &model.Job{}
	if err := json.Unmarshal(b, job); err != nil {
		return nil, fmt.Errorf("read job description %q: %w", path, err)
	}
	for i := range job.Groups {
		g := &job.Groups[i]
		names := []string{g.Name}
		for n := range g.Tasks {
			names = append(names, g.Tasks[n].Name)
		}
		for _, name := range names {
			if strings.ContainsAny(name, "/\x00") {
				return nil, fmt.Errorf("read job description %q: name %q would lead out of the directory", path, name)
			}
		}
	}
	return job, nil
}

// assign makes a spare's directory the one of an executor, with the job's
// description in it. Whoever finds the directory finds all of it.
func (d *dataDir) assign(spare string, id ExecID, spec []byte) (dir string, err error) {
	if err := os.WriteFile(filepath.Join(spare, specName), spec, 0o600); err != nil {
		return "", fmt.Errorf("keep the job's description: %w", err)
	}
	dir = d.executorDir(id)
	if err := os.Rename(spare, dir); err != nil {
		return "", fmt.Errorf("make the job's directory: %w", err)
	}
	return dir, nil
}

// RemoveSandbox implements Files.
func (d *dataDir) RemoveSandbox(id ExecID, t *execpb.Task) error {
	groups, err := d.groupNames(id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if int(t.Group) >= len(groups) {
		return fmt.Errorf("remove a directory of job %s: it has no group %d", id.Job, t.Group)
	}
	return os.RemoveAll(executor.SandboxDir(d.executorDir(id), groups[t.Group], t.Index, uint16(t.Attempt)))
}

// groupNames returns the names of a job's groups. It remembers the latest job:
// the sandboxes of an array go one after another.
func (d *dataDir) groupNames(id ExecID) ([]string, error) {
	if d.named.id == id {
		return d.named.groups, nil
	}
	job, err := d.readSpec(id)
	if err != nil {
		return nil, err
	}
	groups := make([]string, len(job.Groups))
	for i := range job.Groups {
		groups[i] = job.Groups[i].Name
	}
	d.named.id, d.named.groups = id, groups
	return groups, nil
}

// sandboxes lists the directories of tasks in an executor's, oldest first, but
// for those that skip names.
func (d *dataDir) sandboxes(id ExecID, skip map[taskKey]bool) []EndedSandbox {
	job, err := d.readSpec(id)
	if err != nil {
		return nil
	}
	groups := map[string]uint32{}
	for i := range job.Groups {
		groups[job.Groups[i].Name] = uint32(i)
	}
	// The name of some attempt's directory leads to that of all.
	entries, _ := os.ReadDir(filepath.Dir(executor.SandboxDir(d.executorDir(id), "g", 0, 0)))
	var out []EndedSandbox
	for _, e := range entries {
		k, ok := parseSandbox(e.Name(), groups)
		if !ok || skip[k] {
			continue
		}
		if st, err := e.Info(); err == nil {
			out = append(out, EndedSandbox{Task: k.exec(model.TaskUnknown), Ended: st.ModTime()})
		}
	}
	slices.SortFunc(out, func(a, b EndedSandbox) int {
		return cmp.Or(a.Ended.Compare(b.Ended), cmp.Compare(keyOf(a.Task), keyOf(b.Task)))
	})
	return out
}

// parseSandbox reads GROUP.INDEX.ATTEMPT; a group's name may hold dots itself.
func parseSandbox(name string, groups map[string]uint32) (k taskKey, ok bool) {
	rest, attempt, ok1 := cutLast(name, '.')
	group, index, ok2 := cutLast(rest, '.')
	g, ok3 := groups[group]
	i, err1 := strconv.ParseUint(index, 10, 32)
	a, err2 := strconv.ParseUint(attempt, 10, 16)
	if !ok1 || !ok2 || !ok3 || err1 != nil || err2 != nil {
		return 0, false
	}
	return newKey(g, uint32(i), uint32(a))
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// Measure implements Files.
func (d *dataDir) Measure() (Measured, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(d.path, &st); err != nil {
		return Measured{}, fmt.Errorf("measure the disk of %q: %w", d.path, err)
	}
	m := Measured{Bytes: map[ExecID]int64{}}
	// As df(1) does: what only root may still use does not count as free.
	if used := st.Blocks - st.Bfree; used+st.Bavail > 0 {
		m.DiskUsedPercent = 100 * float64(used) / float64(used+st.Bavail)
	}
	entries, err := os.ReadDir(d.file(jobsName))
	if err != nil {
		return Measured{}, err
	}
	for _, e := range entries {
		if id, err := parseExecID(e.Name()); err == nil {
			m.Bytes[id] = diskUsage(d.executorDir(id))
		}
	}
	return m, nil
}

// diskUsage sums what a tree takes on disk. What vanishes meanwhile counts as nothing.
func diskUsage(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		var st unix.Stat_t
		if unix.Lstat(path, &st) == nil {
			n += st.Blocks * 512
		}
		return nil
	})
	return n
}
