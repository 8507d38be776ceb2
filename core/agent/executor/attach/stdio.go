package attach

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/api/sessionpb"
)

// stdio is a command's standard streams: our ends, and its own until it runs.
type stdio struct {
	in, out, errs *os.File // nil where there is none
	terminal      *os.File // in and out at once
	theirs        []*os.File
}

// newStdio makes a terminal or pipes for a command of owner (nil = our own user).
func newStdio(open *sessionpb.Open, owner *syscall.Credential) (*stdio, error) {
	if open.Terminal {
		return newTerminal(open.Size, owner)
	}
	s := &stdio{}
	err := s.pipes(open.Stdin)
	if err != nil {
		s.started()
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stdio) pipes(stdin bool) error {
	var in *os.File
	var err error
	if stdin {
		in, s.in, err = os.Pipe()
	} else {
		in, err = os.Open(os.DevNull)
	}
	if err != nil {
		return err
	}
	s.theirs = append(s.theirs, in)
	for _, ours := range []**os.File{&s.out, &s.errs} {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		*ours = r
		s.theirs = append(s.theirs, w)
	}
	return nil
}

// newTerminal opens a pseudoterminal, pty(7). TIOCGPTPEER opens its other end
// whatever is mounted at /dev/pts.
func newTerminal(size *sessionpb.Resize, owner *syscall.Credential) (*stdio, error) {
	// Not blocking, so that the runtime's poller takes it.
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open a terminal: %w", err)
	}
	s := &stdio{terminal: os.NewFile(uintptr(fd), "terminal")}
	s.in, s.out = s.terminal, s.terminal
	peer, err := openPeer(fd, owner)
	if err != nil {
		s.close()
		return nil, fmt.Errorf("open a terminal: %w", err)
	}
	s.theirs = []*os.File{peer, peer, peer}
	s.resize(size)
	return s, nil
}

func openPeer(fd int, owner *syscall.Credential) (*os.File, error) {
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return nil, err
	}
	peer, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		return nil, errno
	}
	f := os.NewFile(peer, "terminal")
	if owner == nil {
		return f, nil
	}
	if err := f.Chown(int(owner.Uid), -1); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// files are the command's descriptors 0, 1 and 2, blocking as programs expect
// them. They stay open until started.
func (s *stdio) files() []uintptr {
	out := make([]uintptr, len(s.theirs))
	for i, f := range s.theirs {
		out[i] = f.Fd()
	}
	return out
}

// started lets go of the command's ends: it has them.
func (s *stdio) started() {
	for _, f := range s.theirs {
		f.Close() // a terminal's is there three times; closing it again does nothing
	}
	s.theirs = nil
}

// hangUp lets the command find its terminal gone, or its input at an end. What it
// still prints to pipes is read: it is not to die of saying something.
func (s *stdio) hangUp() {
	if s.in != nil {
		s.in.Close()
	}
}

func (s *stdio) close() {
	for _, f := range []*os.File{s.in, s.out, s.errs} {
		if f != nil {
			f.Close()
		}
	}
}

// resize tells the terminal its size; the kernel sends SIGWINCH.
func (s *stdio) resize(size *sessionpb.Resize) {
	if s.terminal == nil || size.GetRows() == 0 || size.GetColumns() == 0 {
		return
	}
	raw, err := s.terminal.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(size.Rows), Col: uint16(size.Columns)})
	})
}
