package main

import (
	"net"
	"os"
	"os/exec"
	"syscall"
)

// proc is a program that was started.
type proc struct{ cmd *exec.Cmd }

func startProc(path string, args ...string) (*proc, error) {
	cmd := exec.Command(path, args...)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt of the terminal is for the bench to pass on
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &proc{cmd}, nil
}

// kill ends it, unless it has ended already, and waits for that.
func (p *proc) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // says that it was killed
}

// freeAddresses are n that nobody listens at, until somebody else does.
func freeAddresses(n int) (addrs []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		addrs = append(addrs, l.Addr().String())
	}
	return addrs, nil
}
