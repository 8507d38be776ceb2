package isolation

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	initName = "tender-init"
	// InitCommand is the first argument that makes the program an init: main
	// must call InitMain for it before anything else.
	InitCommand = "__init"
)

// startInit forks the first process of the pid namespace that the calling
// thread has unshared, and waits until it has mounted /proc. The thread must be
// locked: the init dies with it, and with this process.
func startInit(fork forkFunc) (pid int, err error) {
	life, err := lifeline()
	if err != nil {
		return 0, fmt.Errorf("start init: %w", err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	attr := &syscall.ProcAttr{
		Dir:   "/",
		Env:   []string{},
		Files: []uintptr{life[0].Fd(), null.Fd(), null.Fd(), w.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	}
	pid, err = forkInit(fork, attr)
	w.Close()
	if err != nil {
		return 0, fmt.Errorf("start init: %w", err)
	}
	var result [8]byte
	if _, err := io.ReadFull(r, result[:]); err != nil {
		return 0, fmt.Errorf("start init: it ended before it was ready")
	}
	if errno := -int64(binary.LittleEndian.Uint64(result[:])); errno != 0 {
		_ = unix.Kill(pid, unix.SIGKILL)
		return 0, fmt.Errorf("mount /proc in a new pid namespace: %w", syscall.Errno(errno))
	}
	return pid, nil
}

// smallInit is false in a test of the other one.
var smallInit = true

type forkFunc func(path string, argv []string, attr *syscall.ProcAttr) (int, error)

// forkInit starts the small init, or where memory files cannot be run
// (vm.memfd_noexec) or there is none for this processor, this program as init.
func forkInit(fork forkFunc, attr *syscall.ProcAttr) (int, error) {
	args := []string{initName, "proc", "/proc"}
	if fd, err := initFile(); err == nil && smallInit {
		pid, err := fork(fmt.Sprintf("/proc/self/fd/%d", fd), args, attr)
		if !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.EPERM) {
			return pid, err
		}
	}
	return fork("/proc/self/exe", []string{initName, InitCommand, args[1], args[2]}, attr)
}

// InitMain is a namespace's init as a Go program: args are the file system type
// and the mount point. It returns only if it is not the first process.
func InitMain(args []string) int {
	if os.Getpid() != 1 || len(args) != 2 {
		fmt.Fprintln(os.Stderr, "tender: __init is for tender's own use, as the first process of a pid namespace")
		return 2
	}
	signal.Ignore() // with SIGCHLD ignored, orphans vanish when they end: wait(2)
	err := unix.Mount(args[0], args[1], args[0], unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	var errno syscall.Errno
	errors.As(err, &errno)
	result := binary.LittleEndian.AppendUint64(nil, uint64(-int64(errno)))
	_, _ = unix.Write(3, result)
	unix.Close(3)
	var none [1]byte
	for {
		// Standard input is the lifeline: it ends with the parent.
		if _, err := unix.Read(0, none[:]); err != unix.EINTR {
			return 0
		}
	}
}

// lifeline is a pipe nobody writes to, made once. Each init waits for the end of
// file on it, which comes when this process has gone, however it went: a parent
// death signal is lost on a child that was being forked at that moment.
var lifeline = sync.OnceValues(func() (ends [2]*os.File, err error) {
	// Both ends are kept: one that is collected is closed.
	ends[0], ends[1], err = os.Pipe()
	return ends, err
})
