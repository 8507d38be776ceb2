package executor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tender-scheduler/tender/api/sessionpb"
	"github.com/tender-scheduler/tender/core/agent/executor/attach"
	"github.com/tender-scheduler/tender/core/agent/executor/health"
	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/agent/isolation"
	"github.com/tender-scheduler/tender/core/model"
)

const (
	// addressAttribute is where an agent says at which address its tasks are
	// reached; checks ask there, as those do who use the service.
	addressAttribute = "attr.unique.network.ip-address"
	localAddress     = "127.0.0.1"

	scriptOutputBytes = 4 << 10
	// scriptRest is how long after a script's end its output is waited for, should
	// something that it started still hold the pipe.
	scriptRest    = 100 * time.Millisecond
	scriptKillFor = 20 * time.Millisecond // between two kills of a script that goes on
)

// watched is an attempt whose checks are asked.
type watched struct {
	stop   context.CancelFunc
	checks *checks
}

// watch begins or ends an attempt's checks as its state asks for.
func (l *loop) watch(k lifecycle.Key, st *model.TaskStatus) {
	w := l.watching[k]
	switch {
	case st.State == model.TaskRunning && w == nil && l.runner.job.Groups[k.Group].HasChecks():
		if l.watching == nil {
			l.watching = map[lifecycle.Key]*watched{}
		}
		l.watching[k] = l.runner.watch(k)
	case st.State != model.TaskRunning && w != nil:
		w.stop()
		delete(l.watching, k)
	}
}

// watch asks an attempt's checks until it is told to stop.
func (r *runner) watch(k lifecycle.Key) *watched {
	group := &r.job.Groups[k.Group]
	c := &checks{group: group, grant: r.attempts[k].given.grant, address: r.address, runs: map[string]*run{}}
	for _, t := range r.attempts[k].runs {
		c.add(t)
	}
	ctx, cancel := context.WithCancel(context.Background())
	m := health.New(health.Specs(group), time.Now(), fmt.Sprint(r.name, k))
	go health.Run(ctx, m, c.ask, health.Listener{
		Report: func(h health.Report) { r.inbox.put(lifecycle.Checked{Key: k, Health: h.Health}) },
		Fail:   func(f health.Fail) { r.inbox.put(lifecycle.Unhealthy{Key: k, Message: f.Message}) },
	})
	return &watched{cancel, c}
}

// checks asks the checks of one attempt.
type checks struct {
	group   *model.Group
	grant   *model.Grant
	address string

	mu   sync.Mutex
	runs map[string]*run // by task
}

// add takes in a task that was started; nil is none.
func (c *checks) add(t *run) {
	if t == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs[t.plan.task.Name] = t
}

// running returns a task whose process runs, nil if it does not.
func (c *checks) running(task string) *run {
	c.mu.Lock()
	t := c.runs[task]
	c.mu.Unlock()
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.slot == nil {
		return nil
	}
	return t
}

// ask is a health.Prober.
func (c *checks) ask(ctx context.Context, s *health.Spec) (bool, string) {
	t := c.running(s.Task)
	if t == nil {
		return false, fmt.Sprintf("task %q does not run", s.Task)
	}
	if s.Type == model.CheckScript {
		return t.askScript(ctx, s)
	}
	target, err := c.target(t, s)
	if err != nil {
		return false, err.Error()
	}
	if s.Type == model.CheckTCP {
		return health.AskTCP(ctx, target)
	}
	return health.AskHTTP(ctx, target)
}

// target resolves what an http or tcp check asks.
func (c *checks) target(t *run, s *health.Spec) (*health.Target, error) {
	port, err := health.Port(c.group, s, c.grant)
	if err != nil {
		return nil, err
	}
	out := &health.Target{
		Address: net.JoinHostPort(c.address, strconv.Itoa(int(port))), Method: s.Method, Scheme: s.Protocol,
		TLSSkipVerify: s.TLSSkipVerify, Header: map[string][]string{},
	}
	if out.Path, err = t.env.Expand(s.Path); err != nil {
		return nil, fmt.Errorf("work out the path: %w", err)
	}
	if out.Body, err = t.env.Expand(s.Body); err != nil {
		return nil, fmt.Errorf("work out the body: %w", err)
	}
	for name, values := range s.Header {
		if out.Header[name], err = t.env.ExpandAll(values); err != nil {
			return nil, fmt.Errorf("work out the header %s: %w", name, err)
		}
	}
	return out, nil
}

// askScript runs a check's command beside the task: in its cgroup, namespaces and
// environment. It passes if the command exits with 0.
func (t *run) askScript(ctx context.Context, s *health.Spec) (bool, string) {
	cmd, err := t.scriptCommand(s)
	if err != nil {
		return false, err.Error()
	}
	r, w, err := os.Pipe()
	if err != nil {
		return false, fmt.Sprintf("make pipe: %v", err)
	}
	defer r.Close()
	null, err := devNull()
	if err != nil {
		w.Close()
		return false, err.Error()
	}
	cmd.Files = []uintptr{null, w.Fd(), w.Fd()}
	ended := make(chan isolation.Exit, 1)
	p, err := t.Join(cmd, func(e isolation.Exit) { ended <- e })
	w.Close()
	if err != nil {
		return false, err.Error()
	}
	text := make(chan string, 1)
	go func() { text <- readBounded(r) }()
	exit, inTime := awaitScript(ctx, p, ended)
	_ = r.SetReadDeadline(time.Now().Add(scriptRest)) // a pipe takes it
	said := <-text
	switch {
	case !inTime:
		return false, fmt.Sprintf("%s did not end within %s: %s", s.Command, s.Timeout, said)
	case exit.Status.Signaled():
		return false, fmt.Sprintf("%s was ended by signal %d: %s", s.Command, exit.Status.Signal(), said)
	case exit.Status.ExitStatus() != 0:
		return false, fmt.Sprintf("%s: exit code %d: %s", s.Command, exit.Status.ExitStatus(), said)
	}
	return true, ""
}

func (t *run) scriptCommand(s *health.Spec) (*isolation.Command, error) {
	name, err := t.env.Expand(s.Command)
	if err != nil {
		return nil, fmt.Errorf("work out the command: %w", err)
	}
	args, err := t.env.ExpandAll(s.Args)
	if err != nil {
		return nil, fmt.Errorf("work out the arguments: %w", err)
	}
	return t.Command(&sessionpb.Open{Args: append([]string{name}, args...)})
}

// awaitScript waits for a script's end, and brings it about when its time is up.
func awaitScript(ctx context.Context, p attach.Process, ended <-chan isolation.Exit) (exit isolation.Exit, inTime bool) {
	select {
	case exit = <-ended:
		return exit, true
	case <-ctx.Done():
	}
	again := time.NewTicker(scriptKillFor)
	defer again.Stop()
	for {
		_ = p.Kill() // until it has ended, whatever the kill says
		select {
		case exit = <-ended:
			return exit, false
		case <-again.C:
		}
	}
}

// readBounded reads to the end or the deadline and keeps the beginning.
func readBounded(r io.Reader) string {
	var kept bytes.Buffer
	if _, err := io.Copy(&kept, io.LimitReader(r, scriptOutputBytes)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		_, _ = io.Copy(io.Discard, r) // what is too much must not hold the script up
	}
	return strings.TrimSpace(kept.String())
}
