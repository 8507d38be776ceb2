package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

var figures = []figure{
	{"array", "array of 1,000 × /bin/true, one agent, 128 slots, limits and logs on", "≥ ½ × xargs, ≥ 10 × Slurm", arrayFigure},
	{"latency", "`submit --wait` of one `true`, idle cluster, whole command", "p50 ≤ 40 ms, p99 ≤ 150 ms", latencyFigure},
	{"handoff", "dead time between two 0.4 s jobs on one slot", "p50 ≤ 20 ms", handoffFigure},
	{"submit", "submissions accepted, durable in embedded etcd, 8 clients", "≥ 2,000/s", submitFigure},
	{"place", "1,000 jobs of one task onto 1,000 simulated agents, fsynced, submit → placed", "≥ 5,000/s", placeFigure},
	{"fleet", "100,000 tasks on 1,000 simulated agents over gRPC, submit → all finished, one process", "≥ 20,000/s, ≤ 500 MiB", fleetFigure},
	{"schedules", "5,000 schedules, 1,000 of them due in the same second, on 1,000 simulated agents, due → started", "p99 ≤ 1 s", schedulesFigure},
	{"steady", "1,000 services × 5 and 5,000 schedules on 1,000 simulated agents, all at rest", "< 5 % of a core, ≤ 500 MiB", steadyFigure},
	{"failover", "the same on three masters that keep the journal together, the end of the leader", "caught up ≤ 3 s", failoverFigure},
}

const arrayTasks = 1000

// arrayFigure runs xargs, tender and Slurm in turn.
func arrayFigure(ctx context.Context, b *bench) ([]sample, error) {
	start := time.Now()
	xargs := exec.CommandContext(ctx, "sh", "-c", fmt.Sprintf("seq %d | xargs -P2 -n1 /bin/true", arrayTasks))
	if out, err := xargs.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("xargs: %w: %s", err, out)
	}
	samples := []sample{{"xargs -P2", "tasks/s", arrayTasks / time.Since(start).Seconds()}}

	rate, err := b.array(ctx)
	if err != nil {
		return nil, err
	}
	samples = append(samples, sample{"tender", "tasks/s", rate})

	rate, ok, err := b.slurmArray(ctx, arrayTasks)
	if err != nil {
		return nil, fmt.Errorf("slurm: %w", err)
	}
	if ok {
		samples = append(samples, sample{"Slurm", "tasks/s", rate})
	}
	return samples, nil
}

func (b *bench) array(ctx context.Context) (float64, error) {
	d, err := b.dev("--cpus", "128", "--memory", "64GiB")
	if err != nil {
		return 0, err
	}
	defer d.stop()
	f, err := d.file("array.hcl", fmt.Sprintf(`
job "array" {
  group "g" {
    array { range = "0-%d" }
    task "t" {
      driver = "exec"
      config { command = "/bin/true" }
      resources {
        cpus   = 1
        memory = "64MiB"
      }
    }
  }
}`, arrayTasks-1))
	if err != nil {
		return 0, err
	}
	start := time.Now()
	if _, err := d.run(ctx, "submit", f, "--wait"); err != nil {
		return 0, err
	}
	return arrayTasks / time.Since(start).Seconds(), nil
}

// latencyFigure times the whole command, from the start of the process to its end.
func latencyFigure(ctx context.Context, b *bench) ([]sample, error) {
	d, err := b.dev()
	if err != nil {
		return nil, err
	}
	defer d.stop()
	f, err := d.file("true.hcl", `
job "true" {
  group "g" {
    task "t" {
      driver = "exec"
      config { command = "/bin/true" }
    }
  }
}`)
	if err != nil {
		return nil, err
	}
	took := make([]time.Duration, 100)
	for i := range took {
		start := time.Now()
		if _, err := d.run(ctx, "submit", f, "--wait"); err != nil {
			return nil, err
		}
		took[i] = time.Since(start)
	}
	return []sample{{"tender", "ms p50", ms(quantile(took, 0.5))}, {"tender", "ms p99", ms(quantile(took, 0.99))}}, nil
}

// handoffFigure reads the dead time from the tasks' own start and end times,
// which are one agent's clock.
func handoffFigure(ctx context.Context, b *bench) ([]sample, error) {
	d, err := b.dev("--cpus", "1")
	if err != nil {
		return nil, err
	}
	defer d.stop()
	f, err := d.file("sleep.hcl", `
job "sleep" {
  group "g" {
    task "t" {
      driver = "exec"
      config {
        command = "/bin/sleep"
        args    = ["0.4"]
      }
      resources {
        cpus   = 1
        memory = "64MiB"
      }
    }
  }
}`)
	if err != nil {
		return nil, err
	}
	const jobs = 21
	ids := make([]string, jobs)
	for i := range ids {
		var r model.SubmitReply
		if err := d.json(ctx, &r, "submit", f); err != nil {
			return nil, err
		}
		ids[i] = string(r.ID)
	}
	if _, err := d.run(ctx, append([]string{"wait"}, ids...)...); err != nil {
		return nil, err
	}
	var tasks []model.TaskView
	for _, id := range ids {
		var v struct {
			Tasks []model.TaskView `json:"tasks"`
		}
		if err := d.json(ctx, &v, "job", id); err != nil {
			return nil, err
		}
		tasks = append(tasks, v.Tasks...)
	}
	if len(tasks) != jobs {
		return nil, fmt.Errorf("%d jobs have %d tasks", jobs, len(tasks))
	}
	slices.SortFunc(tasks, func(x, y model.TaskView) int { return x.Started.Compare(y.Started) })
	var dead []time.Duration
	for i := 1; i < len(tasks); i++ {
		dead = append(dead, tasks[i].Started.Sub(tasks[i-1].Finished))
	}
	return []sample{{"tender", "ms p50", ms(quantile(dead, 0.5))}, {"tender", "ms p99", ms(quantile(dead, 0.99))}}, nil
}
