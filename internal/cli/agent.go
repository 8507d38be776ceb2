package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/core/agent"
)

// agentSettings is what `tender agent` is told.
type agentSettings struct {
	masters                          []string
	reached                          string
	dataDir, name, class, datacenter string
	cpus                             coresValue
	memory, disk                     bytesValue
	ports                            portsValue
	fakeGPUs                         string
	taskDevices                      []string
	metricsListen                    string
	meta                             pairs
	recoveryTimeout                  time.Duration
	keepFor                          time.Duration
	keepTasks                        int
	stopTasks                        bool
	config                           string
	logging
}

func (a *app) agentCmd() *cobra.Command {
	s := agentSettings{meta: pairs{}}
	cmd := &cobra.Command{
		Use:   "agent [flags]",
		Short: "Run an agent on a machine that is to run tasks",
		Long: `Agent runs the agent of one machine: it registers with the leading master, offers
what the machine has, and runs the tasks it is given, each in its own directory
below --data-dir and within its limits. For that it needs to be root. Once it has
registered for the first time it prints "ready" on standard output.

The tasks do not depend on it: when it is ended, even by SIGKILL, they go on, and an
agent that is started again on the same data directory takes them over. With
--stop-tasks, SIGTERM and SIGINT stop them too.

A configuration file (--config) for the same settings:

  masters  = ["m1.example.org:7070", "m2.example.org:7070"]
  data_dir = "/var/lib/tender/agent"
  memory   = "60GiB"
  meta {
    rack = "r7"
  }`,
		Example: `  tender agent --masters m1:7070,m2:7070 --data-dir /var/lib/tender/agent
  tender agent --config /etc/tender/agent.hcl --meta rack=r7 --cpus 14`,
		Args: wants(0, 0, "no argument, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.applyConfig(cmd, s.config); err != nil {
				return err
			}
			return a.runAgent(cmd, s)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&s.masters, "masters", []string{"127.0.0.1:7070"}, "some or all masters, `HOST:PORT` each")
	f.StringVar(&s.dataDir, "data-dir", "", "the `DIR` where the agent keeps its state and the tasks' directories; made if missing")
	f.StringVar(&s.name, "name", "", "the agent's `NAME`, unique in the cluster (default: the host's name)")
	f.StringVar(&s.reached, "reached-at", "", "the `ADDRESS` at which others reach the tasks, attr.unique.network.ip-address: services are found and checked there (default: found out)")
	f.StringVar(&s.class, "class", "", "the `CLASS`, node.class, for constraints")
	f.StringVar(&s.datacenter, "datacenter", "dc1", "the `DATACENTER`, node.datacenter, for constraints")
	f.Var(&s.cpus, "cpus", "offer this many cores (default: all there are)")
	f.Var(&s.memory, "memory", "offer this much memory (default: all there is)")
	f.Var(&s.disk, "disk", "offer this much disk (default: what is free under the data directory)")
	f.Var(&s.ports, "ports", "the range of ports for tasks that ask for any (default 20000-32000)")
	f.StringVar(&s.fakeGPUs, "fake-gpus", "", "pretend to have these `GPUS`, such as 8xH100, instead of looking for NVIDIA's")
	f.StringSliceVar(&s.taskDevices, "task-devices", agent.DefaultTaskDevices,
		"with GPUs: what tasks of driver exec may open besides the usual `DEVICES` and their GPUs, as patterns")
	f.StringVar(&s.metricsListen, "metrics-listen", "", "serve Prometheus' GET /metrics at `HOST:PORT` (default: nowhere)")
	f.Var(s.meta, "meta", "an attribute meta.NAME for constraints (may be repeated)")
	s.recoveryTimeout = 2 * time.Minute
	durationFlag(f, &s.recoveryTimeout, "recovery-timeout", "how long tasks go on without an agent before they are killed")
	s.keepFor = time.Hour
	durationFlag(f, &s.keepFor, "keep-for", "how long to keep the directories and output of ended tasks")
	f.IntVar(&s.keepTasks, "keep-tasks", 10_000, "keep those of at most `N` ended tasks (0 = no bound)")
	f.BoolVar(&s.stopTasks, "stop-tasks", false, "kill the tasks when the agent is told to end")
	s.register(cmd)
	configurable(cmd, &s.config)
	must(cmd.MarkFlagDirname("data-dir"))
	return cmd
}
