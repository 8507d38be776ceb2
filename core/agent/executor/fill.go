package executor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/tender-scheduler/tender/core/agent/executor/artifact"
	"github.com/tender-scheduler/tender/core/agent/executor/taskenv"
	"github.com/tender-scheduler/tender/core/model"
)

// fill brings artifacts and templates into the sandbox, in this order: a
// template's text may come with an artifact.
func (t *run) fill(owner *account) error {
	for i := range t.plan.task.Artifacts {
		a, err := t.expandArtifact(&t.plan.task.Artifacts[i])
		if err != nil {
			return err
		}
		place := &artifact.Place{Root: t.sandbox.attempt, Base: t.sandbox.task, Own: owner.own}
		if err := t.plan.artifacts.Fetch(t.ctx, a, place); err != nil {
			return err
		}
	}
	for i := range t.plan.task.Templates {
		if err := t.template(&t.plan.task.Templates[i], owner); err != nil {
			return err
		}
	}
	return nil
}

func (t *run) expandArtifact(a *model.Artifact) (*model.Artifact, error) {
	out := *a
	out.Headers = make(map[string]string, len(a.Headers))
	var errs []error
	expand := func(s string) string {
		v, err := t.env.Expand(s)
		errs = append(errs, err)
		return v
	}
	out.Source, out.Destination = expand(a.Source), expand(a.Destination)
	out.Checksum, out.Mode = expand(a.Checksum), expand(a.Mode)
	for k, v := range a.Headers {
		out.Headers[k] = expand(v)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("artifact %q: %w", a.Source, err)
	}
	return &out, nil
}

const defaultTemplateMode = 0o644

func (t *run) template(spec *model.Template, owner *account) error {
	text, destination, err := t.render(spec)
	if err == nil {
		err = t.place(spec, destination, text, owner)
	}
	if err != nil {
		return fmt.Errorf("template %q: %w", spec.Destination, err)
	}
	return nil
}

// render returns a template's output and where it goes, relative to the attempt's directory.
func (t *run) render(spec *model.Template) (text []byte, destination string, err error) {
	destination, err = t.env.Expand(spec.Destination)
	if err != nil {
		return nil, "", err
	}
	if destination, err = t.inside(destination); err != nil {
		return nil, "", err
	}
	source := spec.Data
	if spec.Source != "" {
		if source, err = t.templateSource(spec.Source); err != nil {
			return nil, "", err
		}
	}
	text, err = t.env.Render(spec, source)
	return text, destination, err
}

// inside returns path relative to the attempt's directory.
func (t *run) inside(path string) (string, error) {
	full := path
	if !filepath.IsAbs(full) {
		full = filepath.Join(t.sandbox.task, full)
	}
	rel, err := filepath.Rel(t.sandbox.attempt, full)
	if err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("%q lies outside the task's sandbox", path)
	}
	return rel, nil
}

func (t *run) templateSource(name string) (string, error) {
	name, err := t.env.Expand(name)
	if err != nil {
		return "", err
	}
	rel, err := t.inside(name)
	if err != nil {
		return "", err
	}
	root, err := os.OpenRoot(t.sandbox.attempt)
	if err != nil {
		return "", err
	}
	defer root.Close()
	b, err := root.ReadFile(rel)
	if err != nil {
		return "", fmt.Errorf("read its source %q: %w", name, err)
	}
	return string(b), nil
}

// place writes a template's output, and with env adds it to the environment.
func (t *run) place(spec *model.Template, rel string, text []byte, owner *account) error {
	mode := os.FileMode(defaultTemplateMode)
	if spec.Perms != "" {
		n, err := strconv.ParseUint(spec.Perms, 8, 32)
		if err != nil || n > 0o777 {
			return fmt.Errorf("perms %q: want an octal mode up to 777, such as 0640", spec.Perms)
		}
		mode = os.FileMode(n)
	}
	root, err := os.OpenRoot(t.sandbox.attempt)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.MkdirAll(filepath.Dir(rel), 0o755); err != nil {
		return err
	}
	_ = root.Remove(rel)
	if err := root.WriteFile(rel, text, mode); err != nil {
		return err
	}
	if err := root.Chmod(rel, mode); err != nil { // whatever the umask
		return err
	}
	if err := owner.own(filepath.Join(t.sandbox.attempt, rel)); err != nil {
		return err
	}
	if !spec.Env {
		return nil
	}
	vars, err := taskenv.ParseVars(text)
	for name, v := range vars {
		t.env.Set(name, v)
		if t.fromTemplates == nil {
			t.fromTemplates = map[string]string{}
		}
		t.fromTemplates[name] = v
	}
	return err
}
