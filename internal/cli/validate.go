package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/jobspec"
)

func (a *app) validateCmd() *cobra.Command {
	var v variables
	cmd := &cobra.Command{
		Use:   "validate [flags] FILE...",
		Short: "Check job files without a cluster",
		Long: `Validate checks job files as submit does, on this machine alone. All mistakes of
all files are shown, each with its place, what was expected and, for a misspelt
name, what was probably meant. The exit code is 0, or 251 if there are any.

With -o json it prints the findings and, for a correct file, the job as it would
be submitted, with all defaults.`,
		Example: `  tender validate job.hcl
  tender validate --var epochs=3 jobs/*.hcl
  tender validate -o json job.hcl | jq '.[0].job.groups[].tasks[].resources'
  tender init - | tender validate -`,
		Args: wants(1, -1, "at least one FILE (- for standard input)"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.validate(cmd, args, v) },
	}
	v.register(cmd)
	a.printsData(cmd)
	return cmd
}

// checked is what `tender validate -o json` prints for each file.
type checked struct {
	File     string               `json:"file"`
	Findings *jobspec.Diagnostics `json:"findings"`
	Job      json.RawMessage      `json:"job,omitempty"`
}

func (a *app) validate(cmd *cobra.Command, files []string, v variables) error {
	var all []checked
	var bad error
	for _, path := range files {
		src, name, err := a.readJobFile(path)
		if err != nil {
			return err
		}
		o, err := a.options(cmd, v, name)
		if err != nil {
			return err
		}
		job, findings := jobspec.Parse(src, o)
		c := checked{File: name, Findings: findings}
		if err := findings.WriteText(a.Stderr, bool(a.stderrPaint()), a.StderrColumns); err != nil {
			return err
		}
		if job == nil {
			bad = rejected()
		} else {
			c.Job = jobspec.Canonical(job)
		}
		all = append(all, c)
		if err := a.printChecked(name, job); err != nil {
			return err
		}
	}
	if a.output == formatJSON {
		if err := a.printJSON(all); err != nil {
			return err
		}
	}
	return bad
}

func (a *app) printChecked(name string, job *model.Job) error {
	switch {
	case a.output == formatJSON || job == nil:
		return nil
	case a.output == formatName:
		return a.printNames([]string{job.Name})
	}
	return a.print(fmt.Appendf(nil, "%s: %s (job %q: %s in %s)\n", oneLine(name), a.stdoutPaint().paint(green, "valid"),
		job.Name, plural(taskCount(job), "task"), plural(len(job.Groups), "group")))
}
