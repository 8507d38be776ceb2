package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/core/model"
)

// runFlags are those of `tender run`.
type runFlags struct {
	tasks, gpus, priority   int
	cpus                    coresValue
	memory                  bytesValue
	timeLimit               time.Duration
	name, role, user, chdir string
	driver                  string
	constraints, env        []string
	preemptible, export     bool
	gang, noGang            bool
	detach, noLabel         bool
}

// maxRunFollowed is how many tasks' output `tender run` copies.
const maxRunFollowed = 64

func (a *app) runCmd() *cobra.Command {
	q := runFlags{cpus: model.DefaultCPUMilli, memory: model.DefaultMemoryBytes}
	cmd := &cobra.Command{
		Use:   "run [flags] [--] COMMAND [ARGUMENT...]",
		Short: "Run a command on the cluster and wait for it",
		Long: `Run makes a batch job of a command, submits it, copies its output to standard
output and standard error, and exits with its exit code: 128+N if signal N ended it.
While it waits for room, standard error says why.

With -n N the command runs N times, each with its own room, as a gang: all at once or
not at all, and if one fails the others are stopped (--no-gang: each when it fits).
The copies find their place in TENDER_RANK and TENDER_WORLD_SIZE, or without a gang in
TENDER_ALLOC_INDEX. Their lines come with the index before them (--no-label: without).

The command runs in the current directory if the node has it, as it does on a shared
file system, else in the job's own directory with a word about it; --chdir DIR
insists. Of the environment it gets what --env names, and all of it with --export:
what a job is given is stored with it and shown to everybody. Standard input is empty.

Ctrl-C asks first: a second one within two seconds cancels the job, and a third one
does not wait for its end. Ctrl-\ leaves the job running. SIGTERM and a closed
terminal cancel it.`,
		Example: `  tender run hostname
  tender run -n 4 --cpus 2 -- sh -c 'echo rank $TENDER_RANK of $TENDER_WORLD_SIZE'
  tender run --gpus 1 --memory 16GiB --time-limit 2h -- python train.py --epochs 20
  tender run --detach --name nightly -- make report`,
		Args: wants(1, -1, "a COMMAND"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.run(cmd, args, &q) },
	}
	f := cmd.Flags()
	f.SetInterspersed(false) // what follows the command is its own
	f.IntVarP(&q.tasks, "tasks", "n", 1, "run the command `N` times")
	f.Var(&q.cpus, "cpus", "cores for each")
	f.Var(&q.memory, "memory", "memory for each")
	f.IntVar(&q.gpus, "gpus", 0, "GPUs for each, a number `N`")
	durationFlag(f, &q.timeLimit, "time-limit", "stop it after this time (default: no limit)")
	f.StringVar(&q.name, "name", "", "the job's `NAME` (default: the command's)")
	f.StringVar(&q.role, "role", model.DefaultRole, "the `ROLE` whose share it runs on")
	f.IntVar(&q.priority, "priority", model.DefaultPriority, "priority `P` within the role, 0 to 100")
	f.BoolVar(&q.preemptible, "preemptible", false, "may be stopped for others and queued again")
	f.StringArrayVar(&q.constraints, "constraint", nil, "only nodes with `ATTRIBUTE=VALUE`, such as node.class=gpu (may be repeated)")
	f.BoolVar(&q.gang, "gang", false, "all at once or not at all, and one's failure stops the others (the default with -n above 1)")
	f.BoolVar(&q.noGang, "no-gang", false, "each when it fits")
	f.StringArrayVarP(&q.env, "env", "e", nil, "set a variable, `NAME=VALUE`, or copy one, NAME (may be repeated)")
	f.BoolVar(&q.export, "export", false, "copy the whole environment")
	f.StringVarP(&q.chdir, "chdir", "D", "", "run in `DIR`, which the node must have")
	f.StringVar(&q.user, "user", "", "run as `USER` of the node (default: the agent's)")
	f.StringVar(&q.driver, "driver", model.DriverExec, "`DRIVER` exec, or raw_exec for no isolation")
	f.BoolVar(&q.noLabel, "no-label", false, "put no index before lines")
	f.BoolVar(&q.detach, "detach", false, "print the job's id and return once it is stored")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "do not say why it waits")
	cmd.MarkFlagsMutuallyExclusive("gang", "no-gang")
	a.talks(cmd)
	return cmd
}

func (a *app) run(cmd *cobra.Command, command []string, q *runFlags) error {
	if q.tasks < 1 {
		return usagef(cmd, "-n %d: want 1 or more", q.tasks)
	}
	job, err := a.jobOf(cmd, command, q)
	if err != nil {
		return err
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	began := a.Now()
	reply, err := c.Submit(cmd.Context(), model.Submit{Job: job, User: a.Username()})
	if err != nil {
		return err
	}
	if reply.Warning != nil {
		a.warn("job %s (%s) %s", reply.Name, reply.ID, warningText(*reply.Warning))
	}
	if q.detach {
		a.hint("tender logs %s -f follows its output, tender wait %s waits for its end", reply.ID, reply.ID)
		return a.printNames([]string{string(reply.ID)})
	}
	w := &watch{app: a, client: c, id: reply.ID, began: began, follow: true, brief: true, maxFollowed: maxRunFollowed}
	if reply.Warning != nil {
		w.told = warningText(*reply.Warning)
	}
	w.prefix = func(_ *model.Group, index uint32) string {
		if q.noLabel {
			return ""
		}
		return fmt.Sprintf("[%d] ", index) // as tender logs marks ranks
	}
	ctx, signals := a.heedSignals(context.WithoutCancel(cmd.Context()), c, reply)
	view, err := w.run(ctx)
	signals.stop()
	if err != nil {
		return err
	}
	if code := signals.code(); code != 0 && view.State == model.JobCancelled {
		return &exitError{code: code}
	}
	return jobExit(view)
}

// localDir is where this command runs, or what was asked for instead.
func (a *app) localDir(q *runFlags) (dir string, insist bool) {
	if q.chdir != "" {
		return q.chdir, true
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", false // deleted meanwhile: nothing that a node could have
	}
	return dir, false
}

// exported is the part of this process's environment that the job is to have.
func (a *app) exported(cmd *cobra.Command, q *runFlags) (map[string]string, error) {
	env := map[string]string{}
	if q.export {
		for _, v := range a.Environ {
			if name, value, ok := strings.Cut(v, "="); ok && exportable(name) {
				env[name] = value
			}
		}
	}
	for _, s := range q.env {
		name, value, given := strings.Cut(s, "=")
		if !exportable(name) {
			return nil, usagef(cmd, "--env %q: want NAME=VALUE, or NAME to copy one", s)
		}
		if !given {
			value = a.Getenv(name)
		}
		env[name] = value
	}
	return env, nil
}

// exportable reports whether a variable's name is one that a job may set. Where
// this process runs and what tender tells tasks is not the job's.
func exportable(name string) bool {
	switch name {
	case "", "_", "PWD", "OLDPWD", "SHLVL":
		return false
	}
	for i, r := range name {
		if r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return !strings.HasPrefix(name, "TENDER_")
}
