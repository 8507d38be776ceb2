package master

import (
	"net"
	"syscall"
	"testing"
)

// TestOpenConns: what was accepted and is still open is closed with the listener,
// whoever has it, and so is what comes too late.
func TestOpenConns(t *testing.T) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns := newOpenConns(lis)
	accept := func() (client, server net.Conn) {
		t.Helper()
		client, err := net.Dial("tcp", lis.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close() })
		if server, err = conns.Accept(); err != nil {
			t.Fatal(err)
		}
		return client, server
	}
	silent, mine := accept()
	if raw, err := mine.(syscall.Conn).SyscallConn(); err != nil || raw == nil {
		t.Errorf("options of its socket cannot be set: %v", err)
	}
	_, done := accept()
	done.Close()
	if len(conns.open) != 1 {
		t.Errorf("%d connections are remembered, want the one that is open", len(conns.open))
	}
	late, err := net.Dial("tcp", lis.Addr().String()) // waits to be accepted
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	conns.closeAll()
	for _, c := range []net.Conn{silent, late} {
		if n, err := c.Read(make([]byte, 1)); err == nil {
			t.Errorf("a connection is open still, and gave %d bytes", n)
		}
	}
	if _, err := conns.Accept(); err == nil {
		t.Error("it goes on accepting")
	}
	if _, err := mine.Read(make([]byte, 1)); err == nil {
		t.Error("a connection can be read still")
	}
}
