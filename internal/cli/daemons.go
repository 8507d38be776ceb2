package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/core/agent"
	"github.com/tender-scheduler/tender/core/master"
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/batch"
	"github.com/tender-scheduler/tender/frameworks/service"
	"github.com/tender-scheduler/tender/jobspec"
)

// This file is where the daemons' parts are put together; nothing else of this
// package knows them.

func (a *app) daemonCmds() []*cobra.Command {
	return []*cobra.Command{a.devCmd(), a.masterCmd(), a.agentCmd()}
}

// frameworks makes the hosted frameworks of one term.
func frameworks(limits batch.Config) func() []model.Framework {
	return func() []model.Framework {
		f, err := batch.New(limits)
		must(err) // limits have been validated
		return []model.Framework{f, cronFramework(), services(limits)}
	}
}

// services makes the framework of services, whose limits follow those of batch jobs.
func services(limits batch.Config) model.Framework {
	cfg := service.DefaultConfig()
	cfg.MaxHistory, cfg.HistoryAge = limits.MaxHistory, limits.HistoryAge
	cfg.RankShift = limits.Policy.RankShift()
	f, err := service.New(cfg)
	must(err)
	return f
}

// checkJob completes and checks a job that came over the API.
func checkJob(job *model.Job) []string {
	jobspec.Complete(job)
	var faults []string
	for _, p := range jobspec.Validate(job) {
		faults = append(faults, p.String())
	}
	return faults
}

func (a *app) runMaster(cmd *cobra.Command, s masterSettings) error {
	if s.dataDir == "" && len(s.etcd) == 0 {
		return usagef(cmd, "--data-dir or --etcd is missing: the journal needs a directory for the embedded etcd, or an etcd cluster")
	}
	limits, holds, err := s.batch(cmd)
	if err != nil {
		return err
	}
	limits.MaxHistory, limits.HistoryAge = s.historyJobs, s.historyAge
	if err := limits.Validate(); err != nil {
		return usagef(cmd, "%w", err)
	}
	cfg := master.Config{
		Listen: s.listen, Advertise: s.advertise, DataDir: s.dataDir, Etcd: s.etcd, Cluster: s.cluster,
		Peers: s.peers, Join: s.join,
		SessionTTL: s.sessionTTL, FenceAfter: s.fenceAfter, Version: Version,
		Logger: a.logger(s.logging), Frameworks: frameworks(limits), Check: checkJob,
		Ready: a.printReady, Holds: holds,
	}
	if err := cfg.Validate(); err != nil {
		return usagef(cmd, "%w", err)
	}
	return orderly(master.Run(cmd.Context(), cfg))
}

func (a *app) runAgent(cmd *cobra.Command, s agentSettings) error {
	if s.dataDir == "" {
		return usagef(cmd, "--data-dir is missing: the agent needs a directory for its state and the tasks' directories")
	}
	log := a.logger(s.logging)
	gpus, err := findGPUs(s.fakeGPUs, s.name, s.dataDir, log)
	if err != nil {
		return usagef(cmd, "--fake-gpus: %w", err)
	}
	metrics, stopMetrics, err := agentMetrics(cmd.Context(), s.metricsListen, log)
	if err != nil {
		return orderly(err)
	}
	defer stopMetrics()
	cfg := agent.Config{
		Metrics: metrics, GPUs: gpus, Ports: s.ports.ranges(), TaskDevices: s.taskDevices,
		DataDir: s.dataDir, Masters: s.masters, Name: s.name, Class: s.class, Datacenter: s.datacenter,
		CPUMilli: int64(s.cpus), MemoryBytes: int64(s.memory), DiskBytes: int64(s.disk), Meta: s.meta,
		RecoveryTimeout: s.recoveryTimeout, StopTasksOnExit: s.stopTasks, Version: Version, Log: log,
		Attributes: reachedAt(s.reached),
		Keep:       agent.Keep{For: s.keepFor, MaxTasks: s.keepTasks, MaxDiskUsedPercent: agent.DefaultKeep.MaxDiskUsedPercent},
		Ready:      func(model.AgentInfo) { a.printReady() },
	}
	if err := cfg.Validate(); err != nil {
		return usagef(cmd, "%w", err)
	}
	return orderly(agent.Run(cmd.Context(), cfg))
}

