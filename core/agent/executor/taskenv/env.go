package taskenv

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// Facts is what is known about one attempt at one task.
type Facts struct {
	Job   model.JobID
	Spec  *model.Job
	Group *model.Group
	Task  *model.TaskSpec

	Index   uint32
	Attempt uint16

	Attributes map[string]string // of the agent, as "attr.…", "node.…", "meta.…"

	TaskDir    string // holds local, tmp and secrets
	AllocDir   string // shared by the group's tasks
	SecretsDir string
	LocalDir   string
	TmpDir     string

	Base   map[string]string // PATH, HOME and the like
	Agent  map[string]string // set by the agent's operator
	Launch map[string]string // set by the framework, e.g. a gang's ranks

	Grant *model.Grant // of the allocation; nil where it has no named things

	Gang  *model.GangPlan // nil where the allocation is not one of a gang
	Local int             // which of the allocation's ranks it is, from 0
}

// Env is a task's environment.
type Env struct {
	vars  map[string]string
	attrs map[string]string
	metas []map[string]string // the nearest first
}

// New returns the environment that f gives. It fails if a reference in the
// task's env block cannot be resolved.
func New(f *Facts) (*Env, error) {
	e := &Env{
		vars:  make(map[string]string, 64),
		attrs: f.Attributes,
		metas: []map[string]string{f.Task.Meta, f.Group.Meta, f.Spec.Meta},
	}
	maps.Copy(e.vars, f.Base)
	e.own(f)
	e.granted(f)
	maps.Copy(e.vars, f.Agent)
	maps.Copy(e.vars, f.Launch)
	if len(f.Task.Env) == 0 {
		return e, nil
	}
	set := make(map[string]string, len(f.Task.Env))
	for _, name := range slices.Sorted(maps.Keys(f.Task.Env)) {
		v, err := e.Expand(f.Task.Env[name])
		if err != nil {
			return nil, fmt.Errorf("env %s: %w", name, err)
		}
		set[name] = v
	}
	maps.Copy(e.vars, set)
	return e, nil
}

// own sets TENDER_… and the NOMAD_… variables that mean the same.
func (e *Env) own(f *Facts) {
	index := strconv.FormatUint(uint64(f.Index), 10)
	r := f.Task.Resources
	both := map[string]string{
		"JOB_ID":      string(f.Job),
		"JOB_NAME":    f.Spec.Name,
		"GROUP_NAME":  f.Group.Name,
		"TASK_NAME":   f.Task.Name,
		"ALLOC_INDEX": index,
		"ALLOC_NAME":  fmt.Sprintf("%s.%s[%s]", f.Spec.Name, f.Group.Name, index),
		"ALLOC_ID":    fmt.Sprintf("%s/%s/%s/%d", f.Job, f.Group.Name, index, f.Attempt),
		"TASK_DIR":    f.LocalDir,
		"ALLOC_DIR":   f.AllocDir,
		"SECRETS_DIR": f.SecretsDir,
		"DC":          f.Attributes["node.datacenter"],
	}
	for name, v := range both {
		e.vars["TENDER_"+name] = v
		e.vars["NOMAD_"+name] = v
	}
	e.vars["TENDER_ATTEMPT"] = strconv.Itoa(int(f.Attempt))
	e.vars["TENDER_NODE_NAME"] = f.Attributes["node.unique.name"]
	e.vars["TENDER_SANDBOX_DIR"] = f.TaskDir
	e.vars["TENDER_CPUS"] = model.FormatCPU(r.CPUMilli)
	e.vars["TENDER_MEMORY_BYTES"] = strconv.FormatInt(r.MemoryBytes, 10)
	e.vars["NOMAD_MEMORY_LIMIT"] = strconv.FormatInt(r.MemoryBytes>>20, 10)
	if r.MemoryMaxBytes > 0 {
		e.vars["TENDER_MEMORY_MAX_BYTES"] = strconv.FormatInt(r.MemoryMaxBytes, 10)
		e.vars["NOMAD_MEMORY_MAX_LIMIT"] = strconv.FormatInt(r.MemoryMaxBytes>>20, 10)
	}
	if f.Group.Array != nil {
		e.vars["TENDER_ARRAY_INDEX"] = index
	}
	e.gang(f)
	if f.TmpDir != "" {
		e.vars["TMPDIR"] = f.TmpDir
	}
	for _, meta := range slices.Backward(e.metas) {
		for k, v := range meta {
			for _, name := range []string{k, strings.ToUpper(k)} {
				name = "META_" + envName(name)
				e.vars["TENDER_"+name], e.vars["NOMAD_"+name] = v, v
			}
		}
	}
}

// envName replaces what a shell cannot have in a variable's name.
func envName(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, s)
}

// Get returns a variable.
func (e *Env) Get(name string) (string, bool) {
	v, ok := e.vars[name]
	return v, ok
}

// Set sets a variable.
func (e *Env) Set(name, value string) { e.vars[name] = value }

// List returns NAME=VALUE strings, in order of name.
func (e *Env) List() []string {
	out := make([]string, 0, len(e.vars))
	for k, v := range e.vars {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return out
}

// Attr looks up an attribute of the agent by its name in job files, such as
// "attr.cpu.arch" or "node.unique.name".
func (e *Env) Attr(name string) (string, bool) {
	v, ok := e.attrs[name]
	return v, ok
}

// Meta looks up a meta key: the task's, else the group's, else the job's, else the agent's.
func (e *Env) Meta(key string) (string, bool) {
	for _, m := range e.metas {
		if v, ok := m[key]; ok {
			return v, true
		}
	}
	v, ok := e.attrs["meta."+key]
	return v, ok
}
