package apitest

import (
	"cmp"
	"context"
	"io"
	"iter"

	"github.com/tender-scheduler/tender/core/master/httpapi"
	"github.com/tender-scheduler/tender/core/model"
)

// Wait implements httpapi.Backend.
func (m *Master) Wait(ctx context.Context, sel string) (model.JobView, bool, *model.Refusal) {
	for {
		m.mu.Lock()
		changed := m.changed
		j, refusal := m.find(sel)
		if refusal == nil && !m.self {
			refusal = model.Refuse(model.ReasonUnavailable, "leadership was lost")
		}
		if refusal != nil {
			m.mu.Unlock()
			return model.JobView{}, false, refusal
		}
		view := withoutSpec(j.view)
		m.mu.Unlock()
		if view.State.Ended() {
			return view, true, nil
		}
		sel = string(view.ID)
		select {
		case <-changed:
		case <-ctx.Done():
			return view, false, nil
		}
	}
}

func (m *Master) notify(n model.Notice) {
	m.lastID++
	n.At = m.now
	m.ring = append(m.ring, httpapi.Event{ID: m.lastID, Notice: n})
	if over := len(m.ring) - cmp.Or(m.RingSize, 1000); over > 0 {
		m.ring = m.ring[over:]
	}
}

func (m *Master) notifyTask(j *job, t *model.TaskView, kind string, state model.TaskState) {
	id := t.ID
	m.notify(model.Notice{
		Kind: kind, Job: j.view.ID, JobName: j.view.Name, Task: &id, Group: t.Group, Agent: t.Agent,
		Status: &model.TaskStatus{
			Task: id, Agent: t.Agent, State: state, At: m.now, Started: t.Started, Finished: t.Finished, Result: t.Result, Usage: t.Usage,
		},
	})
}

// Events implements httpapi.Backend.
func (m *Master) Events(ctx context.Context, since uint64, job model.JobID) (iter.Seq[httpapi.Event], *model.Refusal) {
	m.mu.Lock()
	if since == 0 {
		since = m.lastID
	}
	m.mu.Unlock()
	return func(yield func(httpapi.Event) bool) {
		for live := false; ; {
			m.mu.Lock()
			changed, newest, leading := m.changed, m.lastID, m.self
			var batch []httpapi.Event
			if oldest := newest - uint64(len(m.ring)); since < oldest {
				batch = append(batch, httpapi.Event{ID: oldest, Gap: true})
			}
			for _, e := range m.ring {
				if e.ID > since && (job == "" || e.Notice.Job == job) {
					batch = append(batch, e)
				}
			}
			m.mu.Unlock()
			if !live {
				batch = append(batch, httpapi.Event{ID: max(newest, since), Live: true})
			}
			live, since = true, max(newest, since)
			for _, e := range batch {
				if !yield(e) {
					return
				}
			}
			if !leading {
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}, nil
}

type logKey struct {
	task   model.TaskID
	stderr bool
}

type log struct {
	data []byte
	err  error // what reading on ends with, besides EOF
}

// Print appends to the output of a task's latest attempt.
func (m *Master) Print(sel string, index uint32, stderr bool, text string) {
	m.update(func() {
		l := m.log(m.must(sel), index, stderr)
		l.data = append(l.data, text...)
	})
}

// BreakLog makes readers of a task's output end with err once they have read it all.
func (m *Master) BreakLog(sel string, index uint32, stderr bool, err error) {
	m.update(func() { m.log(m.must(sel), index, stderr).err = err })
}

func (m *Master) log(j *job, index uint32, stderr bool) *log {
	for _, t := range j.tasks {
		if t.ID.Index == index {
			k := logKey{t.ID, stderr}
			if m.logs[k] == nil {
				m.logs[k] = &log{}
			}
			return m.logs[k]
		}
	}
	panic("apitest: no such index")
}

// ReadLog implements httpapi.Backend.
func (m *Master) ReadLog(ctx context.Context, r model.ReadLog) (io.ReadCloser, *model.Refusal) {
	for {
		m.mu.Lock()
		changed := m.changed
		j, refusal := m.find(r.Selector)
		var task *model.TaskView
		if refusal == nil {
			task, refusal = slotOf(j, r)
		}
		if refusal != nil || task.State != "waiting" {
			defer m.mu.Unlock()
			if refusal != nil {
				return nil, refusal
			}
			l := m.log(j, task.ID.Index, r.Stderr)
			at := r.Offset
			if at < 0 {
				at = max(0, int64(len(l.data))+at)
			}
			return &reader{m: m, ctx: ctx, log: l, task: task, at: int(at), follow: r.Follow}, nil
		}
		m.mu.Unlock()
		if !r.Follow {
			return nil, model.Refuse(model.ReasonNotFound, "task %s has not started yet", task.ID)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, model.Refuse(model.ReasonUnavailable, "%v", ctx.Err())
		}
	}
}

func slotOf(j *job, r model.ReadLog) (*model.TaskView, *model.Refusal) {
	for i := range j.tasks {
		t := &j.tasks[i]
		if t.ID.Index != r.Index || t.Group != r.Group && (r.Group != "" || t.ID.Group != 0) {
			continue
		}
		if r.Attempt != nil && *r.Attempt != t.ID.Attempt {
			return nil, model.Refuse(model.ReasonNotFound, "only attempt %d of task %s is kept here", t.ID.Attempt+1, t.ID.Slot())
		}
		return t, nil
	}
	return nil, model.Refuse(model.ReasonNotFound, "job %s has no task with index %d in group %q", j.view.ID, r.Index, r.Group)
}

type reader struct {
	m      *Master
	ctx    context.Context
	log    *log
	task   *model.TaskView
	at     int
	follow bool
}

func (r *reader) Read(p []byte) (int, error) {
	for {
		r.m.mu.Lock()
		changed := r.m.changed
		n := copy(p, r.log.data[min(r.at, len(r.log.data)):])
		err := r.log.err
		ended := !r.follow || r.task.Result != nil
		r.m.mu.Unlock()
		r.at += n
		switch {
		case n > 0:
			return n, nil
		case err != nil:
			return 0, err
		case ended:
			return 0, io.EOF
		}
		select {
		case <-changed:
		case <-r.ctx.Done():
			return 0, r.ctx.Err()
		}
	}
}

func (r *reader) Close() error { return nil }
