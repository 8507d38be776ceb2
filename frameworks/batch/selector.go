package batch

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

const (
	selectLast      = "last"
	minPrefix       = 2
	maxCandidates   = 10
	maxNearSearched = 1000 // latest jobs whose names are compared for a near miss
)

// find resolves a selector: an id, "last" for the latest submission, a job
// name for the latest with it, or a prefix of exactly one id. A name goes
// before a prefix, so that what a script says does not depend on which ids
// were drawn.
func (f *Framework) find(selector string) (*job, *model.Refusal) {
	if j := f.jobs[model.JobID(selector)]; j != nil {
		return j, nil
	}
	if selector == selectLast {
		if len(f.order) == 0 {
			return nil, model.Refuse(model.ReasonNotFound, "there is no last job: none has been submitted, or none is remembered")
		}
		return f.order[len(f.order)-1], nil
	}
	if j := f.latest(selector); j != nil {
		return j, nil
	}
	if len(selector) < minPrefix {
		return nil, f.notFound(selector)
	}
	var found []*job
	for _, j := range f.order {
		if strings.HasPrefix(string(j.id), selector) {
			found = append(found, j)
		}
	}
	switch len(found) {
	case 0:
		return nil, f.notFound(selector)
	case 1:
		return found[0], nil
	}
	r := model.Refuse(model.ReasonAmbiguous, "%q is the beginning of %d job ids; give more of it", selector, len(found))
	slices.Reverse(found)
	for _, j := range found[:min(len(found), maxCandidates)] {
		r.Details = append(r.Details, fmt.Sprintf("%s %s (%s)", j.id, j.spec.Name, j.state))
	}
	return nil, r
}

// notFound refuses a selector that names no job, with the names and ids like it.
func (f *Framework) notFound(selector string) *model.Refusal {
	r := model.Refuse(model.ReasonNotFound, "no job has the id or the name %q", selector)
	type near struct {
		text     string
		distance int
	}
	var hits []near
	seen := map[string]bool{}
	limit := 1 + len(selector)/5
	consider := func(text string, j *job) {
		if seen[text] || len(text) > len(selector)+limit || len(text) < len(selector)-limit {
			return
		}
		seen[text] = true
		if d := levenshtein.Distance(selector, text, nil); d <= limit {
			hits = append(hits, near{fmt.Sprintf("%s %s (%s)", j.id, j.spec.Name, j.state), d})
		}
	}
	for i := len(f.order) - 1; i >= max(0, len(f.order)-maxNearSearched); i-- {
		consider(f.order[i].spec.Name, f.order[i])
		consider(string(f.order[i].id), f.order[i])
	}
	slices.SortStableFunc(hits, func(a, b near) int { return cmp.Compare(a.distance, b.distance) })
	for _, h := range hits[:min(len(hits), maxCandidates)] {
		r.Details = append(r.Details, h.text)
	}
	if len(hits) > 0 {
		r.Message += "; did you mean " + hits[0].text + "?"
	}
	return r
}

// search says which jobs a selector may mean, for a host with several frameworks.
func (f *Framework) search(selector string) model.FoundJobs {
	if j := f.latest(selector); j != nil && f.jobs[model.JobID(selector)] == nil {
		v := j.found()
		v.Match = model.MatchName
		return model.FoundJobs{Jobs: []model.FoundJob{v}}
	}
	byID := func(id model.JobID) (*job, bool) { j := f.jobs[id]; return j, j != nil }
	return sdk.Find(f.order, (*job).found, byID, selector)
}

func (j *job) found() model.FoundJob {
	return model.FoundJob{ID: j.id, Name: j.spec.Name, State: j.state, Submitted: j.submitted.time(), Parent: j.parent}
}
