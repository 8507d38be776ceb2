package isolation

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/containerd/cgroups/v3/cgroup1"
	"github.com/containerd/cgroups/v3/cgroup2"
	"golang.org/x/sys/unix"
)

// Group is one cgroup in every hierarchy in use, with the files read after each
// task held open.
type Group struct {
	host   *Host
	tree   Tree
	rel    string
	limits Limits
	set    bool // limits have been written

	control1 cgroup1.Cgroup
	control2 *cgroup2.Manager
	swap     bool
	thread   bool // one of our threads sits in the v1 groups

	dir2      string // of the unified hierarchy
	spawn     int    // its open directory, for CLONE_INTO_CGROUP
	kill      counter
	events    counter // cgroup.events
	cpu       counter // cpuacct.usage or cpu.stat
	quota     counter // cpu.cfs_quota_us
	memory    counter // usage
	peak      counter
	oom       counter // memory.oom_control or memory.events
	pids      counter // pids.max
	pidsNow   counter
	cpuBase   time.Duration
	oomBase   int64
	exactPeak bool // the peak can be reset between tasks
	killed    bool // cgroup.kill was written since the group was made

	devices *Devices     // in force; nil = everything may be opened
	filter  deviceFilter // v2: what enforces them
}

// Usage is what ran in a group since the last Reset.
type Usage struct {
	CPU             time.Duration
	PeakMemoryBytes int64
	OOMKills        int64
}

// NewGroup makes the group rel, a slash-separated path below the host's tree,
// without limits. On a host without cgroups the group is empty and limits nothing.
func (h *Host) NewGroup(rel string) (*Group, error) {
	if !filepath.IsLocal(rel) {
		return nil, fmt.Errorf("make cgroup %q: want a path below the tree", rel)
	}
	g := &Group{host: h, rel: rel, tree: h.Tree(rel), spawn: -1}
	if h.Mode == ModeNone {
		return g, nil
	}
	if err := g.create(); err != nil {
		return nil, errors.Join(fmt.Errorf("make cgroup %q: %w", rel, err), g.Remove())
	}
	g.open()
	return g, nil
}

// create makes the directories. Other processes make and remove the same
// parents at the same time, so what came between is tried again.
func (g *Group) create() error {
	for try := 0; ; try++ {
		err := g.createOnce()
		between := errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist) || errors.Is(err, unix.ENODEV)
		if between && try < 100 {
			continue
		}
		return err
	}
}

