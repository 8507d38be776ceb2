package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/service"
)

// tenant is who has one service: submits it, deploys new versions of it, and ends it
// when the quiet time has come.
type tenant struct {
	w       *world
	num     int
	plan    *jobPlan
	job     *model.Job // as submitted last
	release int
	person  *owner
	id      model.JobID // once acknowledged
	asked   bool        // for its end

	// steady says that its tasks never end by themselves and its count stays; least is
	// how many of them run at every commit from when all did, in a calm run.
	steady bool
	least  int
	live   map[model.TaskID]model.TaskState
}

// beginServices draws the services of a run from its seed; the last is a system job.
func (w *world) beginServices() {
	r := newRandom(w.options.Seed, forServices)
	n := r.count(2, 4)
	for i := range n {
		s := &tenant{w: w, num: i, live: map[model.TaskID]model.TaskState{}}
		s.plan = &jobPlan{mean: pick(r, []time.Duration{20 * time.Second, 2 * time.Minute, time.Hour}), killTimeout: 5 * time.Second, failing: 0.5}
		if s.plan.mean == time.Hour {
			s.plan.forever = true
		}
		if r.chance(0.3) {
			s.plan.startFails = 0.1
		}
		job := &model.Job{Name: fmt.Sprintf("service-%d", i), Type: model.JobService, Role: model.DefaultRole, Priority: pick(r, []int{30, 50, 70})}
		s.plan.job = job
		g := s.plan.addGroup(r, r.count(1, 4))
		g.Constraints = nil
		g.Tasks[0].Resources = model.TaskResources{CPUMilli: 100, MemoryBytes: 16 << 20}
		s.policies(r, g)
		if i > 0 && i == n-1 {
			job.Type, g.Count, g.Update.Canary, g.Update.AutoPromote, g.Reschedule, g.Migrate = model.JobSystem, 1, 0, false, nil, nil
		}
		s.job = job
		s.steady = s.plan.forever && s.plan.startFails == 0 && job.Type == model.JobService
		s.person = &owner{w: w, name: fmt.Sprintf("tenant-%d", i), key: fmt.Sprintf("service-%d", i)}
		w.tenants = append(w.tenants, s)
		w.at(r.between(0, 20*time.Second), s.submit)
		for range r.count(1, 5) {
			w.at(r.between(30*time.Second, w.options.Length), pick(r, []func(){s.deploy, s.deploy, s.scale, s.restart, s.rollback, s.promote, s.fail, s.pauseAWhile}))
		}
	}
}

func (s *tenant) policies(r random, g *model.Group) {
	g.Restart = model.RestartPolicy{Attempts: r.count(1, 3), Interval: model.Duration(5 * time.Minute), Delay: model.Duration(pick(r, []time.Duration{time.Second, 15 * time.Second})),
		Mode: pick(r, []model.RestartMode{model.RestartFail, model.RestartDelay})}
	g.Reschedule = &model.ReschedulePolicy{Delay: model.Duration(5 * time.Second), DelayFunction: pick(r, []string{"constant", "exponential", "fibonacci"}), MaxDelay: model.Duration(time.Minute), Unlimited: true}
	g.Migrate = &model.MigratePolicy{MaxParallel: 1, MinHealthyTime: model.Duration(2 * time.Second), HealthyDeadline: model.Duration(time.Minute)}
	g.Update = &model.UpdatePolicy{
		MaxParallel: r.count(1, 2), MinHealthyTime: model.Duration(2 * time.Second), HealthyDeadline: model.Duration(30 * time.Second),
		ProgressDeadline: model.Duration(2 * time.Minute), AutoRevert: r.chance(0.5),
	}
	if r.chance(0.3) {
		g.Update.Canary, g.Update.AutoPromote = 1, r.chance(0.5)
	}
	if r.chance(0.3) {
		g.ShutdownDelay = model.Duration(2 * time.Second)
	}
	if r.chance(0.3) {
		g.Constraints = append(g.Constraints, model.Constraint{Operator: "distinct_hosts"})
		g.Count = min(g.Count, 2)
	}
}

