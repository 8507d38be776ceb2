package master

import (
	"cmp"
	"maps"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// services is a leader's index of who offers what: live tasks by the names of
// their services. It is rebuilt from the task table when a term begins, and kept
// up to date by what changes a task, so that a look costs what it shows.
type services struct {
	byName    map[string]*service
	withdrawn map[model.TaskID]struct{}
	// clock numbers changes. It begins with the time, so that it goes on growing
	// over failovers.
	clock   uint64
	changed map[string]struct{} // in this turn
}

type service struct {
	tasks map[model.TaskID]*task
	index uint64 // of its last change
}

// maxServiceNames bounds the names that are remembered after their last task
// ended, for the sake of their index.
const maxServiceNames = 100_000

func newServices() services {
	return services{byName: map[string]*service{}, withdrawn: map[model.TaskID]struct{}{}, changed: map[string]struct{}{}}
}

// fillServices begins a term.
func (m *Machine) fillServices() {
	m.services = newServices()
	m.services.clock = uint64(max(m.now.UnixMilli(), 1)) << 10
	for _, t := range m.state.tasks {
		m.services.add(t)
	}
}

func (s *services) add(t *task) {
	if t.batch.facts == nil {
		return
	}
	for i := range t.batch.facts.Services {
		name := t.batch.facts.Services[i].Name
		e := s.byName[name]
		if e == nil {
			e = &service{tasks: map[model.TaskID]*task{}, index: s.clock}
			s.byName[name] = e
		}
		e.tasks[t.id] = t
	}
}

// indexServices takes in what a launch's tasks will offer.
func (m *Machine) indexServices(l *model.Launch) {
	if l.Facts == nil {
		return
	}
	for i := range l.Tasks {
		m.services.add(m.state.tasks[l.ID(i)])
	}
}

// touch notes that what a task offers has changed.
func (s *services) touch(t *task) {
	if t.batch.facts == nil {
		return
	}
	ended := t.state.Terminal()
	for i := range t.batch.facts.Services {
		name := t.batch.facts.Services[i].Name
		e := s.byName[name]
		if e == nil {
			continue
		}
		s.changed[name] = struct{}{}
		if ended {
			delete(e.tasks, t.id)
		}
	}
	if ended {
		delete(s.withdrawn, t.id)
	}
}

// tellServices numbers the changes of the turn and tells of them.
func (m *Machine) tellServices() {
	s := &m.services
	if len(s.changed) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(s.changed)) {
		s.clock++
		e := s.byName[name]
		e.index = s.clock
		if len(e.tasks) == 0 && len(s.byName) > maxServiceNames {
			delete(s.byName, name)
		}
		m.notice(model.Notice{Kind: "service_changed", Service: name})
	}
	clear(s.changed)
}

// unlist takes tasks off the lists of services, or puts them back.
func (m *Machine) unlist(c model.Withdraw) {
	for _, id := range c.Tasks {
		t := m.state.tasks[id]
		if _, is := m.services.withdrawn[id]; t == nil || is == !c.Restore {
			continue
		}
		if c.Restore {
			delete(m.services.withdrawn, id)
		} else {
			m.services.withdrawn[id] = struct{}{}
		}
		m.services.touch(t)
	}
}

// listServices answers ListServices.
func (m *Machine) listServices() model.ServiceList {
	out := model.ServiceList{Services: []model.ServiceSummary{}}
	for _, name := range slices.Sorted(maps.Keys(m.services.byName)) {
		e := m.services.byName[name]
		if len(e.tasks) == 0 {
			continue
		}
		v := model.ServiceSummary{Name: name, Index: e.index, Total: len(e.tasks)}
		for _, t := range e.tasks {
			for i := range t.batch.facts.Services {
				f := &t.batch.facts.Services[i]
				if f.Name != name {
					continue
				}
				v.Tags = append(v.Tags, f.Tags...)
				if m.whyNotListed(t, f) == "" {
					v.Healthy++
				}
				break
			}
			v.Jobs = append(v.Jobs, t.batch.facts.JobName)
		}
		v.Tags, v.Jobs = sortedSet(v.Tags), sortedSet(v.Jobs)
		out.Services = append(out.Services, v)
	}
	return out
}

func sortedSet(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}

// service answers GetService.
func (m *Machine) service(q model.GetService) model.ServiceView {
	v := model.ServiceView{Name: q.Name, Index: m.services.clock, Endpoints: []model.Endpoint{}}
	e := m.services.byName[q.Name]
	if e == nil {
		return v
	}
	v.Index = e.index
	for _, t := range e.tasks {
		for i := range t.batch.facts.Services {
			f := &t.batch.facts.Services[i]
			if f.Name != q.Name {
				continue
			}
			why := m.whyNotListed(t, f)
			if why == "" || q.All {
				v.Endpoints = append(v.Endpoints, m.endpoint(t, f, why))
			}
		}
	}
	slices.SortFunc(v.Endpoints, func(x, y model.Endpoint) int {
		return cmp.Or(cmp.Compare(x.JobName, y.JobName), cmp.Compare(x.Job, y.Job), cmp.Compare(x.Group, y.Group),
			cmp.Compare(x.Index, y.Index), cmp.Compare(x.Attempt, y.Attempt), cmp.Compare(x.Port, y.Port))
	})
	return v
}

// localAddress is that of an agent that does not say.
const localAddress = "127.0.0.1"

func (m *Machine) endpoint(t *task, f *model.ServiceFact, why string) model.Endpoint {
	e := model.Endpoint{
		Port: int(f.Number), Tags: f.Tags, Meta: f.Meta, Job: t.id.Job, JobName: t.batch.facts.JobName, Group: t.batch.facts.Group,
		Index: t.id.Index, Attempt: t.id.Attempt, Healthy: why == "", Status: why, Since: t.batch.at,
	}
	if f.Granted >= 0 && t.grant != nil && f.Granted < len(t.grant.Ports) {
		e.Port = int(t.grant.Ports[f.Granted])
	}
	if a := m.state.agents[t.batch.agent]; a != nil {
		e.Node, e.Address = a.info.Name, cmp.Or(a.info.Attributes[addressAttribute], localAddress)
	}
	return e
}

// whyNotListed says why a task is not to be used for a service, empty if it is.
func (m *Machine) whyNotListed(t *task, f *model.ServiceFact) string {
	_, killed := m.kills[t.id]
	_, withdrawn := m.services.withdrawn[t.id]
	switch {
	case t.state == model.TaskKilling || killed || withdrawn:
		return "draining"
	case t.state == model.TaskUnreachable:
		return "unreachable"
	case t.state != model.TaskRunning:
		return "starting"
	case !f.Checked:
		return ""
	case t.health == nil:
		return "not checked yet"
	}
	for _, c := range t.health.Checks {
		if c.Service == f.Name && !c.Passing {
			return cmp.Or(c.Output, "check "+c.Check+" fails")
		}
	}
	return ""
}

// noticeHealth tells of an allocation's health.
func (m *Machine) noticeHealth(t *task, st *model.TaskStatus) {
	n := model.Notice{Kind: "task_healthy", Job: t.id.Job, Task: &st.Task, Agent: st.Agent}
	if f := t.batch.facts; f != nil {
		n.JobName, n.Group = f.JobName, f.Group
	}
	if !st.Health.Healthy {
		n.Kind, n.Message = "task_unhealthy", st.Health.Why()
	}
	m.notice(n)
}
