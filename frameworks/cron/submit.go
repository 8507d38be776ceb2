package cron

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/schedule"
)

const maxKeyBytes = 256

// submit enters a schedule, or a new version of the one that goes by this name.
func (f *Framework) submit(r *model.Submit) (any, *model.Refusal) {
	if r.Job == nil || r.Job.Periodic == nil {
		return nil, model.Refuse(model.ReasonInvalidJob, "the submission holds no periodic job")
	}
	if len(r.Key) > maxKeyBytes {
		return nil, model.Refuse(model.ReasonTooLarge, "idempotency key of %d bytes: the limit is %d", len(r.Key), maxKeyBytes)
	}
	if e := f.keys[r.Key]; r.Key != "" && e != nil {
		return f.sameJob(e, r)
	}
	if err := f.check(r.Job, f.out.Now); err != nil {
		return nil, err
	}
	id := r.ID
	was := f.live(r.Job.Name)
	switch {
	case was != nil:
		id = was.ID
	case r.ID == "" || f.entries[r.ID] != nil || strings.ContainsAny(string(r.ID), "/."):
		return nil, model.Refuse(model.ReasonConflict, "job id %q is not free; submit again", r.ID)
	case f.open >= f.cfg.MaxSchedules:
		return nil, model.Refuse(model.ReasonQueueFull, "there are %d scheduled jobs (limit %d); cancel some", f.open, f.cfg.MaxSchedules)
	}
	event, err := events.Encode(&submitted{ID: id, At: f.out.Now, Job: r.Job, Key: r.Key, User: r.User})
	if err != nil {
		return nil, model.Refuse(model.ReasonInvalidJob, "job %q has no JSON form: %s", r.Job.Name, err)
	}
	if len(event) > model.MaxJobBytes {
		return nil, model.Refuse(model.ReasonTooLarge, "job %q: %s, the limit is %s", r.Job.Name,
			model.FormatBytes(int64(len(event))), model.FormatBytes(model.MaxJobBytes))
	}
	f.enter(event)
	e := f.entries[id]
	f.compile(e)
	f.arm(e)
	f.out.touch(e)
	return model.SubmitReply{ID: id, Name: r.Job.Name, Version: e.Version, Next: e.next}, nil
}

// sameJob answers a submission whose key was seen before.
func (f *Framework) sameJob(e *entry, r *model.Submit) (any, *model.Refusal) {
	was, err1 := json.Marshal(e.Job)
	is, err2 := json.Marshal(r.Job)
	if err1 != nil || err2 != nil || !bytes.Equal(was, is) {
		return nil, model.Refuse(model.ReasonConflict,
			"idempotency key %q was used for another job, %q (%s); use a new key for a new job", r.Key, e.Job.Name, e.ID)
	}
	return model.SubmitReply{ID: e.ID, Name: e.Job.Name, Version: e.Version, Next: e.next, Existing: true}, nil
}

// check refuses what this framework could not run. The job file's rules have been
// checked before.
func (f *Framework) check(job *model.Job, now time.Time) *model.Refusal {
	p := job.Periodic
	if job.Name == "" || len(job.Name) > model.MaxNameBytes {
		return model.Refuse(model.ReasonInvalidJob, "job %q: a name has 1 to %d bytes", job.Name, model.MaxNameBytes)
	}
	if job.Type != model.JobBatch && job.Type != model.JobSysBatch {
		return model.Refuse(model.ReasonUnsupported, "job %q: a job of type %q has no periodic block", job.Name, job.Type)
	}
	if len(p.Crons) == 0 && p.Schedule == "" && !p.Chained {
		return model.Refuse(model.ReasonInvalidJob, "job %q: its periodic block does not say when it is due", job.Name)
	}
	s, err := f.when(job, now)
	switch {
	case err != nil:
		return err
	case p.Chained:
		return f.checkParents(job)
	case s.Next(now).IsZero():
		return model.Refuse(model.ReasonInvalidJob, "job %q: it is never due: the last run of %s would have been before now", job.Name, whenText(job))
	}
	return nil
}

// when makes a job's schedule.
func (f *Framework) when(job *model.Job, anchor time.Time) (*schedule.Schedule, *model.Refusal) {
	loc, err := f.zone(zoneOf(job))
	if err != nil {
		return nil, model.Refuse(model.ReasonInvalidJob, "job %q: the time zone %q is not known to this master: %s", job.Name, zoneOf(job), err)
	}
	s, fault := schedule.New(job.Periodic, loc, anchor)
	if fault != nil {
		return nil, model.Refuse(model.ReasonInvalidJob, "job %q: %s", job.Name, fault)
	}
	return s, nil
}

// zone loads a time zone once.
func (f *Framework) zone(name string) (*time.Location, error) {
	if loc := f.zones[name]; loc != nil {
		return loc, nil
	}
	loc, err := f.cfg.Zone(name)
	if err == nil {
		f.zones[name] = loc
	}
	return loc, err
}

func zoneOf(job *model.Job) string {
	if z := job.Periodic.TimeZone; z != "" {
		return z
	}
	return schedule.UTC
}

// compile makes the schedule of an entry; one whose zone this master lacks is never due.
func (f *Framework) compile(e *entry) {
	e.when, e.fault = nil, ""
	s, err := f.when(e.Job, e.Anchor)
	if err != nil {
		e.fault = err.Message
		return
	}
	e.when = s
}

func (f *Framework) foldSubmitted(ev *submitted) error {
	if ev.Job == nil || ev.Job.Periodic == nil {
		return fmt.Errorf("schedule %s: submitted without a schedule", ev.ID)
	}
	f.children = nil
	e := f.entries[ev.ID]
	if e == nil {
		f.lastSeq++
		e = &entry{
			ID: ev.ID, Seq: f.lastSeq, Version: 1, Job: ev.Job, Key: ev.Key, User: ev.User,
			Submitted: ev.At, Anchor: ev.At, Decided: ev.At, Paused: ev.Job.Periodic.Disabled,
		}
		f.add(e)
		f.out.notice(ev.At, "schedule_submitted", e, whenText(ev.Job))
		return nil
	}
	if e.ended() {
		return fmt.Errorf("schedule %s: submitted again after its end", ev.ID)
	}
	was := e.Job
	e.frozen, e.Version = nil, e.Version+1
	e.Job, e.User = ev.Job, ev.User
	if f.keys[e.Key] == e {
		delete(f.keys, e.Key)
	}
	if e.Key = ev.Key; e.Key != "" {
		f.keys[e.Key] = e
	}
	e.Paused = ev.Job.Periodic.Disabled
	if !sameTimes(was.Periodic, ev.Job.Periodic) {
		// What was due under other expressions is nobody's any more.
		e.Anchor, e.Decided, e.Heard = ev.At, laterOf(e.Decided, ev.At), nil
	}
	f.out.notice(ev.At, "schedule_updated", e, whenText(ev.Job))
	return nil
}

// sameTimes reports whether two versions are due at the same times.
func sameTimes(a, b *model.Periodic) bool {
	return slices.Equal(a.Crons, b.Crons) && a.Schedule == b.Schedule && a.TimeZone == b.TimeZone &&
		a.Chained == b.Chained && a.Disabled == b.Disabled
}

func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
