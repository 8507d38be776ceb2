package service

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk/sdktest"
)

// world is a cluster with a service framework, whose agents do what they are told.
type world struct {
	*sdktest.Master
	t       *rapid.T
	kills   map[model.TaskID]bool // asked for
	healthy map[model.TaskID]bool
}

func newWorld(t *rapid.T, cpuMilli int64) *world {
	w := &world{Master: sdktest.NewMaster(newFramework), t: t, kills: map[model.TaskID]bool{}, healthy: map[model.TaskID]bool{}}
	w.Log = func(_ model.Input, e model.Effects) {
		for _, c := range e.Calls {
			if k, ok := c.(model.Kill); ok {
				w.kills[k.Task] = true
			}
		}
	}
	for i := range 4 {
		w.AddAgent(model.AgentID(fmt.Sprintf("a%d", i)), model.Resources{CPUMilli: cpuMilli, MemoryBytes: 1 << 40, DiskBytes: 1 << 40})
	}
	return w
}

func (w *world) f() *Framework { return w.Framework().(*Framework) }

// step makes some tasks advance: those told to stop do, others run and get healthy.
func (w *world) step(pick func(*sdktest.Task) bool) {
	var sts []model.TaskStatus
	for _, t := range w.Live() {
		if !pick(t) {
			continue
		}
		st := model.TaskStatus{Task: t.ID, State: model.TaskRunning}
		switch {
		case w.kills[t.ID]:
			st.State, st.Result = model.TaskKilled, &model.Result{Cause: model.CauseKilled}
			delete(w.healthy, t.ID)
		case !w.healthy[t.ID]:
			st.Health = &model.Health{Healthy: true}
			w.healthy[t.ID] = true
		default:
			continue
		}
		sts = append(sts, st)
	}
	if sts != nil {
		w.Report(sts...)
	}
}

func (w *world) check() {
	if err := w.Err(); err != nil {
		w.t.Fatal(err)
	}
	f, n := w.Framework().(*Framework), 0
	for _, j := range f.order {
		n += j.slotCount()
	}
	if f.slots != n {
		w.t.Fatalf("%d slots are counted, there are %d", f.slots, n)
	}
}

// say has a person say what becomes of a task, where that is asked.
func (w *world) say(what model.DeploymentAction, task uint32) {
	for _, j := range w.f().order {
		for _, g := range j.Groups {
			if g.manual() {
				w.Do(model.ChangeDeployment{Selector: string(j.ID), Action: what, Group: g.Name, Tasks: []uint32{task}})
			}
		}
	}
}

// sayAll has a person say of all tasks that run, and are waited for, that they work.
func (w *world) sayAll() {
	for _, j := range w.f().order {
		for _, g := range j.Groups {
			for _, s := range g.Slots {
				if t := s.target(); j.rolling() != nil && g.manual() && t != nil && !t.Said && t.Live && t.State == model.TaskRunning && t.Stop == 0 {
					w.Do(model.ChangeDeployment{Selector: string(j.ID), Action: model.DeploymentHealthy, Group: g.Name, Tasks: []uint32{s.Index}})
				}
			}
		}
	}
}

// settle lets everything happen that is due, until nothing more does.
func (w *world) settle() {
	for range 400 {
		w.Offer()
		w.step(func(*sdktest.Task) bool { return true })
		w.Advance(20 * time.Second)
		w.check()
		w.sayAll()
		for _, j := range w.f().order {
			if d := j.rolling(); d != nil {
				v := w.f().deploymentView(j, d)
				if v.NeedsPromotion {
					w.Do(model.ChangeDeployment{Selector: string(j.ID), Action: model.DeploymentPromote})
				}
				if d.State == model.DeploymentPaused {
					w.Do(model.ChangeDeployment{Selector: string(j.ID), Action: model.DeploymentResume})
				}
			}
		}
	}
}

