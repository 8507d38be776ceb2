package batch

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk/sdktest"
)

// world drives a framework with random inputs. sdktest.Master holds the
// framework to its rules on the way (equal folds, one live attempt, no task id
// twice, gangs whole); check holds it to those of this package.
type world struct {
	*sdktest.Master
	t    *rapid.T
	jobs []model.JobID

	agents []model.AgentID
}

func newWorld(t *rapid.T) *world {
	cfg := DefaultConfig()
	cfg.Policy = rapid.SampledFrom(Policies()).Draw(t, "policy")
	cfg.OvertakeLimit = time.Duration(rapid.IntRange(1, 7200).Draw(t, "overtake")) * time.Second
	cfg.MaxHistory = rapid.IntRange(1, 8).Draw(t, "history")
	cfg.MaxHistorySlots = rapid.IntRange(1, 60).Draw(t, "history slots")
	cfg.HistoryAge = time.Duration(rapid.IntRange(0, 2).Draw(t, "age")) * time.Hour
	w := &world{t: t, Master: sdktest.NewMaster(func() model.Framework { return newFramework(cfg) })}
	for i := range rapid.IntRange(1, 4).Draw(t, "agents") {
		w.agents = append(w.agents, model.AgentID(fmt.Sprintf("a%d", i)))
		w.AddAgent(w.agents[i],
			model.Resources{CPUMilli: 1000 * rapid.Int64Range(1, 6).Draw(t, "cpus")})
	}
	return w
}

// TestProperties does random things and checks after each; then it lets
// everything finish and checks that nothing is stuck.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		t.Repeat(map[string]func(*rapid.T){
			"submit": func(t *rapid.T) { w.t = t; w.submit() },
			"offer":  func(t *rapid.T) { w.t = t; w.offer() },
			"status": func(t *rapid.T) { w.t = t; w.status() },
			"cancel": func(t *rapid.T) { w.t = t; w.cancel() },
			"retry":  func(t *rapid.T) { w.t = t; w.retry() },
			"tick": func(t *rapid.T) {
				w.t = t
				w.Advance(time.Duration(rapid.IntRange(0, 5000).Draw(t, "s")) * time.Second)
			},
			"failover": func(t *rapid.T) { w.t = t; w.Failover(rapid.Bool().Draw(t, "replay")) },
			"agent":    func(t *rapid.T) { w.t = t; w.agent() },
			"":         func(t *rapid.T) { w.t = t; w.check() },
		})
		w.drain()
	})
}

func (w *world) submit() {
	id := model.JobID(fmt.Sprintf("%c%03d", 'a'+rune(len(w.jobs)%3), len(w.jobs)))
	job := &model.Job{
		Name: rapid.SampledFrom([]string{"x", "y", "z"}).Draw(w.t, "name"), Type: model.JobBatch,
		Role: model.DefaultRole, Priority: rapid.IntRange(0, 3).Draw(w.t, "priority"),
	}
	for range rapid.IntRange(1, 2).Draw(w.t, "groups") {
		job.Groups = append(job.Groups, w.group(len(job.Groups)))
	}
	if rapid.IntRange(0, 3).Draw(w.t, "everywhere") == 0 {
		job.Type = model.JobSysBatch
		for i := range job.Groups {
			job.Groups[i].Count, job.Groups[i].Array, job.Groups[i].Gang = 1, nil, nil
		}
	}
	for range rapid.IntRange(0, 2).Draw(w.t, "deps") {
		if len(w.jobs) > 0 {
			job.DependsOn = append(job.DependsOn, model.Dependency{
				Job:  rapid.SampledFrom([]string{"x", "y", "z", string(w.anyJob())}).Draw(w.t, "dep"),
				Kind: rapid.SampledFrom(dependKinds).Draw(w.t, "kind"),
			})
		}
	}
	job.TimeLimit = model.Duration(rapid.SampledFrom([]time.Duration{0, time.Minute, time.Hour}).Draw(w.t, "limit"))
	s := model.Submit{ID: id, Job: job, Parent: rapid.SampledFrom([]model.JobID{"", "", "s1"}).Draw(w.t, "parent"),
		Keep: model.KeepRuns{Successful: rapid.IntRange(0, 2).Draw(w.t, "keep")}, User: rapid.SampledFrom([]string{"", "ann", "bob"}).Draw(w.t, "user")}
	if rapid.IntRange(0, 4).Draw(w.t, "key") == 0 {
		s.Key = rapid.SampledFrom([]string{"k1", "k2"}).Draw(w.t, "which")
	}
	if r := w.Do(s); r.Err == nil && !r.Body.(model.SubmitReply).Existing {
		w.jobs = append(w.jobs, id)
	}
}

