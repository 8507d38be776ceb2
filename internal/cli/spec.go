package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/jobspec"
)

// variables are the flags that give a job file its variables.
type variables struct {
	vars  []string
	files []string
}

func (v *variables) register(cmd *cobra.Command) {
	// Not a comma-separated list: a value may hold commas.
	cmd.Flags().StringArrayVar(&v.vars, "var", nil, "set a variable of the job file, as `NAME=VALUE` (may be repeated; also from TENDER_VAR_NAME)")
	cmd.Flags().StringArrayVar(&v.files, "var-file", nil, "read variables from a `FILE` of NAME = VALUE lines (may be repeated, a later file wins; --var wins over all)")
	must(cmd.MarkFlagFilename("var-file"))
}

// options gathers everything besides its text that a job file depends on.
func (a *app) options(cmd *cobra.Command, v variables, filename string) (jobspec.Options, error) {
	o := jobspec.Options{Filename: filename, Vars: map[string]string{}, Environ: a.Environ, ReadFile: os.ReadFile}
	for _, s := range v.vars {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return o, usagef(cmd, "--var %q: want NAME=VALUE", s)
		}
		o.Vars[name] = value
	}
	for _, name := range v.files {
		src, err := readBounded(name, nil)
		if err != nil {
			return o, err
		}
		o.VarFiles = append(o.VarFiles, jobspec.VarFile{Name: name, Src: src})
	}
	return o, nil
}

// readJobFile reads a job file, or standard input for "-".
func (a *app) readJobFile(path string) (src []byte, filename string, err error) {
	if path == "-" {
		src, err = readBounded("standard input", a.Stdin)
		return src, "<stdin>", err
	}
	src, err = readBounded(path, nil)
	return src, path, err
}

// readBounded reads at most a byte more than a job file may have: jobspec then
// says that it is too long. r nil = open the file.
func readBounded(name string, r io.Reader) ([]byte, error) {
	if r == nil {
		f, err := os.Open(name)
		if err != nil {
			return nil, fileError(name, err)
		}
		defer f.Close()
		r = f
	}
	src, err := io.ReadAll(io.LimitReader(r, model.MaxJobFileBytes+1))
	if err != nil {
		return nil, fileError(name, err)
	}
	return src, nil
}

// fileError is a file that cannot be read: as far as a submission goes, a
// rejected job.
func fileError(name string, err error) error {
	if pathErr, ok := errors.AsType[*os.PathError](err); ok {
		err = pathErr.Err
	}
	return &exitError{code: model.ExitRejected, err: fmt.Errorf("read %s: %w", name, err)}
}

// loadJob reads, parses and checks a job file. What is wrong with it is printed
// on standard error, all of it at once.
func (a *app) loadJob(cmd *cobra.Command, path string, v variables) (*model.Job, error) {
	src, name, err := a.readJobFile(path)
	if err != nil {
		return nil, err
	}
	o, err := a.options(cmd, v, name)
	if err != nil {
		return nil, err
	}
	job, findings := jobspec.Parse(src, o)
	if err := findings.WriteText(a.Stderr, bool(a.stderrPaint()), a.StderrColumns); err != nil {
		return nil, err
	}
	if job == nil {
		if a.output == formatJSON {
			_ = a.printJSON(rejection(name, findings))
		}
		return nil, rejected()
	}
	return job, nil
}

// rejection is what -o json says of a file with mistakes.
func rejection(name string, findings *jobspec.Diagnostics) any {
	r := model.Refuse(model.ReasonInvalidJob, "%s is not a valid job file", name)
	return struct {
		failure
		Findings *jobspec.Diagnostics `json:"findings"`
	}{failure{Error: *r, ExitCode: model.ExitRejected}, findings}
}

// taskCount is how many slots a job has.
func taskCount(job *model.Job) int {
	n := 0
	for i := range job.Groups {
		n += job.Groups[i].Size()
	}
	return n
}
