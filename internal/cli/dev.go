package cli

import "github.com/spf13/cobra"

// maxDevAgents bounds the agents of one process.
const maxDevAgents = 1000

// devSettings is what `tender dev` is told.
type devSettings struct {
	dataDir, listen string
	agents          int
	cpus            coresValue
	memory          bytesValue
	fakeGPUs        string
	queueing
	logging
}

func (a *app) devCmd() *cobra.Command {
	var s devSettings
	cmd := &cobra.Command{
		Use:   "dev [flags]",
		Short: "Run a whole cluster on this machine, to try things out",
		Long: `Dev runs a master with its embedded etcd, and agents, in one process. It prints
"ready" on standard output once it takes jobs, and runs until SIGTERM or SIGINT,
which stops the tasks too. Started again on the same data directory it knows the
jobs of before.

--cpus and --memory are what each agent offers: more than the machine has is
pretended, which is fine for tasks that do little. GPUs that the machine has are the
first agent's; with --fake-gpus every agent pretends to have some.`,
		Example: `  tender dev --data-dir /tmp/tender
  tender dev --data-dir /tmp/tender --listen 127.0.0.1:7171 --agents 3 --cpus 16 --memory 8GiB`,
		Args: wants(0, 0, "no argument, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case s.dataDir == "":
				return usagef(cmd, "--data-dir is missing: name a directory for the cluster's state, such as --data-dir /tmp/tender")
			case s.agents < 0 || s.agents > maxDevAgents:
				return usagef(cmd, "--agents %d: want 0 to %d", s.agents, maxDevAgents)
			}
			return a.runDev(cmd, s)
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.dataDir, "data-dir", "", "the `DIR` where the master and the agents keep their state; made if missing")
	f.StringVar(&s.listen, "listen", "127.0.0.1:7070", "the master's `HOST:PORT`")
	f.IntVar(&s.agents, "agents", 1, "how many (`N`) agents to run")
	f.Var(&s.cpus, "cpus", "cores that each agent offers (default: all there are)")
	f.Var(&s.memory, "memory", "memory that each agent offers (default: all there is)")
	f.StringVar(&s.fakeGPUs, "fake-gpus", "", "`GPUS` that each agent pretends to have, such as 8xH100")
	s.queueing.register(cmd)
	s.logging.register(cmd)
	must(cmd.MarkFlagDirname("data-dir"))
	return cmd
}
