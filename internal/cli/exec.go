package cli

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/api/sessionpb"
	"github.com/tender-scheduler/tender/core/model"
)

// execFlags are those of `tender exec`.
type execFlags struct {
	group, task     string
	index           int
	stdin, terminal bool
}

func (a *app) execCmd() *cobra.Command {
	q := execFlags{}
	cmd := &cobra.Command{
		Use:   "exec [flags] JOB [-- COMMAND [ARGUMENT...]]",
		Short: "Run a command beside a running task",
		Long: `Exec runs COMMAND, by default a shell, in the place of a running task: on its node,
in its cgroup, namespaces and sandbox, with its environment and as its user. What it
uses counts against the task's limits, and it ends with the task.

At a terminal the command gets one too: window size, colours, job control and Ctrl-C
work as in a local shell, and ENTER ~ . breaks off a session that hangs. Otherwise
standard input, output and error are passed on separately, as they are; the end of
standard input is passed on too. Without a terminal Ctrl-C interrupts the command, and
a second one breaks off.

The exit code is the command's, 128+N if signal N ended it. If this side goes away the
command is killed; what it left running as a daemon stays until the task ends. If a
master goes away the session goes on through another, or the same one once it is back,
as long as the task itself does without one. Every session is in the event stream
(tender events).`,
		Example: `  tender exec web
  tender exec train --index 3 -- nvidia-smi
  tender exec last -- sh -c 'cat /proc/1/comm; env'
  tar c data | tender exec last -- tar x -C local`,
		Args:              wants(1, -1, "one JOB"),
		ValidArgsFunction: a.completeJobs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if dash := cmd.ArgsLenAtDash(); dash == 0 || dash > 1 {
				return usagef(cmd, "exec takes one JOB before --, but got %d", dash)
			}
			command := args[1:]
			if len(command) == 0 {
				command = []string{"/bin/sh"}
			}
			return a.exec(cmd, args[0], command, q)
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.group, "group", "", "the task's `GROUP` (default: the first)")
	f.IntVar(&q.index, "index", -1, "the task's `INDEX` in its group (default: the first that runs)")
	f.StringVar(&q.task, "task", "", "the task block `NAME`, where the group has several (default: the first main one)")
	f.BoolVarP(&q.stdin, "stdin", "i", true, "pass standard input on; -i=false leaves it alone")
	f.BoolVarP(&q.terminal, "tty", "t", false, "give the command a terminal (default: if standard input and output are one)")
	a.talks(cmd)
	return cmd
}

func (a *app) exec(cmd *cobra.Command, selector string, command []string, q execFlags) error {
	if cmd.Flags().Changed("index") && q.index < 0 {
		return usagef(cmd, "--index %d: want 0 or more", q.index)
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	ask := model.Attach{Selector: selector, Group: q.group, Index: uint32(max(q.index, 0)), Task: q.task, User: a.Username()}
	if q.index < 0 {
		if err := a.chooseRunning(cmd.Context(), c, &ask); err != nil {
			return err
		}
	}
	t := a.localTerminal()
	if !cmd.Flags().Changed("tty") {
		q.terminal = t != nil && q.stdin && a.StdoutColumns > 0
	}
	open := &sessionpb.Open{Args: command, Terminal: q.terminal, Stdin: q.stdin, Env: map[string]string{}}
	if q.terminal {
		open.Size = t.size()
		if term := a.Getenv("TERM"); term != "" {
			open.Env["TERM"] = term
		}
	}
	e := &caller{app: a}
	if q.stdin {
		e.stdin = a.Stdin
	}
	if q.terminal {
		e.terminal = t
	}
	if err := e.begin(cmd.Context(), throughMaster(c, ask), 0); err != nil {
		return err
	}
	return e.run(open)
}

// chooseRunning picks the task that a command is most likely meant for.
func (a *app) chooseRunning(ctx context.Context, c *client.Client, ask *model.Attach) error {
	list, err := c.Tasks(ctx, model.ListTasks{Selector: ask.Selector, Group: ask.Group, State: "running", Limit: 1})
	if err != nil {
		return err
	}
	ask.Selector = string(list.Job) // "last" must not become another job's
	if len(list.Tasks) == 0 {
		view, err := c.Job(ctx, ask.Selector)
		if err != nil {
			return err
		}
		if view.Spec != nil && len(view.Spec.Groups) > 0 && ask.Group == "" {
			ask.Group, ask.Index = view.Spec.Groups[0].Name, view.Spec.Groups[0].IndexAt(0)
		}
		return nil // the master says why there is nothing to run beside
	}
	t := list.Tasks[0]
	ask.Group, ask.Index = t.Group, t.ID.Index
	if list.Total > 1 {
		a.note("beside %s[%d], the first of %s that run (--group and --index choose another)", t.Group, t.ID.Index, plural(list.Total, "task"))
	}
	return nil
}

// localTerminal returns the terminal that standard input is; nil if it is none.
func (a *app) localTerminal() *localTerminal {
	f, ok := a.Stdin.(*os.File)
	if !ok {
		return nil
	}
	return newLocalTerminal(f)
}
