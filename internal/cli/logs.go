package cli

import (
	"bytes"
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

// logQuery is the flags of `tender logs`.
type logQuery struct {
	group, task    string
	ranks          string
	index, attempt int
	stderr, follow bool
	tail           int
}

func (a *app) logsCmd() *cobra.Command {
	q := logQuery{}
	cmd := &cobra.Command{
		Use:   "logs [flags] JOB",
		Short: "Print a task's output",
		Long: `Logs prints what a task has written to its standard output, or with --stderr to
its standard error, byte for byte.

A job of several tasks shows the one that gave the job's exit code or, if none
failed, the first; --group and --index choose another. A gang shows all its ranks,
each line after its rank in brackets; --rank chooses some, and one alone is
printed as it is. With -f the output is
followed until the task has ended; it may be asked for before the task has
started. The output kept is bounded (logs in the job file): of a long one, the
beginning is gone.`,
		Example: `  tender logs last
  tender logs train -f
  tender logs k3f9 --index 17 --stderr --tail 50
  tender logs mpi-job --rank 0-3,8 -f
  tender logs pipeline --group load --task fetch`,
		Args:              wants(1, 1, "one JOB"),
		ValidArgsFunction: a.completeJobs,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.logs(cmd, args[0], q) },
	}
	f := cmd.Flags()
	f.BoolVarP(&q.follow, "follow", "f", false, "wait for the task to start and print until it has ended")
	f.BoolVar(&q.stderr, "stderr", false, "standard error instead of standard output")
	f.StringVar(&q.group, "group", "", "the task's `GROUP` (default: the first)")
	f.IntVar(&q.index, "index", -1, "the task's `INDEX` in its group (default: the task that failed, or the first)")
	f.IntVar(&q.attempt, "attempt", 0, "which attempt `N` at the task, counted from 1 (default: the latest)")
	f.StringVar(&q.ranks, "rank", "", "of a gang these `RANKS`, such as 0,2,5-7 (default: all)")
	f.StringVar(&q.task, "task", "", "the task block `NAME`, where the group has several (default: the first main one)")
	f.IntVar(&q.tail, "tail", -1, "only the last `N` lines (default: all)")
	a.talks(cmd)
	return cmd
}

func (a *app) logs(cmd *cobra.Command, selector string, q logQuery) error {
	flags := cmd.Flags()
	switch {
	case flags.Changed("index") && q.index < 0:
		return usagef(cmd, "--index %d: want 0 or more", q.index)
	case flags.Changed("rank") && flags.Changed("index"):
		return usagef(cmd, "--rank and --index: give one of them")
	case flags.Changed("attempt") && q.attempt < 1:
		return usagef(cmd, "--attempt %d: want 1 or more", q.attempt)
	case flags.Changed("tail") && q.tail < 0:
		return usagef(cmd, "--tail %d: want 0 or more", q.tail)
	}
	if q.ranks != "" {
		if _, err := parseRanks(q.ranks); err != nil {
			return usagef(cmd, "--rank %v", err)
		}
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	ctx := cmd.Context()
	view, err := c.Job(ctx, selector)
	if err != nil {
		return err
	}
	r := model.ReadLog{Selector: string(view.ID), Group: q.group, Index: uint32(max(q.index, 0)), Task: q.task, Stderr: q.stderr, Follow: q.follow}
	if q.attempt > 0 {
		attempt := uint16(q.attempt - 1)
		r.Attempt = &attempt
	}
	g, ranks, err := ranksToShow(view, q)
	switch {
	case err != nil:
		return err
	case len(ranks) == 1:
		r.Group, r.Rank = g.Name, &ranks[0]
	case len(ranks) > 1:
		r.Group = g.Name
		return a.rankLogs(ctx, c, r, ranks, q.tail)
	case q.index < 0:
		a.chooseTask(view, &r)
	}
	return showLog(ctx, c, r, q.tail, a.Stdout)
}

// chooseTask picks the task whose output is most likely wanted, and says so.
func (a *app) chooseTask(view model.JobView, r *model.ReadLog) {
	if view.Spec == nil || taskCount(view.Spec) == 1 {
		return
	}
	group := &view.Spec.Groups[0]
	for i := range view.Spec.Groups {
		if view.Spec.Groups[i].Name == r.Group {
			group = &view.Spec.Groups[i]
		}
	}
	what := "the first of " + plural(group.Size(), "task")
	r.Index = group.IndexAt(0)
	if f := view.Failure; f != nil && (r.Group == "" || r.Group == f.Group) {
		r.Group, r.Index = f.Group, f.ID.Index
		what = "the task that failed"
	} else {
		r.Group = group.Name
	}
	a.note("showing %s[%d], %s (--group and --index choose another)", r.Group, r.Index, what)
}

// tailLog prints the last lines of a log, and goes on from there with Follow.
func tailLog(ctx context.Context, c *client.Client, r model.ReadLog, lines int, to io.Writer) error {
	past := r
	past.Follow = false
	last := &lastLines{keep: lines}
	if r.Follow {
		// Where the past ends must be known to go on from there, so it is read
		// from its start. Nothing yet to be read is no trouble: it is waited for.
		_ = copyLog(ctx, c, past, last)
		if _, err := to.Write(last.bytes()); err != nil {
			return err
		}
		r.Offset = last.seen
		return copyLog(ctx, c, r, to)
	}
	for chunk := int64(64 << 10); ; chunk *= 8 {
		last.reset()
		past.Offset = -chunk
		if err := copyLog(ctx, c, past, last); err != nil {
			return err
		}
		if last.seen < chunk || last.full() {
			_, err := to.Write(last.bytes())
			return err
		}
	}
}

// lastLines keeps the last lines of what is written to it.
type lastLines struct {
	keep int
	buf  []byte
	seen int64
}

func (l *lastLines) reset() { l.buf, l.seen = l.buf[:0], 0 }

func (l *lastLines) Write(b []byte) (int, error) {
	l.seen += int64(len(b))
	l.buf = append(l.buf, b...)
	if len(l.buf) > 1<<20 { // from time to time, not for every line
		l.buf = append(l.buf[:0], l.bytes()...)
	}
	return len(b), nil
}

// full reports whether there is a whole line before those kept, so that the
// first of them is whole.
func (l *lastLines) full() bool { return len(l.bytes()) < len(l.buf) }

func (l *lastLines) bytes() []byte {
	if l.keep == 0 {
		return nil
	}
	at := len(l.buf)
	if at > 0 && l.buf[at-1] == '\n' {
		at--
	}
	for range l.keep {
		if at = bytes.LastIndexByte(l.buf[:max(at, 0)], '\n'); at < 0 {
			return l.buf
		}
	}
	return l.buf[at+1:]
}
