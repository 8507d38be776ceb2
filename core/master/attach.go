package master

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tender-scheduler/tender/api/agentpb"
	apisession "github.com/tender-scheduler/tender/api/session"
	"github.com/tender-scheduler/tender/api/sessionpb"
	"github.com/tender-scheduler/tender/core/model"
)

// Attach implements httpapi.Backend.
func (m *Master) Attach(ctx context.Context, a model.Attach) (apisession.Stream, *model.Refusal) {
	l := m.leading()
	if l == nil {
		return nil, unavailable()
	}
	t, refusal := l.task(ctx, &model.ReadLog{Selector: a.Selector, Group: a.Group, Index: a.Index})
	if refusal != nil {
		return nil, refusal
	}
	job, refusal := l.job(ctx, string(t.ID.Job))
	if refusal != nil {
		return nil, refusal
	}
	if refusal := attachable(t, &job); refusal != nil && (!a.Resume || t.Agent == "") {
		return nil, refusal // what has ended may still have to tell
	}
	s, refusal := m.openSession(ctx, l, t, &agentpb.OpenSession{Name: a.Task, Session: a.Session, Resume: a.Resume})
	if refusal != nil {
		return nil, refusal
	}
	id := t.ID
	out := &audited{
		Stream: s, tell: func(n model.Notice) {
			n.At, n.Job, n.JobName, n.Task, n.Group, n.Agent = time.Now(), id.Job, job.Name, &id, t.Group, t.Agent
			l.hub.publish([]model.Notice{n})
			m.cfg.Logger.Info(n.Kind, "job", id.Job, "task", id.String(), "agent", t.Agent, "what", n.Message)
		},
		user: a.User, what: s.claim.What,
	}
	if a.Session != "" {
		out.first = &sessionpb.Frame{Kind: &sessionpb.Frame_Claim{Claim: &sessionpb.Claim{ResumeWithinNs: s.claim.ResumeWithinNs}}}
	}
	if a.Resume {
		out.note("exec_resumed", "")
	}
	return out, nil
}

// attachable says why nothing can run beside a task.
func attachable(t *model.TaskView, job *model.JobView) *model.Refusal {
	name := fmt.Sprintf("%s[%d] of job %s (%s)", t.Group, t.ID.Index, job.Name, job.ID)
	switch {
	case t.Agent == "":
		return model.Refuse(model.ReasonNotRunning, "task %s has not started: tender why %s says what it waits for", name, job.ID)
	case !t.Finished.IsZero() || job.State.Ended():
		return model.Refuse(model.ReasonNotRunning, "task %s has ended", name)
	}
	return nil
}

// audited tells the event stream who runs what beside a task, and how it ended, as far
// as this connection sees it: a session that is resumed has several.
type audited struct {
	apisession.Stream
	first *sessionpb.Frame // comes before all else, to who can resume the session
	tell  func(model.Notice)
	user  string

	mu      sync.Mutex
	what    string // the command, from the Open on
	started bool
	ended   bool
}

// Send carries the caller's frames; the first one says what is to run.
func (a *audited) Send(f *sessionpb.Frame) error {
	if open := f.GetOpen(); open != nil {
		a.mu.Lock()
		a.what = apisession.CommandText(open)
		a.mu.Unlock()
	}
	if f.GetGone() != nil && f.GetGone().WithinNs <= 0 {
		a.note("exec_ended", "its caller has broken it off, and the command is killed")
	}
	return a.Stream.Send(f)
}

// Recv carries the command's.
func (a *audited) Recv() (*sessionpb.Frame, error) {
	if f := a.first; f != nil {
		a.first = nil
		return f, nil
	}
	f, err := a.Stream.Recv()
	switch k := f.GetKind().(type) {
	case *sessionpb.Frame_Started:
		a.note("exec_started", "")
	case *sessionpb.Frame_Ended:
		how := fmt.Sprintf("exit code %d", k.Ended.ExitCode)
		if k.Ended.Message != "" {
			how = k.Ended.Message
		}
		a.note("exec_ended", how)
	}
	return f, err
}

// Close implements session.Stream.
func (a *audited) Close() error {
	a.note("exec_broken", "the connection was broken off: if the caller does not come back, the command is killed")
	return a.Stream.Close()
}

func (a *audited) note(kind, how string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	begins := kind == "exec_started" || kind == "exec_resumed"
	if begins == a.started || a.ended {
		return
	}
	a.started, a.ended = true, !begins
	text := a.what
	if a.user != "" {
		text = a.user + ": " + text
	}
	if how != "" {
		text += ": " + how
	}
	a.tell(model.Notice{Kind: kind, Message: text})
}
