package service

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

const maxKeyBytes = 256

// submit enters a job, or a new version of the one with its name; or finds the one
// that the same request made before.
func (f *Framework) submit(r *model.Submit) (any, *model.Refusal) {
	if err := checkJob(r.Job); err != nil {
		return nil, err
	}
	if len(r.Key) > maxKeyBytes {
		return nil, model.Refuse(model.ReasonTooLarge, "idempotency key of %d bytes: the limit is %d", len(r.Key), maxKeyBytes)
	}
	if k := f.keys[r.Key]; r.Key != "" && k.job != nil {
		if !sameJob(k.version.Job, r.Job) {
			return nil, model.Refuse(model.ReasonConflict,
				"idempotency key %q was used for another job, %q (%s); use a new key for a new job", r.Key, k.version.Job.Name, k.job.ID)
		}
		return model.SubmitReply{ID: k.job.ID, Name: r.Job.Name, Existing: true, Version: int(k.version.Num)}, nil
	}
	j := f.names[r.Job.Name]
	if err := checkIndex(j, r); err != nil {
		return nil, err
	}
	e := &versioned{ID: r.ID, At: sdk.MicrosOf(f.out.Now), Job: r.Job, Key: r.Key, User: clip(r.User, model.MaxNameBytes), Parent: r.Parent}
	asked := slotsOf(r.Job)
	if j != nil {
		if err := f.sameKind(j, r.Job); err != nil {
			return nil, err
		}
		if f.settled(j) && sameJob(j.spec(), r.Job) {
			return model.SubmitReply{ID: j.ID, Name: r.Job.Name, Version: int(j.last().Num), Unchanged: true}, nil
		}
		e.ID = j.ID
		if !j.State.Ended() {
			asked -= slotsOf(j.spec())
		}
	} else if r.ID == "" || f.jobs[r.ID] != nil || strings.ContainsAny(string(r.ID), "/") {
		return nil, model.Refuse(model.ReasonConflict, "job id %q is not free; submit again", r.ID)
	}
	if err := f.checkRoom(asked); err != nil {
		return nil, err
	}
	event, cause := events.Encode(e)
	if cause != nil {
		return nil, model.Refuse(model.ReasonInvalidJob, "job %q has no JSON form: %s", r.Job.Name, cause)
	}
	if len(event) > model.MaxJobBytes+1<<10 {
		return nil, model.Refuse(model.ReasonTooLarge, "job %q: %s, the limit is %s", r.Job.Name,
			model.FormatBytes(int64(len(event))), model.FormatBytes(model.MaxJobBytes))
	}
	f.enter(event)
	j = f.jobs[e.ID]
	return model.SubmitReply{ID: j.ID, Name: r.Job.Name, Version: int(j.last().Num)}, nil
}

// settled reports whether a job is as its newest version wants it, so that the
// same once more changes nothing. After a deployment that failed it is another try.
func (f *Framework) settled(j *job) bool {
	if j.stopping() {
		return false
	}
	d := j.deployment()
	return d == nil || d.State == model.DeploymentSuccessful || d.State.Active()
}

// checkIndex refuses a submission that was made with an older state in mind.
func checkIndex(j *job, r *model.Submit) *model.Refusal {
	if r.CheckIndex == nil {
		return nil
	}
	index := uint64(0)
	if j != nil && !j.State.Ended() {
		index = j.Index
	}
	switch {
	case index == *r.CheckIndex:
		return nil
	case index == 0:
		return model.Refuse(model.ReasonConflict, "job %q is not there: it was to be at check index %d; look at tender plan again", r.Job.Name, *r.CheckIndex)
	case *r.CheckIndex == 0:
		return model.Refuse(model.ReasonConflict, "job %q (%s) is there already, at check index %d; look at tender plan again", r.Job.Name, j.ID, index)
	}
	return model.Refuse(model.ReasonConflict, "job %q (%s) was changed meanwhile: it is at check index %d, not %d; look at tender plan again", r.Job.Name, j.ID, index, *r.CheckIndex)
}

// sameKind refuses a version that would make something else of a job.
func (f *Framework) sameKind(j *job, spec *model.Job) *model.Refusal {
	if was := j.spec(); was.Type != spec.Type && !j.State.Ended() {
		return model.Refuse(model.ReasonConflict, "job %q (%s) is of type %q; a new version cannot be of type %q; cancel it first, or use another name", spec.Name, j.ID, was.Type, spec.Type)
	}
	return nil
}

func sameJob(a, b *model.Job) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

// checkRoom refuses what would take the framework beyond its bounds.
func (f *Framework) checkRoom(more int) *model.Refusal {
	if f.open >= f.cfg.MaxJobs {
		return model.Refuse(model.ReasonQueueFull, "there are %d services (limit %d); cancel some", f.open, f.cfg.MaxJobs)
	}
	if more > 0 && f.slots+more > f.cfg.MaxAllocs {
		return model.Refuse(model.ReasonQueueFull, "all services have %d tasks and this asks for %d more (limit %d); scale some down", f.slots, more, f.cfg.MaxAllocs)
	}
	return nil
}

func slotsOf(spec *model.Job) (n int) {
	if spec.Type == model.JobSystem {
		return 0
	}
	for i := range spec.Groups {
		n += spec.Groups[i].Count
	}
	return n
}

// checkJob refuses what this framework relies on not to be. The job file's rules
// have been checked before; this is about what would break here.
func checkJob(spec *model.Job) *model.Refusal {
	if spec == nil {
		return model.Refuse(model.ReasonInvalidJob, "the submission holds no job")
	}
	bad := func(format string, args ...any) *model.Refusal {
		r := model.Refuse(model.ReasonInvalidJob, format, args...)
		r.Message = "job \"" + spec.Name + "\": " + r.Message
		return r
	}
	switch {
	case spec.Type != model.JobService && spec.Type != model.JobSystem:
		return model.Refuse(model.ReasonUnsupported, "job %q: type %q is not run by the service framework", spec.Name, spec.Type)
	case spec.Name == "" || len(spec.Name) > model.MaxNameBytes:
		return bad("a name has 1 to %d bytes", model.MaxNameBytes)
	case len(spec.Groups) == 0 || len(spec.Groups) > model.MaxGroups:
		return bad("a job has 1 to %d groups, not %d", model.MaxGroups, len(spec.Groups))
	case spec.Priority < 0 || spec.Priority > model.MaxPriority:
		return bad("priority is %d; it must be 0 to %d", spec.Priority, model.MaxPriority)
	case spec.TimeLimit != 0 || len(spec.DependsOn) > 0:
		return bad("a %s has no time limit and depends on no other job", spec.Type)
	}
	for i := range spec.Groups {
		g := &spec.Groups[i]
		switch {
		case slices.ContainsFunc(spec.Groups[:i], func(o model.Group) bool { return o.Name == g.Name }):
			return bad("there are two groups named %q", g.Name)
		case g.Name == "" || strings.Contains(g.Name, "/"):
			return bad("%q cannot name a group", g.Name)
		case g.Array != nil || g.Gang != nil:
			return bad("group %q is an array or a gang, which end; a %s does not", g.Name, spec.Type)
		case g.Count < 0 || g.Count > model.MaxCount:
			return bad("group %q: the count is %d; it must be 0 to %d", g.Name, g.Count, model.MaxCount)
		case len(g.Tasks) == 0 || len(g.Tasks) > model.MaxTasksPerGroup:
			return bad("group %q has %d tasks; it must have 1 to %d", g.Name, len(g.Tasks), model.MaxTasksPerGroup)
		}
	}
	return nil
}
