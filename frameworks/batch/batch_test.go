package batch

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
	"github.com/tender-scheduler/tender/frameworks/sdk/sdktest"
)

// start returns a leading framework with one queued job, "j1".
func start(t *testing.T, job *model.Job) *Framework {
	t.Helper()
	f := newFramework(DefaultConfig()).(*Framework)
	f.Step(sdktest.Start, model.Leading{})
	e := f.Step(sdktest.Start, model.Request{ID: 1, Body: model.Submit{ID: "j1", Job: job}})
	if e.Replies[0].Err != nil {
		t.Fatal(e.Replies[0].Err)
	}
	return f
}

func count(n int) *model.Job {
	job := benchJob(1)
	job.Groups[0].Array, job.Groups[0].Count = nil, n
	return job
}

func offerOf(n int) model.Offers {
	return model.Offers{{ID: 7, Demand: "j1/0", Parts: []model.OfferPart{{Agent: "a1", Count: n}}}}
}

// TestLaunch looks at a whole accept: transcripts show only part of it.
func TestLaunch(t *testing.T) {
	job := count(2)
	job.TimeLimit = model.Duration(time.Hour)
	job.Groups[0].Gang = &model.Gang{Ranks: 3}
	f := start(t, job)
	e := f.Step(sdktest.Start, offerOf(2))
	want := model.Accept{Offer: 7, Launches: []model.Launch{{
		Agent: "a1", Job: "j1", Group: 0, TimeLimit: job.TimeLimit, Spec: job,
		Shape: model.Shape{Resources: model.Resources{CPUMilli: 1000, MemoryBytes: 256 << 20}},
		Tasks: []model.Attempt{{Index: 0}, {Index: 1}},
		Env:   map[string]string{"TENDER_GANG_SIZE": "2", "TENDER_WORLD_SIZE": "6"},
	}}}
	if d := cmp.Diff(want, e.Calls[0]); d != "" {
		t.Errorf("accept (-want +got):\n%s", d)
	}
}

// TestUnfitOffers declines what a job could not use, for a while: it would be
// offered again at once.
func TestUnfitOffers(t *testing.T) {
	gang := count(3)
	gang.Groups[0].Gang = &model.Gang{}
	limited := count(1)
	limited.TimeLimit = model.Duration(time.Hour)
	until := func(d time.Duration) model.Offers {
		o := offerOf(1)
		o[0].UnavailableFrom = sdktest.Start.Add(d)
		return o
	}
	other := offerOf(1)
	other[0].Demand = "j2/0"
	for _, c := range []struct {
		name   string
		job    *model.Job
		offers model.Offers
		want   model.Call
	}{
		{"part of a gang", gang, offerOf(2), model.Decline{Offer: 7, RefuseFor: sdk.RefuseUnfit}},
		{"no time limit", count(1), until(time.Hour), model.Decline{Offer: 7, RefuseFor: sdk.RefuseUnfit}},
		{"too short", limited, until(time.Hour - 1), model.Decline{Offer: 7, RefuseFor: sdk.RefuseUnfit}},
		{"no room", limited, offerOf(0), model.Decline{Offer: 7, RefuseFor: sdk.RefuseUnfit}},
		{"unknown job", limited, other, model.Decline{Offer: 7}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := start(t, c.job).Step(sdktest.Start, c.offers)
			if d := cmp.Diff([]model.Call{c.want}, e.Calls); d != "" {
				t.Errorf("calls (-want +got):\n%s", d)
			}
		})
	}
	t.Run("just long enough", func(t *testing.T) {
		e := start(t, limited).Step(sdktest.Start, until(time.Hour))
		if _, ok := e.Calls[0].(model.Accept); !ok {
			t.Errorf("calls are %+v, want an accept", e.Calls)
		}
	})
}

