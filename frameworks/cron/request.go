package cron

import (
	"strings"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// request carries out a person's wish and answers it.
func (f *Framework) request(r model.Request) {
	var body any
	var err *model.Refusal
	switch b := r.Body.(type) {
	case model.Submit:
		body, err = f.submit(&b)
	case model.CancelJob:
		body, err = f.cancel(&b)
	case model.PauseJob:
		body, err = f.pause(b.Selector)
	case model.ResumeJob:
		body, err = f.resume(b.Selector)
	case model.TriggerJob:
		body, err = f.trigger(b.Selector)
	case model.RetryJob:
		var e *entry
		if e, err = f.find(b.Selector); err == nil {
			err = model.Refuse(model.ReasonUnsupported, "job %q (%s) is a schedule: retry one of its runs, or make another with tender cron trigger %s", e.Job.Name, e.ID, e.Job.Name)
		}
	default:
		err = model.Refuse(model.ReasonUnsupported, "the cron framework cannot do a %T", r.Body)
	}
	f.out.Reply(r.ID, body, err)
}

// find resolves a selector among the schedules.
func (f *Framework) find(selector string) (*entry, *model.Refusal) {
	found, r := f.search(selector).One(selector)
	if r != nil && r.Reason == model.ReasonNotFound {
		r.Message = strings.Replace(r.Message, "no job has", "no scheduled job has", 1)
	}
	return f.entries[found.ID], r
}

func (f *Framework) search(selector string) model.FoundJobs {
	return sdk.Find(f.order, (*entry).found, f.byID, selector)
}

func (f *Framework) byID(id model.JobID) (*entry, bool) { e := f.entries[id]; return e, e != nil }

func (e *entry) found() model.FoundJob {
	return model.FoundJob{ID: e.ID, Name: e.Job.Name, State: e.shown(), Submitted: e.Submitted}
}

// findOpen finds a schedule that has not ended.
func (f *Framework) findOpen(selector string) (*entry, *model.Refusal) {
	e, err := f.find(selector)
	if err == nil && e.ended() {
		return nil, model.Refuse(model.ReasonTerminalJob, "schedule %q (%s) has ended already: %s; submit it again", e.Job.Name, e.ID, e.State)
	}
	return e, err
}

func (f *Framework) pause(selector string) (any, *model.Refusal) {
	e, err := f.findOpen(selector)
	if err != nil {
		return nil, err
	}
	if !e.ByHand {
		f.emit(&paused{ID: e.ID, At: f.out.Now})
		f.arm(e)
	}
	return f.view(e, false), nil
}

func (f *Framework) resume(selector string) (any, *model.Refusal) {
	e, err := f.findOpen(selector)
	if err != nil {
		return nil, err
	}
	if e.paused() {
		f.emit(&resumed{ID: e.ID, At: f.out.Now})
		f.arm(e)
		f.out.touch(e)
	}
	return f.view(e, false), nil
}

// trigger makes a run now, as if it were due; also of a schedule that is paused.
func (f *Framework) trigger(selector string) (any, *model.Refusal) {
	e, err := f.findOpen(selector)
	if err != nil {
		return nil, err
	}
	if going := e.running(); len(going) > 0 && e.Job.Periodic.Overlap == model.OverlapForbid {
		return nil, model.Refuse(model.ReasonConflict,
			"schedule %q (%s): run %d still goes on, and overlap is \"forbid\"; wait for it, or tender cancel %s",
			e.Job.Name, e.ID, going[0].N, e.jobOf(going[0].N))
	}
	f.start(e, decision{Due: f.out.Now, Cause: model.RunTrigger})
	if n := len(e.Waiting); n > 0 && e.Waiting[n-1].Due.Equal(f.out.Now) {
		return e.waitingView(&e.Waiting[n-1]), nil
	}
	return e.runView(e.Runs[len(e.Runs)-1]), nil
}

// cancel ends a schedule. Its runs go on unless they are to be cancelled too.
func (f *Framework) cancel(r *model.CancelJob) (any, *model.Refusal) {
	e, err := f.find(r.Selector)
	switch {
	case err != nil:
		return nil, err
	case r.Group != "" || len(r.Indices) > 0:
		return nil, model.Refuse(model.ReasonBadRequest, "job %q (%s) is a schedule, which has no tasks; cancel one of its runs", e.Job.Name, e.ID)
	case e.ended() && (!r.Runs || len(e.running()) == 0):
		return nil, model.Refuse(model.ReasonTerminalJob, "schedule %q (%s) has ended already: %s", e.Job.Name, e.ID, e.State)
	}
	if r.Runs {
		f.stopRuns(e)
	}
	if !e.ended() {
		f.emit(&ended{ID: e.ID, At: f.out.Now, State: model.JobCancelled})
		f.arm(e)
	}
	return f.view(e, false), nil
}

// boundEnded forgets the schedules that ended first when there are too many, but
// for those with runs that go on.
func (f *Framework) boundEnded() {
	if over := len(f.order) - f.open - f.cfg.MaxEnded; over > 0 {
		var ids []model.JobID
		for _, e := range f.order {
			if len(ids) < over && e.ended() && len(e.running()) == 0 {
				ids = append(ids, e.ID)
			}
		}
		if ids != nil {
			f.emit(&forgotten{IDs: ids})
		}
	}
}
