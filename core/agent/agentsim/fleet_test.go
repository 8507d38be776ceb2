package agentsim_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/agent/agentsim"
	"github.com/tender-scheduler/tender/core/model"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// sink is the cheapest master there can be: it lets every agent in, sends it
// what it is told to, and acknowledges everything.
type sink struct {
	agentpb.UnimplementedAgentsServer

	mu       sync.Mutex
	sessions []grpc.BidiStreamingServer[agentpb.AgentMessage, agentpb.MasterMessage]

	ended   atomic.Int64
	want    atomic.Int64
	reached chan struct{} // a token when ended has reached want
	killed  atomic.Int64
}

func startSink(tb testing.TB) (*sink, string) {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &sink{reached: make(chan struct{}, 1)}
	server := grpc.NewServer()
	agentpb.RegisterAgentsServer(server, s)
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.Serve(lis)
	}()
	tb.Cleanup(func() {
		server.Stop()
		<-done
	})
	return s, lis.Addr().String()
}

func (s *sink) Connect(stream grpc.BidiStreamingServer[agentpb.AgentMessage, agentpb.MasterMessage]) error {
	if _, err := stream.Recv(); err != nil {
		return err
	}
	s.mu.Lock() // also keeps what is sent here apart from what launch sends
	err := stream.Send(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Registered{Registered: &agentpb.Registered{
		ClusterId: "c", Epoch: 1, PingIntervalNs: int64(time.Minute), FenceAfterNs: int64(time.Hour),
	}}})
	s.sessions = append(s.sessions, stream)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	for {
		msg, err := stream.Recv()
		if err != nil {
			return err
		}
		us := msg.GetUpdates().GetUpdates()
		ack := &agentpb.Acknowledge{Seqs: make([]uint64, len(us))}
		n := int64(0)
		for i, u := range us {
			ack.Seqs[i] = u.Seq
			st := model.TaskState(u.State)
			if st.Terminal() {
				n++
			}
			if st == model.TaskKilled {
				s.killed.Add(1)
			}
		}
		s.mu.Lock()
		err = stream.Send(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Acknowledge{Acknowledge: ack}})
		s.mu.Unlock()
		if err != nil {
			return err
		}
		if n > 0 && s.ended.Add(n) >= s.want.Load() {
			select {
			case s.reached <- struct{}{}:
			default:
			}
		}
	}
}

// launch spreads n tasks of one job over all agents, batch at a time.
func (s *sink) launch(job string, n, batch int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := uint32(0)
	for i := 0; n > 0; i++ {
		stream := s.sessions[i%len(s.sessions)]
		if i < len(s.sessions) {
			if err := stream.Send(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_JobSpec{JobSpec: &agentpb.JobSpec{Job: job, Spec: []byte("{}")}}}); err != nil {
				return err
			}
		}
		l := &agentpb.Launch{Job: job}
		for range min(batch, n) {
			l.Indices = append(l.Indices, next)
			next++
			n--
		}
		if err := stream.Send(&agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Launch{Launch: l}}); err != nil {
			return err
		}
	}
	return nil
}

func runFleet(tb testing.TB, f agentsim.Fleet) {
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	f.Ready = func() { close(ready) }
	go func() { done <- f.Run(ctx) }()
	<-ready
	tb.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			tb.Error(err)
		}
	})
}

func TestTasksOfAnyLength(t *testing.T) {
	s, address := startSink(t)
	runFleet(t, agentsim.Fleet{Agents: 3, Masters: []string{address}, Duration: func(id model.TaskID) time.Duration {
		return time.Duration(id.Index%3) * time.Millisecond
	}})
	s.want.Store(300)
	if err := s.launch("j1", 300, 10); err != nil {
		t.Fatal(err)
	}
	<-s.reached
	if n := s.ended.Load(); n != 300 || s.killed.Load() != 0 {
		t.Errorf("%d tasks ended, %d killed", n, s.killed.Load())
	}
}

// BenchmarkFleet is the rate at which 1,000 agents with nothing to run take
// tasks over and report them, over gRPC and with a master that does not think.
func BenchmarkFleet(b *testing.B) {
	s, address := startSink(b)
	before := heap()
	runFleet(b, agentsim.Fleet{Agents: 1000, Masters: []string{address}})
	taken := heap() - before
	s.want.Store(int64(b.N))
	b.ResetTimer()
	if err := s.launch("j1", b.N, 100); err != nil {
		b.Fatal(err)
	}
	<-s.reached
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
	b.ReportMetric(float64(taken)/(1<<20), "MiB/1000agents")
}

// heap is what the process has taken from the system for Go's use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
