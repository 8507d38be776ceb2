package cli

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/jobspec"
)

// runForm is what `tender run` fills in: a job file, so that what is left out
// means the same as in any.
const runForm = `job "run" {
  group "run" {
    task "run" {
      config { command = "/bin/sh" }
    }
  }
}
`

// inDirectory runs a command in a directory if there is one of that name.
const inDirectory = `cd -- "$1" 2>/dev/null || echo "tender: node $TENDER_NODE_NAME has no directory $1: running in $PWD" >&2
shift
exec "$@"`

// jobOf makes a job of a command line.
func (a *app) jobOf(cmd *cobra.Command, command []string, q *runFlags) (*model.Job, error) {
	job, findings := jobspec.Parse([]byte(runForm), jobspec.Options{Filename: "run"})
	if job == nil {
		return nil, errors.New("tender run's own form does not parse: " + findings.Error())
	}
	env, err := a.exported(cmd, q)
	if err != nil {
		return nil, err
	}
	job.Source = ""
	job.Name = q.name
	if job.Name == "" {
		job.Name = nameOf(command[0])
	}
	job.Role, job.Priority, job.TimeLimit, job.Preemptible = q.role, q.priority, model.Duration(q.timeLimit), q.preemptible
	for _, s := range q.constraints {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return nil, usagef(cmd, "--constraint %q: want ATTRIBUTE=VALUE", s)
		}
		job.Constraints = append(job.Constraints, model.Constraint{Attribute: "${" + name + "}", Operator: "=", Value: value})
	}
	g := &job.Groups[0]
	g.Count = q.tasks
	if q.gang || q.tasks > 1 && !q.noGang {
		g.Gang = &model.Gang{}
	}
	t := &g.Tasks[0]
	t.Driver, t.User, t.Env = q.driver, q.user, env
	t.Resources.CPUMilli, t.Resources.MemoryBytes = int64(q.cpus), int64(q.memory)
	if q.gpus != 0 {
		t.Resources.GPU = &model.GPURequest{Count: q.gpus}
	}
	t.Config = a.configOf(command, q)
	jobspec.Complete(job)
	if problems := jobspec.Validate(job); len(problems) > 0 {
		r := model.Refuse(model.ReasonInvalidJob, "this cannot be run: %s", problems[0])
		for _, p := range problems[1:] {
			r.Details = append(r.Details, p.String())
		}
		return nil, r
	}
	return job, nil
}

func (a *app) configOf(command []string, q *runFlags) model.TaskConfig {
	dir, insist := a.localDir(q)
	if insist || dir == "" {
		return model.TaskConfig{Command: command[0], Args: command[1:], WorkDir: dir}
	}
	return model.TaskConfig{Command: "/bin/sh", Args: append([]string{"-c", inDirectory, "sh", dir}, command...)}
}

// nameOf makes a job's name of a command's.
func nameOf(command string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '-'
	}, filepath.Base(command))
	name = strings.Trim(name, "-._")
	if name == "" || len(name) > model.MaxNameBytes {
		return "run"
	}
	return name
}
