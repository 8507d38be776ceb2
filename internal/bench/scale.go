package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/agent/agentsim"
	"github.com/tender-scheduler/tender/core/master"
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/batch"
	"github.com/tender-scheduler/tender/frameworks/cron"
	"github.com/tender-scheduler/tender/frameworks/service"
)

// rig is a master with an embedded etcd, on disk and fsynced as ever, and
// simulated agents, all in this process and talking gRPC over loopback. The
// agents are the real ones but for the processes they would start.
type rig struct {
	addr string
	stop func() error
}

func (b *bench) rig(ctx context.Context, agents int, capacity model.Resources, duration func(model.TaskID) time.Duration) (*rig, error) {
	dir, err := os.MkdirTemp(b.dir, "rig")
	if err != nil {
		return nil, err
	}
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	leading, registered := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 2)
	go func() {
		ended <- master.Run(ctx, master.Config{
			Listener: lis, DataDir: dir, Ready: func() { close(leading) },
			Frameworks: frameworks, Check: func(*model.Job) []string { return nil },
		})
	}()
	r := &rig{addr: lis.Addr().String(), stop: func() error {
		cancel()
		err := <-ended
		if agents > 0 {
			err = errors.Join(err, <-ended)
		}
		return errors.Join(err, os.RemoveAll(dir))
	}}
	select {
	case <-leading:
	case err := <-ended:
		cancel()
		return nil, err
	}
	if agents == 0 {
		return r, nil
	}
	go func() {
		ended <- agentsim.Fleet{Agents: agents, Masters: []string{r.addr}, Capacity: capacity, Duration: duration,
			Ready: func() { close(registered) }}.Run(ctx)
	}()
	select {
	case <-registered:
		return r, nil
	case err := <-ended:
		cancel()
		return nil, err
	}
}

func frameworks() []model.Framework {
	f, err := batch.New(batch.DefaultConfig())
	if err != nil {
		panic(err) // the defaults are valid
	}
	c, err := cron.New(cron.DefaultConfig())
	if err != nil {
		panic(err)
	}
	s, err := service.New(service.DefaultConfig())
	if err != nil {
		panic(err)
	}
	return []model.Framework{f, c, s}
}

func arrayJob(name string, n int) *model.Job {
	return &model.Job{Name: name, Type: model.JobBatch, Role: model.DefaultRole, Priority: model.DefaultPriority,
		Groups: []model.Group{{
			Name: "g", Count: n, Restart: model.RestartPolicy{Mode: model.RestartFail},
			Tasks: []model.TaskSpec{{Name: "t", Driver: model.DriverExec, Config: model.TaskConfig{Command: "/bin/true"},
				Resources:   model.TaskResources{CPUMilli: 1000, MemoryBytes: 64 << 20},
				KillTimeout: model.Duration(5 * time.Second), Logs: model.LogConfig{MaxFiles: 1, MaxFileBytes: 1 << 20}}}}}}
}

// submitAll submits n jobs of one task from a number of clients at once.
func submitAll(ctx context.Context, addr string, clients, n int) error {
	jobs := make(chan int, n)
	for i := range n {
		jobs <- i
	}
	close(jobs)
	errs := make([]error, clients)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			c, err := client.New([]string{addr})
			if err != nil {
				errs[i] = err
				return
			}
			defer c.Close()
			for j := range jobs {
				if _, err := c.Submit(ctx, model.Submit{Job: arrayJob(fmt.Sprint("j", j), 1)}); err != nil {
					errs[i] = err
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// submitFigure is durable submissions that find no agent.
func submitFigure(ctx context.Context, b *bench) (_ []sample, err error) {
	r, err := b.rig(ctx, 0, model.Resources{}, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	const n = 5000
	runtime.GC() // as package testing does: what came before is not measured
	start := time.Now()
	if err := submitAll(ctx, r.addr, 8, n); err != nil {
		return nil, err
	}
	return []sample{{"tender", "jobs/s", n / time.Since(start).Seconds()}}, nil
}

// placeFigure is 1,000 jobs of one task onto 1,000 agents with one place each:
// a submission is answered in the turn that places it, after its commit. Each
// agent has run a task before: here they share the machine with the master, which
// would pay for the growth of a thousand agents' stacks.
func placeFigure(ctx context.Context, b *bench) (_ []sample, err error) {
	const n = 1000
	var last atomic.Int64 // of a task, in nanoseconds
	r, err := b.rig(ctx, n, model.Resources{CPUMilli: 1000, MemoryBytes: 1 << 30, DiskBytes: 1 << 40},
		func(model.TaskID) time.Duration { return time.Duration(last.Load()) })
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	c, err := client.New([]string{r.addr})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	before, err := c.Submit(ctx, model.Submit{Job: arrayJob("before", n)})
	if err != nil {
		return nil, err
	}
	if _, _, err := c.Wait(ctx, string(before.ID), time.Minute); err != nil {
		return nil, err
	}
	last.Store(int64(time.Hour))
	runtime.GC() // as package testing does: what came before is not measured
	start := time.Now()
	if err := submitAll(ctx, r.addr, 64, n); err != nil {
		return nil, err
	}
	took := time.Since(start)
	nodes, err := c.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	placed := 0
	for _, node := range nodes.Nodes {
		placed += node.Tasks
	}
	if placed != n {
		return nil, fmt.Errorf("%d of %d jobs are placed", placed, n)
	}
	return []sample{{"tender", "jobs/s", n / took.Seconds()}}, nil
}

// fleetFigure is one array of 100,000 tasks over 1,000 agents.
func fleetFigure(ctx context.Context, b *bench) (_ []sample, err error) {
	const agents, tasks = 1000, 100_000
	r, err := b.rig(ctx, agents, model.Resources{CPUMilli: 16_000, MemoryBytes: 64 << 30, DiskBytes: 1 << 40}, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	c, err := client.New([]string{r.addr})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	start := time.Now()
	reply, err := c.Submit(ctx, model.Submit{Job: arrayJob("fleet", tasks)})
	if err != nil {
		return nil, err
	}
	v, _, err := c.Wait(ctx, string(reply.ID), 5*time.Minute)
	if err != nil {
		return nil, err
	}
	if v.State != model.JobSucceeded {
		return nil, fmt.Errorf("the array is %s: %+v", v.State, v.Slots)
	}
	took := time.Since(start)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return []sample{
		{"tender", "tasks/s", tasks / took.Seconds()},
		{"master and all agents together", "MiB from the system", float64(m.Sys) / (1 << 20)},
	}, nil
}