// runDev runs a master and, once it leads, the agents. They end in the reverse
// order, so that the end of the tasks is still journaled.
func (a *app) runDev(cmd *cobra.Command, s devSettings) error {
	leading, registered := make(chan struct{}), make(chan struct{}, s.agents)
	boss, err := a.devMaster(cmd, s, leading)
	if err != nil {
		return err
	}
	metrics := prometheus.NewRegistry()
	boss.Metrics = metrics
	agents, err := a.devAgents(cmd, s, boss.Advertise, registered)
	if err != nil {
		return err
	}
	for i := range agents {
		agents[i].Metrics = prometheus.WrapRegistererWith(prometheus.Labels{"node": agents[i].Name}, metrics)
	}
	agentsCtx, stopAgents := context.WithCancelCause(cmd.Context())
	defer stopAgents(nil)
	masterCtx, stopMaster := context.WithCancel(context.WithoutCancel(cmd.Context()))
	defer stopMaster()
	masterDone := make(chan error, 1)
	go func() {
		err := master.Run(masterCtx, boss)
		stopAgents(err)
		masterDone <- err
	}()
	var running sync.WaitGroup
	select {
	case <-leading:
		for _, c := range agents {
			running.Go(func() {
				if err := agent.Run(agentsCtx, c); err != nil {
					stopAgents(fmt.Errorf("%s: %w", c.Name, err))
				}
			})
		}
		err = a.sayReady(agentsCtx, registered, s.agents)
	case <-agentsCtx.Done():
	}
	<-agentsCtx.Done()
	running.Wait()
	stopMaster()
	return cmp.Or(err, orderly(<-masterDone), orderly(context.Cause(agentsCtx)))
}

// devMaster configures the master of a cluster in one process; leading is
// closed once it takes jobs.
func (a *app) devMaster(cmd *cobra.Command, s devSettings, leading chan struct{}) (master.Config, error) {
	host, port, err := net.SplitHostPort(s.listen)
	if n, perr := strconv.Atoi(port); err != nil || perr != nil || n < 1 {
		return master.Config{}, usagef(cmd, "--listen %q: want HOST:PORT", s.listen)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	limits, holds, err := s.batch(cmd)
	if err != nil {
		return master.Config{}, err
	}
	cfg := master.Config{
		Listen: s.listen, Advertise: net.JoinHostPort(host, port), DataDir: filepath.Join(s.dataDir, "master"), Version: Version,
		Logger: a.logger(s.logging).With("part", "master"), Frameworks: frameworks(limits), Check: checkJob,
		Ready: func() { close(leading) }, Holds: holds,
	}
	if err := cfg.Validate(); err != nil {
		return cfg, usagef(cmd, "%w", err)
	}
	return cfg, nil
}

// devAgents configures its agents; each says on registered when it has.
func (a *app) devAgents(cmd *cobra.Command, s devSettings, boss string, registered chan<- struct{}) ([]agent.Config, error) {
	agents := make([]agent.Config, s.agents)
	conns, log := agent.NewConns(nil), a.logger(s.logging)
	for i := range agents {
		name := fmt.Sprintf("dev-%d", i+1)
		agents[i] = agent.Config{
			DataDir: filepath.Join(s.dataDir, "agents", strconv.Itoa(i+1)), Masters: []string{boss}, Name: name,
			CPUMilli: int64(s.cpus), MemoryBytes: int64(s.memory), StopTasksOnExit: true, Version: Version,
			Log: log.With("part", name), Conns: conns, Ready: func(model.AgentInfo) { registered <- struct{}{} },
		}
		agents[i].Ports = devPorts(i, s.agents)
		host, _, _ := net.SplitHostPort(boss) // devMaster has made it
		agents[i].Attributes = reachedAt(host)
		if s.fakeGPUs != "" || i == 0 {
			gpus, err := findGPUs(s.fakeGPUs, name, agents[i].DataDir, log)
			if err != nil {
				return nil, usagef(cmd, "--fake-gpus: %w", err)
			}
			agents[i].GPUs = gpus
		}
		if err := agents[i].Validate(); err != nil {
			return nil, usagef(cmd, "%w", err)
		}
	}
	return agents, nil
}

// reachedAt is the attribute for the address at which an agent's tasks are reached.
func reachedAt(address string) map[string]string {
	if address == "" {
		return nil
	}
	return map[string]string{"attr.unique.network.ip-address": address}
}

// printReady tells whoever started a daemon that it is of use from now on. With
// standard output closed there is nobody to tell.
func (a *app) printReady() { _ = a.print([]byte("ready\n")) }

// sayReady prints "ready" once all agents have registered.
func (a *app) sayReady(ctx context.Context, registered <-chan struct{}, agents int) error {
	for range agents {
		select {
		case <-registered:
		case <-ctx.Done():
			return nil
		}
	}
	return a.print([]byte("ready\n"))
}

// orderly drops what says no more than that a daemon was told to end. Other
// failures are of this machine, whatever reason they carry: exit code 1.
func orderly(err error) error {
	switch {
	case err == nil || errors.Is(err, context.Canceled):
		return nil
	case errors.Is(err, syscall.EADDRINUSE):
		err = fmt.Errorf("%w: something else has this port, choose another with --listen", err)
	}
	return &exitError{code: exitTrouble, err: errors.New(err.Error())}
}