func (w *world) group(n int) model.Group {
	g := model.Group{
		Name: fmt.Sprintf("g%d", n), Count: rapid.IntRange(1, 4).Draw(w.t, "count"),
		Tasks: []model.TaskSpec{{Name: "run", Resources: model.TaskResources{CPUMilli: 1000}}},
		Restart: model.RestartPolicy{
			Attempts: rapid.IntRange(0, 2).Draw(w.t, "attempts"),
			Interval: model.Duration(rapid.SampledFrom([]time.Duration{0, time.Minute, time.Hour}).Draw(w.t, "interval")),
			Delay:    model.Duration(rapid.SampledFrom([]time.Duration{0, 10*time.Second + 7}).Draw(w.t, "delay")),
			Mode:     rapid.SampledFrom([]model.RestartMode{model.RestartFail, model.RestartDelay}).Draw(w.t, "mode"),
		},
	}
	switch rapid.IntRange(0, 3).Draw(w.t, "type") {
	case 0:
		g.Gang = &model.Gang{}
	case 1:
		first := uint32(rapid.IntRange(0, 5).Draw(w.t, "first"))
		g.Array = &model.Array{Limit: rapid.IntRange(0, 3).Draw(w.t, "limit"), Ranges: []model.IndexRange{
			{First: first, Last: first + 9, Step: 3}, {First: first + 20, Last: first + 23, Step: 1}}}
	}
	return g
}

func (w *world) offer() {
	if n := rapid.IntRange(-4, 3).Draw(w.t, "refusals"); n > 0 {
		w.Refuse = func(model.Accept) *model.Refusal {
			if n--; n < 0 {
				return nil
			}
			return model.Refuse(model.ReasonStaleOffer, "stale")
		}
	}
	w.Offer()
}

// status reports one to six updates in one batch, among them nonsense.
func (w *world) status() {
	var sts []model.TaskStatus
	for range rapid.IntRange(1, 6).Draw(w.t, "updates") {
		live := w.Live()
		if len(live) == 0 {
			return
		}
		st := model.TaskStatus{
			Task:  rapid.SampledFrom(live).Draw(w.t, "task").ID,
			State: model.TaskState(rapid.IntRange(0, 13).Draw(w.t, "state")),
			At:    w.Now.Add(time.Duration(rapid.IntRange(-3, 3).Draw(w.t, "skew"))*time.Minute + 123),
		}
		if rapid.IntRange(0, 9).Draw(w.t, "stale") == 0 {
			st.Task.Attempt = uint16(rapid.IntRange(0, 3).Draw(w.t, "attempt"))
		}
		if st.State.Terminal() {
			st.Reason = rapid.SampledFrom([]model.TaskReason{0, model.ReasonExecutorTerminated,
				model.ReasonAgentRemoved, model.ReasonContainerPreempted}).Draw(w.t, "reason")
			st.Result = &model.Result{
				Cause:    rapid.SampledFrom(causes[1:]).Draw(w.t, "cause"),
				ExitCode: rapid.IntRange(0, 3).Draw(w.t, "code"), Task: "run",
			}
			st.Usage = &model.Usage{CPU: model.Duration(rapid.IntRange(0, 5000).Draw(w.t, "cpu")), PeakMemoryBytes: 4096}
			if n := rapid.IntRange(0, 2).Draw(w.t, "devices"); n > 0 {
				st.Usage.GPUs = []model.TaskGPU{{UUID: "a", Samples: 1, BusyMilli: 500, PeakMemoryBytes: 9}, {UUID: "b", PeakMemoryBytes: -1, BusyMilli: -1}}[:n]
			}
			st.Message = rapid.SampledFrom([]string{"", "one", "two"}).Draw(w.t, "message")
		}
		sts = append(sts, st)
	}
	w.Report(sts...)
}

// agent has one come, be barred, go out of contact, or go for good; what runs on
// the last is lost.
func (w *world) agent() {
	if n := len(w.agents); n < 6 && rapid.Bool().Draw(w.t, "new") {
		w.agents = append(w.agents, model.AgentID(fmt.Sprintf("b%d", n)))
		w.AddAgent(w.agents[n], model.Resources{CPUMilli: 2000})
		return
	}
	id := rapid.SampledFrom(w.agents).Draw(w.t, "agent")
	how := rapid.SampledFrom([]string{"up", "down", "away", "gone"}).Draw(w.t, "how")
	if how == "gone" {
		for _, t := range w.Live() {
			if t.Agent == id {
				w.Report(model.TaskStatus{Task: t.ID, State: model.TaskGone, Reason: model.ReasonAgentRemoved, Result: &model.Result{Cause: model.CauseNodeLost}})
			}
		}
	}
	w.SetAgent(id, how == "down", how == "away", how == "gone")
}

