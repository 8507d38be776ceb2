package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/tender-scheduler/tender/core/agent/facts"
	"github.com/tender-scheduler/tender/core/agent/isolation"
	"github.com/tender-scheduler/tender/core/model"
)

// Run is an agent on this machine. It returns nil when ctx has ended: the tasks
// go on then under their executors, unless Config.StopTasksOnExit. It returns
// ErrRemoved if the master has removed the agent; its data directory is empty then.
func Run(ctx context.Context, c Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	c, err := c.withDefaults()
	if err != nil {
		return err
	}
	dir, err := openDataDir(c.DataDir)
	if err != nil {
		return err
	}
	defer dir.close()
	host, err := prepareHost(c)
	if err != nil {
		return err
	}
	info, err := c.info(dir, host)
	if err == nil {
		err = c.addGPUs(&info)
	}
	if err != nil {
		return err
	}
	c.boundDevices(host, &info)
	conns := c.Conns
	if conns == nil {
		conns = NewConns(c.Credentials)
		defer conns.Close()
	}
	l := &Loop{
		Options:     Options{Meta: dir.meta, Info: info, Keep: c.Keep, Recovery: c.RecoveryTimeout, GPUNodes: c.gpuNodes(&info)},
		Masters:     c.Masters,
		Conns:       conns,
		Executors:   newChildren(ctx, c, dir, host, info.Attributes),
		Store:       dir,
		Files:       dir,
		Logs:        taskLogs{dir},
		Sessions:    sessionDoor{dir},
		LastContact: dir.lastContact(),
		Log:         c.Log,
		GPUs:        c.GPUs,
		Metrics:     c.Metrics,
		StopTasks:   c.StopTasksOnExit,
		StopGrace:   c.StopGrace,
	}
	if c.Ready != nil {
		l.Ready = func() { c.Ready(info) }
	}
	c.Log.Info("agent starts", "id", info.ID, "name", info.Name, "capacity", info.Capacity, "data", c.DataDir)
	err = l.Run(ctx)
	if errors.Is(err, ErrRemoved) {
		err = errors.Join(err, dir.forget())
	}
	return err
}

// prepareHost readies the cgroups. What is missing there bounds what tasks can
// be held to, and the operator is told.
func prepareHost(c Config) (*isolation.Host, error) {
	host, err := isolation.Detect()
	if err != nil {
		return nil, fmt.Errorf("look at the machine's cgroups: %w", err)
	}
	if err := host.Prepare(); err != nil {
		return nil, fmt.Errorf("prepare cgroups: %w", err)
	}
	for _, w := range host.Warnings {
		c.Log.Warn(w)
	}
	return host, nil
}

// info is what the agent says of itself: what was found, then what it was told.
func (c *Config) info(dir *dataDir, host *isolation.Host) (model.AgentInfo, error) {
	id := dir.meta.AgentID
	found, err := facts.Detect(facts.Source{DataDir: c.DataDir})
	if err != nil {
		return model.AgentInfo{}, err
	}
	info := model.AgentInfo{
		ID:      id,
		Name:    cmp.Or(c.Name, found.HostName),
		Version: c.Version,
		Ports:   c.Ports,
		Capacity: model.Resources{
			CPUMilli:    cmp.Or(c.CPUMilli, found.Capacity.CPUMilli),
			MemoryBytes: cmp.Or(c.MemoryBytes, found.Capacity.MemoryBytes),
			// What earlier tasks take is theirs to take: without it a restart would
			// count it twice, as used and as not there.
			DiskBytes: cmp.Or(c.DiskBytes, found.Capacity.DiskBytes+diskUsage(dir.file(jobsName))),
		},
	}
	a := found.Attributes
	a["attr.driver.raw_exec"] = "1"
	if host.Namespaces {
		a["attr.driver.exec"] = "1"
	}
	switch host.Mode {
	case isolation.ModeV1, isolation.ModeHybrid:
		a["attr.unique.cgroup.version"] = "1"
	case isolation.ModeV2:
		a["attr.unique.cgroup.version"] = "2"
	}
	if c.Version != "" {
		a["attr.tender.version"] = c.Version
	}
	a["node.unique.id"] = string(id)
	a["node.unique.name"] = info.Name
	a["node.datacenter"] = c.Datacenter
	if c.Class != "" {
		a["node.class"] = c.Class
	}
	for name, v := range c.Meta {
		a["meta."+strings.TrimPrefix(name, "meta.")] = v
	}
	maps.Copy(a, c.Attributes)
	info.Attributes = a
	return info, nil
}

func newChildren(ctx context.Context, c Config, dir *dataDir, host *isolation.Host, attributes map[string]string) *children {
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	spareCtx, cancelSpares := context.WithCancel(inner)
	return &children{
		dir:        dir,
		attributes: attributes,
		env:        c.TaskEnv,
		log:        c.Log,
		ctx:        inner,
		cancel:     cancel,
		byID:       map[ExecID]*child{},
		spares: &spares{
			dir:      dir,
			command:  c.ExecutorCommand,
			cgroup:   string(dir.meta.AgentID),
			host:     host,
			recovery: c.RecoveryTimeout,
			warn:     func(text string, err error) { c.Log.Error(text, "error", err) },
			starting: make(chan struct{}, startAtOnce),
			ctx:      spareCtx,
			cancel:   cancelSpares,
		},
	}
}
