package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// slurm is a private Slurm of one node on loopback, with Debian's packages
// slurmctld, slurmd, slurm-client and munge.
type slurm struct {
	dir  string
	env  []string
	pids []string // files
}

// slurmArray measures an array of /bin/true. ok is false where Slurm is not installed.
func (b *bench) slurmArray(ctx context.Context, tasks int) (rate float64, ok bool, err error) {
	if !slurmInstalled() {
		return 0, false, nil
	}
	s, err := b.slurm(ctx)
	defer s.stop()
	if err != nil {
		return 0, true, err
	}
	script := filepath.Join(s.dir, "true.sh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexec /bin/true\n"), 0o755); err != nil {
		return 0, true, err
	}
	start := time.Now()
	if _, err := s.run(ctx, "sbatch", "-Q", "-o", "/dev/null", fmt.Sprintf("--array=1-%d", tasks), script); err != nil {
		return 0, true, err
	}
	for {
		out, err := s.run(ctx, "squeue", "-h", "-r", "-t", "PD,R,CG")
		if err != nil {
			return 0, true, err
		}
		if len(out) == 0 {
			return float64(tasks) / time.Since(start).Seconds(), true, nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return 0, true, err
		}
	}
}

func slurmInstalled() bool {
	for _, p := range []string{"slurmctld", "slurmd", "sbatch", "munged"} {
		if _, err := exec.LookPath(p); err != nil {
			return false
		}
	}
	return true
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// slurm starts munged, slurmctld and slurmd and waits for the node to be idle.
// What it returns is to be stopped also after an error.
func (b *bench) slurm(ctx context.Context) (*slurm, error) {
	dir, err := os.MkdirTemp(b.dir, "slurm")
	s := &slurm{dir: dir}
	if err != nil {
		return s, err
	}
	host, err := os.Hostname()
	if err != nil {
		return s, err
	}
	host, _, _ = strings.Cut(host, ".")
	conf := filepath.Join(dir, "slurm.conf")
	s.env = append(os.Environ(), "SLURM_CONF="+conf)
	if err := os.WriteFile(conf, []byte(slurmConf(dir, host)), 0o644); err != nil {
		return s, err
	}
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte(strings.Repeat("a key for one test on loopback. ", 8)), 0o600); err != nil {
		return s, err
	}
	for _, d := range []string{"state", "spool"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			return s, err
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	s.pids = []string{at("slurmd.pid"), at("slurmctld.pid"), at("munged.pid")}
	for _, c := range [][]string{
		{"munged", "--force", "--socket", at("munge.sock"), "--key-file", at("key"), "--log-file", at("munged.log"),
			"--pid-file", at("munged.pid"), "--seed-file", at("seed")},
		{"slurmctld", "-c"},
		{"slurmd", "-N", "n1"},
	} {
		if _, err := s.run(ctx, c[0], c[1:]...); err != nil {
			return s, err
		}
	}
	for range 200 {
		if out, err := s.run(ctx, "sinfo", "-h", "-o", "%T"); err == nil && strings.TrimSpace(string(out)) == "idle" {
			return s, nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return s, err
		}
	}
	return s, errors.New("the node is not idle after 10 s")
}

func (s *slurm) run(ctx context.Context, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = s.env
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %v: %w", name, args, err)
	}
	return out, nil
}

// stop ends the daemons and waits until they are gone.
func (s *slurm) stop() {
	for _, f := range s.pids {
		b, err := os.ReadFile(f)
		pid, perr := strconv.Atoi(strings.TrimSpace(string(b)))
		if err != nil || perr != nil {
			continue
		}
		_ = syscall.Kill(pid, syscall.SIGTERM)
		for i := 0; i < 100 && syscall.Kill(pid, 0) == nil; i++ {
			<-time.After(20 * time.Millisecond)
		}
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	os.RemoveAll(s.dir)
}

// slurmConf tunes Slurm for speed: no accounting, no delays between passes.
func slurmConf(dir, host string) string {
	return fmt.Sprintf(`ClusterName=bench
SlurmctldHost=%[2]s(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=%[1]s/munge.sock
CredType=cred/munge
SlurmctldPort=16827
StateSaveLocation=%[1]s/state
SlurmdSpoolDir=%[1]s/spool
SlurmctldPidFile=%[1]s/slurmctld.pid
SlurmdPidFile=%[1]s/slurmd.pid
SlurmctldLogFile=%[1]s/slurmctld.log
SlurmdLogFile=%[1]s/slurmd.log
CommunicationParameters=NoAddrCache,NoCtldInAddrAny,NoInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,defer,max_rpc_cnt=0,bf_interval=1,sched_interval=1,default_queue_depth=10000
SlurmdParameters=config_overrides
PriorityType=priority/basic
ReturnToService=2
MaxJobCount=200000
MaxArraySize=100001
MinJobAge=5
KillWait=5
LaunchParameters=disable_send_gids
PropagateResourceLimits=NONE
NodeName=n1 NodeHostname=%[2]s NodeAddr=127.0.0.1 Port=17011 CPUs=128 RealMemory=16000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
`, dir, host)
}