func someJob(t *rapid.T, system bool) *model.Job {
	g := model.Group{
		Name: "main", Count: rapid.IntRange(1, 5).Draw(t, "count"),
		Restart: model.RestartPolicy{Attempts: rapid.IntRange(0, 2).Draw(t, "attempts"), Interval: minutes(5), Delay: model.Duration(15 * time.Second), Mode: model.RestartFail},
		Update: &model.UpdatePolicy{
			MaxParallel: rapid.IntRange(0, 3).Draw(t, "max_parallel"), MinHealthyTime: model.Duration(10 * time.Second),
			HealthyDeadline: minutes(3), ProgressDeadline: minutes(rapid.SampledFrom([]int{0, 5}).Draw(t, "progress")),
			AutoRevert: rapid.Bool().Draw(t, "auto_revert"),
		},
		Reschedule: &model.ReschedulePolicy{Delay: model.Duration(30 * time.Second), DelayFunction: "fibonacci", MaxDelay: minutes(2), Unlimited: true},
		Migrate:    &model.MigratePolicy{MaxParallel: 1, MinHealthyTime: model.Duration(10 * time.Second), HealthyDeadline: minutes(5)},
		Services:   []model.Service{{Name: "web", Checks: []model.Check{{Name: "alive", Type: model.CheckTCP}}}},
		Tasks: []model.TaskSpec{{Name: "run", Driver: model.DriverExec, Config: model.TaskConfig{Command: rapid.SampledFrom([]string{"/bin/a", "/bin/b", "/bin/c"}).Draw(t, "command")},
			Resources: model.TaskResources{CPUMilli: 1000}}},
	}
	if rapid.IntRange(0, 3).Draw(t, "with port") == 0 {
		g.Network = &model.Network{Ports: []model.Port{{Label: "http", Static: 8080}}}
	}
	g.ShutdownDelay = model.Duration(rapid.SampledFrom([]time.Duration{0, 5 * time.Second}).Draw(t, "shutdown_delay"))
	j := &model.Job{Name: "web", Type: model.JobService, Role: model.DefaultRole, Priority: 50}
	if system {
		j.Name, j.Type, g.Count, g.Reschedule, g.Migrate = "mon", model.JobSystem, 1, nil, nil
		g.Restart.Attempts, g.Restart.Mode = 2, model.RestartDelay
	} else if c := rapid.IntRange(0, 3).Draw(t, "canary"); c > 0 {
		g.Update.Canary, g.Update.AutoPromote = min(c, g.Count), rapid.Bool().Draw(t, "auto_promote")
	}
	switch rapid.IntRange(0, 5).Draw(t, "health_check") {
	case 0, 1:
		g.Update.HealthCheck = model.HealthManual
	case 2:
		g.Update.HealthCheck = model.HealthByTaskStates
	}
	j.Groups = []model.Group{g}
	if rapid.IntRange(0, 5).Draw(t, "two groups") == 0 && !system {
		g.Name = "side"
		j.Groups = append(j.Groups, g)
	}
	return j
}

// TestWhatever does all sorts of things in any order. The played master checks
// after each that the state follows from the journal, and that no slot has two
// live attempts; in the end everything comes to be as it was asked for.
func TestWhatever(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, 30_000)
		n := 0
		submit := func(t *rapid.T, system bool) {
			n++
			w.Do(model.Submit{ID: model.JobID(fmt.Sprintf("j%d", n)), Job: someJob(t, system)})
		}
		some := func(t *rapid.T) func(*sdktest.Task) bool {
			return func(*sdktest.Task) bool { return rapid.IntRange(0, 2).Draw(t, "which") > 0 }
		}
		act := func(a model.DeploymentAction) func(*rapid.T) {
			return func(*rapid.T) { w.Do(model.ChangeDeployment{Selector: "web", Action: a}) }
		}
		t.Repeat(map[string]func(*rapid.T){
			"submit":        func(t *rapid.T) { submit(t, false) },
			"submit system": func(t *rapid.T) { submit(t, true) },
			"scale": func(t *rapid.T) {
				w.Do(model.ScaleJob{Selector: "web", Group: "main", Count: rapid.IntRange(0, 6).Draw(t, "count")})
			},
			"restart":  func(*rapid.T) { w.Do(model.RestartJob{Selector: "web"}) },
			"rollback": func(*rapid.T) { w.Do(model.RollbackJob{Selector: "web"}) },
			"cancel": func(t *rapid.T) {
				if rapid.IntRange(0, 3).Draw(t, "really") == 0 {
					w.Do(model.CancelJob{Selector: rapid.SampledFrom([]string{"web", "mon"}).Draw(t, "job")})
				}
			},
			"say": func(t *rapid.T) {
				w.say(rapid.SampledFrom([]model.DeploymentAction{model.DeploymentHealthy, model.DeploymentHealthy, model.DeploymentUnhealthy}).Draw(t, "what"),
					rapid.Uint32Range(0, 3).Draw(t, "task"))
			},
			"promote": act(model.DeploymentPromote),
			"fail":    act(model.DeploymentFail),
			"pause":   act(model.DeploymentPause),
			"resume":  act(model.DeploymentResume),
			"offer":   func(*rapid.T) { w.Offer() },
			"run":     func(t *rapid.T) { w.step(some(t)) },
			"tick":    func(t *rapid.T) { w.Advance(time.Duration(rapid.IntRange(1, 120).Draw(t, "seconds")) * time.Second) },
			"fault":   func(t *rapid.T) { w.fault(t) },
			"leave": func(t *rapid.T) {
				if live := w.Live(); len(live) > 0 {
					x := live[rapid.IntRange(0, len(live)-1).Draw(t, "task")]
					w.AskBack(model.InverseOffer{For: "other", Tasks: []model.TaskID{x.ID}})
				}
			},
			"failover": func(t *rapid.T) { w.Failover(rapid.Bool().Draw(t, "replay")) },
			"":         func(*rapid.T) { w.check() },
		})
		w.settle()
		w.asWanted()
	})
}