func (s *tenant) submit() {
	s.person.ask(func() any {
		return model.Submit{ID: s.person.newID(), Job: s.job, Key: fmt.Sprintf("%s.%d", s.person.key, s.release), User: s.person.name}
	}, func(r model.Reply) {
		if r.Err != nil {
			s.w.fail("submission", "service %s was refused: %s: %s", s.job.Name, r.Err.Reason, r.Err.Message)
			return
		}
		reply := r.Body.(model.SubmitReply)
		s.w.say(s.person.name, "%s is %s, version %d", s.job.Name, reply.ID, reply.Version)
		if s.id != "" && s.id != reply.ID {
			s.w.fail("one name is one service", "service %s (%s) was submitted again and became %s", s.job.Name, s.id, reply.ID)
		}
		s.id = reply.ID
		if v, ok := s.w.auditor.service(string(s.id)); !ok || v.ID != s.id {
			s.w.fail("acknowledged submissions are durable", "service %s (%s) was acknowledged, but no commit holds it", s.job.Name, s.id)
		}
	})
}

// deploy submits another version.
func (s *tenant) deploy() {
	if s.asked || s.id == "" {
		return
	}
	s.release++
	next := *s.job
	next.Groups = []model.Group{s.job.Groups[0]}
	next.Groups[0].Tasks = []model.TaskSpec{s.job.Groups[0].Tasks[0]}
	next.Groups[0].Tasks[0].Config.Command = fmt.Sprintf("/bin/work-%d", s.release)
	s.job = &next
	s.submit()
}

func (s *tenant) change(body any) {
	if s.asked || s.id == "" {
		return
	}
	s.person.ask(func() any { return body }, func(r model.Reply) {
		s.w.say(s.person.name, "%T: %+v", body, r.Err)
		if r.Err == nil {
			return
		}
		switch r.Err.Reason {
		case model.ReasonConflict, model.ReasonTerminalJob, model.ReasonNotFound, model.ReasonBadRequest:
		default:
			s.w.fail("requests", "%T of %s was refused: %s", body, s.id, r.Err.Message)
		}
	})
}

func (s *tenant) scale() {
	if s.job.Type == model.JobService {
		s.steady = false
		s.change(model.ScaleJob{Selector: string(s.id), Count: s.w.random.count(0, 5)})
	}
}

func (s *tenant) restart()  { s.change(model.RestartJob{Selector: string(s.id)}) }
func (s *tenant) rollback() { s.change(model.RollbackJob{Selector: string(s.id)}) }

func (s *tenant) steer(a model.DeploymentAction) {
	s.change(model.ChangeDeployment{Selector: string(s.id), Action: a})
}

func (s *tenant) promote() { s.steer(model.DeploymentPromote) }
func (s *tenant) fail()    { s.steer(model.DeploymentFail) }

func (s *tenant) pauseAWhile() {
	s.steer(model.DeploymentPause)
	s.w.after(20*time.Second, func() { s.steer(model.DeploymentResume) })
}

// unsettledServices says what keeps the services from having come to their end. A
// deployment has to have come to its own before, by itself or by a promotion.
func (w *world) unsettledServices(add func(string, ...any)) {
	for _, s := range w.tenants {
		v, known := w.auditor.service(string(s.id))
		switch {
		case s.id == "":
			add("service %s is not acknowledged", s.job.Name)
		case s.person.busy > 0:
			add("%s waits for the answer to a request", s.person.name)
		case !known:
			w.fail("acknowledged submissions are kept", "service %s (%s) is not known", s.job.Name, s.id)
		case s.asked:
		default:
			d := v.Service.Deployment
			if d == nil || !d.State.Active() {
				add("service %s goes on", s.job.Name)
			} else {
				add("service %s goes on, with deployment %+v", s.job.Name, *d)
				if d.NeedsPromotion {
					s.promote()
				}
				continue
			}
			s.asked = true
			s.person.ask(func() any { return model.CancelJob{Selector: string(s.id)} }, func(r model.Reply) {
				if r.Err != nil && r.Err.Reason != model.ReasonTerminalJob {
					w.fail("requests", "the end of service %s was refused: %s", s.id, r.Err.Message)
				}
			})
		}
	}
}

