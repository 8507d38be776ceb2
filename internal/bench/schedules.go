package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

const (
	schedulesInAll = 5000
	schedulesDue   = 1000
)

// schedulesFigure has 1,000 of 5,000 schedules due in the same second, each run one
// task on one of 1,000 agents: how long after its due time each starts.
func schedulesFigure(ctx context.Context, b *bench) (_ []sample, err error) {
	forever := func(model.TaskID) time.Duration { return time.Hour }
	r, err := b.rig(ctx, schedulesDue, model.Resources{CPUMilli: 1000, MemoryBytes: 1 << 30, DiskBytes: 1 << 40}, forever)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	c, err := client.New([]string{r.addr})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	due := time.Now().Add(15 * time.Second).Truncate(time.Second)
	if err := submitSchedules(ctx, c, due); err != nil {
		return nil, err
	}
	if late := time.Since(due); late > 0 {
		return nil, fmt.Errorf("the schedules were submitted %s after their time", late)
	}
	time.Sleep(time.Until(due))
	waits, err := startsAfter(ctx, c, due)
	if err != nil {
		return nil, err
	}
	return []sample{
		{"tender", "ms p99", quantile(waits, 0.99).Seconds() * 1000},
		{"p50", "ms", quantile(waits, 0.5).Seconds() * 1000},
	}, nil
}

func submitSchedules(ctx context.Context, c *client.Client, due time.Time) error {
	const clients = 16
	errs := make([]error, clients)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for n := i; n < schedulesInAll && errs[i] == nil; n += clients {
				job := arrayJob(fmt.Sprint("s", n), 1)
				job.Periodic = &model.Periodic{
					Crons: []string{"0 0 1 1 *"}, Overlap: model.OverlapAllow, CatchUp: model.CatchUpLatest, Epsilon: model.Duration(time.Minute),
				}
				if n < schedulesDue {
					job.Periodic.Crons, job.Periodic.Schedule = nil, "R/"+due.UTC().Format(time.RFC3339)+"/P1D"
				}
				_, errs[i] = c.Submit(ctx, model.Submit{Job: job})
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// startsAfter waits until all runs have started and returns how long after their due
// time they did.
func startsAfter(ctx context.Context, c *client.Client, due time.Time) ([]time.Duration, error) {
	for deadline := due.Add(time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		list, err := c.Jobs(ctx, model.ListJobs{State: string(model.JobRunning), Limit: schedulesDue})
		if err != nil {
			return nil, err
		}
		if len(list.Jobs) < schedulesDue {
			continue
		}
		var waits []time.Duration
		for _, j := range list.Jobs {
			waits = append(waits, j.Started.Sub(due))
		}
		return waits, nil
	}
	return nil, errors.New("not all runs have started within a minute")
}
