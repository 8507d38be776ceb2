package model

import "time"

// CountJobs is a query for how many jobs a framework knows, by state; the answer
// is a JobCounts. A framework that cannot count refuses it.
type CountJobs struct{}

// JobCounts answers CountJobs.
type JobCounts map[JobState]int

// LatencyBounds are the upper ends of a Histogram's buckets.
var LatencyBounds = [...]time.Duration{
	2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second,
	10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute,
}

// Histogram counts durations by their length, for those who watch a cluster. The
// zero value is empty.
type Histogram struct {
	Buckets [len(LatencyBounds)]uint64 // of those not longer than a bound and longer than the one before
	Count   uint64
	Sum     time.Duration
}

// Observe counts a duration; less than none counts as none.
func (h *Histogram) Observe(d time.Duration) {
	d = max(d, 0)
	h.Count++
	h.Sum += d
	for i, bound := range LatencyBounds {
		if d <= bound {
			h.Buckets[i]++
			return
		}
	}
}