func (g *Group) createOnce() (err error) {
	h := g.host
	if h.root2 != "" {
		g.dir2 = filepath.Join(h.root2, g.rel)
		if err := h.makeUnified(g.rel); err != nil {
			return err
		}
		if g.spawn < 0 {
			g.spawn, err = unix.Open(g.dir2, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
			if err != nil {
				return fmt.Errorf("open %s: %w", g.dir2, err)
			}
		}
	}
	if h.Mode == ModeV2 {
		g.control2, err = cgroup2.Load(g.dir2[len(mountPoint):])
		return err
	}
	g.control1, err = cgroup1.New(h.path1(g.rel), g.limits.none(), cgroup1.WithHierarchy(h.subsystems))
	return err
}

// makeUnified makes rel in the unified hierarchy, handing controllers down.
func (h *Host) makeUnified(rel string) error {
	dir := h.root2
	for part := range pathParts(rel) {
		if err := mkdir(dir); err != nil {
			return err
		}
		if err := enable(dir, h.have2); err != nil {
			return fmt.Errorf("enable controllers in %s: %w", dir, err)
		}
		dir = filepath.Join(dir, part)
	}
	return mkdir(dir)
}

// open opens the files that are read after each task.
func (g *Group) open() {
	h := g.host
	if g.dir2 != "" {
		g.kill = openCounter(g.dir2, "cgroup.kill", unix.O_WRONLY)
		g.events = openCounter(g.dir2, "cgroup.events", unix.O_RDONLY)
	}
	if h.Mode == ModeV2 {
		g.cpu = openCounter(g.dir2, "cpu.stat", unix.O_RDONLY)
		g.memory = openCounter(g.dir2, "memory.current", unix.O_RDONLY)
		// Since Linux 6.12 a write to memory.peak resets what this descriptor reads.
		g.peak = openCounter(g.dir2, "memory.peak", unix.O_RDWR)
		g.exactPeak = g.peak != 0 && g.peak.set("reset") == nil
		if g.peak == 0 {
			g.peak = openCounter(g.dir2, "memory.peak", unix.O_RDONLY)
		}
		g.oom = openCounter(g.dir2, "memory.events", unix.O_RDONLY)
		g.pidsNow = openCounter(g.dir2, "pids.current", unix.O_RDONLY)
		g.swap = exists(filepath.Join(g.dir2, "memory.swap.max"))
		return
	}
	g.cpu = openCounter(h.dir1("cpuacct", g.rel), "cpuacct.usage", unix.O_RDONLY)
	g.quota = openCounter(h.dir1("cpu", g.rel), "cpu.cfs_quota_us", unix.O_WRONLY)
	memory := h.dir1("memory", g.rel)
	g.memory = openCounter(memory, "memory.usage_in_bytes", unix.O_RDONLY)
	g.peak = openCounter(memory, "memory.max_usage_in_bytes", unix.O_RDWR)
	g.exactPeak = g.peak != 0
	g.oom = openCounter(memory, "memory.oom_control", unix.O_RDONLY)
	g.swap = exists(filepath.Join(memory, "memory.memsw.limit_in_bytes"))
	g.pids = openCounter(h.dir1("pids", g.rel), "pids.max", unix.O_WRONLY)
	g.pidsNow = openCounter(h.dir1("pids", g.rel), "pids.current", unix.O_RDONLY)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// SetLimits bounds the group from now on. Limits that are already in force cost nothing.
func (g *Group) SetLimits(l Limits) error {
	if g.set && g.limits == l {
		return nil
	}
	var err error
	switch {
	case g.control2 != nil:
		err = g.control2.Update(l.v2(g.host, g.swap))
	case g.control1 != nil:
		err = g.setLimits1(l)
	}
	if err != nil {
		return fmt.Errorf("limit cgroup %q: %w", g.rel, err)
	}
	g.limits, g.set = l, true
	return nil
}

func (g *Group) setLimits1(l Limits) error {
	r := l.v1(g.host, g.swap)
	if r.Memory != nil && g.swap {
		// The kernel refuses a memory limit above that of memory plus swap, and
		// the library writes the inner one first, whether it rises or falls: lift
		// the outer one before.
		if err := write(g.host.dir1("memory", g.rel), "memory.memsw.limit_in_bytes", "-1"); err != nil {
			return err
		}
	}
	if err := g.control1.Update(r); err != nil {
		return err
	}
	pids := "max"
	if l.PidsMax > 0 {
		extra := int64(0)
		if g.thread {
			extra = 1
		}
		pids = strconv.FormatInt(l.PidsMax+extra, 10)
	}
	return g.pids.set(pids)
}

// Usage returns what ran in the group since the last Reset.
func (g *Group) Usage() Usage {
	u := Usage{CPU: g.cpuTime() - g.cpuBase, PeakMemoryBytes: g.peak.value()}
	u.OOMKills = g.oom.field("oom_kill") - g.oomBase
	return u
}

// Pids returns the processes in the group and below. Ok is false on a host without
// cgroups, where that is not known.
func (g *Group) Pids() (pids []int, ok bool) {
	if len(g.tree) == 0 {
		return nil, false
	}
	top := g.tree[0]
	if g.dir2 != "" {
		top = g.dir2 // lists no process for the sake of a thread of it
	}
	pids, err := Tree{top}.Pids()
	return pids, err == nil
}

func (g *Group) cpuTime() time.Duration {
	if g.control2 != nil {
		return time.Duration(g.cpu.field("usage_usec")) * time.Microsecond
	}
	return time.Duration(g.cpu.value())
}

// closeFiles closes the group's files and leaves the cgroups as they are.
func (g *Group) closeFiles() {
	for _, c := range []*counter{&g.kill, &g.events, &g.cpu, &g.quota, &g.memory, &g.peak, &g.oom, &g.pids, &g.pidsNow} {
		c.close()
		*c = 0
	}
	g.filter.close()
	if g.spawn >= 0 {
		unix.Close(g.spawn)
		g.spawn = -1
	}
}

// Remove removes the group's cgroups, and parents that are empty then. Nothing may run in it.
func (g *Group) Remove() error {
	g.closeFiles()
	return g.tree.Remove()
}

// Tree returns the group's directories, to be remembered beyond this process.
func (g *Group) Tree() Tree { return g.tree }
