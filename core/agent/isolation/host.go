package isolation

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/cgroups/v3"
	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Mode is how the host offers cgroups.
type Mode string

// The modes. Hybrid is v1 controllers beside a v2 hierarchy without any: limits
// come from v1, and the v2 child gives a race-free spawn and kill.
const (
	ModeNone   Mode = "none"
	ModeV1     Mode = "v1"
	ModeHybrid Mode = "hybrid"
	ModeV2     Mode = "v2"
)

const (
	treeName  = "tender"       // below the agent's own cgroup, holds every group
	agentLeaf = "tender.agent" // where Prepare moves the agent to on v2
)

// controllers in use, in the order in which a thread is moved into them. Of
// these, devices only on request: see FilterDevices.
var controllers = []string{"cpu", "cpuacct", "memory", "pids", "freezer", devicesController}

// Host is what this machine offers. The zero value offers nothing.
type Host struct {
	Mode Mode
	// Namespaces says whether pid and mount namespaces can be made.
	Namespaces bool
	// Warnings says what is missing and what follows from it, one sentence each.
	Warnings []string

	roots map[string]string // v1: controller → directory that holds groups
	root2 string            // v2 and hybrid: the same in the unified hierarchy
	have2 []string          // v2: controllers that may be enabled

	devices1      string // v1: as roots would have it for the devices controller
	filterDevices bool
}

// Detect finds the host's cgroup hierarchies and the caller's place in them. It
// changes nothing. It fails only if /proc cannot be read.
func Detect() (*Host, error) {
	h := &Host{Mode: ModeNone, roots: map[string]string{}}
	h.Namespaces = mayUnshare()
	if !h.Namespaces {
		h.warn("not running as root with CAP_SYS_ADMIN: tasks with driver exec cannot be started; raw_exec works")
	}
	own, own2, err := cgroups.ParseCgroupFileUnified("/proc/self/cgroup")
	if err != nil {
		return nil, fmt.Errorf("read own cgroup: %w", err)
	}
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup", "cgroup2"))
	if err != nil {
		return nil, fmt.Errorf("read mounts: %w", err)
	}
	switch cgroups.Mode() {
	case cgroups.Unified:
		h.detectV2(mounts, own2)
	case cgroups.Legacy, cgroups.Hybrid:
		h.detectV1(mounts, own, own2)
	default:
		h.warn("no cgroups are mounted at /sys/fs/cgroup: no limits, and a task's processes are tracked by process group only")
	}
	return h, nil
}

// mayUnshare reports whether this process may make namespaces, and cgroups and
// owners of files for tasks in them: root in a container often may not.
func mayUnshare() bool {
	if os.Geteuid() != 0 {
		return false
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	err := unix.Capget(&header, &data[0])
	return err == nil && data[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0
}

func (h *Host) warn(format string, args ...any) {
	h.Warnings = append(h.Warnings, fmt.Sprintf(format, args...))
}

// below returns the directory of cgroup path own within mount m, or "" if the
// mount shows another part of the hierarchy.
func below(m *mountinfo.Info, own string) string {
	if base := filepath.Base(own); base == agentLeaf {
		own = filepath.Dir(own)
	}
	rel, err := filepath.Rel(m.Root, own)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		// A container without a cgroup namespace sees host paths in
		// /proc/self/cgroup but its own cgroup at the mount point.
		return m.Mountpoint
	}
	return filepath.Join(m.Mountpoint, rel)
}

func writable(dir string) bool { return unix.Access(dir, unix.W_OK) == nil }

func (h *Host) detectV1(mounts []*mountinfo.Info, own map[string]string, own2 string) {
	for _, m := range mounts {
		if m.FSType == "cgroup2" {
			if dir := below(m, own2); h.root2 == "" && writable(dir) {
				h.root2 = filepath.Join(dir, treeName)
			}
			continue
		}
		for opt := range strings.SplitSeq(m.VFSOptions, ",") {
			dir := below(m, own[opt])
			switch {
			case !slices.Contains(controllers, opt) || !writable(dir):
			case opt == devicesController:
				h.devices1 = filepath.Join(dir, treeName)
			case h.roots[opt] == "":
				h.roots[opt] = filepath.Join(dir, treeName)
			}
		}
	}
	if len(h.roots) == 0 {
		h.root2 = ""
		h.warn("cgroups are mounted but cannot be written: no limits, and a task's processes are tracked by process group only")
		return
	}
	h.Mode = ModeV1
	if h.root2 != "" && haveCgroupKill() {
		h.Mode = ModeHybrid
		delete(h.roots, "freezer") // cgroup.kill does its work
	} else {
		h.root2 = ""
	}
	for _, c := range controllers {
		if h.roots[c] == "" && c != devicesController && !(c == "freezer" && h.Mode == ModeHybrid) {
			h.warn("cgroup v1 controller %s is missing or not writable: %s", c, without[c])
		}
	}
}

// without says what a missing controller means.
var without = map[string]string{
	"cpu":     "the CPU share and limit of tasks is not enforced",
	"cpuacct": "CPU time is taken from wait4(2) and lacks processes a task did not wait for",
	"memory":  "the memory limit of tasks is not enforced and their peak is not known",
	"pids":    "the number of processes of a task is not limited",
	"freezer": "a fork bomb may escape being killed",
}

// haveCgroupKill reports whether the kernel has cgroup.kill (Linux 5.14). The
// root cgroup lacks the file, so its presence cannot be looked up.
func haveCgroupKill() bool {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return false
	}
	var major, minor int
	_, _ = fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor)
	return major > 5 || major == 5 && minor >= 14
}

