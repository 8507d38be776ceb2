package master_test

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/master"
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/batch"
)

// startMaster runs a master with an embedded etcd until the test ends.
func startMaster(tb testing.TB) (addr string) {
	tb.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- master.Run(ctx, master.Config{
			Listener: lis, DataDir: tb.TempDir(), Ready: func() { close(ready) },
			Frameworks: newFrameworks, Check: func(*model.Job) []string { return nil },
		})
	}()
	tb.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			tb.Errorf("the master ended with %v", err)
		}
	})
	select {
	case <-ready:
	case err := <-done:
		tb.Fatal(err)
	}
	return lis.Addr().String()
}

func newFrameworks() []model.Framework {
	b, err := batch.New(batch.DefaultConfig())
	if err != nil {
		panic(err)
	}
	return []model.Framework{b}
}

// startAgents connects n agents that run every task at once, finished or not
// as hold says.
func startAgents(tb testing.TB, addr string, n, cpus int, hold bool) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	tb.Cleanup(func() { cancel(); wg.Wait() })
	registered := make(chan struct{}, n)
	var conn *grpc.ClientConn
	for i := range n {
		if i%100 == 0 {
			var err error
			if conn, err = grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
				tb.Fatal(err)
			}
			tb.Cleanup(func() { conn.Close() })
		}
		c := conn
		wg.Go(func() { playAgent(ctx, tb, c, i, cpus, hold, registered) })
	}
	for range n {
		<-registered
	}
}

func playAgent(ctx context.Context, tb testing.TB, conn *grpc.ClientConn, i, cpus int, hold bool, registered chan struct{}) {
	stream, err := agentpb.NewAgentsClient(conn).Connect(ctx)
	if err != nil {
		tb.Error(err)
		return
	}
	name := fmt.Sprintf("n%04d", i)
	stream.Send(&agentpb.AgentMessage{Kind: &agentpb.AgentMessage_Register{Register: &agentpb.Register{
		AgentId: name, Name: name, CpuMilli: int64(cpus) * 1000, MemoryBytes: 1 << 40, DiskBytes: 1 << 40}}})
	var seq uint64
	for {
		m, err := stream.Recv()
		if err != nil {
			return
		}
		switch k := m.Kind.(type) {
		case *agentpb.MasterMessage_Registered:
			registered <- struct{}{}
		case *agentpb.MasterMessage_Ping:
			stream.Send(&agentpb.AgentMessage{Kind: &agentpb.AgentMessage_Pong{Pong: &agentpb.Pong{Seq: k.Ping.Seq}}})
		case *agentpb.MasterMessage_Launch:
			var us []*agentpb.Update
			now := time.Now().UnixNano()
			for _, index := range k.Launch.Indices {
				id := &agentpb.TaskId{Job: k.Launch.Job, Group: k.Launch.Group, Index: index}
				seq++
				us = append(us, &agentpb.Update{Seq: seq, Task: id, State: uint32(model.TaskRunning), At: now, Started: now})
				if !hold {
					seq++
					us = append(us, &agentpb.Update{Seq: seq, Task: id, State: uint32(model.TaskFinished), At: now, Started: now,
						Finished: now, Result: &agentpb.Result{Cause: string(model.CauseFinished)}, CpuNs: 1e6, PeakMemoryBytes: 1 << 20})
				}
			}
			stream.Send(&agentpb.AgentMessage{Kind: &agentpb.AgentMessage_Updates{Updates: &agentpb.Updates{Updates: us}}})
		}
	}
}

func arrayJob(name string, n int) *model.Job {
	return &model.Job{Name: name, Type: model.JobBatch, Role: model.DefaultRole, Priority: 50, Groups: []model.Group{{
		Name: "g", Count: n, Restart: model.RestartPolicy{Mode: model.RestartFail},
		Tasks: []model.TaskSpec{{Name: "t", Driver: model.DriverExec, Config: model.TaskConfig{Command: "/bin/true"},
			Resources: model.TaskResources{CPUMilli: 1000, MemoryBytes: 64 << 20}, KillTimeout: model.Duration(5 * time.Second),
			Logs: model.LogConfig{MaxFiles: 1, MaxFileBytes: 1 << 20}}}}}}
}

// BenchmarkArray is one array of 100,000 tasks over 1,000 agents, from submit
// to the end, each task's launch and result fsynced in the journal.
func BenchmarkArray(b *testing.B) {
	addr := startMaster(b)
	startAgents(b, addr, 1000, 16, false)
	c, err := client.New([]string{addr})
	if err != nil {
		b.Fatal(err)
	}
	const tasks = 100_000
	for b.Loop() {
		start := time.Now()
		r, err := c.Submit(b.Context(), model.Submit{Job: arrayJob("a", tasks)})
		if err != nil {
			b.Fatal(err)
		}
		v, _, err := c.Wait(b.Context(), string(r.ID), time.Minute)
		if err != nil || v.State != model.JobSucceeded {
			b.Fatalf("%v %v", v.State, err)
		}
		b.ReportMetric(tasks/time.Since(start).Seconds(), "tasks/s")
	}
	var ms runtime.MemStats
	runtime.ReadMemStats(&ms)
	b.ReportMetric(float64(ms.Sys)/(1<<20), "MiB-sys")
}

// BenchmarkSubmit is 8 clients submitting jobs of one task that find no room,
// each acknowledged when durable.
func BenchmarkSubmit(b *testing.B) {
	addr := startMaster(b)
	const clients = 8
	jobs := make(chan int)
	var wg sync.WaitGroup
	b.ResetTimer()
	for range clients {
		wg.Go(func() {
			c, err := client.New([]string{addr})
			if err != nil {
				b.Error(err)
				return
			}
			for i := range jobs {
				if _, err := c.Submit(b.Context(), model.Submit{Job: arrayJob(fmt.Sprint("j", i), 1)}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range b.N {
		jobs <- i
	}
	close(jobs)
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "submissions/s")
}

// BenchmarkPlace is 1,000 jobs of one task over 1,000 agents with one place
// each, from the first submission to the last launch.
func BenchmarkPlace(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		addr := startMaster(b)
		startAgents(b, addr, 1000, 1, true)
		b.StartTimer()
		placeJobs(b, addr, 1000)
	}
}

func placeJobs(b *testing.B, addr string, n int) {
	start := time.Now()
	jobs := make(chan int, n)
	for i := range n {
		jobs <- i
	}
	close(jobs)
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			c, err := client.New([]string{addr})
			if err != nil {
				b.Error(err)
				return
			}
			defer c.Close()
			for i := range jobs {
				if _, err := c.Submit(b.Context(), model.Submit{Job: arrayJob(fmt.Sprint("j", i), 1)}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(n)/time.Since(start).Seconds(), "jobs/s")
}
