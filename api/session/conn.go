package session

import (
	"bufio"
	"io"
	"sync"

	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/tender-scheduler/tender/api/sessionpb"
)

// Conn is a Stream over bytes: each frame is preceded by its length as a varint.
type Conn struct {
	c  io.ReadWriteCloser
	in *bufio.Reader

	mu  sync.Mutex
	out []byte
}

// NewConn returns a Stream over c. What in has read ahead belongs to it; nil = nothing.
func NewConn(c io.ReadWriteCloser, in *bufio.Reader) *Conn {
	if in == nil {
		in = bufio.NewReaderSize(c, ChunkBytes)
	}
	return &Conn{c: c, in: in}
}

// Send implements Stream, for several goroutines at once.
func (c *Conn) Send(f *sessionpb.Frame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := protowire.AppendVarint(c.out[:0], uint64(proto.Size(f)))
	b, err := proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(b, f)
	if err != nil {
		return err
	}
	c.out = b
	_, err = c.c.Write(b)
	return err
}

// Recv implements Stream.
func (c *Conn) Recv() (*sessionpb.Frame, error) {
	f := &sessionpb.Frame{}
	return f, protodelim.UnmarshalOptions{MaxSize: MaxFrameBytes}.UnmarshalFrom(c.in, f)
}

// Close implements Stream.
func (c *Conn) Close() error { return c.c.Close() }

// Drain reads what still comes until the other side closes. To close a TCP
// connection with something unread in it could lose what was sent last.
func (c *Conn) Drain() { _, _ = io.Copy(io.Discard, c.in) }
