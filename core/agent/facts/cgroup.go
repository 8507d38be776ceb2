package facts

import (
	"iter"
	"path"
	"slices"
	"strings"
)

// cgroupDirs yields the directory of this process' cgroup in the hierarchy of a
// v1 controller ("" = the v2 hierarchy) and then those above it, as far up as
// they are visible.
func (s Source) cgroupDirs(controller string) iter.Seq[string] {
	return func(yield func(string) bool) {
		own, ok := s.ownCgroup(controller)
		if !ok {
			return
		}
		mount, root := s.cgroupMount(controller)
		if mount == "" {
			return
		}
		// Without a cgroup namespace of its own a container sees the path from
		// the host's root, but only its own part of the tree at the mount.
		rel, inside := strings.CutPrefix(own, strings.TrimSuffix(root, "/"))
		if !inside {
			rel = "/"
		}
		for dir := path.Clean("/" + rel); ; dir = path.Dir(dir) {
			if !yield(path.Join(mount, dir)) || dir == "/" {
				return
			}
		}
	}
}

// ownCgroup reads proc_pid_cgroup: lines of ID:CONTROLLERS:PATH.
func (s Source) ownCgroup(controller string) (string, bool) {
	for line := range strings.Lines(s.read("/proc/self/cgroup")) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(f) == 3 && slices.Contains(strings.Split(f[1], ","), controller) {
			return f[2], true
		}
	}
	return "", false
}

// cgroupMount finds a hierarchy in proc_pid_mountinfo(5): where it is mounted
// and which part of it is to be seen there.
func (s Source) cgroupMount(controller string) (mount, root string) {
	for line := range strings.Lines(s.read("/proc/self/mountinfo")) {
		before, after, ok := strings.Cut(line, " - ")
		f, g := strings.Fields(before), strings.Fields(after)
		if !ok || len(f) < 5 || len(g) < 3 {
			continue
		}
		v2 := controller == "" && g[0] == "cgroup2"
		v1 := controller != "" && g[0] == "cgroup" && slices.Contains(strings.Split(g[2], ","), controller)
		if v1 || v2 {
			return f[4], f[3]
		}
	}
	return "", ""
}
