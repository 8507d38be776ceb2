package executor

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/tender-scheduler/tender/api/execpb"
)

// Events that a server puts into the loop's inbox.
type (
	peerUp   struct{ peer *peer }
	peerDown struct{ peer *peer }
	peerSays struct {
		peer *peer
		msg  *execpb.ToExecutor
	}
)

// server accepts agents on the socket.
type server struct {
	listener *net.UnixListener
	path     string // where the socket is now
	inbox    *inbox
}

func listen(path string, in *inbox) (*server, error) {
	l, err := listenAt(path)
	if err != nil {
		return nil, err
	}
	s := &server{path: path, inbox: in, listener: l}
	go s.accept(l)
	return s, nil
}

func listenAt(path string) (l *net.UnixListener, err error) {
	err = withShortPath(path, func(short string) error {
		// A socket of a dead executor refuses connections and blocks the name.
		if c, err := net.Dial("unix", short); err == nil {
			c.Close()
			return errors.New("another executor listens there")
		}
		os.Remove(short)
		l, err = net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
		if err != nil {
			return err
		}
		l.SetUnlinkOnClose(false) // its directory's name changes when a spare is adopted
		return os.Chmod(short, 0o600)
	})
	if err != nil {
		return nil, fmt.Errorf("listen at %q: %w", path, err)
	}
	return l, nil
}

// moved notes that the agent has moved the directory with the socket in it.
func (s *server) moved(dir string) error {
	to := filepath.Join(dir, SocketName)
	if _, err := os.Lstat(to); err != nil {
		return fmt.Errorf("find the socket in the job's directory: %w", err)
	}
	s.path = to
	return nil
}

func (s *server) close() {
	s.listener.Close()
	os.Remove(s.path)
}

func (s *server) accept(l *net.UnixListener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go s.greet(newConn(c))
	}
}

// greet tells by the first message whether an agent has come, or somebody's session.
func (s *server) greet(c *Conn) {
	first := &execpb.ToExecutor{}
	if c.read(first) != nil {
		c.Close()
		return
	}
	if k := first.GetSession(); k != nil {
		s.inbox.put(sessionAsked{c, k})
		return
	}
	p := &peer{conn: c}
	p.more.L = &p.mu
	s.inbox.put(peerUp{p})
	s.inbox.put(peerSays{p, first})
	go p.read(s.inbox)
	go p.write()
}

// peer is a connected agent. What is sent to it is queued: a stopped agent must
// not stop the loop.
type peer struct {
	conn *Conn

	mu     sync.Mutex
	queue  []*execpb.FromExecutor
	more   sync.Cond
	closed bool
}

func (p *peer) send(m *execpb.FromExecutor) {
	p.mu.Lock()
	p.queue = append(p.queue, m)
	p.mu.Unlock()
	p.more.Signal()
}

func (p *peer) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.more.Signal()
	p.conn.Close()
}

func (p *peer) read(in *inbox) {
	for {
		m := &execpb.ToExecutor{}
		if err := p.conn.read(m); err != nil {
			p.close()
			in.put(peerDown{p})
			return
		}
		in.put(peerSays{p, m})
	}
}

func (p *peer) write() {
	for {
		p.mu.Lock()
		for len(p.queue) == 0 && !p.closed {
			p.more.Wait()
		}
		queue, closed := p.queue, p.closed
		p.queue = nil
		p.mu.Unlock()
		if closed {
			return
		}
		for _, m := range queue {
			if p.conn.write(m) != nil {
				p.close() // the reader tells the loop
				return
			}
		}
	}
}
