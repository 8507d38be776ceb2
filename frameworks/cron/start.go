package cron

import (
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// start decides what becomes of a run that is due, or was asked for.
func (f *Framework) start(e *entry, d decision) {
	d.ID, d.At = e.ID, f.out.Now
	going := e.running()
	if len(going) == 0 && len(e.Waiting) == 0 {
		f.run(e, d)
		return
	}
	switch e.Job.Periodic.Overlap {
	case model.OverlapForbid:
		f.skip(e, d, time.Time{}, 1, e.busyText(going)+` (overlap = "forbid")`)
	case model.OverlapQueue:
		if len(e.Waiting) >= f.cfg.MaxWaiting {
			f.skip(e, d, time.Time{}, 1, fmt.Sprintf("%d runs wait already, which is the limit", len(e.Waiting)))
			return
		}
		f.emit(&held{d})
	case model.OverlapReplace:
		for len(e.Waiting) > 0 {
			w := e.Waiting[0]
			f.skip(e, decision{Due: w.Due, Cause: w.Cause, Held: true}, time.Time{}, 1, `a later run took its place (overlap = "replace")`)
		}
		f.emit(&held{d})
		f.stopRuns(e)
	default:
		if len(going) >= f.cfg.MaxActive {
			f.skip(e, d, time.Time{}, 1, fmt.Sprintf("%d runs go on already, which is the limit", len(going)))
			return
		}
		f.run(e, d)
	}
}

func (e *entry) busyText(going []*run) string {
	if len(going) == 0 {
		return "another run waits"
	}
	return fmt.Sprintf("run %d still goes on", going[0].N)
}

// skip gives up a due time, or count of them up to until.
func (f *Framework) skip(e *entry, d decision, until time.Time, count int, why string) {
	d.ID, d.At = e.ID, f.out.Now
	if !until.After(d.Due) {
		until = time.Time{}
	}
	f.emit(&skipped{decision: d, Until: until, Count: count, Why: why})
	f.touchChildren(e)
}

// run makes a run and submits its job, in the same turn.
func (f *Framework) run(e *entry, d decision) {
	n := e.Number + 1
	f.emit(&ran{decision: d, N: n})
	f.out.spawned++
	f.out.Calls = append(f.out.Calls, model.Spawn{Submit: model.Submit{
		ID: e.jobOf(n), Job: runJob(e.Job, e.ID, n, d.Due), Key: string(ID) + "/" + string(e.jobOf(n)), User: e.User,
		Parent: e.ID, Keep: e.Job.Periodic.Keep,
	}})
}

// jobOf is the id of run n's job. Ids made at the API's edge hold no dot.
func (e *entry) jobOf(n int) model.JobID { return e.ID + model.JobID("."+strconv.Itoa(n)) }

// runJob is the job of one run: the schedule's without what is about the schedule.
func runJob(j *model.Job, id model.JobID, n int, due time.Time) *model.Job {
	out := *j
	out.Periodic, out.DependsOn, out.Source = nil, nil, ""
	env := map[string]string{
		"TENDER_SCHEDULE_ID": string(id), "TENDER_SCHEDULED_TIME": due.UTC().Format(time.RFC3339), "TENDER_RUN_NUMBER": strconv.Itoa(n),
	}
	out.Groups = append([]model.Group(nil), j.Groups...)
	for i := range out.Groups {
		g := &out.Groups[i]
		g.Tasks = append([]model.TaskSpec(nil), g.Tasks...)
		for k := range g.Tasks {
			all := maps.Clone(env)
			maps.Copy(all, g.Tasks[k].Env) // what the file says goes first
			g.Tasks[k].Env = all
		}
	}
	return &out
}

// stopRuns cancels the runs that go on.
func (f *Framework) stopRuns(e *entry) {
	for _, r := range e.running() {
		if r.State != model.JobStopping {
			f.out.Call(model.Ask{Body: model.CancelJob{Selector: string(e.jobOf(r.N))}})
		}
	}
}

// startWaiting starts the runs that waited for one that has ended.
func (f *Framework) startWaiting(e *entry) {
	for len(e.Waiting) > 0 && f.out.spawned < f.cfg.StepRuns {
		if e.Job.Periodic.Overlap != model.OverlapAllow && len(e.running()) > 0 {
			return
		}
		w := e.Waiting[0]
		f.run(e, decision{ID: e.ID, At: f.out.Now, Due: w.Due, Cause: w.Cause, Held: true})
	}
}

// spawned hears whether a run's job was taken.
func (f *Framework) spawned(in *model.Spawned) {
	if in.Refusal == nil {
		return
	}
	e, r := f.runOf(in.Job)
	if r == nil || !r.active() {
		return
	}
	f.emit(&changed{ID: e.ID, N: r.N, At: f.out.Now, State: model.RunRefused, Ended: f.out.Now, Message: in.Refusal.Message})
	f.out.touch(e)
	f.touchChildren(e)
}

// jobChanged hears where a run's job stands.
func (f *Framework) jobChanged(in *model.JobChanged) {
	v := &in.Job
	e, r := f.runOf(v.ID)
	if r == nil || !r.active() {
		return
	}
	c := changed{ID: e.ID, N: r.N, At: f.out.Now, State: v.State, Started: v.Started, Ended: v.Ended, Message: v.Message}
	if v.ExitCode != nil {
		c.Code = *v.ExitCode
	}
	if in.Gone {
		c = changed{ID: e.ID, N: r.N, At: f.out.Now, State: model.JobFailed, Ended: f.out.Now, Code: model.ExitLost,
			Message: "how it ended is not known any more"}
	}
	if c.State == r.State && c.Started.Equal(r.Started) {
		return
	}
	f.emit(&c)
	f.out.touch(e)
	f.touchChildren(e)
}

func (f *Framework) foldChanged(ev *changed) error {
	e, err := f.known(ev.ID)
	if err != nil {
		return err
	}
	_, r := f.runOf(e.jobOf(ev.N))
	if r == nil {
		return fmt.Errorf("schedule %s: it has no run %d", ev.ID, ev.N)
	}
	began := r.Started.IsZero() && !ev.Started.IsZero()
	r.State, r.Started, r.Ended, r.Code, r.Message = ev.State, ev.Started, ev.Ended, ev.Code, ev.Message
	switch {
	case !r.active():
		end := endFailed
		if ev.State == model.JobSucceeded {
			end = endOK
		} else {
			e.Failed++
		}
		f.tellChildren(e, outcome{Round: r.Due, Run: r.N, End: end})
		e.trim()
	case began:
		f.tellChildren(e, outcome{Round: r.Due, Run: r.N, End: endStarted})
	}
	return nil
}