// fault ends a task in some way that nobody asked for.
func (w *world) fault(t *rapid.T) {
	live := w.Live()
	if len(live) == 0 {
		return
	}
	x := live[rapid.IntRange(0, len(live)-1).Draw(t, "task")]
	st := model.TaskStatus{Task: x.ID}
	switch rapid.IntRange(0, 5).Draw(t, "how") {
	case 0:
		st.State, st.Result = model.TaskGone, &model.Result{Cause: model.CauseNodeLost}
	case 1:
		st.State, st.Result = model.TaskFinished, &model.Result{Cause: model.CauseFinished}
	case 2:
		st.State = model.TaskUnreachable
	case 3:
		st.State, st.Health = model.TaskRunning, &model.Health{}
	default:
		st.State, st.Result = model.TaskFailed, &model.Result{Cause: model.CauseFailed, ExitCode: 1}
	}
	delete(w.healthy, x.ID)
	w.Report(st)
}

// asWanted fails unless every job has the tasks that its version in force asks
// for, or that its last deployment left when it failed.
func (w *world) asWanted() {
	live := map[model.JobID]int{}
	for _, x := range w.Live() {
		l, ok := w.f().launchOf(x.ID.Job)
		if !ok {
			w.t.Fatalf("task %s is of no job", x.ID)
		}
		live[l.job.ID]++
	}
	for _, j := range w.f().order {
		want := 0
		if j.State == model.JobStopping {
			w.t.Fatalf("job %s is still stopping", j.ID)
		}
		if !j.State.Ended() {
			for i := range j.spec().Groups {
				want += j.spec().Groups[i].Count
			}
			if j.system() {
				want = 4
			}
		}
		if live[j.ID] != want {
			w.t.Errorf("job %s (%s) has %d tasks, want %d", j.ID, j.State, live[j.ID], want)
		}
		d := j.deployment()
		if d != nil && d.State.Active() {
			v := w.f().deploymentView(j, d)
			w.t.Errorf("%s", sdktest.RenderDeployment(&v))
		}
		j.allocs(func(g *group, s *slot, a *alloc) {
			if a.Base != g.Base && (d == nil || d.State == model.DeploymentSuccessful) || a == s.Next || a.Stop != 0 {
				w.t.Errorf("job %s: slot %d of %s has an allocation of %d beside its base %d: %+v", j.ID, s.Index, g.Name, a.Base, g.Base, a)
			}
		})
		for _, g := range j.Groups {
			if len(g.Used) > 200 {
				w.t.Errorf("job %s: group %s remembers %d slots that are gone", j.ID, g.Name, len(g.Used))
			}
		}
	}
	for _, d := range w.Demands() {
		if !d.Every {
			w.t.Errorf("demand stands: %s", sdktest.RenderDemand(&d))
		}
	}
}

