package master

import (
	"errors"
	"net"
	"sync"
	"syscall"
)

// openConns is a listener that can close what it has accepted. The servers behind
// it close what they know of; what has not said a word yet is known to none of them,
// and the end of the process would wait for its time to speak.
type openConns struct {
	net.Listener
	mu     sync.Mutex
	open   map[*openConn]struct{}
	closed bool
}

func newOpenConns(l net.Listener) *openConns {
	return &openConns{Listener: l, open: map[*openConn]struct{}{}}
}

// openConn is a connection that is forgotten once it is closed.
type openConn struct {
	net.Conn
	of *openConns
}

// Accept implements net.Listener.
func (o *openConns) Accept() (net.Conn, error) {
	c, err := o.Listener.Accept()
	if err != nil {
		return nil, err
	}
	conn := &openConn{c, o}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		c.Close()
	}
	o.open[conn] = struct{}{}
	return conn, nil
}

// Close implements net.Conn.
func (c *openConn) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// SyscallConn implements syscall.Conn, for options of the socket.
func (c *openConn) SyscallConn() (syscall.RawConn, error) {
	raw, ok := c.Conn.(syscall.Conn)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return raw.SyscallConn()
}

// closeAll closes the listener and every connection, also one that is just coming.
func (o *openConns) closeAll() {
	o.Listener.Close()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	for c := range o.open {
		c.Conn.Close()
	}
}
