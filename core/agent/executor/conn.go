package executor

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"

	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/tender-scheduler/tender/api/execpb"
)

const (
	// SocketName is the executor's socket in its directory, which becomes the
	// job's when it is adopted.
	SocketName = "executor.sock"
	// StateLogName is the record of launches and updates in the job's directory.
	StateLogName = "state.log"

	maxMessageBytes = 64 << 20
	maxSocketPath   = 107 // sun_path, unix(7)
)

// Conn is an agent's connection to an executor. Send may be called from any
// goroutine, Recv from one.
type Conn struct {
	c    net.Conn
	in   *bufio.Reader
	send sync.Mutex
	out  []byte
}

// Dial connects to the executor that listens at sock.
func Dial(sock string) (*Conn, error) {
	var c net.Conn
	err := withShortPath(sock, func(path string) (err error) {
		c, err = net.Dial("unix", path)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("connect to executor at %q: %w", sock, err)
	}
	return newConn(c), nil
}

func newConn(c net.Conn) *Conn { return &Conn{c: c, in: bufio.NewReaderSize(c, 64<<10)} }

// Send sends one message.
func (c *Conn) Send(m *execpb.ToExecutor) error { return c.write(m) }

// Recv waits for the next message. The error after the executor's orderly end is io.EOF.
func (c *Conn) Recv() (*execpb.FromExecutor, error) {
	m := &execpb.FromExecutor{}
	return m, c.read(m)
}

// Close ends the connection; the executor goes on.
func (c *Conn) Close() error { return c.c.Close() }

func (c *Conn) write(m proto.Message) (err error) {
	c.send.Lock()
	defer c.send.Unlock()
	if c.out, err = appendMessage(c.out[:0], m); err != nil {
		return err
	}
	_, err = c.c.Write(c.out)
	return err
}

func (c *Conn) read(m proto.Message) error {
	return protodelim.UnmarshalOptions{MaxSize: maxMessageBytes}.UnmarshalFrom(c.in, m)
}

// appendMessage appends m, preceded by its length as a varint.
func appendMessage(b []byte, m proto.Message) ([]byte, error) {
	b = protowire.AppendVarint(b, uint64(proto.Size(m)))
	return proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(b, m)
}

// withShortPath calls f with a path that fits into a socket address: a long one
// is reached through an open directory.
func withShortPath(path string, f func(string) error) error {
	if len(path) <= maxSocketPath {
		return f(path)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return f(fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)))
}
