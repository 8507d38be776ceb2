package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

var gangFigures = []figure{
	{"gang", "gang of 64 on 64 idle simulated agents over gRPC, fsynced: submit → prepared, all told to start, all ended, seen by the client", "p99 ≤ 150 ms", gangFigure},
	{"mpi", "MPICH's allreduce, 4 ranks on 2 agents of one machine, whole `submit --wait`, in turn with srun", "not slower", mpiFigure},
}

func init() { figures = append(figures, gangFigures...) }

// gangFigure times gangs whose members end as soon as they have started, so that
// what is timed is a little more than all started.
func gangFigure(ctx context.Context, b *bench) (_ []sample, err error) {
	const size, gangs = 64, 100
	r, err := b.rig(ctx, size, model.Resources{CPUMilli: 1000, MemoryBytes: 1 << 30, DiskBytes: 1 << 40}, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	c, err := client.New([]string{r.addr})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	took := make([]time.Duration, gangs)
	for i := range took {
		job := arrayJob(fmt.Sprint("gang", i), size)
		job.Groups[0].Gang = &model.Gang{Launch: model.LaunchNone, Ranks: 1}
		start := time.Now()
		reply, err := c.Submit(ctx, model.Submit{Job: job})
		if err != nil {
			return nil, err
		}
		v, _, err := c.Wait(ctx, string(reply.ID), time.Minute)
		if err != nil {
			return nil, err
		}
		if v.State != model.JobSucceeded {
			return nil, fmt.Errorf("gang %d is %s: %s", i, v.State, v.Message)
		}
		took[i] = time.Since(start)
	}
	return []sample{{"tender", "ms p50", ms(quantile(took, 0.5))}, {"tender", "ms p99", ms(quantile(took, 0.99))}}, nil
}

const mpiProgram = `
#include <mpi.h>
int main(int argc, char **argv) {
  int mine = 1, sum;
  MPI_Init(&argc, &argv);
  MPI_Allreduce(&mine, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  MPI_Finalize();
  return sum != 4;
}
`

// mpiFigure runs the same program under tender and under Slurm, in turn.
func mpiFigure(ctx context.Context, b *bench) ([]sample, error) {
	mpicc, err := exec.LookPath("mpicc.mpich")
	if err != nil {
		return nil, errors.New("needs MPICH: apt-get install mpich")
	}
	program := filepath.Join(b.dir, "allreduce")
	if err := os.WriteFile(program+".c", []byte(mpiProgram), 0o644); err != nil {
		return nil, err
	}
	if out, err := exec.CommandContext(ctx, mpicc, "-O2", "-o", program, program+".c").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compile: %w: %s", err, out)
	}
	d, err := b.dev("--agents", "2")
	if err != nil {
		return nil, err
	}
	defer d.stop()
	f, err := d.file("mpi.hcl", fmt.Sprintf(`
job "mpi" {
  group "g" {
    count = 2
    gang {
      launch = "pmi"
      ranks  = 2
    }
    constraint { distinct_hosts = true }
    task "t" {
      config { command = %q }
      resources {
        cpus   = 2
        memory = "512MiB"
      }
    }
  }
}`, program))
	if err != nil {
		return nil, err
	}
	run := func() error { _, err := d.run(ctx, "submit", f, "--wait"); return err }
	ours, theirs, err := b.besideSrun(ctx, run, program)
	if err != nil {
		return nil, err
	}
	samples := []sample{{"tender", "ms p50", ms(quantile(ours, 0.5))}}
	if len(theirs) > 0 {
		samples = append(samples, sample{"srun --mpi=pmi2 -n4", "ms p50", ms(quantile(theirs, 0.5))})
	}
	return samples, nil
}

// besideSrun times run and srun in turn; without Slurm run alone.
func (b *bench) besideSrun(ctx context.Context, run func() error, program string) (ours, theirs []time.Duration, err error) {
	var s *slurm
	if slurmInstalled() {
		s, err = b.slurm(ctx)
		defer s.stop()
		if err != nil {
			return nil, nil, err
		}
	}
	for range 15 {
		start := time.Now()
		if err := run(); err != nil {
			return nil, nil, err
		}
		ours = append(ours, time.Since(start))
		if s == nil {
			continue
		}
		start = time.Now()
		if _, err := s.run(ctx, "srun", "--mpi=pmi2", "-n4", program); err != nil {
			return nil, nil, err
		}
		theirs = append(theirs, time.Since(start))
	}
	return ours, theirs, nil
}
