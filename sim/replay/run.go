package replay

import (
	"container/heap"
	"fmt"
	"strconv"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Run replays a log.
func Run(log *Log, o Options) (*Result, error) {
	if err := o.complete(log); err != nil {
		return nil, err
	}
	res := &Result{Policy: o.Policy, Holds: o.holds(), Procs: o.Procs, Nodes: o.Nodes}
	for _, w := range o.Windows {
		jobs, err := log.choose(w, o.Procs, &res.Dropped)
		if err != nil {
			return nil, err
		}
		if err := runWindow(jobs, &o); err != nil {
			return nil, err
		}
		res.add(jobs)
	}
	if len(res.Jobs) == 0 {
		return nil, fmt.Errorf("none of the log's %d jobs can be replayed: %d are larger than the machine, %d never ran, %d have no time limit",
			len(log.Records), res.Dropped.TooLarge, res.Dropped.NoRun, res.Dropped.NoLimit)
	}
	res.sum()
	return res, nil
}

// run is one replay under way.
type run struct {
	jobs  []job
	c     *cluster
	free  int
	ends  endings
	nodes int
	// launches are the launches of the jobs that run.
	launches map[model.JobID]*running
	order    int
}

// running is a job that runs.
type running struct {
	job      *job
	launches []model.Launch
	released bool            // its limit was up, its room is free already
	at       int64           // it will end
	order    int             // among those that end at the same second: that in which they started
	one      [1]model.Launch // memory for launches: most have just one
}

func runWindow(jobs []job, o *Options) error {
	if len(jobs) == 0 {
		return nil
	}
	c, err := newCluster(o, at(jobs[0].Submit))
	if err != nil {
		return err
	}
	r := &run{jobs: jobs, c: c, free: o.Procs, nodes: o.Nodes, launches: map[model.JobID]*running{}}
	c.launched = r.launched
	for next := 0; c.err == nil && (next < len(jobs) || len(r.ends) > 0); {
		if next < len(jobs) && (len(r.ends) == 0 || jobs[next].Submit <= r.ends[0].at) {
			r.submit(next)
			next++
		} else {
			r.end()
		}
	}
	if c.err != nil {
		return c.err
	}
	for i := range jobs {
		if !jobs[i].started {
			return fmt.Errorf("replay: job %d was never started", jobs[i].ID)
		}
	}
	return nil
}

// at is a time of the log. The epoch is no time to some.
func at(second int64) time.Time { return time.Unix(epoch+second, 0).UTC() }

const epoch = 1_000_000_000

func (r *run) submit(i int) {
	j := &r.jobs[i]
	r.c.now = at(j.Submit)
	r.expire(j.Submit)
	r.c.submit(specOf(j, r.nodes), model.JobID(strconv.Itoa(i)), userOf(j))
	if r.free >= j.Procs {
		r.c.pass()
	}
}

// expire frees the room of jobs whose limits are up at a second, whose end is
// still to come in it.
func (r *run) expire(second int64) {
	if len(r.ends) == 0 || r.ends[0].at > second {
		return
	}
	for _, x := range r.ends {
		if x.at == second && x.job.Run == x.job.Limit {
			r.release(x)
		}
	}
}

func (r *run) release(x *running) {
	if x.released {
		return
	}
	x.released = true
	r.free += x.job.Procs
	for i := range x.launches {
		r.c.finish(&x.launches[i], at(x.job.start))
	}
}

func (r *run) end() {
	x := heap.Pop(&r.ends).(*running)
	r.c.now = at(x.at)
	r.release(x)
	r.expire(x.at)
	delete(r.launches, x.launches[0].Job)
	r.c.pass()
}

// launched notes that tasks of a job start, of a gang with several launches all
// at the same time.
func (r *run) launched(l model.Launch) {
	l.Spec = nil
	if x := r.launches[l.Job]; x != nil {
		x.launches = append(x.launches, l)
		return
	}
	i, err := strconv.Atoi(string(l.Job))
	if err != nil || i < 0 || i >= len(r.jobs) || r.jobs[i].started {
		r.c.fail(fmt.Errorf("job %s is launched, which cannot be", l.Job))
		return
	}
	j := &r.jobs[i]
	j.started, j.start = true, r.c.now.Unix()-epoch
	r.free -= j.Procs
	r.order++
	x := &running{job: j, at: j.start + j.Run, order: r.order}
	x.launches = append(x.one[:0], l)
	r.launches[l.Job] = x
	heap.Push(&r.ends, x)
}

// endings are the jobs that run, as a heap by when they will end.
type endings []*running

func (h endings) Len() int { return len(h) }
func (h endings) Less(i, k int) bool {
	return h[i].at < h[k].at || h[i].at == h[k].at && h[i].order < h[k].order
}
func (h endings) Swap(i, k int) { h[i], h[k] = h[k], h[i] }

// Push and Pop are for package heap.
func (h *endings) Push(x any) { *h = append(*h, x.(*running)) }

// Pop takes the last one.
func (h *endings) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
