package apitest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tender-scheduler/tender/core/master/httpapi"
	"github.com/tender-scheduler/tender/core/model"
)

// Master is an httpapi.Backend in memory.
type Master struct {
	// RingSize is how many events are kept. 0 = 1000.
	RingSize int

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every change
	now     time.Time
	jobs    []*job // oldest first
	ring    []httpapi.Event
	lastID  uint64
	logs    map[logKey]*log
	nodes   []model.NodeView
	offers  model.OfferList
	shares  model.ShareList

	services map[string]model.ServiceView
	warn     map[string]model.Explanation // by job name
	leader   string
	self     bool
}

type job struct {
	view  model.JobView
	key   string
	tasks []model.TaskView // in slot order
	why   []model.Explanation

	versions []model.VersionView // of a service
}

// New returns a leading master whose clock stands at now.
func New(now time.Time) *Master {
	return &Master{
		changed: make(chan struct{}), now: now, self: true, leader: "127.0.0.1:7070",
		logs: map[logKey]*log{}, warn: map[string]model.Explanation{},
	}
}

// Leader implements httpapi.Backend.
func (m *Master) Leader() (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.leader, m.self
}

// SetLeader says who leads from now on.
func (m *Master) SetLeader(address string, self bool) {
	m.update(func() { m.leader, m.self = address, self })
}

// Advance moves the clock.
func (m *Master) Advance(d time.Duration) { m.update(func() { m.now = m.now.Add(d) }) }

// Now returns the clock's time.
func (m *Master) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// SetNodes and SetOffers say what there is.
func (m *Master) SetNodes(n ...model.NodeView) { m.update(func() { m.nodes = n }) }

// SetOffers says what is offered and demanded.
func (m *Master) SetOffers(l model.OfferList) { m.update(func() { m.offers = l }) }

// Warn makes every job of that name one that waits for e.
func (m *Master) Warn(name string, e model.Explanation) { m.update(func() { m.warn[name] = e }) }

// Explain says why a job waits.
func (m *Master) Explain(sel string, e ...model.Explanation) {
	m.update(func() { m.must(sel).why = e })
}

// update runs f under the lock and wakes everybody who waits.
func (m *Master) update(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
	close(m.changed)
	m.changed = make(chan struct{})
}

// find resolves a selector as the real master does: id, unique prefix, latest of that name, last.
func (m *Master) find(sel string) (*job, *model.Refusal) {
	var prefixed []*job
	for _, j := range slices.Backward(m.jobs) {
		if string(j.view.ID) == sel || j.view.Name == sel || sel == "last" {
			return j, nil
		}
		if sel != "" && strings.HasPrefix(string(j.view.ID), sel) {
			prefixed = append(prefixed, j)
		}
	}
	switch len(prefixed) {
	case 0:
		return nil, model.Refuse(model.ReasonNotFound, "no job %q", sel)
	case 1:
		return prefixed[0], nil
	}
	r := model.Refuse(model.ReasonAmbiguous, "%q begins the ids of %d jobs", sel, len(prefixed))
	for _, j := range prefixed {
		r.Details = append(r.Details, fmt.Sprintf("%s %s", j.view.ID, j.view.Name))
	}
	return nil, r
}

func (m *Master) must(sel string) *job {
	j, refusal := m.find(sel)
	if refusal != nil {
		panic("apitest: " + refusal.Message)
	}
	return j
}

// Do implements httpapi.Backend.
func (m *Master) Do(_ context.Context, body any) (answer any, refusal *model.Refusal) {
	m.update(func() { answer, refusal = m.do(body) })
	return answer, refusal
}

func (m *Master) do(body any) (any, *model.Refusal) {
	if answer, refusal, ok := m.onRoles(body); ok {
		return answer, refusal
	}
	if answer, refusal, ok := m.onNodes(body); ok {
		return answer, refusal
	}
	if answer, refusal, ok := m.onRollout(body); ok {
		return answer, refusal
	}
	switch r := body.(type) {
	case model.Submit:
		return m.submit(r)
	case model.CancelJob:
		return m.onJob(r.Selector, func(j *job) (any, *model.Refusal) { return m.cancel(j, r) })
	case model.RetryJob:
		return m.onJob(r.Selector, func(j *job) (any, *model.Refusal) { return m.retry(j, r) })
	case model.GetJob:
		return m.onJob(r.Selector, func(j *job) (any, *model.Refusal) { return j.view, nil })
	case model.Why:
		return m.onJob(r.Selector, func(j *job) (any, *model.Refusal) {
			return model.WhyView{Job: withoutSpec(j.view), Explanations: j.why}, nil
		})
	case model.ListJobs:
		return m.listJobs(r), nil
	case model.ListTasks:
		return m.onJob(r.Selector, func(j *job) (any, *model.Refusal) { return listTasks(j, r), nil })
	case model.PlanJob:
		return m.plan(r.Job), nil
	case model.ListNodes:
		return model.NodeList{Nodes: m.nodes}, nil
	case model.ListOffers:
		return m.offers, nil
	case model.GetStatus:
		return model.MasterStatus{
			Cluster: "test", Version: "1.0.0", Address: "127.0.0.1:7070", Leader: m.leader, Leading: m.self,
			Epoch: 7, Since: m.now.Add(-time.Hour), Index: m.lastID, Nodes: len(m.nodes), Ready: true,
		}, nil
	case model.ListMasters:
		return m.masters(), nil
	case model.StepDown:
		return model.StepDownReply{From: "127.0.0.1:7070", Term: 6}, nil
	case model.JoinMasters:
		return model.JoinReply{Members: []string{"127.0.0.1:7070", r.Address}}, nil
	}
	return nil, model.Refuse(model.ReasonInternal, "no such request: %T", body)
}