// TestStaleOffer declines an offer for what was given up since, and sees that
// the master hears of it.
func TestStaleOffer(t *testing.T) {
	f := start(t, count(1))
	f.Step(sdktest.Start, model.Request{Body: model.CancelJob{Selector: "j1"}})
	e := f.Step(sdktest.Start, offerOf(1))
	if d := cmp.Diff([]model.Call{model.Decline{Offer: 7}}, e.Calls); d != "" {
		t.Errorf("calls (-want +got):\n%s", d)
	}
}

// TestCancelledBeforeStaged cancels a job between an accept and its check: the
// tasks are on their way, and are killed.
func TestCancelledBeforeStaged(t *testing.T) {
	for _, c := range []struct {
		name    string
		cancel  model.CancelJob
		reopens model.JobState
	}{
		{"whole", model.CancelJob{Selector: "j1"}, model.JobStopping},
		{"part", model.CancelJob{Selector: "j1", Indices: []uint32{0}}, model.JobRunning},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := start(t, count(1))
			accept := f.Step(sdktest.Start, offerOf(1)).Calls[0].(model.Accept)
			f.Step(sdktest.Start, model.Request{Body: c.cancel})
			if s := f.jobs["j1"].state; s != model.JobCancelled {
				t.Fatalf("the job is %s", s)
			}
			e := f.Step(sdktest.Start, model.Staged{Launches: accept.Launches, At: sdktest.Start})
			id := model.TaskID{Job: "j1"}
			if d := cmp.Diff([]model.Call{model.Kill{Task: id}}, e.Calls); d != "" {
				t.Errorf("calls (-want +got):\n%s", d)
			}
			if s := f.jobs["j1"].state; s != c.reopens {
				t.Errorf("the job is %s, want %s", s, c.reopens)
			}
			snap, err := f.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Restore(snap); err != nil {
				t.Fatal(err)
			}
			e = f.Step(sdktest.Start, model.Statuses{{Task: id, State: model.TaskKilled, At: sdktest.Start}})
			if d := cmp.Diff([]model.Call{model.JobDone{Job: "j1"}}, e.Calls); d != "" {
				t.Errorf("calls (-want +got):\n%s", d)
			}
			if s := f.jobs["j1"].state; s != model.JobCancelled {
				t.Errorf("the job is %s", s)
			}
		})
	}
}

// TestRefusedAfterCancel takes back a launch of what was cancelled meanwhile.
func TestRefusedAfterCancel(t *testing.T) {
	f := start(t, count(2))
	accept := f.Step(sdktest.Start, offerOf(2)).Calls[0].(model.Accept)
	f.Step(sdktest.Start, model.Request{Body: model.CancelJob{Selector: "j1", Indices: []uint32{0}}})
	e := f.Step(sdktest.Start, model.Refused{Call: accept, Refusal: model.Refuse(model.ReasonStaleOffer, "stale")})
	set := e.Calls[0].(model.Demands).Set
	if len(set) != 1 || set[0].Groups[0].Count != 1 {
		t.Errorf("calls are %+v, want a demand for the other task", e.Calls)
	}
}

// TestRefusedDemands sends demands that were refused again, later.
func TestRefusedDemands(t *testing.T) {
	f := start(t, count(1))
	d := model.Demands{Set: []model.Demand{{ID: "j1/0"}, {ID: "nonsense"}}}
	refused := model.Refused{Call: d, Refusal: model.Refuse(model.ReasonInternal, "no")}
	if e := f.Step(sdktest.Start, refused); len(e.Calls) != 1 {
		t.Errorf("calls are %+v, want the demand again", e.Calls)
	}
	e := f.Step(sdktest.Start, refused)
	if want := (model.Demands{Drop: []string{"j1/0"}}); !cmp.Equal([]model.Call{want}, e.Calls) || !e.Wake.Equal(sdktest.Start.Add(time.Second)) {
		t.Errorf("calls are %+v, wake %s", e.Calls, e.Wake)
	}
}

