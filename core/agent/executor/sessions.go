package executor

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/api/session"
	"github.com/tender-scheduler/tender/api/sessionpb"
	"github.com/tender-scheduler/tender/core/agent/executor/attach"
	"github.com/tender-scheduler/tender/core/agent/isolation"
	"github.com/tender-scheduler/tender/core/model"
)

// maxBeside is how many commands may run beside one task.
const maxBeside = 32

// sessionAsked is a connection that wants a command beside a task.
type sessionAsked struct {
	conn *Conn
	ask  *execpb.Session
}

// session takes in a connection.
func (l *loop) session(e sessionAsked) {
	s := session.NewConn(e.conn.c, e.conn.in)
	if e.ask.Remote != "" {
		l.couple(e.ask.Remote, s)
		return
	}
	l.sessionAt(s, e.ask)
}

// sessionAt answers with a Claim and lets the session take its course.
func (l *loop) sessionAt(s session.Stream, ask *execpb.Session) {
	if ask.Resume {
		l.resume(s, ask)
		return
	}
	t, refusal := l.taskOf(ask)
	if refusal == nil {
		refusal = t.beside.enter(t)
	}
	if refusal == nil && ask.Id != "" {
		l.hold(s, t, ask)
		return
	}
	go func() {
		if refusal == nil {
			defer t.beside.leave()
		}
		if !answer(s, refusal) {
			s.Close()
			return
		}
		attach.Run(s, t)
	}()
}

// taskOf finds the run that a session is to be beside.
func (l *loop) taskOf(ask *execpb.Session) (*run, *model.Refusal) {
	k := taskKey(ask.Task)
	a := l.runner.attempts[k]
	if a == nil {
		return nil, model.Refuse(model.ReasonNotRunning, "the task does not run on its agent any more")
	}
	group := &l.runner.job.Groups[k.Group]
	var names []string
	for i, t := range a.runs {
		spec := &group.Tasks[i]
		if ask.Name != spec.Name && (ask.Name != "" || spec.Lifecycle != nil) {
			names = append(names, spec.Name)
			continue
		}
		if t == nil {
			return nil, notYet(spec.Name)
		}
		return t, nil
	}
	return nil, model.Refuse(model.ReasonNotFound, "group %q has no task %q; it has %s", group.Name, ask.Name, names)
}

// notYet is a reason to try again.
func notYet(task string) *model.Refusal {
	return model.Refuse(model.ReasonStarting, "task %q has not started yet", task)
}

// beside is the sessions of one run.
type beside struct {
	over chan struct{} // closed when the task has ended
	door *door         // nil if it opens none to others

	// join is held while a process is forked into the task's cell, which must not
	// be cleared and given to another task meanwhile.
	join sync.Mutex
	once sync.Once
	mu   sync.Mutex
	n    int
}

func newBeside() *beside { return &beside{over: make(chan struct{})} }

// enter counts a session in.
func (b *beside) enter(t *run) *model.Refusal {
	t.mu.Lock()
	runs := t.slot != nil
	t.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-b.over:
		return model.Refuse(model.ReasonNotRunning, "task %q has ended", t.plan.task.Name)
	default:
	}
	switch {
	case !runs:
		return notYet(t.plan.task.Name)
	case b.n >= maxBeside:
		return model.Refuse(model.ReasonQueueFull, "%d commands run beside task %q already, which is as many as may: end one first", b.n, t.plan.task.Name)
	}
	b.n++
	return nil
}

func (b *beside) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n--
}

// end is called when the task's process has ended, before the rest is killed, or
// when it could not be started.
func (b *beside) end() {
	b.once.Do(func() {
		close(b.over)
		if b.door != nil {
			b.door.close()
		}
	})
	b.join.Lock() // a fork in flight is over then, and hit too
	defer b.join.Unlock()
}

// Over implements attach.Place.
func (t *run) Over() <-chan struct{} { return t.beside.over }

// Join implements attach.Place.
func (t *run) Join(cmd *isolation.Command, done func(isolation.Exit)) (attach.Process, error) {
	t.beside.join.Lock()
	defer t.beside.join.Unlock()
	t.mu.Lock()
	s := t.slot
	t.mu.Unlock()
	if s == nil {
		return nil, errors.New("the task has ended")
	}
	p, err := s.cell.Join(cmd, done)
	if err != nil {
		return nil, startFailure(cmd, err)
	}
	return p, nil
}

// Command implements attach.Place: what the task itself has, and a word more.
func (t *run) Command(open *sessionpb.Open) (*isolation.Command, error) {
	owner, err := t.plan.account()
	if err != nil {
		return nil, err
	}
	cmd := &isolation.Command{Credential: owner.cred, Args: open.Args, Env: withVars(t.env.List(), open.Env)}
	if cmd.Dir, err = t.workDir(t.env, t.plan.task.Config.WorkDir); err != nil {
		return nil, err
	}
	if open.Dir != "" {
		if !filepath.IsAbs(open.Dir) {
			open.Dir = filepath.Join(cmd.Dir, open.Dir)
		}
		cmd.Dir = open.Dir
	}
	if cmd.Path, err = find(t.env, open.Args[0], cmd.Dir); err != nil {
		return nil, fmt.Errorf("beside the task: %w", err)
	}
	return cmd, nil
}

// withVars sets variables in an environment: a name that is there twice would
// mean either, depending on the program.
func withVars(env []string, set map[string]string) []string {
	env = slices.DeleteFunc(env, func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		_, replaced := set[name]
		return replaced
	})
	for _, name := range slices.Sorted(maps.Keys(set)) {
		env = append(env, name+"="+set[name])
	}
	return env
}