// TestAvailable updates a healthy service without faults: never fewer tasks than
// its count less max_parallel are healthy and not about to stop, and none less
// where there is room for new ones beside the old.
func TestAvailable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, 6000)
		job := someJob(t, false)
		job.Groups = job.Groups[:1]
		g := &job.Groups[0]
		g.Update.MaxParallel = max(g.Update.MaxParallel, 1)
		g.Update.ProgressDeadline = 0
		if g.Network != nil {
			g.Count = min(g.Count, 4)
			g.Update.Canary, g.Update.AutoPromote = 0, false
		}
		tight := rapid.Bool().Draw(t, "tight") && g.Network == nil
		if tight {
			g.Tasks[0].Resources.CPUMilli = 6000 // one on each agent, and no room for another
			g.Count, g.Update.Canary, g.Update.AutoPromote = 4, 0, false
		}
		w.Do(model.Submit{ID: "j", Job: job})
		w.settle()
		least := g.Count
		if tight || g.Network != nil {
			least -= g.Update.MaxParallel
		}
		look := func() {
			w.check()
			v := w.f().status(w.f().jobs["j"], &model.SlotCounts{})
			if v.Healthy < min(least, g.Count) {
				t.Fatalf("%d of %d are healthy, want at least %d", v.Healthy, g.Count, least)
			}
		}
		for n := range rapid.IntRange(1, 3).Draw(t, "updates") {
			next := *job
			next.Groups = []model.Group{*g}
			next.Groups[0].Tasks = []model.TaskSpec{g.Tasks[0]}
			next.Groups[0].Tasks[0].Config.Command = fmt.Sprintf("/bin/v%d", n)
			if rapid.IntRange(0, 3).Draw(t, "restart") == 0 {
				w.Do(model.RestartJob{Selector: "web"})
			} else {
				w.Do(model.Submit{ID: "x", Job: &next})
			}
			look()
			for range rapid.IntRange(5, 60).Draw(t, "steps") {
				w.Offer()
				look()
				w.step(func(*sdktest.Task) bool { return rapid.Bool().Draw(t, "moves") })
				look()
				w.Offer()
				w.Advance(time.Duration(rapid.IntRange(1, 9).Draw(t, "seconds")) * time.Second)
				look()
			}
		}
		w.settle()
		w.asWanted()
	})
}

// TestAtRest has many services run: once their deployments are through nobody is to
// be woken, and nothing is wanted.
func TestAtRest(t *testing.T) {
	w := newWorld(nil, 1_000_000)
	const services = 50
	for n := range services {
		job := benchJob(n)
		w.Do(model.Submit{ID: model.JobID(job.Name), Job: job})
	}
	w.Offer()
	w.step(func(*sdktest.Task) bool { return true })
	w.Advance(time.Hour)
	if err := w.Err(); err != nil {
		t.Fatal(err)
	}
	if n := len(w.Live()); n != 5*services {
		t.Errorf("%d tasks run, want %d", n, 5*services)
	}
	if d := w.Demands(); len(d) > 0 {
		t.Errorf("%d demands stand, the first %s", len(d), d[0].ID)
	}
	if wake := w.Wake(); !wake.IsZero() {
		t.Errorf("it wants to be woken at %s", wake)
	}
	for _, j := range w.f().order {
		if !j.last().Stable {
			t.Errorf("job %s is not stable", j.ID)
		}
	}
}

func benchJob(n int) *model.Job {
	return &model.Job{Name: fmt.Sprintf("s%d", n), Type: model.JobService, Role: model.DefaultRole, Priority: 50, Groups: []model.Group{{
		Name: "main", Count: 5, Update: &model.UpdatePolicy{MaxParallel: 1, MinHealthyTime: model.Duration(10 * time.Second), HealthyDeadline: minutes(5), ProgressDeadline: minutes(10)},
		Tasks: []model.TaskSpec{{Name: "run", Driver: model.DriverExec, Config: model.TaskConfig{Command: "/bin/true"}, Resources: model.TaskResources{CPUMilli: 100}}},
	}}}
}

// BenchmarkRestart is one task of 1,000 services × 5 that ends and is started again.
func BenchmarkRestart(b *testing.B) {
	f := newFramework().(*Framework)
	now := sdktest.Start
	f.Step(now, model.Leading{})
	launched := map[int]model.Launch{}
	for n := range 1000 {
		job := benchJob(n)
		e := f.Step(now, model.Request{ID: 1, Body: model.Submit{ID: model.JobID(job.Name), Job: job}})
		for _, c := range e.Calls {
			if d, ok := c.(model.Demands); ok {
				e := f.Step(now, model.Offers{{ID: model.OfferID(n), Demand: d.Set[0].ID, Parts: []model.OfferPart{{Agent: "a", Count: 5}}}})
				l := e.Calls[0].(model.Accept).Launches[0]
				launched[n] = l
				f.Step(now, model.Staged{Launches: []model.Launch{l}, At: now})
			}
		}
	}
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		l := launched[i%1000]
		id := l.ID(0)
		id.Attempt = uint16(i / 1000)
		f.Step(now, model.Statuses{{Task: id, State: model.TaskRunning, At: now}})
		f.Step(now, model.Statuses{{Task: id, State: model.TaskGone, At: now, Result: &model.Result{Cause: model.CauseNodeLost}}})
		l.Tasks = []model.Attempt{{Index: id.Index, Attempt: id.Attempt + 1}}
		f.Step(now, model.Staged{Launches: []model.Launch{l}, At: now})
	}
}
