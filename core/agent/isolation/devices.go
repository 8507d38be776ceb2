package isolation

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

const devicesController = "devices"

// Devices is what the processes of a group may open. It never changes.
type Devices struct {
	nodes []node // sorted, each once
}

// node is a device by its number; a negative minor stands for all of a major.
type node struct {
	block        bool
	major, minor int64
}

// usual are the devices that any program may expect, those that the OCI runtime
// specification gives every container (config-linux.md, default devices): null,
// zero, full, random, urandom; tty, console, ptmx; and pseudo terminals.
var usual = []node{
	{false, 1, 3}, {false, 1, 5}, {false, 1, 7}, {false, 1, 8}, {false, 1, 9},
	{false, 5, 0}, {false, 5, 1}, {false, 5, 2},
	{false, 136, -1},
}

// NewDevices returns the usual devices and those whose nodes the patterns match
// (path.Match). What is not there is left out, and what is not a device node.
func NewDevices(patterns ...string) (*Devices, error) {
	d := &Devices{nodes: usual}
	var paths []string
	for _, p := range patterns {
		found, err := filepath.Glob(p)
		if err != nil {
			return nil, fmt.Errorf("allow devices %q: %w", p, err)
		}
		paths = append(paths, found...)
	}
	return d.With(paths...)
}

// With returns d and the devices with these nodes, but for those that are not there.
func (d *Devices) With(paths ...string) (*Devices, error) {
	more := &Devices{nodes: slices.Clone(d.nodes)}
	for _, path := range paths {
		var st unix.Stat_t
		switch err := unix.Stat(path, &st); {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, fmt.Errorf("allow device %s: %w", path, err)
		}
		if kind := st.Mode & unix.S_IFMT; kind == unix.S_IFCHR || kind == unix.S_IFBLK {
			more.nodes = append(more.nodes, node{kind == unix.S_IFBLK, int64(unix.Major(st.Rdev)), int64(unix.Minor(st.Rdev))})
		}
	}
	slices.SortFunc(more.nodes, func(x, y node) int { return strings.Compare(x.String(), y.String()) })
	more.nodes = slices.Compact(more.nodes)
	return more, nil
}

func (d *Devices) equal(o *Devices) bool {
	if d == nil || o == nil {
		return d == o
	}
	return slices.Equal(d.nodes, o.nodes)
}

func (n node) String() string {
	kind, minor := "c", "*"
	if n.block {
		kind = "b"
	}
	if n.minor >= 0 {
		minor = fmt.Sprint(n.minor)
	}
	return fmt.Sprintf("%s %d:%s", kind, n.major, minor)
}

// rules returns d for the kernel, in the order in which they apply: nothing but
// what follows. Making nodes is allowed, as in containers: programs that unpack
// archives do, and a node that may not be opened is of no use.
func (d *Devices) rules() []specs.LinuxDeviceCgroup {
	all := int64(-1)
	r := []specs.LinuxDeviceCgroup{
		{Allow: false, Type: "a", Major: &all, Minor: &all, Access: "rwm"},
		{Allow: true, Type: "c", Major: &all, Minor: &all, Access: "m"},
		{Allow: true, Type: "b", Major: &all, Minor: &all, Access: "m"},
	}
	for i := range d.nodes {
		n := &d.nodes[i]
		kind := "c"
		if n.block {
			kind = "b"
		}
		r = append(r, specs.LinuxDeviceCgroup{Allow: true, Type: kind, Major: &n.major, Minor: &n.minor, Access: "rwm"})
	}
	return r
}

// FilterDevices lets groups that are made from now on bound which devices their
// processes may open. It costs a v1 group one more hierarchy, so it is for hosts
// that have something to keep apart. The error says why that cannot be.
func (h *Host) FilterDevices() error {
	switch h.Mode {
	case ModeV1, ModeHybrid:
		if h.devices1 == "" {
			return errors.New("cgroup v1 controller devices is missing or not writable")
		}
		h.roots[devicesController] = h.devices1
	case ModeV2:
		if err := probeFilter(); err != nil {
			return err
		}
	default:
		return errors.New("there are no cgroups")
	}
	h.filterDevices = true
	return nil
}

// SetDevices bounds what the group's processes may open from now on; what they
// have open stays open. nil lifts the bounds. What is in force already costs
// nothing. On a host without FilterDevices it does nothing.
func (g *Group) SetDevices(d *Devices) error {
	if !g.host.filterDevices || g.devices.equal(d) {
		return nil
	}
	var err error
	if g.control2 != nil {
		err = g.filter.set(g.spawn, d)
	} else {
		err = g.setDevices1(d)
	}
	if err != nil {
		return fmt.Errorf("bound the devices of cgroup %q: %w", g.rel, err)
	}
	g.devices = d
	return nil
}

// setDevices1 writes the rules of cgroup v1 (Documentation/admin-guide/cgroup-v1/devices.rst).
// Allowing all drops every other rule, as denying all does.
func (g *Group) setDevices1(d *Devices) error {
	dir := g.host.dir1(devicesController, g.rel)
	if d == nil {
		return write(dir, "devices.allow", "a *:* rwm")
	}
	for _, r := range d.rules() {
		file := "devices.deny"
		if r.Allow {
			file = "devices.allow"
		}
		if err := write(dir, file, fmt.Sprintf("%s %s:%s %s", r.Type, number1(*r.Major), number1(*r.Minor), r.Access)); err != nil {
			return err
		}
	}
	return nil
}

func number1(n int64) string {
	if n < 0 {
		return "*"
	}
	return fmt.Sprint(n)
}
