package batch

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// Limits on what is journaled beside the job itself.
const (
	maxKeyBytes     = 256
	maxDependencies = 1000
)

// submit enters a new job, or finds the one that the same request made before.
func (f *Framework) submit(r *model.Submit) (any, *model.Refusal) {
	if err := checkJob(r.Job); err != nil {
		return nil, err
	}
	if len(r.Key) > maxKeyBytes {
		return nil, model.Refuse(model.ReasonTooLarge, "idempotency key of %d bytes: the limit is %d", len(r.Key), maxKeyBytes)
	}
	if r.Key != "" {
		if j := f.keys[r.Key]; j != nil {
			return sameJob(j, r)
		}
	}
	if r.ID == "" || f.jobs[r.ID] != nil || strings.Contains(string(r.ID), "/") {
		return nil, model.Refuse(model.ReasonConflict, "job id %q is not free; submit again", r.ID)
	}
	if err := f.checkRoom(slotsOf(r.Job)); err != nil {
		return nil, err
	}
	deps, err := f.resolveDeps(r.Job)
	if err != nil {
		return nil, err
	}
	if err := f.enterJob(&submitted{
		ID: r.ID, At: sdk.MicrosOf(f.out.Now), Job: r.Job, Deps: deps, Key: r.Key, User: clip(r.User, model.MaxNameBytes),
		Parent: r.Parent, Keep: r.Keep,
	}); err != nil {
		return nil, err
	}
	j := f.jobs[r.ID]
	reply := model.SubmitReply{ID: j.id, Name: j.spec.Name}
	if ex := f.whyBlocked(j, f.out.Now); ex != nil && ex.Tier == model.TierNever {
		reply.Warning = ex
	}
	return reply, nil
}

// enterJob journals and folds a submission, unless its job is too large.
func (f *Framework) enterJob(e *submitted) *model.Refusal {
	if f.cfg.Unjournaled {
		f.emit(e)
		return nil
	}
	event, cause := events.Encode(e)
	if cause != nil {
		return model.Refuse(model.ReasonInvalidJob, "job %q has no JSON form: %s", e.Job.Name, cause)
	}
	if len(event) > model.MaxJobBytes { // the job is less than all of it: rarely worth a measure of its own
		if err := checkSize(e.Job); err != nil {
			return err
		}
	}
	f.enter(event)
	return nil
}

// sameJob answers a submission whose key was seen before.
func sameJob(j *job, r *model.Submit) (any, *model.Refusal) {
	was, err1 := json.Marshal(j.spec)
	is, err2 := json.Marshal(r.Job)
	if err1 != nil || err2 != nil || !bytes.Equal(was, is) {
		return nil, model.Refuse(model.ReasonConflict,
			"idempotency key %q was used for another job, %q (%s); use a new key for a new job", r.Key, j.spec.Name, j.id)
	}
	return model.SubmitReply{ID: j.id, Name: j.spec.Name, Existing: true}, nil
}

// checkRoom refuses what would take the queue beyond its bounds.
func (f *Framework) checkRoom(slots int) *model.Refusal {
	c := &f.counts
	if c.openJobs >= f.cfg.MaxJobs {
		return model.Refuse(model.ReasonQueueFull,
			"the queue is full: %d jobs have not ended (limit %d); wait for some to end, or cancel some", c.openJobs, f.cfg.MaxJobs)
	}
	if c.openSlots+slots > f.cfg.MaxSlots {
		return model.Refuse(model.ReasonQueueFull,
			"the queue is full: its jobs have %d tasks and this one %d (limit %d); wait for some to end, or cancel some",
			c.openSlots, slots, f.cfg.MaxSlots)
	}
	return nil
}

func slotsOf(spec *model.Job) int {
	n := 0
	for i := range spec.Groups {
		n += spec.Groups[i].Size()
	}
	return n
}

