package cli

import (
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/core/master"
	"github.com/tender-scheduler/tender/frameworks/batch"
)

// masterSettings is what `tender master` is told.
type masterSettings struct {
	listen, advertise, dataDir, cluster string
	etcd, peers                         []string
	join                                bool
	sessionTTL, fenceAfter              time.Duration
	historyJobs                         int
	historyAge                          time.Duration
	config                              string
	queueing
	logging
}

// queueing is in which order batch jobs go, and for how many of those that wait
// room is held.
type queueing struct {
	policy string
	holds  int
}

// heldAsPolicy says that the policy decides for how many jobs room is held.
const heldAsPolicy = -2

func (q *queueing) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&q.policy, "policy", string(batch.PolicyDefault), "in which order jobs of equal role and priority go, `POLICY`: default, easy, conservative, saf or sjf (see tender sim --help)")
	f.IntVar(&q.holds, "holds", heldAsPolicy, "for how many waiting jobs room is held, `N`; -1 = all, 0 = none (default: as suits the policy)")
	f.Lookup("holds").DefValue = "0" // the help says what it is
	must(cmd.RegisterFlagCompletionFunc("policy", cobra.FixedCompletions(policyNames(), cobra.ShellCompDirectiveNoFileComp)))
}

// batch returns the batch framework's part, and the number of holds for the master.
func (q *queueing) batch(cmd *cobra.Command) (batch.Config, int, error) {
	c := batch.DefaultConfig()
	c.Policy = batch.Policy(q.policy)
	if !slices.Contains(batch.Policies(), c.Policy) {
		return c, 0, usagef(cmd, "--policy %q: want default, easy, conservative, saf or sjf", q.policy)
	}
	holds := q.holds
	switch {
	case holds == heldAsPolicy:
		holds = c.Policy.Holds()
	case holds < -1:
		return c, 0, usagef(cmd, "--holds %d: want a number of jobs, or -1 for all", q.holds)
	}
	if holds == 0 {
		holds = master.NoHolds
	}
	return c, holds, nil
}

func (a *app) masterCmd() *cobra.Command {
	var s masterSettings
	cmd := &cobra.Command{
		Use:   "master [flags]",
		Short: "Run a master",
		Long: `Master runs a master: it takes jobs, makes offers to frameworks and tells agents
what to run. People's tools and agents connect to the same port.

What it knows is kept in etcd: in one embedded in the process, in --data-dir, or in
a cluster of its own, --etcd.

Several masters are one cluster if they have the same --etcd, or if each is told all
of them with --peers and keeps a copy of the journal in its --data-dir: then most of
them must be up, two of three or three of five. One leads, the others stand by and
pass requests on to it. If the leader's process dies another one leads at once, and
if its machine is cut off, once --session-ttl is over. The tasks do not notice.
Agents and people's tools are given all addresses. The masters talk to each other
on the same port; keep it within a trusted network.

A master whose disk was lost, and one that is to be added, is started once with
--join and the --peers there are to be; one that was alone can be joined once it has
been started with --peers. tender masters shows them all.

Once it takes requests it prints "ready" on standard output. SIGTERM or SIGINT
ends it; jobs go on running and are taken up again by the next master on the same
data.

A configuration file (--config) for the same settings:

  listen      = "0.0.0.0:7070"
  advertise   = "m1.example.org:7070"
  etcd        = ["etcd1:2379", "etcd2:2379", "etcd3:2379"]
  session_ttl = "2s"
  policy      = "default"`,
		Example: `  tender master --data-dir /var/lib/tender/master
  tender master --data-dir /var/lib/tender/master --listen 0.0.0.0:7070 --advertise m1:7070 --peers m1:7070,m2:7070,m3:7070
  tender master --listen 0.0.0.0:7070 --advertise m1:7070 --etcd etcd1:2379,etcd2:2379,etcd3:2379
  tender master --config /etc/tender/master.hcl --log-format json`,
		Args: wants(0, 0, "no argument, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.applyConfig(cmd, s.config); err != nil {
				return err
			}
			return a.runMaster(cmd, s)
		},
	}
	f := cmd.Flags()
	f.StringVar(&s.listen, "listen", "127.0.0.1:7070", "the `HOST:PORT` for agents and people's tools")
	f.StringVar(&s.advertise, "advertise", "", "how others reach this master, `HOST:PORT` (default: the listen address)")
	f.StringVar(&s.dataDir, "data-dir", "", "the `DIR` where the embedded etcd keeps its data; made if missing")
	f.StringSliceVar(&s.etcd, "etcd", nil, "the etcd cluster's members, `HOST:PORT` each, instead of an embedded one")
	f.StringSliceVar(&s.peers, "peers", nil, "all masters that keep the journal together, this one too, `HOST:PORT` each as the others reach it")
	f.BoolVar(&s.join, "join", false, "become one of the --peers, which run already, or take the place of a lost one")
	f.StringVar(&s.cluster, "cluster", "tender", "the cluster's `NAME`: masters with the same name and etcd are one cluster")
	s.sessionTTL = 2 * time.Second
	durationFlag(f, &s.sessionTTL, "session-ttl", "how long a leader that went silent stays leader; a takeover after a crash takes this long")
	s.fenceAfter = 2 * time.Minute
	durationFlag(f, &s.fenceAfter, "fence-after", "out of contact for this long, an agent kills its tasks; the master waits longer and then starts them elsewhere")
	f.IntVar(&s.historyJobs, "history-jobs", 10_000, "remember at most `N` ended jobs, and as many ended runs of schedules beside them")
	s.historyAge = 72 * time.Hour
	durationFlag(f, &s.historyAge, "history-age", "how long to remember an ended job (0 = until there are too many)")
	s.queueing.register(cmd)
	s.logging.register(cmd)
	configurable(cmd, &s.config)
	must(cmd.MarkFlagDirname("data-dir"))
	return cmd
}