func (m *Master) onJob(sel string, f func(*job) (any, *model.Refusal)) (any, *model.Refusal) {
	j, refusal := m.find(sel)
	if refusal != nil {
		return nil, refusal
	}
	return f(j)
}

func (m *Master) submit(s model.Submit) (any, *model.Refusal) {
	for _, j := range m.jobs {
		if s.Key != "" && j.key == s.Key {
			if j.view.Name != s.Job.Name {
				return nil, model.Refuse(model.ReasonConflict, "the idempotency key was used for job %q", j.view.Name)
			}
			return model.SubmitReply{ID: j.view.ID, Name: j.view.Name, Existing: true}, nil
		}
	}
	// Ids in order, instead of the random one, so that transcripts stay as they are.
	id := model.JobID(fmt.Sprintf("j%07d", len(m.jobs)+1))
	j := &job{key: s.Key, view: model.JobView{
		ID: id, Name: s.Job.Name, Type: s.Job.Type, Role: s.Job.Role, Priority: s.Job.Priority, User: s.User,
		State: model.JobQueued, Submitted: m.now, DependsOn: s.Job.DependsOn, Spec: s.Job,
	}}
	for gi := range s.Job.Groups {
		g := &s.Job.Groups[gi]
		for n := range g.Size() {
			j.tasks = append(j.tasks, model.TaskView{
				ID: model.TaskID{Job: id, Group: uint16(gi), Index: g.IndexAt(n)}, Group: g.Name, State: "waiting",
			})
		}
	}
	m.jobs = append(m.jobs, j)
	reply := model.SubmitReply{ID: id, Name: s.Job.Name}
	if e, ok := m.warn[s.Job.Name]; ok {
		reply.Warning, j.why = &e, []model.Explanation{e}
	}
	j.count()
	m.notify(model.Notice{Kind: "job_submitted", Job: id, JobName: j.view.Name, State: string(model.JobQueued)})
	return reply, nil
}

func (m *Master) listJobs(l model.ListJobs) model.JobList {
	list := model.JobList{Jobs: []model.JobView{}}
	skipping := l.Before != ""
	for _, j := range slices.Backward(m.jobs) {
		switch {
		case skipping:
			skipping = j.view.ID != l.Before
		case l.State != "" && string(j.view.State) != l.State, l.Name != "" && j.view.Name != l.Name:
		case len(list.Jobs) == cmp.Or(l.Limit, 1000):
			list.More = true
			return list
		default:
			list.Jobs = append(list.Jobs, withoutSpec(j.view))
		}
	}
	return list
}

func listTasks(j *job, l model.ListTasks) model.TaskList {
	list := model.TaskList{Job: j.view.ID, Tasks: []model.TaskView{}}
	for _, t := range j.tasks {
		if l.Group != "" && t.Group != l.Group || l.State != "" && t.State != l.State || l.Index != nil && t.ID.Index != *l.Index {
			continue
		}
		if list.Total >= l.Offset && len(list.Tasks) < cmp.Or(l.Limit, 1000) {
			list.Tasks = append(list.Tasks, t)
		}
		list.Total++
	}
	return list
}

func (m *Master) plan(spec *model.Job) model.PlanView {
	view := model.PlanView{Explanations: []model.Explanation{}}
	for _, j := range slices.Backward(m.jobs) {
		if j.view.Name == spec.Name {
			view.Previous, view.PreviousID = j.view.Spec, j.view.ID
			break
		}
	}
	for i := range spec.Groups {
		view.Asked += spec.Groups[i].Size()
	}
	view.StartsNow = view.Asked
	if e, ok := m.warn[spec.Name]; ok {
		view.StartsNow, view.Explanations = 0, []model.Explanation{e}
	}
	return view
}

func withoutSpec(v model.JobView) model.JobView {
	v.Spec = nil
	return v
}

// AwaitJobs waits until n jobs have been submitted; it returns false if ctx
// ends first.
func (m *Master) AwaitJobs(ctx context.Context, n int) bool {
	for {
		m.mu.Lock()
		changed, have := m.changed, len(m.jobs)
		m.mu.Unlock()
		if have >= n {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}
