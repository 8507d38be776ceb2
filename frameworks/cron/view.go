package cron

import (
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// view is a schedule as shown to people.
func (f *Framework) view(e *entry, withSpec bool) model.JobView {
	p := e.Job.Periodic
	v := model.JobView{
		ID: e.ID, Name: e.Job.Name, Type: e.Job.Type, Role: e.Job.Role, Priority: e.Job.Priority,
		User: e.User, State: e.shown(), Submitted: e.Submitted, Ended: e.Ended, DependsOn: e.Job.DependsOn,
		Schedule: &model.ScheduleView{
			Version: e.Version, When: whenText(e.Job), Zone: zoneOf(e.Job), Overlap: p.Overlap, CatchUp: p.CatchUp,
			Next: e.next, Parents: e.parentNames(), Children: f.childNames(e), Waiting: len(e.Waiting),
			Runs: e.Number, Failed: e.Failed, Skipped: e.Skipped,
		},
	}
	for _, r := range e.running() {
		v.Schedule.Active = append(v.Schedule.Active, e.jobOf(r.N))
	}
	if r := e.last(); r != nil {
		last := e.runView(r)
		v.Schedule.Last = &last
	}
	if e.ended() {
		code := 0
		switch {
		case e.State == model.JobCancelled:
			code, v.Cause, v.Message = model.ExitCancelled, model.CauseKilled, "cancelled"
		case v.Schedule.Last != nil:
			code = e.last().Code
		}
		v.ExitCode = &code
	}
	if withSpec {
		v.Spec = e.Job
	}
	return v
}

// whenText says in a line when a job is due.
func whenText(j *model.Job) string {
	p := j.Periodic
	switch {
	case p.Chained:
		names := make([]string, len(j.DependsOn))
		for i, d := range j.DependsOn {
			if names[i] = d.Job; d.Kind != model.DependOK {
				names[i] += " (" + string(d.Kind) + ")"
			}
		}
		return "after " + strings.Join(names, ", ")
	case p.Schedule != "":
		return p.Schedule
	}
	return strings.Join(p.Crons, "; ")
}

func (e *entry) runView(r *run) model.RunView {
	v := model.RunView{
		Number: r.N, Due: r.Due, Until: r.Until, Count: r.Count, Cause: r.Cause, State: r.State,
		Created: r.Created, Started: r.Started, Ended: r.Ended, Message: r.Message,
	}
	if r.N > 0 {
		v.Job = e.jobOf(r.N)
	}
	if r.N > 0 && r.State.Ended() {
		code := r.Code
		v.ExitCode = &code
	}
	return v
}

func (e *entry) waitingView(w *waiting) model.RunView {
	return model.RunView{Due: w.Due, Cause: w.Cause, State: model.RunWaiting}
}

// runViews are the runs, newest first: those that wait, then the others.
func (e *entry) runViews(limit int) []model.RunView {
	if limit <= 0 {
		limit = len(e.Waiting) + len(e.Runs)
	}
	out := []model.RunView{}
	for i := len(e.Waiting) - 1; i >= 0 && len(out) < limit; i-- {
		out = append(out, e.waitingView(&e.Waiting[i]))
	}
	for i := len(e.Runs) - 1; i >= 0 && len(out) < limit; i-- {
		out = append(out, e.runView(e.Runs[i]))
	}
	return out
}

// inZone writes a time on the wall clock of the schedule.
func (e *entry) inZone(f *Framework, t time.Time) string {
	loc, err := f.zone(zoneOf(e.Job))
	if err != nil {
		loc = time.UTC
	}
	return t.In(loc).Format("Mon 2 Jan 2006 15:04:05 MST")
}
