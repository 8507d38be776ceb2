package master

import (
	"context"
	"io"
	"iter"

	"github.com/tender-scheduler/tender/core/master/httpapi"
	"github.com/tender-scheduler/tender/core/model"
)

// Do implements httpapi.Backend.
func (m *Master) Do(ctx context.Context, body any) (any, *model.Refusal) {
	switch q := body.(type) {
	case model.GetStatus:
		return m.status(ctx), nil
	case model.ListMasters:
		return m.masters(ctx, q), nil
	case model.StepDown:
		return m.stepDown(ctx, q)
	case model.JoinMasters:
		return m.admit(ctx, q)
	}
	l := m.leading()
	if l == nil {
		return nil, unavailable()
	}
	switch body.(type) {
	case model.Submit, model.CancelJob, model.RetryJob, model.PauseJob, model.ResumeJob, model.TriggerJob, model.SetRole, model.RemoveRole, model.SetReservation,
		model.DrainNode, model.SetEligibility:
		return l.request(ctx, body)
	case model.ScaleJob, model.RestartJob, model.RollbackJob, model.ChangeDeployment:
		return l.request(ctx, body)
	}
	return l.query(ctx, body)
}

func (l *loop) query(ctx context.Context, body any) (answer any, refusal *model.Refusal) {
	if err := l.ask(ctx, func() { answer, refusal = l.machine.Query(l.clock.read(), body) }); err != nil {
		return nil, unavailable()
	}
	if !l.leads() {
		// Since the question was put, another master may have begun to lead: what
		// this one knows may be out of date.
		return nil, unavailable()
	}
	return answer, refusal
}

func (m *Master) status(ctx context.Context) model.MasterStatus {
	st := model.MasterStatus{Cluster: m.cfg.Cluster, Version: m.cfg.Version, Address: m.cfg.Advertise, Started: m.started}
	if j := m.journal.Load(); j != nil {
		s := j.Stats()
		st.Ready, st.Index, st.Epoch = true, s.LastIndex, m.term()
		if own, ok := j.EmbeddedMember(); ok {
			st.Etcd = &own
		}
	}
	st.Leader, st.Leading = m.Leader()
	if l := m.leading(); l != nil {
		// Should the term end meanwhile, the fields it would fill stay empty.
		_ = l.ask(ctx, func() {
			st.Epoch, st.Since, st.Index, st.Nodes = l.log.Epoch(), l.since, l.index, len(l.machine.sessions)
		})
	}
	return st
}

// Wait implements httpapi.Backend.
func (m *Master) Wait(ctx context.Context, selector string) (model.JobView, bool, *model.Refusal) {
	l := m.leading()
	if l == nil {
		return model.JobView{}, false, unavailable()
	}
	view, refusal := l.job(ctx, selector)
	if refusal != nil || view.State.Ended() {
		return view, refusal == nil, refusal
	}
	ended, stop := l.hub.awaitEnd(view.ID)
	defer stop()
	// It may have ended between the first look and awaitEnd.
	if view, refusal = l.job(ctx, string(view.ID)); refusal != nil || view.State.Ended() {
		return view, refusal == nil, refusal
	}
	select {
	case <-ended:
	case <-ctx.Done():
		// What it is like now is wanted although the caller's time is up.
		view, refusal = l.job(context.WithoutCancel(ctx), string(view.ID))
		return view, refusal == nil && view.State.Ended(), refusal
	case <-l.done:
		return view, false, unavailable()
	}
	view, refusal = l.job(ctx, string(view.ID))
	return view, refusal == nil && view.State.Ended(), refusal
}

func (l *loop) job(ctx context.Context, selector string) (model.JobView, *model.Refusal) {
	answer, refusal := l.query(ctx, model.GetJob{Selector: selector})
	if refusal != nil {
		return model.JobView{}, refusal
	}
	return answer.(model.JobView), nil
}

// Events implements httpapi.Backend.
func (m *Master) Events(ctx context.Context, since uint64, job model.JobID) (iter.Seq[httpapi.Event], *model.Refusal) {
	l := m.leading()
	if l == nil {
		return nil, unavailable()
	}
	return l.hub.events(ctx, l.done, since, job), nil
}