func (w *world) tenantOf(name string) *tenant {
	i := slices.IndexFunc(w.tenants, func(s *tenant) bool { return s.job.Name == name })
	if i < 0 {
		return nil
	}
	return w.tenants[i]
}

func isServiceName(name string) bool { return strings.HasPrefix(name, "service-") }

func (w *world) newServices() *service.Framework {
	f, err := service.New(service.DefaultConfig())
	if err != nil {
		panic(err)
	}
	return f
}

// serviceListener is the service framework under the auditor's machine: it hears
// every event.
type serviceListener struct {
	*service.Framework
	a *auditor
}

func (l *serviceListener) Apply(e model.JournalEvent) error {
	switch e := e.(type) {
	case model.Staged:
		for i := range e.Launches {
			l.a.staged(&e.Launches[i])
			l.a.servicesStaged(&e.Launches[i])
		}
	case model.Statuses:
		for i := range e {
			l.a.status(&e[i])
			l.a.serviceStatus(&e[i])
		}
	}
	return l.Framework.Apply(e)
}

// service returns a service as the journal has it.
func (a *auditor) service(selector string) (model.JobView, bool) {
	answer, refusal := a.services.Query(time.Time{}, model.GetJob{Selector: selector})
	if refusal != nil {
		return model.JobView{}, false
	}
	return answer.(model.JobView), true
}

// launched returns what the tasks of a launch job run: the description of the
// version in its id.
func (a *auditor) launched(id model.JobID) (*model.Job, bool) {
	_, base, ok := strings.Cut(string(id), ".")
	if !ok {
		return nil, false
	}
	base, _, _ = strings.Cut(base, ".")
	answer, refusal := a.services.Query(time.Time{}, model.ListVersions{Selector: string(id)})
	if refusal != nil {
		return nil, false
	}
	for _, v := range answer.(model.VersionList).Versions {
		if fmt.Sprint(v.Version) == base {
			return v.Spec, true
		}
	}
	return nil, false
}

// servicesStaged counts the tasks at each slot of a service: one, and while it is
// replaced its successor.
func (a *auditor) servicesStaged(l *model.Launch) {
	spec, ok := a.launched(l.Job)
	if !ok {
		return
	}
	s := a.w.tenantOf(spec.Name)
	for i := range l.Tasks {
		id := l.ID(i)
		s.live[id] = model.TaskStaging
		n := 0
		for o := range s.live {
			if o.Index == id.Index {
				n++
			}
		}
		if n > 2 {
			a.w.fail("one live attempt per slot", "slot %d of service %s has %d live tasks, one of them %s", id.Index, spec.Name, n, id)
		}
	}
}

// serviceStatus counts those that run. In a calm run none of them ends but by a
// deployment, which keeps all but max_parallel running.
func (a *auditor) serviceStatus(st *model.TaskStatus) {
	for _, s := range a.w.tenants {
		if _, ok := s.live[st.Task]; !ok {
			continue
		}
		if s.live[st.Task] = st.State; st.State.Terminal() {
			delete(s.live, st.Task)
		}
		running := 0
		for _, state := range s.live {
			if state == model.TaskRunning {
				running++
			}
		}
		g := &s.job.Groups[0]
		switch {
		case !s.steady || s.asked || a.w.options.Flavour != Calm:
			s.least = 0
		case running >= g.Count:
			s.least = g.Count - g.Update.MaxParallel
		case running < s.least:
			a.w.fail("a deployment keeps what works", "%d of %d tasks of service %s run, at least %d have to", running, g.Count, s.job.Name, s.least)
		}
	}
}
