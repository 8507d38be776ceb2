package master

import (
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/soheilhy/cmux"
	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/core/journal"
)

// peerDoor lets the embedded etcds of several masters talk to each other through
// the masters' own port, so that one address of each is all that has to be known,
// open and told. A nil door is that of a master without peers.
type peerDoor struct {
	cfg    journal.PeersConfig
	lis    net.Listener
	mu     sync.Mutex
	conns  map[net.Conn]struct{} // nil once closed
	serves sync.WaitGroup
}

func newPeerDoor(cfg Config) *peerDoor {
	if len(cfg.Peers) == 0 {
		return nil
	}
	return &peerDoor{conns: map[net.Conn]struct{}{}, cfg: journal.PeersConfig{
		Address: cfg.Advertise, All: cfg.Peers, Cluster: cfg.Cluster,
		// An abstract socket, which no crash leaves behind.
		Socket: "@tender-peers-" + newID(),
	}}
}

// config is the journal's part.
func (d *peerDoor) config() *journal.PeersConfig {
	if d == nil {
		return nil
	}
	return &d.cfg
}

// open takes what etcd's members send from the port.
func (d *peerDoor) open(mux cmux.CMux) {
	if d == nil {
		return
	}
	d.lis = mux.Match(cmux.PrefixMatcher(journal.PeerPrefixes()...))
	d.serves.Go(func() {
		for {
			c, err := d.lis.Accept()
			if err != nil {
				return
			}
			d.serves.Go(func() { d.serve(c) })
		}
	})
}

// peerSilence is how long what was sent to a peer may stay unacknowledged. Members
// send each other something all the time; after a partition a connection that waits
// for its turn to repeat would keep them apart for seconds.
const peerSilence = 2 * time.Second

func limitSilence(c net.Conn) {
	m, _ := c.(*cmux.MuxConn)
	if m == nil {
		return
	}
	t, ok := m.Conn.(syscall.Conn)
	if !ok {
		return
	}
	if raw, err := t.SyscallConn(); err == nil {
		// Without it the connection is only slower to be given up.
		_ = raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(peerSilence.Milliseconds()))
		})
	}
}

func (d *peerDoor) serve(c net.Conn) {
	defer c.Close()
	limitSilence(c)
	etcd, err := net.Dial("unix", d.cfg.Socket)
	if err != nil {
		return // it is not up yet; the peer tries again
	}
	defer etcd.Close()
	if !d.keep(c) {
		return
	}
	defer d.drop(c)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(etcd, c)
		etcd.Close()
	}()
	_, _ = io.Copy(c, etcd)
	c.Close()
	<-done
}

func (d *peerDoor) keep(c net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conns == nil {
		return false
	}
	d.conns[c] = struct{}{}
	return true
}

func (d *peerDoor) drop(c net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.conns, c)
}

// close ends what is under way; the port's own listener has ended before.
func (d *peerDoor) close() {
	if d == nil {
		return
	}
	d.mu.Lock()
	for c := range d.conns {
		c.Close()
	}
	d.conns = nil
	d.mu.Unlock()
	if d.lis != nil {
		d.serves.Wait()
	}
}
