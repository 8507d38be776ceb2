package sdk

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
)

func TestMicros(t *testing.T) {
	if MicrosOf(time.Time{}) != 0 || !Micros(0).Time().IsZero() {
		t.Error("no time is not 0")
	}
	at := time.Date(2026, 3, 4, 5, 6, 7, 8000, time.UTC)
	if got := MicrosOf(at.Add(999)).Time(); !got.Equal(at) {
		t.Errorf("time %s came back as %s", at, got)
	}
	if m := MicrosOf(at); m.Add(time.Second).Since(m) != time.Second {
		t.Error("a second later is not a second")
	}
}

// TestRefusals: the first refusal holds nothing back, those after it ever longer.
func TestRefusals(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	var r Refusals
	if r.Add(now, "one") || !r.Until.IsZero() {
		t.Errorf("held back after one refusal: %+v", r)
	}
	last := time.Duration(0)
	for n := range 10 {
		held, pause := r.Add(now, "more"), r.Until.Sub(now)
		if !held || pause < last || pause > maxRefusalPause || n == 0 && pause != refusalPause {
			t.Errorf("after %d refusals a pause of %v, before %v", r.Count, pause, last)
		}
		last = pause
	}
	if last != maxRefusalPause || r.Why != "more" {
		t.Errorf("%+v", r)
	}
}

func TestWishes(t *testing.T) {
	ssd := model.Constraint{Attribute: "${meta.disk}", Operator: "=", Value: "ssd"}
	near := model.Affinity{Constraint: model.Constraint{Attribute: "${meta.rack}", Operator: "=", Value: "r1"}, Weight: 50}
	spec := &model.Job{
		Constraints: []model.Constraint{ssd, {Operator: distinctHosts, Value: "true"}},
		Affinities:  []model.Affinity{near},
		Spreads:     []model.Spread{{Attribute: "${meta.rack}", Weight: 1}, {Attribute: "${meta.zone}", Weight: 2}},
	}
	g := &model.Group{
		Affinities: []model.Affinity{near},
		Spreads:    []model.Spread{{Attribute: "${meta.rack}", Weight: 9}},
		Tasks:      []model.TaskSpec{{KillTimeout: 3, Constraints: []model.Constraint{ssd}}, {KillTimeout: 2}},
	}
	cs, most := Constraints(spec, g)
	if d := cmp.Diff([]model.Constraint{ssd}, cs); d != "" || most != 1 {
		t.Errorf("constraints, at most %d on an agent:\n%s", most, d)
	}
	if d := cmp.Diff([]model.Affinity{near}, Affinities(spec, g)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]model.Spread{g.Spreads[0], spec.Spreads[1]}, Spreads(spec, g)); d != "" {
		t.Error(d)
	}
	if k := LongestKill(g); k != 3 {
		t.Errorf("the longest kill is %v", k)
	}
}

// TestList compares pages with what a plain look through all jobs finds.
func TestList(t *testing.T) {
	start := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		var jobs []model.FoundJob
		at := start
		for i := range rapid.IntRange(0, 12).Draw(t, "jobs") {
			at = at.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "later")) * time.Second)
			jobs = append(jobs, model.FoundJob{
				ID: model.JobID("j" + strconv.Itoa(i)), Name: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name"),
				State: rapid.SampledFrom(model.JobStates[:2]).Draw(t, "state"), Submitted: at,
			})
		}
		position := func(id model.JobID) int {
			return slices.IndexFunc(jobs, func(j model.FoundJob) bool { return j.ID == id })
		}
		l := Lister[model.FoundJob]{
			ByID: func(id model.JobID) (j model.FoundJob, ok bool) {
				if i := position(id); i >= 0 {
					return jobs[i], true
				}
				return j, false
			},
			Seq:   func(j model.FoundJob) uint64 { return uint64(position(j.ID)) },
			Found: func(j model.FoundJob) model.FoundJob { return j },
			View:  func(j model.FoundJob) model.JobView { return model.JobView{ID: j.ID} },
		}
		q := model.ListJobs{
			State: rapid.SampledFrom([]string{"", string(model.JobStates[0])}).Draw(t, "only"),
			Name:  rapid.SampledFrom([]string{"", "b"}).Draw(t, "named"),
			Limit: rapid.IntRange(0, 4).Draw(t, "limit"), Through: rapid.Bool().Draw(t, "through"),
		}
		if len(jobs) > 0 && rapid.Bool().Draw(t, "before") {
			q.Before = rapid.SampledFrom(jobs).Draw(t, "before which").ID
		}
		if rapid.Bool().Draw(t, "until") {
			q.Until = start.Add(time.Duration(rapid.IntRange(-1, 12).Draw(t, "until when")) * time.Second)
		}
		var want []model.JobID
		for i, j := range slices.Backward(jobs) {
			late := !q.Until.IsZero() && (j.Submitted.After(q.Until) || j.Submitted.Equal(q.Until) && !q.Through)
			if late || q.Before != "" && i >= position(q.Before) || q.State != "" && q.State != string(j.State) || q.Name != "" && q.Name != j.Name {
				continue
			}
			want = append(want, j.ID)
		}
		more := q.Limit > 0 && len(want) > q.Limit
		if more {
			want = want[:q.Limit]
		}
		got, err := l.List(jobs, &q)
		var ids []model.JobID
		for _, v := range got.Jobs {
			ids = append(ids, v.ID)
		}
		if err != nil || got.More != more || !slices.Equal(ids, want) {
			t.Fatalf("%+v: %v, more %v, %v; want %v, more %v", q, ids, got.More, err, want, more)
		}
	})
	l := Lister[model.FoundJob]{ByID: func(model.JobID) (j model.FoundJob, ok bool) { return j, false }}
	if _, err := l.List(nil, &model.ListJobs{Before: "gone"}); err == nil || err.Reason != model.ReasonNotFound {
		t.Errorf("going on from a job that is gone: %v", err)
	}
	if _, err := l.List(nil, &model.ListJobs{State: "odd"}); err == nil || len(err.Details) != len(model.JobStates) {
		t.Errorf("a state that there is not: %v", err)
	}
}
