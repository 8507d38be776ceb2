package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/jobspec"
)

// What stands still in steadyFigure, and for how long it is watched.
const (
	steadyServices  = 1000
	steadyCount     = 5
	steadySchedules = 5000
	steadyAgents    = 1000
	steadyFor       = 20 * time.Second
)

// steadyFigure is what a cluster costs in which nothing happens. The agents are in
// the same process: what they and the master cost each other before there is any
// job is measured first.
func steadyFigure(ctx context.Context, b *bench) (_ []sample, err error) {
	forever := func(model.TaskID) time.Duration { return 24 * time.Hour }
	r, err := b.rig(ctx, steadyAgents, model.Resources{CPUMilli: 16_000, MemoryBytes: 64 << 30, DiskBytes: 1 << 40}, forever)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	without, err := coreUsed(ctx)
	if err != nil {
		return nil, err
	}
	if err := submitSteady(ctx, r.addr); err != nil {
		return nil, err
	}
	with, err := coreUsed(ctx)
	if err != nil {
		return nil, err
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return []sample{
		{"1,000 idle agents and a master without jobs", "% of a core", 100 * without},
		{"with services and schedules", "% of a core", 100 * with},
		{"master and all agents together", "MiB from the system", float64(m.Sys) / (1 << 20)},
	}, nil
}

// coreUsed is the CPU time that this process uses in a second.
func coreUsed(ctx context.Context) (float64, error) {
	used := func() time.Duration {
		var u syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // fails for a wrong argument only
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before, begun := used(), time.Now()
	select {
	case <-time.After(steadyFor):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	return (used() - before).Seconds() / time.Since(begun).Seconds(), nil
}

// submitSteady submits the services and schedules and waits until all tasks run.
func submitSteady(ctx context.Context, addr string) error {
	jobs := make(chan *model.Job, steadyServices+steadySchedules)
	for i := range steadyServices {
		j := arrayJob(fmt.Sprint("service-", i), steadyCount)
		j.Type = model.JobService
		jobs <- j
	}
	for i := range steadySchedules {
		j := arrayJob(fmt.Sprint("schedule-", i), 1)
		j.Periodic = &model.Periodic{Crons: []string{"0 3 1 1 *"}}
		jobs <- j
	}
	close(jobs)
	const clients = 16
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
				jobspec.Complete(j)
				if _, err := c.Submit(ctx, model.Submit{Job: j}); err != nil {
					errs[i] = err
					return
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return awaitTasks(ctx, addr, steadyServices*steadyCount)
}

func awaitTasks(ctx context.Context, addr string, want int) error {
	c, err := client.New([]string{addr})
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		l, err := c.Nodes(ctx)
		if err != nil {
			return err
		}
		running := 0
		for _, n := range l.Nodes {
			running += n.Tasks
		}
		if running == want {
			return nil
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%d of %d tasks run: %w", running, want, ctx.Err())
		}
	}
}
