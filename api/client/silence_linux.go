package client

import "syscall"

// silenceMs is how long what was sent may stay unacknowledged before the connection
// counts as broken; the kernel's own patience is a quarter of an hour.
const silenceMs = 10_000

// tcpUserTimeout is TCP_USER_TIMEOUT of tcp(7), which package syscall lacks.
const tcpUserTimeout = 0x12

func limitSilence(_, _ string, c syscall.RawConn) error {
	var err error
	if cerr := c.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, silenceMs)
	}); cerr != nil {
		return cerr
	}
	return err
}
