package master

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/soheilhy/cmux"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/journal"
	"github.com/tender-scheduler/tender/core/master/httpapi"
)

// Master is one master process: it stands by or leads, and serves agents and
// people either way.
type Master struct {
	cfg     Config
	logs    *logs
	asked   *askedSessions
	current atomic.Pointer[loop]            // of the term that is on, nil while standing by
	leader  atomic.Pointer[leader]          // who leads, as last heard
	journal atomic.Pointer[journal.Journal] // nil until it is open
	roster  *roster
	started time.Time
	ready   sync.Once
	metrics *metrics
	// identity is this process's, which no later one at the same address has.
	identity string
}

// leader is who leads, an empty address while nobody does.
type leader struct {
	journal.LeaderInfo
	gone chan struct{} // closed when something else is heard
}

// Run serves until ctx ends. It returns nil then, and an error if it cannot
// start, or cannot go on.
func Run(ctx context.Context, cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return fmt.Errorf("start master: %w", err)
	}
	cfg = cfg.withDefaults()
	// What a turn allocates is garbage after it, and every collection goes through
	// the stacks of all agents' streams: half as many cost a small master memory
	// it hardly notices. For a large one, GOMEMLIMIT says what there is.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	// The port first: of all that can be in the way it is the quickest to find out.
	lis := cfg.Listener
	if lis == nil {
		var err error
		if lis, err = (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen); err != nil {
			return fmt.Errorf("start master: %w", err)
		}
	}
	defer lis.Close()
	if cfg.Advertise == "" {
		cfg.Advertise = advertised(lis.Addr())
	}
	m := &Master{cfg: cfg, logs: newLogs(), asked: newAskedSessions(), roster: newRoster(), started: time.Now().UTC(),
		identity: cfg.Advertise + "/" + newID()}
	m.leader.Store(&leader{gone: make(chan struct{})})
	m.metrics = newMetrics(m)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	peers := newPeerDoor(cfg)
	defer peers.close() // etcd still talks to its peers while it ends
	// People and agents are told to wait while the journal is being opened: with
	// several masters that takes until most of them are up.
	stop, err := m.serve(ctx, lis, peers, cancel)
	if err != nil {
		return fmt.Errorf("start master: %w", err)
	}
	defer stop()
	j, closeJournal, err := m.openJournal(ctx, peers)
	if err != nil {
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return nil
		}
		return fmt.Errorf("start master: %w", err)
	}
	defer closeJournal()
	m.journal.Store(j)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel(nil)
	wg.Go(func() { m.followLeader(ctx, j) })
	wg.Go(func() { m.keepVigil(ctx, j) })
	wg.Go(func() { j.WatchRoster(ctx, m.roster.begin, m.roster.change) })
	wg.Go(func() {
		j.Enter(ctx, journal.Entry{Address: cfg.Advertise, Version: cfg.Version, Since: m.started})
	})
	if err := m.terms(ctx, j); err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// followLeader keeps m.leader up to date until ctx ends.
func (m *Master) followLeader(ctx context.Context, j *journal.Journal) {
	for info := range j.WatchLeader(ctx) {
		before := m.leader.Swap(&leader{LeaderInfo: info, gone: make(chan struct{})})
		close(before.gone)
		if info.Address != "" && info.Address != m.cfg.Advertise {
			m.sayReady()
		}
	}
}

// advertised turns a wildcard listen address into one that others can dial.
func advertised(a net.Addr) string {
	t := a.(*net.TCPAddr)
	if !t.IP.IsUnspecified() {
		return t.String()
	}
	host, err := os.Hostname()
	if err != nil {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, fmt.Sprint(t.Port))
}

func (m *Master) openJournal(ctx context.Context, peers *peerDoor) (*journal.Journal, func(), error) {
	cfg := m.cfg
	jc := journal.Config{
		Endpoints: cfg.Etcd, Cluster: cfg.Cluster, Address: cfg.Advertise,
		Identity: m.identity, SessionTTL: cfg.SessionTTL, Logger: cfg.Logger,
	}
	closeEtcd := func() {}
	if err := m.join(ctx, peers); err != nil {
		return nil, nil, err
	}
	if cfg.DataDir != "" {
		e, err := journal.StartEmbedded(ctx, journal.EmbeddedConfig{DataDir: cfg.DataDir, Peers: peers.config(), Logger: cfg.Logger})
		if err != nil {
			return nil, nil, err
		}
		closeEtcd = func() { e.Close() }
		jc.Embedded = e
		if e.Sole() {
			jc.SessionTTL = 0 // nobody else can reach it
		}
	}
	j, err := journal.Open(ctx, jc)
	if err != nil {
		closeEtcd()
		return nil, nil, err
	}
	return j, func() { j.Close(); closeEtcd() }, nil
}

