package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

func (a *app) cancelCmd() *cobra.Command {
	var group, indices string
	var runs bool
	cmd := &cobra.Command{
		Use:   "cancel [flags] JOB...",
		Short: "Stop jobs, or some tasks of one",
		Long: `Cancel stops jobs: tasks that wait are dropped, tasks that run get their kill
signal and, after their kill timeout, SIGKILL. It returns at once; tender wait JOB
waits until everything has stopped.

Of a schedule it ends the schedule; runs that go on are left alone without --runs.

With --group and --index only those tasks of the job are stopped, and the rest of
it goes on.`,
		Example: `  tender cancel last
  tender cancel k3f9 train
  tender cancel sweep --index 100-199,250
  tender jobs --state queued -o name | xargs tender cancel`,
		Args:              wants(1, -1, "at least one JOB"),
		ValidArgsFunction: a.completeJobs,
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := parseIndices(indices)
			if err != nil {
				return usagef(cmd, "--index %q: %w", indices, err)
			}
			if len(args) > 1 && (group != "" || indices != "") {
				return usagef(cmd, "--group and --index are about one job, but %d are given", len(args))
			}
			return a.changeJobs(cmd, args, func(c *client.Client, sel string) (model.JobView, error) {
				return c.Cancel(cmd.Context(), model.CancelJob{Selector: sel, Group: group, Indices: list, Runs: runs})
			})
		},
	}
	cmd.Flags().StringVar(&group, "group", "", "only tasks of this `GROUP`")
	cmd.Flags().BoolVar(&runs, "runs", false, "of a schedule: also stop the runs that go on")
	cmd.Flags().StringVar(&indices, "index", "", "only tasks with these indices, a `LIST` such as 3,10-19,20-40:2")
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

func (a *app) retryCmd() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "retry [flags] JOB...",
		Short: "Run the failed tasks of ended jobs again",
		Long: `Retry puts the tasks of an ended job that did not succeed back in the queue, each
as a new attempt; with --all also those that did. The job keeps its id.`,
		Example: `  tender retry last
  tender retry --all nightly && tender wait nightly`,
		Args:              wants(1, -1, "at least one JOB"),
		ValidArgsFunction: a.completeJobs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.changeJobs(cmd, args, func(c *client.Client, sel string) (model.JobView, error) {
				return c.Retry(cmd.Context(), model.RetryJob{Selector: sel, All: all})
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also run the tasks again that succeeded")
	a.printsData(cmd)
	a.talks(cmd)
	return cmd
}

// changeJobs makes one change to several jobs. All are tried; the first failure
// is what the command fails with.
func (a *app) changeJobs(cmd *cobra.Command, selectors []string, change func(c *client.Client, sel string) (model.JobView, error)) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	defer c.Close()
	var first error
	done := model.JobList{Jobs: []model.JobView{}}
	for _, sel := range selectors {
		view, err := change(c, sel)
		if err != nil {
			if first != nil {
				a.complain(first)
			}
			first = err
			continue
		}
		done.Jobs = append(done.Jobs, view)
		if a.output == formatTable || a.output == formatWide {
			if err := a.print(fmt.Appendf(nil, "job %s (%s) %s: %s\n", oneLine(view.Name), view.ID, stateText(view.State), a.changedText(view))); err != nil {
				return err
			}
		}
	}
	switch {
	case len(done.Jobs) == 0 || a.output == formatTable || a.output == formatWide:
		return first
	case a.output == formatJSON && len(selectors) == 1:
		return errors.Join(first, a.printJSON(done.Jobs[0]))
	}
	return errors.Join(first, a.printJobs(done))
}

// maxIndices is the most indices one request takes.
const maxIndices = model.MaxArraySize

// parseIndices reads a list such as "3,10-19,20-40:2".
func parseIndices(s string) ([]uint32, error) {
	if s == "" {
		return nil, nil
	}
	var out []uint32
	for part := range strings.SplitSeq(s, ",") {
		span, stepText, hasStep := strings.Cut(strings.TrimSpace(part), ":")
		firstText, lastText, isRange := strings.Cut(span, "-")
		if !isRange {
			lastText = firstText
		}
		step := uint64(1)
		first, err1 := strconv.ParseUint(firstText, 10, 32)
		last, err2 := strconv.ParseUint(lastText, 10, 32)
		var err3 error
		if hasStep {
			step, err3 = strconv.ParseUint(stepText, 10, 32)
		}
		if err1 != nil || err2 != nil || err3 != nil || step == 0 || last < first || hasStep && !isRange {
			return nil, fmt.Errorf("want numbers and ranges such as 3,10-19,20-40:2")
		}
		if (last-first)/step+1+uint64(len(out)) > maxIndices {
			return nil, fmt.Errorf("these are more than %s indices", number(maxIndices))
		}
		for i := first; i <= last; i += step {
			out = append(out, uint32(i))
		}
	}
	return out, nil
}