// checkJob refuses what this framework relies on not to be. The job file's
// rules have been checked before; this is about what would break here.
func checkJob(spec *model.Job) *model.Refusal {
	if spec == nil {
		return model.Refuse(model.ReasonInvalidJob, "the submission holds no job")
	}
	bad := func(format string, args ...any) *model.Refusal {
		r := model.Refuse(model.ReasonInvalidJob, format, args...)
		r.Message = "job \"" + spec.Name + "\": " + r.Message
		return r
	}
	if spec.Type != model.JobBatch && !everywhere(spec) {
		return model.Refuse(model.ReasonUnsupported, "job %q: type %q is not run by the batch framework; use type \"batch\"", spec.Name, spec.Type)
	}
	switch n := len(spec.Groups); {
	case spec.Name == "" || len(spec.Name) > model.MaxNameBytes:
		return bad("a name has 1 to %d bytes", model.MaxNameBytes)
	case n == 0:
		return bad("there is no group")
	case n > model.MaxGroups:
		return model.Refuse(model.ReasonTooLarge, "job %q: %d groups, the limit is %d", spec.Name, n, model.MaxGroups)
	}
	total := 0
	for i := range spec.Groups {
		if err := checkGroup(spec, &spec.Groups[i]); err != nil {
			return err
		}
		if g := &spec.Groups[i]; everywhere(spec) && (g.Array != nil || g.Gang != nil || g.Count != 1) {
			return bad("group %q has a count, or is an array or a gang; a sysbatch job has one task on every agent that matches", g.Name)
		}
		total += spec.Groups[i].Size()
	}
	if total == 0 {
		return bad("there is nothing to run: every group has a count of 0")
	}
	if n := len(spec.DependsOn); n > maxDependencies {
		return model.Refuse(model.ReasonTooLarge, "job %q: it depends on %d jobs, the limit is %d", spec.Name, n, maxDependencies)
	}
	for _, d := range spec.DependsOn {
		if !slices.Contains(dependKinds, d.Kind) {
			return bad("depends_on %q: no such condition %q; want ok, failed, any or started", d.Job, d.Kind)
		}
	}
	return nil
}

// checkSize refuses what does not fit a journal entry.
func checkSize(spec *model.Job) *model.Refusal {
	if b, err := json.Marshal(spec); err != nil {
		return model.Refuse(model.ReasonInvalidJob, "job %q has no JSON form: %s", spec.Name, err)
	} else if len(b) > model.MaxJobBytes {
		return model.Refuse(model.ReasonTooLarge, "job %q: %s, the limit is %s", spec.Name,
			model.FormatBytes(int64(len(b))), model.FormatBytes(model.MaxJobBytes))
	}
	return nil
}

var dependKinds = []model.DependencyKind{model.DependOK, model.DependFailed, model.DependAny, model.DependStarted}

func checkGroup(spec *model.Job, g *model.Group) *model.Refusal {
	bad := func(format string, args ...any) *model.Refusal {
		r := model.Refuse(model.ReasonInvalidJob, format, args...)
		r.Message = "job \"" + spec.Name + "\" group \"" + g.Name + "\": " + r.Message
		return r
	}
	if n := len(g.Tasks); n > model.MaxTasksPerGroup {
		return model.Refuse(model.ReasonTooLarge, "job %q group %q: %d tasks, the limit is %d", spec.Name, g.Name, n, model.MaxTasksPerGroup)
	}
	if g.Restart.Attempts < 0 || g.Restart.Interval < 0 || g.Restart.Delay < 0 {
		return bad("a restart value is negative")
	}
	if a := g.Array; a != nil {
		if g.Gang != nil {
			return bad("a group is an array or a gang, not both")
		}
		if a.Limit < 0 {
			return bad("the array's limit is negative")
		}
		for i, r := range a.Ranges {
			if r.Step == 0 || r.First > r.Last || i > 0 && r.First <= a.Ranges[i-1].Last {
				return bad("array range %d-%d:%d: want ascending ranges that do not overlap, with a step of at least 1", r.First, r.Last, r.Step)
			}
		}
	} else if g.Count < 0 {
		return bad("the count is negative")
	}
	limit := model.MaxCount
	if g.Array != nil {
		limit = model.MaxArraySize
	}
	if n := g.Size(); n > limit {
		return model.Refuse(model.ReasonTooLarge, "job %q group %q: %d tasks, the limit is %d", spec.Name, g.Name, n, limit)
	}
	return nil
}

// resolveDeps turns the names in a job's dependencies into the ids of the
// latest jobs with those names.
func (f *Framework) resolveDeps(spec *model.Job) ([]dependency, *model.Refusal) {
	var deps []dependency
	for _, d := range spec.DependsOn {
		j := f.jobs[model.JobID(d.Job)]
		if j == nil {
			j = f.latest(d.Job)
		}
		if j == nil {
			r := f.unknown(d.Job)
			r.Reason = model.ReasonInvalidJob
			r.Message = "job \"" + spec.Name + "\" depends on a job that is not known: " + r.Message
			return nil, r
		}
		deps = append(deps, dependency{Job: j.id, Name: j.spec.Name, Kind: d.Kind})
	}
	return deps, nil
}
