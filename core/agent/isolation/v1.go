package isolation

import (
	"path/filepath"
	"strconv"

	"github.com/containerd/cgroups/v3/cgroup1"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// mountPoint is where cgroups are looked for; containerd/cgroups has it fixed too.
const mountPoint = "/sys/fs/cgroup"

// dir1 returns the directory of rel in a v1 hierarchy, "" if it is not in use.
func (h *Host) dir1(controller, rel string) string {
	if h.roots[controller] == "" {
		return ""
	}
	return filepath.Join(h.roots[controller], rel)
}

// path1 maps a controller to rel's path below the controller's mount point.
func (h *Host) path1(rel string) cgroup1.Path {
	return func(c cgroup1.Name) (string, error) {
		path, err := filepath.Rel(filepath.Join(mountPoint, string(c)), h.dir1(string(c), rel))
		if err != nil {
			return "", cgroup1.ErrControllerNotActive
		}
		return path, nil
	}
}

// subsystems returns the v1 controllers in use.
func (h *Host) subsystems() ([]cgroup1.Subsystem, error) {
	var s []cgroup1.Subsystem
	for c, make := range map[string]func() cgroup1.Subsystem{
		"cpu":     func() cgroup1.Subsystem { return cgroup1.NewCpu(mountPoint) },
		"cpuacct": func() cgroup1.Subsystem { return cgroup1.NewCpuacct(mountPoint) },
		"memory":  func() cgroup1.Subsystem { return cgroup1.NewMemory(mountPoint, cgroup1.OptionalSwap()) },
		"pids":    func() cgroup1.Subsystem { return cgroup1.NewPids(mountPoint) },
		"freezer": func() cgroup1.Subsystem { return cgroup1.NewFreezer(mountPoint) },
		"devices": func() cgroup1.Subsystem { return cgroup1.NewDevices(mountPoint) },
	} {
		if h.roots[c] != "" {
			s = append(s, make())
		}
	}
	return s, nil
}

// none is the resources of a group without limits.
func (Limits) none() *specs.LinuxResources { return &specs.LinuxResources{} }

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }
