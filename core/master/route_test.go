package master

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/batch"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// lister is a framework that has jobs and does nothing with them. It notes what
// it is told of jobs that it spawned.
type lister struct {
	id   model.FrameworkID
	jobs []model.JobView // oldest first
	told []string
	next []model.Call
}

func (l *lister) ID() model.FrameworkID { return l.id }

func (l *lister) Step(_ time.Time, in model.Input) (e model.Effects) {
	switch in := in.(type) {
	case model.Spawned:
		l.told = append(l.told, fmt.Sprintf("spawned %s %v", in.Job, in.Refusal != nil))
	case model.JobChanged:
		l.told = append(l.told, fmt.Sprintf("%s is %s gone=%v", in.Job.ID, in.Job.State, in.Gone))
	case model.Request:
		e.Replies = []model.Reply{{ID: in.ID, Body: in.Body}}
	}
	e.Calls, l.next = l.next, nil
	return e
}

func (l *lister) Apply(model.JournalEvent) error { return nil }
func (l *lister) Snapshot() ([]byte, error)      { return nil, nil }
func (l *lister) Restore([]byte) error           { return nil }

func (l *lister) Query(_ time.Time, body any) (any, *model.Refusal) {
	at := func(id model.JobID) int {
		return slices.IndexFunc(l.jobs, func(j model.JobView) bool { return j.ID == id })
	}
	switch q := body.(type) {
	case model.FindJob:
		found := func(j model.JobView) model.FoundJob {
			return model.FoundJob{ID: j.ID, Name: j.Name, State: j.State, Submitted: j.Submitted}
		}
		byID := func(id model.JobID) (model.JobView, bool) {
			if i := at(id); i >= 0 {
				return l.jobs[i], true
			}
			return model.JobView{}, false
		}
		return sdk.Find(l.jobs, found, byID, q.Selector), nil
	case model.GetJob:
		if i := at(model.JobID(q.Selector)); i >= 0 {
			return l.jobs[i], nil
		}
		return nil, model.Refuse(model.ReasonNotFound, "no job %s", q.Selector)
	case model.ListJobs:
		out := model.JobList{}
		for i := len(l.jobs) - 1; i >= 0; i-- {
			j := l.jobs[i]
			if q.Before != "" && i >= at(q.Before) ||
				!q.Until.IsZero() && (j.Submitted.After(q.Until) || j.Submitted.Equal(q.Until) && !q.Through) {
				continue
			}
			if out.More = len(out.Jobs) == q.Limit; out.More {
				break
			}
			out.Jobs = append(out.Jobs, j)
		}
		return out, nil
	}
	return nil, model.Refuse(model.ReasonUnsupported, "%T", body)
}

func newRoutedMachine(t interface{ Fatal(...any) }, fs ...model.Framework) *Machine {
	m, err := NewMachine(DefaultTiming(), fs...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestListsAreMerged pages through several frameworks' lists: every job comes
// once, newest first.
func TestListsAreMerged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := time.Unix(1000, 0)
		var fs []model.Framework
		total := 0
		for _, id := range []model.FrameworkID{"a", "b", "c"} {
			l, at := &lister{id: id}, 0
			for n := range rapid.IntRange(0, 6).Draw(t, "jobs") {
				at += rapid.IntRange(0, 2).Draw(t, "pause")
				l.jobs = append(l.jobs, model.JobView{ID: model.JobID(fmt.Sprint(id, n)), Submitted: base.Add(time.Duration(at))})
				total++
			}
			fs = append(fs, l)
		}
		m := newRoutedMachine(t, fs...)
		q := model.ListJobs{Limit: rapid.IntRange(1, 5).Draw(t, "limit")}
		seen := map[model.JobID]bool{}
		last := base.Add(time.Hour)
		for {
			answer, refusal := m.Query(base, q)
			if refusal != nil {
				t.Fatal(refusal)
			}
			l := answer.(model.JobList)
			for _, j := range l.Jobs {
				if seen[j.ID] || j.Submitted.After(last) {
					t.Fatalf("%s came twice or out of order", j.ID)
				}
				seen[j.ID], last = true, j.Submitted
			}
			if !l.More {
				break
			}
			q.Before = l.Jobs[len(l.Jobs)-1].ID
		}
		if len(seen) != total {
			t.Fatalf("%d of %d jobs were listed", len(seen), total)
		}
	})
}

func TestSelectorsOverFrameworks(t *testing.T) {
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	a := &lister{id: "a", jobs: []model.JobView{
		{ID: "web00001", Name: "web", Submitted: at(1)}, {ID: "abcd1111", Name: "train", Submitted: at(2)}}}
	b := &lister{id: "b", jobs: []model.JobView{
		{ID: "abcd2222", Name: "web", Submitted: at(3)}, {ID: "report", Name: "report", Submitted: at(4)}}}
	m := newRoutedMachine(t, a, b)
	for selector, want := range map[string]string{
		"web": "abcd2222", "train": "abcd1111", "last": "report", "web00001": "web00001", "web0": "web00001",
		"abcd": "Ambiguous", "abcd1": "abcd1111", "wep": "did you mean abcd2222 web", "zzzz": "no job has the id or the name",
	} {
		fw, id, refusal := m.findJob(at(9), selector)
		got := string(id)
		if refusal != nil {
			got = string(refusal.Reason) + ": " + refusal.Message
		}
		if !strings.Contains(strings.ToLower(got), strings.ToLower(want)) {
			t.Errorf("%q means %q of %s, want %q", selector, got, fw, want)
		}
	}
}

// TestSpawn has one framework submit a job to another: what both record is in
// one group, and the first hears of every state.
func TestSpawn(t *testing.T) {
	now := time.Unix(1000, 0).UTC()
	b, err := batch.New(batch.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	l := &lister{id: "cron"}
	m := newRoutedMachine(t, b, l)
	m.Step(now, []Input{Lead{Epoch: 1, ClusterID: "c"}})
	job := &model.Job{Name: "report", Type: model.JobBatch, Role: "default", Groups: []model.Group{{
		Name: "g", Count: 1, Tasks: []model.TaskSpec{{Name: "t", Driver: model.DriverExec, Config: model.TaskConfig{Command: "/bin/true"}}}}}}
	l.next = []model.Call{model.Spawn{Submit: model.Submit{ID: "sched.1", Job: job, Parent: "sched"}},
		model.Spawn{Submit: model.Submit{ID: "sched.1", Job: job}}}
	e := m.Step(now, []Input{Asked{ID: 7, Body: model.CancelJob{Selector: "nobody"}}, Asked{ID: 8, Body: model.Submit{ID: "x", Job: &model.Job{Periodic: &model.Periodic{}}}}})
	if len(e.Replies) != 2 || e.Replies[0].ID != 7 || e.Replies[0].Err == nil || e.Replies[1].ID != 8 {
		t.Fatalf("replies %+v: those to other frameworks must not be among them", e.Replies)
	}
	m.Step(now, []Input{Asked{ID: 9, Body: model.CancelJob{Selector: "sched.1"}}})
	l.next = []model.Call{model.WatchJobs{Jobs: []model.JobID{"sched.1", "sched.9"}}}
	m.Step(now, []Input{Asked{ID: 10, Body: model.Submit{ID: "y", Job: &model.Job{Periodic: &model.Periodic{}}}}})
	want := []string{"spawned sched.1 false", "spawned sched.1 true", "sched.1 is queued gone=false", "sched.1 is cancelled gone=false",
		"sched.1 is cancelled gone=false", "sched.9 is  gone=true"}
	if !slices.Equal(l.told, want) {
		t.Errorf("told %q, want %q", l.told, want)
	}
}
