package batch

import (
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// find resolves a selector: an id, "last" for the latest submission, a job
// name for the latest with it, or a prefix of exactly one id. A name goes
// before a prefix, so that what a script says does not depend on which ids
// were drawn.
func (f *Framework) find(selector string) (*job, *model.Refusal) {
	found, refusal := f.search(selector).One(selector)
	return f.jobs[found.ID], refusal
}

// search says which jobs a selector may mean, for a host with several frameworks.
func (f *Framework) search(selector string) model.FoundJobs {
	if j := f.latest(selector); j != nil && f.jobs[model.JobID(selector)] == nil {
		v := j.found()
		v.Match = model.MatchName
		return model.FoundJobs{Jobs: []model.FoundJob{v}}
	}
	return sdk.Find(f.order, (*job).found, f.byID, selector)
}

func (f *Framework) byID(id model.JobID) (*job, bool) { j := f.jobs[id]; return j, j != nil }

func (j *job) found() model.FoundJob {
	return model.FoundJob{ID: j.id, Name: j.spec.Name, State: j.state, Submitted: j.submitted.Time(), Parent: j.parent}
}

// unknown refuses what is neither an id nor a name, also if it begins an id.
func (f *Framework) unknown(text string) *model.Refusal {
	_, r := sdk.Near(f.order, (*job).found, text).One(text)
	return r
}