// Leader implements httpapi.Backend.
func (m *Master) Leader() (string, bool) {
	if m.leading() != nil {
		return m.cfg.Advertise, true
	}
	info := m.leader.Load()
	if info.Address == m.cfg.Advertise {
		return "", false // this master's own key from before it lost or won the term
	}
	return info.Address, false
}

// ReadLog implements httpapi.Backend. Following, it waits for the task to start.
func (m *Master) ReadLog(ctx context.Context, r model.ReadLog) (io.ReadCloser, *model.Refusal) {
	l := m.leading()
	if l == nil {
		return nil, unavailable()
	}
	if refusal := l.findRank(ctx, &r); refusal != nil {
		return nil, refusal
	}
	for {
		l.hub.mu.Lock()
		more := l.hub.more // taken before the look, so that nothing is missed
		l.hub.mu.Unlock()
		t, refusal := l.task(ctx, &r)
		if refusal != nil {
			return nil, refusal
		}
		if t.Agent != "" && (t.State != "waiting" || !r.Follow) {
			return m.openLog(ctx, l, t, &r)
		}
		job, refusal := l.job(ctx, string(t.ID.Job))
		if refusal != nil {
			return nil, refusal
		}
		if !r.Follow || job.State.Ended() {
			return nil, model.Refuse(model.ReasonNotFound, "task %s[%d] of job %s has not started: tender why %s says what it waits for, tender logs -f waits for it",
				t.Group, t.ID.Index, job.Name, job.ID)
		}
		select {
		case <-more:
		case <-ctx.Done():
			return nil, model.Refuse(model.ReasonUnavailable, "the wait for the task's start was given up")
		case <-l.done:
			return nil, unavailable()
		}
	}
}

// findRank turns a rank into the index of its allocation.
func (l *loop) findRank(ctx context.Context, r *model.ReadLog) *model.Refusal {
	if r.Rank == nil {
		return nil
	}
	answer, refusal := l.query(ctx, model.GetJob{Selector: r.Selector})
	if refusal != nil {
		return refusal
	}
	job := answer.(model.JobView)
	g := job.Spec.FindGang(r.Group)
	switch {
	case g == nil && r.Group == "":
		return model.Refuse(model.ReasonNotFound, "job %s has no gang, so it has no ranks; choose a task by its index", job.ID)
	case g == nil:
		return model.Refuse(model.ReasonNotFound, "group %q of job %s is no gang, so it has no ranks; choose a task by its index", r.Group, job.ID)
	case int64(*r.Rank) >= int64(g.WorldSize()):
		return model.Refuse(model.ReasonNotFound, "group %q of job %s has the ranks 0 to %d, not %d", g.Name, job.ID, g.WorldSize()-1, *r.Rank)
	}
	r.Selector, r.Group, r.Index = string(job.ID), g.Name, *r.Rank/uint32(g.Ranks())
	return nil
}

// task finds the slot whose output is wanted.
func (l *loop) task(ctx context.Context, r *model.ReadLog) (*model.TaskView, *model.Refusal) {
	answer, refusal := l.query(ctx, model.ListTasks{Selector: r.Selector, Group: r.Group, Index: &r.Index, Limit: 1})
	if refusal != nil {
		return nil, refusal
	}
	list := answer.(model.TaskList)
	if len(list.Tasks) == 0 {
		return nil, model.Refuse(model.ReasonNotFound, "job %s has no task with index %d in group %q", list.Job, r.Index, r.Group)
	}
	t := &list.Tasks[0]
	if r.Attempt == nil && !r.Follow && t.State == "waiting" && t.Agent != "" && t.ID.Attempt > 0 {
		t.ID.Attempt-- // of a service's that waits to be tried again, the last output there is
	}
	if r.Attempt != nil {
		if *r.Attempt > t.ID.Attempt {
			return nil, model.Refuse(model.ReasonNotFound, "task %s has had %d attempts, there is no attempt %d", t.ID.Slot(), t.ID.Attempt+1, *r.Attempt)
		}
		t.ID.Attempt = *r.Attempt
	}
	return t, nil
}