func (h *Host) detectV2(mounts []*mountinfo.Info, own2 string) {
	for _, m := range mounts {
		if m.FSType != "cgroup2" {
			continue
		}
		dir := below(m, own2)
		if !writable(dir) {
			h.warn("cgroup %s cannot be written: no limits. Under systemd set Delegate=yes for the agent's unit", dir)
			return
		}
		h.Mode = ModeV2
		h.root2 = filepath.Join(dir, treeName)
		b, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
		if err != nil {
			h.warn("read the controllers of %s: %v", dir, err)
		}
		for _, c := range []string{"cpu", "memory", "pids"} {
			if slices.Contains(strings.Fields(string(b)), c) {
				h.have2 = append(h.have2, c)
				continue
			}
			h.warn("cgroup v2 controller %s is not available in %s: %s", c, dir, without[c])
		}
		return
	}
	h.warn("no cgroup2 mount is visible: no limits")
}

// Prepare makes Detect's tree usable. On v2 a cgroup that hands controllers to
// children must hold no processes itself (cgroups(7), "no internal processes"),
// so the caller and its siblings move into a leaf. Agents call it once at their
// start; executors inherit the place.
func (h *Host) Prepare() error {
	if h.Mode != ModeV2 {
		return nil
	}
	dir := filepath.Dir(h.root2)
	if err := enable(dir, h.have2); err != nil {
		if !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("enable cgroup controllers in %s: %w", dir, err)
		}
		if err := vacate(dir); err != nil {
			return err
		}
		if err := enable(dir, h.have2); err != nil {
			return fmt.Errorf("enable cgroup controllers in %s: %w", dir, err)
		}
	}
	return nil
}

// vacate moves every process of dir into its agent leaf.
func vacate(dir string) error {
	leaf := filepath.Join(dir, agentLeaf)
	if err := mkdir(leaf); err != nil {
		return err
	}
	pids, err := procs(dir)
	if err != nil {
		return err
	}
	for _, pid := range pids {
		err := write(leaf, "cgroup.procs", fmt.Sprint(pid))
		if err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("move process %d to %s: %w", pid, leaf, err)
		}
	}
	return nil
}

// enable hands the controllers to dir's children.
func enable(dir string, controllers []string) error {
	if len(controllers) == 0 {
		return nil
	}
	return write(dir, "cgroup.subtree_control", "+"+strings.Join(controllers, " +"))
}

// Has reports whether a controller's limits can be enforced.
func (h *Host) Has(controller string) bool {
	if h.Mode == ModeV2 {
		return slices.Contains(h.have2, controller)
	}
	return h.roots[controller] != ""
}
