package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"text/template"
	"time"

	"github.com/spf13/cobra"

	"github.com/tender-scheduler/tender/core/model"
)

// rendering is the flags that write a service's endpoints to a file.
type rendering struct {
	template, out, exec string
	once                bool
}

func (r *rendering) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.template, "template", "", "render this `FILE` at every change, in the manner of consul-template")
	cmd.Flags().StringVar(&r.out, "out", "", "write the result to this `FILE`")
	cmd.Flags().StringVar(&r.exec, "exec", "", "then run this `COMMAND` with /bin/sh")
	cmd.Flags().BoolVar(&r.once, "once", false, "render once and end")
	must(cmd.MarkFlagFilename("template"))
	must(cmd.MarkFlagFilename("out"))
}

func (r *rendering) any() bool { return r.template != "" || r.out != "" || r.exec != "" || r.once }

// renderer writes a service's endpoints to a file and tells who reads it.
type renderer struct {
	*app
	flags    *rendering
	template *template.Template
	told     bool      // the command has run well since the file changed
	failed   int       // how often in a row it has not
	again    time.Time // when it is to be run again; zero = not before a change
	shown    model.ServiceView
}

const (
	// execTimeout bounds a command that is to tell a proxy of a change.
	execTimeout = time.Minute
	// A command that failed is run again after firstRetry, then after twice that, up
	// to mostRetry: until it has run well the proxy sends requests to tasks that
	// have ended.
	firstRetry = time.Second
	mostRetry  = time.Minute
)

func (a *app) newRenderer(f *rendering) (*renderer, error) {
	b, err := os.ReadFile(f.template)
	if err != nil {
		return nil, &exitError{code: exitTrouble, err: fmt.Errorf("read the template: %w", err)}
	}
	t, err := template.New(filepath.Base(f.template)).Option("missingkey=error").Funcs(template.FuncMap{
		"addr": func(e model.Endpoint) string { return endpointAddress(&e) },
	}).Parse(string(b))
	if err != nil {
		return nil, &exitError{code: exitTrouble, err: fmt.Errorf("read the template: %w", err)}
	}
	return &renderer{app: a, flags: f, template: t}, nil
}

func (r *renderer) render(ctx context.Context, v model.ServiceView) error {
	r.shown = v
	var b bytes.Buffer
	if err := r.template.Execute(&b, v); err != nil {
		return &exitError{code: exitTrouble, err: fmt.Errorf("render the template: %w", err)}
	}
	changed, err := writeChanged(r.flags.out, b.Bytes())
	if err != nil {
		return &exitError{code: exitTrouble, err: fmt.Errorf("write %s: %w", r.flags.out, err)}
	}
	if changed {
		r.note("%s: %s of service %s", r.flags.out, plural(len(v.Endpoints), "endpoint"), v.Name)
	}
	if r.flags.exec == "" || !changed && r.told {
		return nil
	}
	if err := r.run(ctx); err != nil {
		r.told = false
		r.again = time.Now().Add(min(firstRetry<<min(r.failed, 10), mostRetry))
		r.failed++
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if r.flags.once {
			return &exitError{code: exitTrouble, err: err}
		}
		r.warn("%v", err)
		return nil
	}
	r.told, r.failed, r.again = true, 0, time.Time{}
	return nil
}

// nextService is client.Client.Service.
type nextService func(ctx context.Context, q model.GetService, index uint64) (model.ServiceView, error)

// insisting is a way to ask for the next endpoints during which a command that has
// failed is run again.
func (r *renderer) insisting(next nextService) nextService {
	return func(ctx context.Context, q model.GetService, index uint64) (model.ServiceView, error) {
		for {
			v, err := r.nextBefore(ctx, r.again, next, q, index)
			if err == nil || ctx.Err() != nil || r.again.IsZero() || time.Now().Before(r.again) {
				return v, err
			}
			if err := r.render(ctx, r.shown); err != nil {
				return v, err
			}
		}
	}
}

func (r *renderer) nextBefore(ctx context.Context, end time.Time, next nextService, q model.GetService, index uint64) (model.ServiceView, error) {
	if !end.IsZero() {
		var stop context.CancelFunc
		ctx, stop = context.WithDeadline(ctx, end)
		defer stop()
	}
	return next(ctx, q, index)
}

// run runs the command, whose output is this program's.
func (r *renderer) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, execTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", r.flags.exec) //nolint:gosec // it is the user's own
	cmd.Stdout, cmd.Stderr = r.Stderr, r.Stderr
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("it did not end within %s", execTimeout)
	}
	if err != nil {
		return fmt.Errorf("run %q: %w", r.flags.exec, err)
	}
	return nil
}

// writeChanged gives a file other content in one step, so that nobody reads half
// of it, and reports whether it had another one.
func writeChanged(path string, content []byte) (changed bool, err error) {
	old, err := os.ReadFile(path)
	switch {
	case err == nil && bytes.Equal(old, content):
		return false, nil
	case err == nil:
		return true, replaceFile(path, content)
	case !errors.Is(err, os.ErrNotExist):
		return false, err
	}
	// It is not there: a file that appears is whole as well.
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return false, err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err == nil, err
}
