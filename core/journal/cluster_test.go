package journal

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func infoEntry(message string) zapcore.Entry {
	return zapcore.Entry{Level: zapcore.InfoLevel, Message: message}
}

// etcdCluster is an external etcd of three members, in this process, on loopback.
type etcdCluster struct {
	members   []*embed.Etcd
	stops     []func() // one for each member; the second call does nothing
	endpoints []string
}

func startCluster(t *testing.T) *etcdCluster {
	t.Helper()
	for attempt := 0; ; attempt++ {
		c, err := tryCluster(t, freeURLs(t, 6))
		if err == nil {
			return c
		}
		if attempt == 5 {
			t.Fatal(err)
		}
		t.Logf("a port was taken meanwhile: %v", err)
	}
}

func tryCluster(t *testing.T, urls []url.URL) (*etcdCluster, error) {
	var initial []string
	for i := range 3 {
		initial = append(initial, fmt.Sprintf("m%d=%s", i, urls[i].String()))
	}
	c := &etcdCluster{}
	for i := range 3 {
		cfg := embed.NewConfig()
		cfg.Name = "m" + strconv.Itoa(i)
		cfg.Dir = t.TempDir()
		cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{urls[i]}, []url.URL{urls[i]}
		cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{urls[3+i]}, []url.URL{urls[3+i]}
		cfg.InitialCluster = strings.Join(initial, ",")
		cfg.EnableGRPCGateway = false
		cfg.TickMs, cfg.ElectionMs = 50, 500
		cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
		member, err := embed.StartEtcd(cfg)
		if err != nil {
			for _, stop := range c.stops {
				stop()
			}
			return nil, fmt.Errorf("start member %d: %w", i, err)
		}
		stop := sync.OnceFunc(member.Close)
		t.Cleanup(stop)
		c.members, c.stops = append(c.members, member), append(c.stops, stop)
		c.endpoints = append(c.endpoints, urls[3+i].Host)
	}
	for _, m := range c.members {
		<-m.Server.ReadyNotify()
	}
	return c, nil
}

// freeURLs finds loopback ports, all held at once so that they differ.
func freeURLs(t *testing.T, n int) []url.URL {
	t.Helper()
	var urls []url.URL
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		fatalIf(t, err)
		defer l.Close()
		urls = append(urls, url.URL{Scheme: "http", Host: l.Addr().String()})
	}
	return urls
}

// leader returns the member that leads the raft group.
func (c *etcdCluster) leader() (int, *embed.Etcd) {
	for i, m := range c.members {
		if m.Server.Leader() == m.Server.MemberID() {
			return i, m
		}
	}
	return -1, nil
}

// Commits go on through changes of etcd's own leader, and through the loss of a
// member: nothing acknowledged is lost, nothing is there twice.
func TestEtcdLeaderChanges(t *testing.T) {
	c := startCluster(t)
	cfg := Config{Endpoints: c.endpoints, Cluster: "c", MaxEntryBytes: 256}
	j := open(t, nil, cfg)
	observer := newLedger()
	followed(t, open(t, nil, cfg), observer)

	writing := newWriter(t, j)
	writing.until(t, 100)
	i, m := c.leader()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	fatalIf(t, m.Server.MoveLeader(ctx, uint64(m.Server.MemberID()), uint64(c.members[(i+1)%3].Server.MemberID())))
	writing.until(t, 200)
	i, _ = c.leader()
	c.stops[i]() // for good
	writing.until(t, 300)

	acked := writing.stop(t)
	observer.await(t, uint64(len(acked)))
	same(t, "the observer's state", acked, observer.all())
	same(t, "replay", acked, replay(t, j).all())
}

// writer appends groups as a master's loop does: when its term ends it leads
// again and goes on from what the log holds.
type writer struct {
	state *ledger
	end   context.CancelFunc
	done  chan error
}

func newWriter(t *testing.T, j *Journal) *writer {
	ctx, cancel := context.WithCancel(t.Context())
	w := &writer{state: newLedger(), end: cancel, done: make(chan error, 1)}
	var acked uint64
	go func() {
		defer close(w.done)
		for ctx.Err() == nil {
			fresh := newLedger()
			term, err := j.Lead(ctx, fresh)
			if err != nil {
				return
			}
			// Tell the test of what is new, and check that nothing is missing.
			groups := fresh.all()
			if uint64(len(groups)) < acked {
				w.done <- fmt.Errorf("%d groups were acknowledged, %d are there", acked, len(groups))
				return
			}
			for i := len(w.state.all()); i < len(groups); i++ {
				if err := w.state.Apply(uint64(i)+1, group(groups[i]...)); err != nil {
					w.done <- err
					return
				}
			}
			for ctx.Err() == nil {
				records := group("n", strings.Repeat("y", int(term.Index()%7)*100))
				index, err := term.Append(context.WithoutCancel(ctx), records)
				if err != nil {
					break
				}
				acked = index
				if err := w.state.Apply(index, records); err != nil {
					w.done <- err
					return
				}
			}
		}
	}()
	return w
}

func (w *writer) until(t *testing.T, index uint64) {
	t.Helper()
	w.state.await(t, index)
}

func (w *writer) stop(t *testing.T) [][]string {
	t.Helper()
	w.end()
	if err := <-w.done; err != nil {
		t.Fatal(err)
	}
	return w.state.all()
}
