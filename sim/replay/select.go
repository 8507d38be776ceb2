package replay

import (
	"cmp"
	"fmt"
	"slices"
)

// Window is a part of a log: Count jobs from the one with number Start on, the
// first having number 0. Each is replayed on a machine of its own.
type Window struct{ Start, Count int }

// Dropped counts the jobs that are not replayed.
type Dropped struct {
	TooLarge int `json:"too_large"` // more processors than there are
	NoRun    int `json:"no_run"`    // did not run, or nobody knows for how long
	NoLimit  int `json:"no_limit"`  // no time limit, where others have one
}

// job is a Record as it is replayed.
type job struct {
	Record
	started bool
	start   int64
}

// limits reports whether any job of the log has a time limit. Where none has, as
// in logs that a model made, the run time is taken for it: what a user would ask
// for who knew.
func (l *Log) limits() bool {
	return slices.ContainsFunc(l.Records, func(r Record) bool { return r.Limit > 0 })
}

// choose returns the jobs of a part of the log in the order in which they are
// submitted: those that ran, have a limit and fit the machine. No job runs past
// its limit.
func (l *Log) choose(w Window, procs int, d *Dropped) ([]job, error) {
	if w.Start < 0 || w.Count < 1 || w.Start+w.Count > len(l.Records) {
		return nil, fmt.Errorf("choose jobs %d to %d: the log has %d", w.Start, w.Start+w.Count-1, len(l.Records))
	}
	limited := l.limits()
	var jobs []job
	for _, r := range l.Records[w.Start : w.Start+w.Count] {
		if !limited {
			r.Limit = r.Run
		}
		switch {
		case r.Run <= 0 || r.Procs <= 0:
			d.NoRun++
		case r.Limit <= 0:
			d.NoLimit++
		case r.Procs > procs:
			d.TooLarge++
		default:
			r.Run = min(r.Run, r.Limit)
			jobs = append(jobs, job{Record: r})
		}
	}
	slices.SortStableFunc(jobs, func(a, b job) int {
		return cmp.Or(cmp.Compare(a.Submit, b.Submit), cmp.Compare(a.ID, b.ID))
	})
	return jobs, nil
}
