package executor

import (
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent/executor/artifact"
	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/agent/executor/taskenv"
	"github.com/tender-scheduler/tender/core/agent/isolation"
	"github.com/tender-scheduler/tender/core/model"
)

// defaultPidsMax bounds a task that does not say how many processes it needs:
// enough for anything reasonable, and not enough to take the machine down.
const defaultPidsMax = 4096

// plan is what all attempts at a task have in common, worked out once.
type plan struct {
	adopt  *execpb.Adopt
	job    *model.Job
	group  *model.Group
	task   *model.TaskSpec
	limits isolation.Limits
	signal unix.Signal

	artifacts *artifact.Store

	account func() (*account, error)
	base    func() map[string]string
}

func newPlan(a *execpb.Adopt, job *model.Job, artifacts *artifact.Store, group, task int) *plan {
	g := &job.Groups[group]
	t := &g.Tasks[task]
	p := &plan{adopt: a, job: job, group: g, task: t, artifacts: artifacts, signal: unix.SIGTERM}
	if s := unix.SignalNum(t.KillSignal); s != 0 {
		p.signal = s
	}
	if t.Driver == model.DriverExec {
		r := t.Resources
		p.limits = isolation.Limits{
			CPUMilli: r.CPUMilli, CPUQuota: true,
			MemoryBytes: r.MemoryBytes, MemoryMaxBytes: r.MemoryMaxBytes,
			PidsMax: r.PidsMax,
		}
		if p.limits.PidsMax == 0 {
			p.limits.PidsMax = defaultPidsMax
		}
	}
	p.account = sync.OnceValues(func() (*account, error) { return lookupAccount(t.User) })
	p.base = sync.OnceValue(p.baseEnv)
	return p
}

// fetches reports whether something may take long before the task can start.
func (p *plan) fetches() bool { return len(p.task.Artifacts) > 0 }

// defaultPath is what a task finds programs with if the executor has no PATH.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// baseEnv is the little that a task gets from around it.
func (p *plan) baseEnv() map[string]string {
	env := map[string]string{"PATH": defaultPath}
	for _, name := range []string{"PATH", "TZ", "LANG"} {
		if v := os.Getenv(name); v != "" {
			env[name] = v
		}
	}
	if a, err := p.account(); err == nil {
		env["HOME"], env["USER"], env["LOGNAME"] = a.home, a.name, a.name
	}
	return env
}

// env returns the environment of one attempt: of its local-th rank.
func (p *plan) env(k lifecycle.Key, s *sandbox, launch launchFacts, local int) (*taskenv.Env, error) {
	e, err := taskenv.New(&taskenv.Facts{
		Job: model.JobID(p.adopt.Job), Spec: p.job, Group: p.group, Task: p.task,
		Index: k.Index, Attempt: k.Attempt, Attributes: p.adopt.Attributes,
		TaskDir: s.task, AllocDir: s.alloc(), SecretsDir: s.secrets(), LocalDir: s.local(), TmpDir: s.tmp(),
		Base: p.base(), Agent: p.adopt.Env, Launch: launch.env, Grant: launch.grant, Gang: launch.gang, Local: local,
	})
	if err != nil {
		return nil, fmt.Errorf("work out the environment: %w", err)
	}
	return e, nil
}
