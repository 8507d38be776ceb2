package isolation

import (
	"fmt"
	"io"
	"os"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// mountWatch notices when a task changed its cell's mount table. The host's own
// doings reach into the cell as well: mounts propagate, and a mount point that
// is removed on the host is unmounted everywhere. Those are no change.
type mountWatch struct {
	file   *os.File // the namespace's mountinfo
	before map[string]bool
}

// newMountWatch watches the mount table at path, which belongs to the namespace
// of the process that path names.
func newMountWatch(path string) (*mountWatch, error) {
	// Not os.Open: the runtime's own poller would take the events away.
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("read the mount table of a new mount namespace: %w", err)
	}
	f := os.NewFile(uintptr(fd), path)
	w := &mountWatch{file: f}
	if w.before, err = mountTable(f); err != nil {
		f.Close()
		return nil, err
	}
	return w, nil
}

// mountTable reads a table as a set of what is mounted where.
func mountTable(f *os.File) (map[string]bool, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read mount table: %w", err)
	}
	mounts, err := mountinfo.GetMountsFromReader(f, nil)
	if err != nil {
		return nil, fmt.Errorf("read mount table: %w", err)
	}
	table := make(map[string]bool, len(mounts))
	for _, m := range mounts {
		table[fmt.Sprint(m.Mountpoint, " ", m.Major, ":", m.Minor, " ", m.Root, " ", m.FSType, " ", m.Source, " ", m.Options)] = true
	}
	return table, nil
}

// spoilt reports whether a task changed the table. When nobody did, that costs
// one poll(2): the kernel flags a change as exceptional (proc_pid_mounts(5)).
func (w *mountWatch) spoilt() bool {
	fds := []unix.PollFd{{Fd: int32(w.file.Fd()), Events: unix.POLLPRI}}
	if n, err := unix.Poll(fds, 0); err == nil && n == 0 {
		return false
	}
	now, err := mountTable(w.file)
	if err != nil {
		return true
	}
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return true
	}
	defer f.Close()
	host, err := mountTable(f)
	if err != nil {
		return true
	}
	for m := range now {
		if !w.before[m] && !host[m] {
			return true
		}
	}
	for m := range w.before {
		if !now[m] && host[m] {
			return true
		}
	}
	w.before = now
	return false
}

func (w *mountWatch) close() { w.file.Close() }