// TestUnknownTasks kills launches that nobody waits for, and ignores updates
// about what is not known.
func TestUnknownTasks(t *testing.T) {
	f := start(t, count(1))
	for _, l := range []model.Launch{
		{Job: "gone", Tasks: []model.Attempt{{Index: 3}}},
		{Job: "j1", Group: 9, Tasks: []model.Attempt{{Index: 3}}},
	} {
		e := f.Step(sdktest.Start, model.Staged{Launches: []model.Launch{l}})
		if d := cmp.Diff([]model.Call{model.Kill{Task: l.ID(0)}}, e.Calls); d != "" {
			t.Errorf("calls (-want +got):\n%s", d)
		}
	}
	f.Step(sdktest.Start, model.Staged{Launches: []model.Launch{{Job: "j1", Tasks: []model.Attempt{{Index: 3}, {Index: 0, Attempt: 5}}}}})
	e := f.Step(sdktest.Start, model.Statuses{
		{Task: model.TaskID{Job: "gone"}, State: model.TaskRunning},
		{Task: model.TaskID{Job: "j1", Group: 1}, State: model.TaskRunning},
		{Task: model.TaskID{Job: "j1", Index: 1}, State: model.TaskRunning},
		{Task: model.TaskID{Job: "j1"}, State: model.TaskRunning},
	})
	if len(e.Calls)+len(e.Notices) > 0 || f.jobs["j1"].live != 0 {
		t.Errorf("effects are %+v, %d tasks are live", e, f.jobs["j1"].live)
	}
}

// TestManyAgents is a job that ran on more agents than are searched in order,
// some of them before and some after a failover.
func TestManyAgents(t *testing.T) {
	m := sdktest.NewMaster(func() model.Framework { return newFramework(DefaultConfig()) })
	for i := range 30 {
		m.AddAgent(model.AgentID(fmt.Sprintf("a%02d", i)), model.Resources{CPUMilli: 1000, MemoryBytes: 1 << 40})
	}
	m.Do(model.Submit{ID: "j1", Job: benchJob(100)})
	for range 10 {
		m.Offer()
		for _, task := range m.Live() {
			m.Report(model.TaskStatus{Task: task.ID, State: model.TaskFinished})
		}
		m.Failover(false)
	}
	f := m.Framework().(*Framework)
	if j := f.jobs["j1"]; len(j.agents) != 30 || j.state != model.JobSucceeded {
		t.Errorf("job is %s with %d agents, want 30", j.state, len(j.agents))
	}
	if err := m.Err(); err != nil {
		t.Error(err)
	}
}

// TestAttemptNumbers ends a slot that has used up its attempt numbers, which
// mode delay would have go on for ever.
func TestAttemptNumbers(t *testing.T) {
	job := count(1)
	job.Groups[0].Restart = model.RestartPolicy{Attempts: 1, Interval: 1, Mode: model.RestartDelay}
	f := start(t, job)
	f.jobs["j1"].groups[0].at(0).attempts = maxAttemptNumber - 1
	accept := f.Step(sdktest.Start, offerOf(1)).Calls[0].(model.Accept)
	f.Step(sdktest.Start, model.Staged{Launches: accept.Launches, At: sdktest.Start})
	id := accept.Launches[0].ID(0)
	f.Step(sdktest.Start, model.Statuses{{Task: id, State: model.TaskFailed, At: sdktest.Start}})
	if s := f.jobs["j1"].state; s != model.JobFailed {
		t.Errorf("the job is %s", s)
	}
	e := f.Step(sdktest.Start, model.Request{Body: model.RetryJob{Selector: "j1"}})
	if e.Replies[0].Err == nil {
		t.Error("a slot without attempt numbers was retried")
	}
}

