package replay

import (
	"bufio"
	"fmt"
	"io"

	"github.com/tender-scheduler/tender/frameworks/batch"
)

// Result is what came of a replay.
type Result struct {
	Policy batch.Policy `json:"policy"`
	Holds  int          `json:"holds"` // for how many waiting jobs room was held; negative = all
	Procs  int          `json:"procs"`
	Nodes  int          `json:"nodes"`

	Count   int     `json:"jobs"`
	Dropped Dropped `json:"dropped"`
	// BsldMean is the mean of max(1, (wait + run) / max(run, 10 s)).
	BsldMean    float64 `json:"bsld_mean"`
	WaitMean    float64 `json:"wait_mean_s"`
	WaitMax     int64   `json:"wait_max_s"`
	Utilization float64 `json:"utilization"` // between the first submission and the last end, of all windows together
	Span        int64   `json:"span_s"`      // their length

	Jobs []JobResult `json:"-"` // window by window, in order of submission
}

// JobResult is what came of one job. Times are the log's seconds.
type JobResult struct {
	ID                 int64
	Submit, Start, End int64
	Procs              int
	Window             int
}

// Wait is how long the job waited, in seconds.
func (j *JobResult) Wait() int64 { return j.Start - j.Submit }

// Bsld is the job's bounded slowdown (Feitelson et al., JSSPP 1997), bounded by 10 s.
func (j *JobResult) Bsld() float64 {
	run := float64(j.End - j.Start)
	return max(1, (float64(j.Wait())+run)/max(run, 10))
}

// add takes in a window's jobs.
func (r *Result) add(jobs []job) {
	if len(jobs) == 0 {
		return
	}
	window := 0
	if n := len(r.Jobs); n > 0 {
		window = r.Jobs[n-1].Window + 1
	}
	first, last := jobs[0].Submit, int64(0)
	for i := range jobs {
		j := &jobs[i]
		r.Jobs = append(r.Jobs, JobResult{j.ID, j.Submit, j.start, j.start + j.Run, j.Procs, window})
		last = max(last, j.start+j.Run)
	}
	r.Span += last - first
}

func (r *Result) sum() {
	var bsld, wait, work float64
	for i := range r.Jobs {
		j := &r.Jobs[i]
		bsld += j.Bsld()
		wait += float64(j.Wait())
		work += float64(j.End-j.Start) * float64(j.Procs)
		r.WaitMax = max(r.WaitMax, j.Wait())
	}
	r.Count = len(r.Jobs)
	n := float64(r.Count)
	r.BsldMean, r.WaitMean = bsld/n, wait/n
	r.Utilization = work / float64(r.Procs) / float64(max(r.Span, 1))
}

// WriteCSV writes a line per job.
func (r *Result) WriteCSV(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintln(b, "job,submit,start,end,procs")
	for i := range r.Jobs {
		j := &r.Jobs[i]
		fmt.Fprintf(b, "%d,%d,%d,%d,%d\n", j.ID, j.Submit, j.Start, j.End, j.Procs)
	}
	return b.Flush()
}
