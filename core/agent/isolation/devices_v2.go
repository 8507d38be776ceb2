package isolation

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"github.com/containerd/cgroups/v3/cgroup2"
	"golang.org/x/sys/unix"
)

// deviceFilter is the eBPF program that a v2 group asks before a device is
// opened; cgroup v2 has no devices controller. The zero value asks nobody.
type deviceFilter struct {
	prog *ebpf.Program
}

// set puts d's program in place of the one before. For a moment both are asked,
// and a device is opened if both allow it: never more than one of them would.
func (f *deviceFilter) set(dir int, d *Devices) error {
	var next *ebpf.Program
	if d != nil {
		var err error
		if next, err = loadFilter(d); err != nil {
			return err
		}
		err = link.RawAttachProgram(link.RawAttachProgramOptions{
			Target: dir, Program: next, Attach: ebpf.AttachCGroupDevice, Flags: unix.BPF_F_ALLOW_MULTI,
		})
		if err != nil {
			return errors.Join(fmt.Errorf("attach eBPF program: %w", err), next.Close())
		}
	}
	if f.prog != nil {
		err := link.RawDetachProgram(link.RawDetachProgramOptions{Target: dir, Program: f.prog, Attach: ebpf.AttachCGroupDevice})
		if err != nil {
			return fmt.Errorf("detach eBPF program: %w", err)
		}
		f.close()
	}
	f.prog = next
	return nil
}

// close lets go of the program. The kernel keeps it for as long as its group is there.
func (f *deviceFilter) close() {
	if f.prog != nil {
		_ = f.prog.Close()
		f.prog = nil
	}
}

// memlock lifts the bound on locked memory, which kernels before 5.11 count
// eBPF programs by.
var memlock = sync.OnceValue(rlimit.RemoveMemlock)

func loadFilter(d *Devices) (*ebpf.Program, error) {
	_ = memlock() // what follows from it, loading the program says
	code, license, err := cgroup2.DeviceFilter(d.rules())
	if err != nil {
		return nil, fmt.Errorf("make eBPF program: %w", err)
	}
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.CGroupDevice, Instructions: code, License: license})
	if err != nil {
		return nil, fmt.Errorf("load eBPF program: %w", err)
	}
	return prog, nil
}

// probeFilter reports why filters cannot be made here.
func probeFilter() error {
	prog, err := loadFilter(&Devices{nodes: usual})
	if err != nil {
		return err
	}
	return prog.Close()
}