// serve starts the servers on one listener: agents speak gRPC, that is HTTP/2,
// people's tools HTTP/1.1.
func (m *Master) serve(ctx context.Context, lis net.Listener, peers *peerDoor, fail context.CancelCauseFunc) (stop func(), err error) {
	handler, err := httpapi.New(httpapi.Config{Backend: m, Check: m.cfg.Check, Logger: m.cfg.Logger, LeaderGone: m.leaderGone, Lease: m.lease,
		Metrics: m.metrics.handler(m.cfg.Metrics)})
	if err != nil {
		return nil, err
	}
	conns := newOpenConns(lis)
	mux := cmux.New(conns)
	mux.SetReadTimeout(10 * time.Second) // a silent connection must not stay in the matcher
	grpcLis := mux.Match(cmux.HTTP2())
	peers.open(mux)
	httpLis := mux.Match(cmux.Any())

	g := grpc.NewServer(
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 15 * time.Second, Timeout: 10 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
		grpc.MaxRecvMsgSize(64<<20),
	)
	agentpb.RegisterAgentsServer(g, &agentServer{master: m})
	h := httpapi.NewServer(ctx, handler, m.cfg.Logger)

	var wg sync.WaitGroup
	serve := func(name string, f func() error) {
		wg.Go(func() {
			if err := f(); err != nil && ctx.Err() == nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, cmux.ErrServerClosed) {
				fail(fmt.Errorf("serve %s on %s: %w", name, lis.Addr(), err))
			}
		})
	}
	serve("agents", func() error { return g.Serve(grpcLis) })
	serve("the HTTP API", func() error { return h.Serve(httpLis) })
	serve("connections", mux.Serve)
	return func() {
		h.Close()
		g.Stop()
		mux.Close()
		conns.closeAll()
		wg.Wait()
	}, nil
}

// terms leads whenever this master is elected, until ctx ends.
func (m *Master) terms(ctx context.Context, j *journal.Journal) error {
	for ctx.Err() == nil {
		machine, err := NewMachine(m.cfg.Timing, m.cfg.Frameworks()...)
		if err != nil {
			return err
		}
		machine.Configure(m.cfg.allocator())
		term, err := j.Lead(ctx, machine)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("follow the journal: %w", err)
		}
		if m.lead(ctx, term, machine) {
			m.letOthersLead(ctx)
		}
	}
	return nil
}

// lead leads until the term or ctx ends; true: it was asked to step down.
func (m *Master) lead(ctx context.Context, term *journal.Term, machine *Machine) (left bool) {
	m.cfg.Logger.Info("leading", "epoch", term.Epoch(), "address", m.cfg.Advertise)
	l := newLoop(machine, term, term.Index(), m.cfg.Logger)
	l.timings = m.metrics.timings
	machine.TimePasses(l.timings.pass)
	l.started = func() {
		m.current.Store(l)
		m.sayReady()
	}
	err := l.run(ctx, Lead{Epoch: term.Epoch(), ClusterID: newID()})
	m.current.Store(nil)
	if err != nil {
		m.cfg.Logger.Warn("leading no more", "epoch", term.Epoch(), "err", err)
	}
	if ctx.Err() != nil {
		if err := m.journal.Load().Yield(context.WithoutCancel(ctx)); err != nil { //nolint:govet // the other err is wanted below
			m.cfg.Logger.Debug("etcd's leader ends with this process", "err", err)
		}
	}
	resign, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := term.Resign(resign); err != nil { //nolint:govet // the other err is wanted below
		m.cfg.Logger.Debug("the leader key will expire by itself", "err", err)
	}
	return errors.Is(err, errSteppedDown)
}

func (m *Master) sayReady() {
	m.ready.Do(func() {
		if m.cfg.Ready != nil {
			m.cfg.Ready()
		}
	})
}

// leading returns the loop of the current term, nil while another master leads, or
// may lead by now.
func (m *Master) leading() *loop {
	l := m.current.Load()
	if l == nil || !l.leads() {
		return nil
	}
	return l
}

// lease is what the other masters are told.
func (m *Master) lease() httpapi.Lease {
	out := httpapi.Lease{Identity: m.identity}
	if l := m.current.Load(); l != nil {
		if left, ttl := l.log.Lease(); left > 0 {
			out.Term, out.TTLMs = l.log.Epoch(), ttl.Milliseconds()
		}
	}
	return out
}

// leaderGone returns a channel that is closed when the master at an address does
// not lead any more.
func (m *Master) leaderGone(address string) <-chan struct{} {
	if info := m.leader.Load(); info.Address == address {
		return info.gone
	}
	return nil
}
