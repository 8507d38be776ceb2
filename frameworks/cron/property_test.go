package cron

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk/sdktest"
)

// book is what a test saw become of the due times of one schedule.
type book struct {
	every     int // minutes
	from      time.Time
	runs      map[string]int
	accounted int // due times with a run or skipped
}

// see reads what a step recorded.
func see(books map[model.JobID]*book, e model.Effects) error {
	for _, own := range e.Events {
		kind, body, _ := bytes.Cut(own, []byte(" "))
		var d struct {
			ID    model.JobID    `json:"id"`
			Due   time.Time      `json:"due"`
			Cause model.RunCause `json:"cause"`
			Count int            `json:"count"`
			Held  bool           `json:"held"`
		}
		if k := string(kind); k != "ran@1" && k != "skipped@1" && k != "held@1" {
			continue
		}
		if err := json.Unmarshal(body, &d); err != nil {
			return err
		}
		b := books[d.ID]
		if b == nil || d.Cause == model.RunTrigger {
			continue
		}
		if d.Due.Minute()%b.every != 0 || d.Due.Second() != 0 || !d.Due.After(b.from) {
			return fmt.Errorf("%s: %s is no due time", d.ID, d.Due)
		}
		if string(kind) == "ran@1" {
			if key := d.Due.String(); b.runs[key] > 0 {
				return fmt.Errorf("%s: two runs for %s", d.ID, key)
			} else {
				b.runs[key]++
			}
		}
		switch {
		case d.Held: // counted when it was held back
		case string(kind) == "skipped@1":
			b.accounted += d.Count
		default:
			b.accounted++
		}
	}
	return nil
}

// dueBetween counts the due times of a schedule the naive way.
func (b *book) dueBetween(to time.Time) (n int) {
	for t := b.from.Truncate(time.Minute).Add(time.Minute); !t.After(to); t = t.Add(time.Minute) {
		if t.Minute()%b.every == 0 {
			n++
		}
	}
	return n
}

// TestExactlyOnce holds, over outages, clocks that jump both ways, slow runs and all
// policies: every due time up to the decided one has one run, waits for one, or was
// skipped, and none has two; with catch_up = "all" and overlap allowed none is skipped.
// The host checks after each step that the fold of the journal gives the same state.
func TestExactlyOnce(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := sdktest.NewMaster(func() model.Framework { return newFramework(testConfig()) })
		books := map[model.JobID]*book{}
		var broken error
		m.Log = func(_ model.Input, e model.Effects) {
			if err := see(books, e); err != nil && broken == nil {
				broken = err
			}
		}
		for i, n := 0, rapid.IntRange(1, 2).Draw(r, "schedules"); i < n; i++ {
			id := model.JobID(fmt.Sprintf("s%d", i))
			b := &book{every: rapid.SampledFrom([]int{1, 5, 12}).Draw(r, "every"), from: m.Now, runs: map[string]int{}}
			books[id] = b
			m.Do(model.Submit{ID: id, Job: plainJob(string(id), &model.Periodic{
				Crons:   []string{fmt.Sprintf("*/%d * * * *", b.every)},
				Overlap: rapid.SampledFrom([]model.Overlap{model.OverlapAllow, model.OverlapForbid, model.OverlapQueue, model.OverlapReplace}).Draw(r, "overlap"),
				CatchUp: rapid.SampledFrom([]model.CatchUp{model.CatchUpNone, model.CatchUpLatest, model.CatchUpAll}).Draw(r, "catch up"),
				Epsilon: model.Duration(rapid.SampledFrom([]time.Duration{time.Second, time.Minute, time.Hour}).Draw(r, "epsilon")),
			})})
		}
		minutes := rapid.IntRange(0, 12)
		r.Repeat(map[string]func(*rapid.T){
			"tick": func(r *rapid.T) { m.Advance(time.Duration(minutes.Draw(r, "m")) * time.Minute) },
			"away": func(r *rapid.T) {
				m.Now = m.Now.Add(time.Duration(minutes.Draw(r, "m")) * time.Minute)
				m.Failover(rapid.Bool().Draw(r, "replay"))
				m.Advance(0)
			},
			"clock back": func(r *rapid.T) {
				m.Now = m.Now.Add(-time.Duration(minutes.Draw(r, "m")) * time.Minute)
				m.Failover(false)
				m.Advance(0)
			},
			"clock ahead": func(r *rapid.T) {
				m.Now = m.Now.Add(time.Duration(minutes.Draw(r, "m")) * time.Minute)
				m.Advance(0)
			},
			"end": func(r *rapid.T) {
				for _, v := range m.Spawned() {
					code := 0
					m.SetJob(v.ID, model.JobSucceeded, &code)
				}
			},
			"trigger": func(r *rapid.T) { m.Do(model.TriggerJob{Selector: "s0"}) },
			"resubmit": func(r *rapid.T) {
				e := m.Framework().(*Framework).entries["s0"]
				m.Do(model.Submit{ID: "xx", Job: e.Job})
			},
			"": func(r *rapid.T) {
				if err := m.Err(); err != nil {
					r.Fatal(err)
				}
				if broken != nil {
					r.Fatal(broken)
				}
				for id, b := range books {
					e := m.Framework().(*Framework).entries[id]
					if want := b.dueBetween(e.Decided); want != b.accounted {
						r.Fatalf("%s: of %d due times up to %s, %d have been decided", id, want, e.Decided, b.accounted)
					}
					if p := e.Job.Periodic; p.CatchUp == model.CatchUpAll && p.Overlap == model.OverlapAllow && e.Skipped > 0 && len(e.running()) < 900 {
						r.Fatalf("%s: %d due times were skipped", id, e.Skipped)
					}
					if e.Job.Periodic.Overlap != model.OverlapAllow && len(e.running()) > 1 {
						r.Fatalf("%s: %d runs at once", id, len(e.running()))
					}
					if len(e.Runs) > MaxRuns+len(e.running()) {
						r.Fatalf("%s: %d runs are remembered", id, len(e.Runs))
					}
				}
			},
		})
	})
}

