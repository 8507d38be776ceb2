package agent

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/credentials"

	"github.com/tender-scheduler/tender/core/model"
)

// Defaults of Config.
const (
	DefaultRecoveryTimeout = 2 * time.Minute // as long as a master waits by default
	DefaultStopGrace       = 2 * time.Second
	DefaultDatacenter      = "dc1"
)

// DefaultPorts are those that Nomad hands out (client min_dynamic_port and
// max_dynamic_port): below the kernel's range for outgoing connections.
var DefaultPorts = []model.PortRange{{First: 20000, Last: 32000}}

// DefaultTaskDevices are what jobs on machines with GPUs commonly need: adapters
// for RDMA, without which NCCL and MPI would fall back to TCP, and FUSE.
var DefaultTaskDevices = []string{"/dev/infiniband/*", "/dev/fuse"}

// DefaultKeep is how long ended tasks' directories stay unless configured otherwise.
var DefaultKeep = Keep{For: time.Hour, MaxTasks: 10_000, MaxDiskUsedPercent: 90}

// Config is what an agent is told by its operator. The zero value of a field
// means its default.
type Config struct {
	DataDir string   // of this agent alone; made if missing
	Masters []string // host:port of some or all masters

	Name       string // of the node, unique in the cluster; default the host's name
	Class      string // node.class
	Datacenter string // node.datacenter; default "dc1"

	// CPUMilli, MemoryBytes and DiskBytes replace what was found out about the
	// machine: to keep some of it back, or to pretend more.
	CPUMilli    int64
	MemoryBytes int64
	DiskBytes   int64

	// GPUs tells of the machine's devices; nil = it has none.
	GPUs GPUSource
	// TaskDevices are patterns of device nodes that tasks of driver exec may open
	// besides the usual ones and those of their GPUs; nil = DefaultTaskDevices.
	// On a machine without GPUs they may open all.
	TaskDevices []string
	// Ports are handed out to tasks that ask for any port; default DefaultPorts.
	Ports []model.PortRange

	Meta       map[string]string // becomes meta.NAME
	Attributes map[string]string // added to what was found out, and stronger
	TaskEnv    map[string]string // in every task's environment

	// RecoveryTimeout is how long executors go on without an agent before they
	// kill their tasks. What the master has agreed to wait bounds it.
	RecoveryTimeout time.Duration
	Keep            Keep // zero = DefaultKeep

	// StopTasksOnExit kills the tasks when the agent is told to end. Otherwise
	// they go on, and an agent started again on DataDir takes them over.
	StopTasksOnExit bool
	StopGrace       time.Duration // between their kill signal and SIGKILL

	ExecutorCommand []string // default: this program with the argument __executor

	// Metrics is where the agent registers its figures; nil = nowhere.
	Metrics prometheus.Registerer

	Version     string
	Credentials credentials.TransportCredentials // nil = plain text
	Conns       *Conns                           // shared with other agents; nil = its own, with Credentials
	Log         *slog.Logger                     // nil = none

	// Ready is called once, after the first registration, and must not block.
	Ready func(model.AgentInfo)
}

// Validate returns everything that is wrong with c, joined.
func (c *Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.DataDir == "" {
		bad("data directory is missing: say where the agent may keep its state and the tasks' directories")
	}
	if len(c.Masters) == 0 {
		bad("no master is named: give at least one as host:port")
	}
	for _, a := range c.Masters {
		if host, port, err := net.SplitHostPort(a); err != nil || host == "" || port == "" {
			bad("master address %q: want host:port", a)
		}
	}
	if len(c.Name) > model.MaxNameBytes {
		bad("node name of %d bytes: at most %d are allowed", len(c.Name), model.MaxNameBytes)
	}
	for what, n := range map[string]int64{"cpus": c.CPUMilli, "memory": c.MemoryBytes, "disk": c.DiskBytes} {
		if n < 0 {
			bad("%s must not be negative, is %d", what, n)
		}
	}
	for what, d := range map[string]time.Duration{
		"recovery timeout": c.RecoveryTimeout, "stop grace": c.StopGrace, "time to keep ended tasks": c.Keep.For,
	} {
		if d < 0 {
			bad("%s must not be negative, is %s", what, d)
		}
	}
	if c.Keep.MaxTasks < 0 || c.Keep.MaxBytes < 0 || c.Keep.MaxDiskUsedPercent < 0 || c.Keep.MaxDiskUsedPercent > 100 {
		bad("bounds on what is kept of ended tasks: tasks and bytes must not be negative, percent between 0 and 100")
	}
	for _, r := range c.Ports {
		if r.First == 0 || r.Last < r.First {
			bad("port range %d-%d: want FIRST-LAST from 1 to 65535", r.First, r.Last)
		}
	}
	for _, p := range c.TaskDevices {
		if _, err := filepath.Match(p, ""); err != nil || !filepath.IsAbs(p) || strings.Contains(p, ",") {
			bad("task device %q: want the path of device nodes, such as /dev/infiniband/*", p)
		}
	}
	for name := range c.Meta {
		if name == "" || strings.ContainsAny(name, " ${}") {
			bad("meta name %q: must not be empty nor contain spaces, $ or braces", name)
		}
	}
	return errors.Join(errs...)
}

// withDefaults returns c with every zero field that has a default filled in.
func (c Config) withDefaults() (Config, error) {
	dir, err := filepath.Abs(c.DataDir)
	if err != nil {
		return c, fmt.Errorf("resolve data directory %q: %w", c.DataDir, err)
	}
	c.DataDir = dir
	if c.Datacenter == "" {
		c.Datacenter = DefaultDatacenter
	}
	if c.Ports == nil {
		c.Ports = DefaultPorts
	}
	if c.TaskDevices == nil {
		c.TaskDevices = DefaultTaskDevices
	}
	if c.RecoveryTimeout == 0 {
		c.RecoveryTimeout = DefaultRecoveryTimeout
	}
	if c.StopGrace == 0 {
		c.StopGrace = DefaultStopGrace
	}
	if c.Keep == (Keep{}) {
		c.Keep = DefaultKeep
	}
	if len(c.ExecutorCommand) == 0 {
		// By the link and not by its target: that one may be replaced by a newer
		// version while this agent runs.
		c.ExecutorCommand = []string{"/proc/self/exe", "__executor"}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}