func (w *world) anyJob() model.JobID { return rapid.SampledFrom(w.jobs).Draw(w.t, "job") }

func (w *world) cancel() {
	if len(w.jobs) == 0 {
		return
	}
	c := model.CancelJob{Selector: string(w.anyJob())}
	if rapid.Bool().Draw(w.t, "part") {
		c.Group = rapid.SampledFrom([]string{"", "g0", "g1"}).Draw(w.t, "group")
		c.Indices = rapid.SliceOfN(rapid.Uint32Range(0, 4), 0, 2).Draw(w.t, "indices")
	}
	w.Do(c)
}

func (w *world) retry() {
	if len(w.jobs) > 0 {
		w.Do(model.RetryJob{Selector: string(w.anyJob()), All: rapid.Bool().Draw(w.t, "all")})
	}
}

func (w *world) fw() *Framework { return w.Framework().(*Framework) }

func (w *world) query(body any) any {
	a, err := w.fw().Query(w.Now, body)
	if err != nil {
		w.t.Fatalf("query %T: %v", body, err)
	}
	return a
}

func (w *world) check() {
	if err := w.Err(); err != nil {
		w.t.Fatal(err)
	}
	standing := map[string]int{}
	for _, d := range w.Demands() {
		standing[d.ID] = d.Groups[0].Count
	}
	live := map[model.JobID]map[uint16]int{}
	for _, t := range w.Live() {
		if live[t.ID.Job] == nil {
			live[t.ID.Job] = map[uint16]int{}
		}
		live[t.ID.Job][t.ID.Group]++
	}
	for _, v := range w.query(model.ListJobs{Limit: math.MaxInt}).(model.JobList).Jobs {
		w.checkCounts(&v)
		w.checkCovered(&v, standing)
		w.checkState(&v)
		for num, g := range w.fw().jobs[v.ID].spec.Groups {
			if n := live[v.ID][uint16(num)]; g.Array != nil && g.Array.Limit > 0 && n > g.Array.Limit {
				w.t.Fatalf("job %s group %d: %d live, the limit is %d", v.ID, num, n, g.Array.Limit)
			}
		}
		delete(live, v.ID)
	}
	for id := range live {
		w.t.Fatalf("job %s is not known and has live tasks", id)
	}
	checkLines(w.t, w.fw())
	for _, j := range w.fw().order {
		for i := range j.groups {
			g := &j.groups[i]
			if waits := g.counts[classWaiting]+g.counts[classDelayed] > 0; g.place.in != (waits && j.active()) {
				w.t.Fatalf("job %s group %d: in line: %t, with %v in a job that is %s", j.id, i, g.place.in, g.counts, j.state)
			}
		}
	}
	for id := range standing {
		if g := w.fw().groupOf(id); g == nil || g.startable() != standing[id] {
			w.t.Fatalf("demand %s is for %d tasks, and that is not what is wanted", id, standing[id])
		}
	}
}

// checkCounts compares a job's counts with a recount of its tasks, and those
// that are live with what the master knows.
func (w *world) checkCounts(v *model.JobView) {
	var c model.SlotCounts
	live := map[model.TaskID]bool{}
	for _, t := range w.query(model.ListTasks{Selector: string(v.ID), Limit: math.MaxInt}).(model.TaskList).Tasks {
		c.Total++
		switch t.State {
		case "waiting":
			c.Waiting++
		case "staging", "starting":
			c.Staging++
			live[t.ID] = true
		case "running", "killing", "unreachable":
			c.Running++
			live[t.ID] = true
		case "finished":
			c.Succeeded++
		case "failed", "error":
			c.Failed++
		case "killed":
			c.Killed++
		case "gone", "dropped":
			c.Lost++
		default:
			w.t.Fatalf("task %s is %s", t.ID, t.State)
		}
	}
	if c != v.Slots {
		w.t.Fatalf("job %s has %+v, counted %+v", v.ID, v.Slots, c)
	}
	for _, t := range w.Live() {
		if t.ID.Job == v.ID && !live[t.ID] {
			w.t.Fatalf("task %s is live and not shown", t.ID)
		}
		delete(live, t.ID)
	}
	for id := range live {
		w.t.Fatalf("task %s is shown live and is not", id)
	}
}

