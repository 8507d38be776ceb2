package sdk

import (
	"slices"
	"sort"

	"github.com/tender-scheduler/tender/core/model"
)

// DefaultLimit is how long a list is if the question does not say.
const DefaultLimit = 1000

// Answer keeps a refused question's body out of the answer.
func Answer[T any](body T, err *model.Refusal) (any, *model.Refusal) {
	if err != nil {
		return nil, err
	}
	return body, nil
}

// Lister says what List has to know of a framework's jobs.
type Lister[J any] struct {
	ByID  func(model.JobID) (J, bool)
	Seq   func(J) uint64 // grows from job to job
	Found func(J) model.FoundJob
	View  func(J) model.JobView
}

// List answers model.ListJobs from jobs in order of submission: the latest first.
func (l *Lister[J]) List(jobs []J, q *model.ListJobs) (out model.JobList, err *model.Refusal) {
	if q.State != "" && !slices.Contains(model.JobStates, model.JobState(q.State)) {
		err := model.Refuse(model.ReasonBadRequest, "no such job state %q", q.State)
		for _, s := range model.JobStates {
			err.Details = append(err.Details, string(s))
		}
		return out, err
	}
	end := len(jobs)
	if q.Before != "" {
		b, ok := l.ByID(q.Before)
		if !ok {
			return out, model.Refuse(model.ReasonNotFound, "job %q, which the list was to go on from, is not known any more; start again", q.Before)
		}
		end = sort.Search(end, func(i int) bool { return l.Seq(jobs[i]) >= l.Seq(b) })
	}
	if !q.Until.IsZero() {
		end = sort.Search(end, func(i int) bool {
			at := l.Found(jobs[i]).Submitted
			return at.After(q.Until) || at.Equal(q.Until) && !q.Through
		})
	}
	limit := q.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	out.Jobs = make([]model.JobView, 0, min(limit, end))
	for i := end - 1; i >= 0; i-- {
		f := l.Found(jobs[i])
		if q.State != "" && string(f.State) != q.State || q.Name != "" && f.Name != q.Name {
			continue
		}
		if out.More = len(out.Jobs) == limit; out.More {
			break
		}
		out.Jobs = append(out.Jobs, l.View(jobs[i]))
	}
	return out, nil
}
