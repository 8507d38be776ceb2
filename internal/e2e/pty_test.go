package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// pty is a program that runs at a terminal, whose other end is a test.
type pty struct {
	c      *cluster
	master *os.File
	slave  *os.File // kept open, so that its settings can be looked at afterwards
	cmd    *exec.Cmd
	exited chan struct{}

	mu  sync.Mutex
	out bytes.Buffer
}

// atTerminal starts a command line at a terminal of its own.
func (c *cluster) atTerminal(rows, columns uint16, args ...string) *pty {
	c.t.Helper()
	master, slave := openTerminal(c.t)
	p := &pty{c: c, master: master, slave: slave, exited: make(chan struct{})}
	p.resize(rows, columns)
	p.cmd = exec.Command(binary, args...)
	p.cmd.Env = append(os.Environ(), "TENDER_ADDR="+c.addr, "NO_COLOR=1", "TERM=vt100", "COLUMNS=")
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = slave, slave, slave
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := p.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	var read sync.WaitGroup
	read.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			p.mu.Lock()
			p.out.Write(buf[:n])
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	c.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		slave.Close()
		master.Close()
		read.Wait()
	})
	return p
}

func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Skipf("this machine has no terminals to give: %v", err)
	}
	peer, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		t.Fatal(errno)
	}
	return os.NewFile(uintptr(fd), "pty"), os.NewFile(peer, "tty")
}

func (p *pty) resize(rows, columns uint16) {
	p.c.t.Helper()
	raw, err := p.master.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) {
			_ = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns})
		})
	}
	if err != nil {
		p.c.t.Fatal(err)
	}
}

// kind types text.
func (p *pty) kind(text string) {
	p.c.t.Helper()
	if _, err := p.master.WriteString(text); err != nil {
		p.c.t.Fatal(err)
	}
}

// await waits until the screen has shown text.
func (p *pty) await(text string) {
	p.c.t.Helper()
	p.c.eventually("the terminal shows "+text, func() bool { return strings.Contains(p.screen(), text) })
}

func (p *pty) screen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// raw reports whether keys go to the program as they are.
func (p *pty) raw() bool {
	p.c.t.Helper()
	state, err := unix.IoctlGetTermios(int(p.slave.Fd()), unix.TCGETS)
	if err != nil {
		p.c.t.Fatal(err)
	}
	return state.Lflag&unix.ICANON == 0
}

// syncBuffer is what a program that still runs has printed.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
