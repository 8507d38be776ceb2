package sdk

import (
	"cmp"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/tender-scheduler/tender/core/model"
)

// Last selects the latest submission.
const Last = "last"

const (
	minPrefix       = 2    // of an id
	maxNearSearched = 1000 // latest jobs whose names are compared for a near miss
)

// Find answers model.FindJob for a framework whose jobs are in order of
// submission: a whole id, the latest with that name or the latest of all for
// "last", else those whose ids begin so, else those that are called alike.
func Find[J any](jobs []J, view func(J) model.FoundJob, byID func(model.JobID) (J, bool), selector string) model.FoundJobs {
	one := func(j J, m model.JobMatch) model.FoundJobs {
		v := view(j)
		v.Match = m
		return model.FoundJobs{Jobs: []model.FoundJob{v}}
	}
	if j, ok := byID(model.JobID(selector)); ok {
		return one(j, model.MatchID)
	}
	var prefixed []model.FoundJob
	for i := len(jobs) - 1; i >= 0; i-- {
		v := view(jobs[i])
		if selector == Last || v.Name == selector {
			return one(jobs[i], model.MatchName)
		}
		if len(selector) >= minPrefix && len(prefixed) < model.MaxFound && strings.HasPrefix(string(v.ID), selector) {
			v.Match = model.MatchPrefix
			prefixed = append(prefixed, v)
		}
	}
	if len(prefixed) > 0 || selector == Last {
		return model.FoundJobs{Jobs: prefixed}
	}
	return Near(jobs, view, selector)
}

// Near finds the latest jobs whose name or id is a slip of the pen away.
func Near[J any](jobs []J, view func(J) model.FoundJob, selector string) model.FoundJobs {
	type hit struct {
		model.FoundJob
		distance int
	}
	var hits []hit
	seen := map[string]bool{}
	limit := 1 + len(selector)/5
	for i := len(jobs) - 1; i >= max(0, len(jobs)-maxNearSearched); i-- {
		v := view(jobs[i])
		v.Match = model.MatchNear
		for _, text := range []string{v.Name, string(v.ID)} {
			if seen[text] || len(text) > len(selector)+limit || len(text) < len(selector)-limit {
				continue
			}
			seen[text] = true
			if d := levenshtein.Distance(selector, text, nil); d <= limit {
				hits = append(hits, hit{v, d})
			}
		}
	}
	slices.SortStableFunc(hits, func(a, b hit) int { return cmp.Compare(a.distance, b.distance) })
	out := make([]model.FoundJob, 0, model.MaxFound)
	for _, h := range hits[:min(len(hits), model.MaxFound)] {
		out = append(out, h.FoundJob)
	}
	return model.FoundJobs{Jobs: out}
}
