package batch

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk/sdktest"
)

// past is the jobs that have ended, in the order in which they did, by counting
// alone: what of them is to be remembered.
type past struct {
	*sdktest.Master
	cfg   Config
	next  int
	open  []model.JobID
	ended []pastJob
	keep  map[model.JobID]model.KeepRuns // as each schedule says now
	said  map[model.JobID]model.KeepRuns // and said when a run was submitted
	least map[model.JobID]int            // and ever said, of either kind
}

type pastJob struct {
	id, parent model.JobID
	ok         bool
	at         time.Time
}

var schedules = []model.JobID{"", "", "s1", "s2"}

func (p *past) submit(t *rapid.T) {
	p.next++
	id := model.JobID(fmt.Sprintf("j%04d", p.next))
	s := model.Submit{ID: id, Parent: rapid.SampledFrom(schedules).Draw(t, "parent"), Job: &model.Job{
		Name: "x", Type: model.JobBatch, Role: model.DefaultRole,
		Groups: []model.Group{{Name: "g", Count: 1, Tasks: []model.TaskSpec{{Name: "run", Resources: model.TaskResources{CPUMilli: 1}}}}},
	}}
	if s.Parent != "" {
		s.Keep = p.keep[s.Parent]
	}
	if r := p.Do(s); r.Err != nil {
		t.Fatal(r.Err)
	}
	said := s.Keep.Or(model.DefaultKeepRuns)
	p.said[id] = said
	if least, ok := p.least[s.Parent]; !ok || min(said.Successful, said.Failed) < least {
		p.least[s.Parent] = min(said.Successful, said.Failed)
	}
	p.open = append(p.open, id)
	p.Offer()
}

// end ends some job, well or not.
func (p *past) end(t *rapid.T) {
	if len(p.open) == 0 {
		return
	}
	i := rapid.IntRange(0, len(p.open)-1).Draw(t, "job")
	id := p.open[i]
	p.open = slices.Delete(p.open, i, i+1)
	f := p.Framework().(*Framework)
	j := pastJob{id: id, parent: f.jobs[id].parent, ok: rapid.Bool().Draw(t, "ok"), at: p.Now}
	state := model.TaskFailed
	if j.ok {
		state = model.TaskFinished
	}
	p.Report(model.TaskStatus{Task: model.TaskID{Job: id}, State: state, At: p.Now, Result: &model.Result{Cause: model.CauseFailed, ExitCode: 1}})
	p.ended = append(p.ended, j)
}

// settings changes what a schedule says of its next runs.
func (p *past) settings(t *rapid.T) {
	p.keep[rapid.SampledFrom(schedules[2:]).Draw(t, "schedule")] = model.KeepRuns{
		Successful: rapid.IntRange(0, 4).Draw(t, "successful"), Failed: rapid.IntRange(0, 4).Draw(t, "failed"),
	}
}

// keeps is what the latest of a schedule's runs that have ended said: ids are in the
// order of submission.
func (p *past) keeps(schedule model.JobID) model.KeepRuns {
	var latest model.JobID
	for _, e := range p.ended {
		if e.parent == schedule {
			latest = max(latest, e.id)
		}
	}
	return p.said[latest]
}

// check holds that jobs that are no runs are forgotten for their own number and age
// only, and of runs those that are not among the latest few.
func (p *past) check(t *rapid.T) {
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	f := p.Framework().(*Framework)
	later := map[string]int{} // of the same kind, ended after
	for i := len(p.ended) - 1; i >= 0; i-- {
		e := p.ended[i]
		kind := string(e.parent)
		if e.parent != "" {
			kind += fmt.Sprint(e.ok)
		}
		n := later[kind]
		later[kind]++
		_, known := f.jobs[e.id]
		young := p.Now.Sub(e.at) < p.cfg.HistoryAge
		if e.parent == "" {
			// A few more than need be are forgotten at once.
			if young && n < p.cfg.MaxHistory-p.cfg.MaxHistory/16-1 && !known {
				t.Fatalf("job %s is forgotten, and only %d others have ended since", e.id, n)
			}
			continue
		}
		keep := p.keeps(e.parent)
		most := keep.Failed
		if e.ok {
			most = keep.Successful
		}
		if known && n >= most {
			t.Fatalf("run %s of %s is remembered, which keeps %d, and %d have ended since", e.id, e.parent, most, n)
		}
		if young && !known && n < p.least[e.parent] && len(p.ended)-1-i < p.cfg.MaxHistory-p.cfg.MaxHistory/16-1 {
			t.Fatalf("run %s of %s is forgotten, which never kept fewer than %d, and only %d have ended since", e.id, e.parent, p.least[e.parent], n)
		}
	}
	if runs := f.counts.runs.jobs; runs > p.cfg.MaxHistory+1 {
		t.Fatalf("%d runs are remembered, the limit is %d", runs, p.cfg.MaxHistory)
	}
}

// TestRunsLeaveTheHistory holds who is remembered of users' jobs and of schedules'
// runs; the harness holds that a replay and a snapshot remember the same.
func TestRunsLeaveTheHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := DefaultConfig()
		cfg.MaxHistory, cfg.HistoryAge = rapid.IntRange(2, 12).Draw(t, "history"), time.Hour
		p := &past{cfg: cfg, keep: map[model.JobID]model.KeepRuns{}, said: map[model.JobID]model.KeepRuns{}, least: map[model.JobID]int{}}
		p.Master = sdktest.NewMaster(func() model.Framework { return newFramework(cfg) })
		p.AddAgent("a1", model.Resources{CPUMilli: 1_000_000})
		t.Repeat(map[string]func(*rapid.T){
			"submit": p.submit, "end": p.end, "end2": p.end, "settings": p.settings,
			"tick":     func(t *rapid.T) { p.Advance(time.Duration(rapid.IntRange(0, 1500).Draw(t, "s")) * time.Second) },
			"failover": func(t *rapid.T) { p.Failover(rapid.Bool().Draw(t, "replay")) },
			"":         p.check,
		})
	})
}