// checkCovered sees that every waiting slot is in a demand that stands, or
// explained.
func (w *world) checkCovered(v *model.JobView, standing map[string]int) {
	why := w.query(model.Why{Selector: string(v.ID)}).(model.WhyView)
	asked := 0
	for _, e := range why.Explanations {
		asked += e.Asked
		if e.Summary == "" || len(e.Why) == 0 {
			w.t.Fatalf("job %s: empty explanation %+v", v.ID, e)
		}
	}
	for _, d := range why.Demands {
		if g := w.fw().groupOf(d.ID); g.hosts != nil && g.filled() == 0 {
			// It tells where such a group would run, and asks for nothing.
			if standing[d.ID] != 0 {
				w.t.Fatalf("job %s: demand %s is for %d tasks, no agent matches", v.ID, d.ID, standing[d.ID])
			}
			continue
		}
		asked += d.Groups[0].Count
		if standing[d.ID] != d.Groups[0].Count {
			w.t.Fatalf("job %s: demand %s is for %d tasks, the master has %d", v.ID, d.ID, d.Groups[0].Count, standing[d.ID])
		}
	}
	if asked != v.Slots.Waiting {
		w.t.Fatalf("job %s is %s with %d waiting slots, %d are in demands or explained: %+v", v.ID, v.State, v.Slots.Waiting, asked, why)
	}
}

// checkState compares a job's state with what its counts say.
func (w *world) checkState(v *model.JobView) {
	s := v.Slots
	live, ended := s.Staging+s.Running, v.State.Ended()
	switch {
	case ended != (v.ExitCode != nil) || ended == v.Ended.IsZero():
		w.t.Fatalf("job %s is %s, exit code %v, ended %s", v.ID, v.State, v.ExitCode, v.Ended)
	case ended && (live > 0 || s.Waiting > 0):
		w.t.Fatalf("job %s is %s with %+v", v.ID, v.State, s)
	case everywhere(w.fw().jobs[v.ID].spec) && (v.State == model.JobSucceeded || w.fw().jobs[v.ID].noHosts()):
		if w.fw().jobs[v.ID].noHosts() && v.State == model.JobSucceeded || s.Failed+s.Lost > 0 {
			w.t.Fatalf("job %s, to run on every agent, is %s with %+v", v.ID, v.State, s)
		}
	case v.State == model.JobSucceeded && (s.Succeeded != s.Total || *v.ExitCode != 0):
		w.t.Fatalf("job %s is %s with %+v, exit code %d", v.ID, v.State, s, *v.ExitCode)
	case v.State == model.JobFailed && (s.Failed+s.Lost == 0 || *v.ExitCode == 0 || v.Failure == nil):
		w.t.Fatalf("job %s is %s with %+v, exit code %d", v.ID, v.State, s, *v.ExitCode)
	case v.State == model.JobCancelled && *v.ExitCode != model.ExitCancelled:
		w.t.Fatalf("job %s is %s with exit code %d", v.ID, v.State, *v.ExitCode)
	case v.State == model.JobStopping && live == 0, v.State == model.JobBlocked && live > 0:
		w.t.Fatalf("job %s is %s with %+v", v.ID, v.State, s)
	case !ended && live == 0 && s.Waiting == 0:
		w.t.Fatalf("job %s is %s with nothing left to do: %+v", v.ID, v.State, s)
	}
}

// drain lets everything finish: no job may be left but those that wait for what
// cannot come true, or need more room than there is.
func (w *world) drain() {
	for _, id := range w.agents {
		w.SetAgent(id, false, false, false)
	}
	for range 1000 {
		w.Advance(2 * time.Hour)
		w.Offer()
		live := w.Live()
		if len(live) == 0 && w.Wake().IsZero() {
			break
		}
		for _, t := range live {
			w.Report(model.TaskStatus{Task: t.ID, State: model.TaskFinished})
		}
		w.check()
		if len(live) == 0 && !w.anyActive() {
			break
		}
	}
	for _, j := range w.fw().order {
		if j.state.Ended() || j.state == model.JobBlocked {
			continue
		}
		tooBig := slices.ContainsFunc(w.Demands(), func(d model.Demand) bool {
			return d.AllOrNothing && w.fw().groupOf(d.ID).job == j
		})
		if !tooBig {
			w.t.Fatalf("job %s is stuck: %s, %+v", j.id, j.state, j.slotCounts())
		}
	}
	for _, j := range w.fw().order {
		if j.state == model.JobBlocked && w.canUnblock(j) {
			w.t.Fatalf("job %s is blocked though its conditions are met: %+v", j.id, j.deps)
		}
	}
}

func (w *world) anyActive() bool {
	return slices.ContainsFunc(w.fw().order, func(j *job) bool { return j.active() || j.state == model.JobStopping })
}

func (w *world) canUnblock(j *job) bool {
	return !slices.ContainsFunc(j.deps, func(d dependency) bool {
		return !d.Met && stands(d.Kind, w.fw().jobs[d.Job]) != standingMet
	})
}