func plainJob(name string, p *model.Periodic) *model.Job {
	return &model.Job{
		Name: name, Type: model.JobBatch, Role: model.DefaultRole, Priority: model.DefaultPriority, Periodic: p,
		Groups: []model.Group{{Name: "main", Count: 1, Tasks: []model.TaskSpec{{Name: "run", Driver: model.DriverExec, Config: model.TaskConfig{Command: "/bin/true"}}}}},
	}
}

// TestChainProperty holds that in a chain of jobs each round of the first gives rise to
// one run or one skip of each of those after it, in whatever order runs end and however
// often the leader changes.
func TestChainProperty(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := sdktest.NewMaster(func() model.Framework { return newFramework(testConfig()) })
		submit := func(id, cron string, deps ...model.Dependency) {
			p := &model.Periodic{Overlap: model.OverlapAllow, CatchUp: model.CatchUpAll, Epsilon: model.Duration(time.Minute)}
			if cron != "" {
				p.Crons = []string{cron}
			}
			p.Chained = len(deps) > 0
			job := plainJob(id, p)
			job.DependsOn = deps
			if reply := m.Do(model.Submit{ID: model.JobID(id), Job: job}); reply.Err != nil {
				t.Fatal(reply.Err)
			}
		}
		kind := rapid.SampledFrom([]model.DependencyKind{model.DependOK, model.DependAny, model.DependFailed, model.DependStarted})
		submit("root", "*/5 * * * *")
		submit("left", "", model.Dependency{Job: "root", Kind: kind.Draw(r, "left")})
		submit("right", "", model.Dependency{Job: "root", Kind: kind.Draw(r, "right")})
		submit("tip", "", model.Dependency{Job: "left", Kind: kind.Draw(r, "tip left")}, model.Dependency{Job: "right", Kind: kind.Draw(r, "tip right")})
		end := func(r *rapid.T) {
			open := m.Spawned()
			if len(open) == 0 {
				return
			}
			ids := map[model.JobID]bool{}
			for _, v := range open {
				ids[v.ID] = true
			}
			id := rapid.SampledFrom(sorted(ids)).Draw(r, "job")
			if rapid.Bool().Draw(r, "start") {
				m.SetJob(id, model.JobRunning, nil)
				return
			}
			code, state := 0, model.JobSucceeded
			if rapid.Bool().Draw(r, "fails") {
				code, state = 1, model.JobFailed
			}
			m.SetJob(id, state, &code)
		}
		rounds := 0
		r.Repeat(map[string]func(*rapid.T){
			"tick": func(r *rapid.T) {
				if rounds < 6 { // below what is remembered of a parent
					m.Advance(5 * time.Minute)
					rounds++
				}
			},
			"end": end, "another end": end,
			"failover": func(r *rapid.T) { m.Failover(rapid.Bool().Draw(r, "replay")) },
			"": func(r *rapid.T) {
				if err := m.Err(); err != nil {
					r.Fatal(err)
				}
			},
		})
		for open := m.Spawned(); len(open) > 0; open = m.Spawned() {
			code := 0
			m.SetJob(open[0].ID, model.JobSucceeded, &code)
		}
		f := m.Framework().(*Framework)
		for _, name := range []string{"left", "right", "tip"} {
			if e := f.names[name]; e.Number+e.Skipped != f.names["root"].Number {
				r.Fatalf("%s: %d runs and %d skipped, in %d rounds", name, e.Number, e.Skipped, f.names["root"].Number)
			}
		}
	})
}

func sorted(ids map[model.JobID]bool) (out []model.JobID) {
	for id := range ids {
		out = append(out, id)
	}
	for i := range out {
		for k := i + 1; k < len(out); k++ {
			if out[k] < out[i] {
				out[i], out[k] = out[k], out[i]
			}
		}
	}
	return out
}