// TestMessages keeps each text once, no text too long, and not too many.
func TestMessages(t *testing.T) {
	f := start(t, benchJob(maxMessages+10))
	g := &f.jobs["j1"].groups[0]
	for n := range g.size {
		g.say(n, strings.Repeat("x", 2*maxMessageBytes))
	}
	if len(g.messages) != maxMessages || len(g.messages[0]) != maxMessageBytes {
		t.Errorf("%d messages of %d bytes", len(g.messages), len(g.messages[0]))
	}
	snap, err := f.Snapshot()
	if err != nil || len(snap) > 10*maxMessages {
		t.Errorf("snapshot of %d bytes, %v", len(snap), err)
	}
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	for _, spoil := range []func(*Config){
		func(c *Config) { c.MaxJobs = 0 },
		func(c *Config) { c.MaxSlots = 10 },
		func(c *Config) { c.MaxHistory = -1 },
		func(c *Config) { c.MaxHistorySlots = 0 },
		func(c *Config) { c.HistoryAge = -1 },
	} {
		c := DefaultConfig()
		spoil(&c)
		if _, err := New(c); err == nil {
			t.Errorf("config %+v was taken", c)
		}
	}
}

// TestBadJournal refuses events that do not fit, rather than guess.
func TestBadJournal(t *testing.T) {
	for _, e := range []string{
		"", "submitted@1", "submitted@1 {", `submitted@1 {"id":"j1"}`, `submitted@2 {}`, `other@1 {}`,
		`submitted@1 {"id":"j1","job":{}}`,
		`cancelled@1 {"id":"j9"}`, `cancelled@1 {"id":"j1","groups":[4]}`, `retried@1 {"id":"j9"}`, `forgotten@1 {"ids":["j1"]}`,
	} {
		if err := start(t, count(1)).Apply(model.OwnEvent(e)); err == nil {
			t.Errorf("event %q was applied", e)
		}
	}
}

func TestUnsupported(t *testing.T) {
	f := start(t, count(1))
	if e := f.Step(sdktest.Start, model.Request{ID: 4, Body: 1}); e.Replies[0].Err.Reason != model.ReasonUnsupported || e.Replies[0].ID != 4 {
		t.Errorf("reply is %+v", e.Replies)
	}
	if _, err := f.Query(sdktest.Start, 1); err.Reason != model.ReasonUnsupported {
		t.Errorf("refusal is %v", err)
	}
	service := count(1)
	service.Type = model.JobService
	if e := f.Step(sdktest.Start, model.Request{Body: model.Submit{ID: "j2", Job: service}}); e.Replies[0].Err.Reason != model.ReasonUnsupported {
		t.Errorf("reply is %+v", e.Replies)
	}
}

func TestTooLarge(t *testing.T) {
	for name, spoil := range map[string]func(*model.Job){
		"source": func(j *model.Job) { j.Source = strings.Repeat("#", model.MaxJobBytes) },
		"groups": func(j *model.Job) {
			for range model.MaxGroups {
				j.Groups = append(j.Groups, j.Groups[0])
			}
		},
		"tasks": func(j *model.Job) {
			g := &j.Groups[0]
			for range model.MaxTasksPerGroup {
				g.Tasks = append(g.Tasks, g.Tasks[0])
			}
		},
		"array": func(j *model.Job) {
			j.Groups[0].Array = &model.Array{Ranges: []model.IndexRange{{Last: 4_000_000_000, Step: 1}}}
		},
	} {
		job := count(1)
		spoil(job)
		f := newFramework(DefaultConfig())
		e := f.Step(sdktest.Start, model.Request{Body: model.Submit{ID: "j1", Job: job}})
		if err := e.Replies[0].Err; err == nil || err.Reason != model.ReasonTooLarge {
			t.Errorf("%s: reply is %+v", name, e.Replies)
		}
	}
}

// TestLossesInARow counts losses anew after an attempt that ran for long.
func TestLossesInARow(t *testing.T) {
	g := &start(t, count(1)).jobs["j1"].groups[0]
	for range maxFreeReturns {
		if _, ok := g.again(0, verdictFree, 0, time.Minute); !ok {
			t.Fatal("refused too early")
		}
	}
	if _, ok := g.again(0, verdictFree, 0, time.Minute); ok {
		t.Error("put back for ever")
	}
	if _, ok := g.again(0, verdictFree, 0, freeAgainAfter); !ok || g.tries[0].free != 1 {
		t.Error("an attempt that ran for long did not end the row")
	}
}
