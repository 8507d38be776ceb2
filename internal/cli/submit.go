package cli

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

// submission is the flags of `tender submit`.
type submission struct {
	variables
	wait, follow, detach bool
	key                  string
	pending              time.Duration
	checkIndex           int64 // -1 = not given
}

func (a *app) submitCmd() *cobra.Command {
	var s submission
	cmd := &cobra.Command{
		Use:   "submit [flags] FILE",
		Short: "Submit a job",
		Long: `Submit reads a job file, checks it and gives it to the cluster. It returns once
the job is stored durably, and prints its id; the job then runs on its own.

With --wait it stays until the job has ended, shows its progress and exits with
the job's exit code. --follow does that and copies the tasks' output to standard
output and standard error. Ctrl-C stops the waiting, not the job.

A service has no end: with --wait it is waited for until its deployment has
succeeded (exit code 0), failed (1), or waits for the promotion of its canaries (0).
Submitting the name of a service again makes a new version of it.

FILE is a job file in HCL, - for standard input. A file with mistakes is not
submitted: all of them are shown, and the exit code is 251. A job that no agent
could ever run is submitted with a warning, because a fitting agent may yet come.

A submission that is repeated with the same --idempotency-key is the same job,
which makes it safe to repeat one whose answer got lost.`,
		Example: `  tender submit job.hcl
  tender submit --wait --var epochs=20 train.hcl
  tender submit --follow --pending-timeout 10m nightly.hcl
  id=$(tender submit -o name job.hcl)
  tender submit --idempotency-key build-4711 build.hcl
  generate-job | tender submit -`,
		Args: wants(1, 1, "one FILE (- for standard input)"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.submit(cmd, args[0], s) },
	}
	f := cmd.Flags()
	f.BoolVarP(&s.wait, "wait", "w", false, "wait for the job's end and exit with its exit code")
	f.BoolVarP(&s.follow, "follow", "f", false, "wait, and print the tasks' output as it comes")
	f.BoolVar(&s.detach, "detach", false, "return once the job is stored (this is the default)")
	f.StringVar(&s.key, "idempotency-key", "", "a `KEY` that is the job's identity for repeated submissions (default: a random one)")
	durationFlag(f, &s.pending, "pending-timeout", "with --wait: exit with 252 if nothing of the job has started within this time; the job stays queued (default: no limit)")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "print no progress")
	f.Int64Var(&s.checkIndex, "check-index", -1, "refuse if the service is not at check index `N` any more, which tender plan shows (0 = if there is one)")
	s.register(cmd)
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (a *app) submit(cmd *cobra.Command, path string, s submission) error {
	wait := s.wait || s.follow
	if wait && s.detach {
		return usagef(cmd, "--detach and --wait or --follow do not go together: choose one")
	}
	if s.pending != 0 && !wait {
		return usagef(cmd, "--pending-timeout needs --wait or --follow: without them nobody waits")
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	job, err := a.loadJob(cmd, path, s.variables)
	if err != nil {
		return err
	}
	if wait && job.Periodic != nil {
		return usagef(cmd, "job %s is a schedule, and its end is nothing to wait for: submit it without --wait, and wait for a run with tender wait \"$(tender cron trigger -o name %s)\"", job.Name, job.Name)
	}
	began := a.Now()
	request := model.Submit{Job: job, Key: s.key, User: a.Username()}
	if index := uint64(s.checkIndex); s.checkIndex >= 0 {
		request.CheckIndex = &index
	}
	reply, err := c.Submit(cmd.Context(), request)
	if err != nil {
		return err
	}
	if job.Periodic != nil && a.output != formatName && a.output != formatJSON {
		return a.printScheduled(reply, job)
	}
	if err := a.printSubmitted(reply, wait); err != nil {
		return err
	}
	if !wait {
		if isService(job) {
			a.hint("tender deployment show %s tells how far it is, tender job %s shows it", reply.Name, reply.Name)
			return nil
		}
		a.hint("tender wait %s waits for its end, tender job %s shows it", reply.ID, reply.ID)
		return nil
	}
	if isService(job) && !s.follow {
		return a.waitDeployed(cmd.Context(), c, reply.ID, uint32(reply.Version))
	}
	w := &watch{app: a, client: c, id: reply.ID, began: began, pending: s.pending, follow: s.follow}
	return a.finishWait(w.run(cmd.Context()))
}

// isService reports whether a job goes on until it is stopped.
func isService(j *model.Job) bool {
	return j.Periodic == nil && (j.Type == model.JobService || j.Type == model.JobSystem)
}

// printSubmitted tells of the new job: as data unless the data is to be its end.
func (a *app) printSubmitted(r model.SubmitReply, wait bool) error {
	if r.Warning != nil {
		a.warn("job %s %s", r.Name, warningText(*r.Warning))
	}
	what := "submitted"
	if r.Version > 1 {
		what = fmt.Sprintf("submitted as version %d", r.Version)
	}
	switch {
	case r.Existing:
		what = "was submitted before"
	case r.Unchanged:
		what = fmt.Sprintf("is the same as version %d, nothing to do", r.Version)
	}
	switch {
	case a.output == formatName:
		return a.printNames([]string{string(r.ID)})
	case a.output == formatJSON && !wait:
		return a.printJSON(r)
	case a.output == formatJSON || wait: // standard output is the job's
		a.note("job %s (%s) %s", r.Name, r.ID, what)
		return nil
	}
	return a.print(fmt.Appendf(nil, "job %s (%s) %s\n", r.Name, r.ID, what))
}

// warningText is why a job cannot start as it is, as the rest of a sentence
// about it: an explanation's summary says what the job does.
func warningText(e model.Explanation) string {
	s := cmp.Or(e.Summary, "cannot start on the agents there are")
	if e.Fix != "" {
		s += " (" + e.Fix + ")"
	}
	return s
}

// finishWait prints how a watched job ended and gives its exit code.
func (a *app) finishWait(view model.JobView, err error) error {
	if err != nil {
		return err
	}
	if a.output == formatJSON {
		if err := a.printJSON(view); err != nil {
			return err
		}
	}
	return jobExit(view)
}

// jobExit is a job's end as the end of a command.
func jobExit(view model.JobView) error {
	if view.ExitCode == nil || *view.ExitCode == 0 {
		return nil
	}
	return &exitError{code: *view.ExitCode}
}

// jobNow looks a job up by any selector.
func jobNow(ctx context.Context, c *client.Client, selector string) (model.JobView, error) {
	view, err := c.Job(ctx, selector)
	view.Spec = nil
	return view, err
}
