package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/core/model"
)

func (a *app) waitCmd() *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "wait [flags] JOB...",
		Short: "Wait until jobs have ended and exit with their exit code",
		Long: `Wait stays until every JOB has ended, and exits with the exit code of the first
one, in the order given, that did not succeed; 0 if all did. What each JOB means
is settled at the start: a later submission does not change what "last" is.

With -o json, wide or name the ended jobs are printed on standard output.`,
		Example: `  tender wait last
  tender wait k3f9x2mq preprocess train
  tender wait --timeout 1h nightly || echo "nightly: $?"`,
		Args:              wants(1, -1, "at least one JOB"),
		ValidArgsFunction: a.completeJobs,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.wait(cmd, args, timeout) },
	}
	durationFlag(cmd.Flags(), &timeout, "timeout", "exit with 252 if a job has not ended within this time; it goes on (default: no limit)")
	cmd.Flags().BoolVarP(&a.quiet, "quiet", "q", false, "print no progress")
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (a *app) wait(cmd *cobra.Command, selectors []string, timeout time.Duration) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, began := cmd.Context(), a.Now()
	ids := make([]model.JobID, len(selectors))
	for i, sel := range selectors {
		view, err := jobNow(ctx, c, sel)
		if err != nil {
			return err
		}
		ids[i] = view.ID
	}
	views := make([]model.JobView, len(ids))
	for i, id := range ids {
		w := &watch{app: a, client: c, id: id, began: began, timeout: timeout}
		if views[i], err = w.run(ctx); err != nil {
			return err
		}
	}
	if err := a.printEnded(views); err != nil {
		return err
	}
	for _, v := range views {
		if err := jobExit(v); err != nil {
			return err
		}
	}
	return nil
}

// printEnded prints ended jobs as data, if data was asked for: one job as an
// object, several as a list.
func (a *app) printEnded(views []model.JobView) error {
	switch a.output {
	case formatJSON:
		if len(views) == 1 {
			return a.printJSON(views[0])
		}
		return a.printJSON(model.JobList{Jobs: views})
	case formatTable:
		return nil
	}
	return a.printJobs(model.JobList{Jobs: views})
}
