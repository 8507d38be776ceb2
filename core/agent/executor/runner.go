package executor

import (
	"cmp"
	"context"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent/executor/artifact"
	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/agent/isolation"
	"github.com/tender-scheduler/tender/core/model"
)

// runner starts and stops tasks for the loop. Its methods are called by the
// loop and do not block; what happens is put into the loop's inbox.
type runner struct {
	inbox *inbox
	pool  *pool
	gate  *gate
	log   *slog.Logger

	devices *isolation.Devices // that each task of driver exec may open, besides its own; nil = all

	job       *model.Job
	name      string // of the job: its id
	address   string // at which tasks are reached
	sandboxes *sandboxes
	plans     [][]*plan // by group and task

	attempts map[lifecycle.Key]*attempt

	mu      sync.Mutex
	queue   []*run // to be started, in order
	more    sync.Cond
	workers int
}

// attempt is what the runner knows of one attempt at an allocation.
type attempt struct {
	given launchFacts
	runs  []*run // by task
}

// launchFacts is what an attempt's Launch says of it.
type launchFacts struct {
	env   map[string]string
	grant *model.Grant        // nil where there are no named things
	nodes map[string][]string // by device, what a task has to open for it
	gang  *model.GangPlan     // nil where it is not one of a gang
}

// maxWorkers bounds simultaneous forks. More than there are cores only makes
// more slots for the same rate.
func maxWorkers() int { return max(2, runtime.NumCPU()) }

func newRunner(in *inbox, p *pool, log *slog.Logger) *runner {
	r := &runner{inbox: in, pool: p, gate: newGate(), log: log, attempts: map[lifecycle.Key]*attempt{}}
	r.more.L = &r.mu
	return r
}

// prepareLaunch notes what comes with a launch.
func (r *runner) prepareLaunch(k lifecycle.Key, launch launchFacts) {
	if r.attempts[k] == nil && int(k.Group) < len(r.job.Groups) {
		r.attempts[k] = &attempt{given: launch, runs: make([]*run, len(r.job.Groups[k.Group].Tasks))}
	}
}

// forget drops what is known of an attempt that is over.
func (r *runner) forget(k lifecycle.Key) { delete(r.attempts, k) }

// start queues a task; see lifecycle.Start.
func (r *runner) start(k lifecycle.Key, task int, hold bool) {
	a := r.attempts[k]
	ctx, cancel := context.WithCancel(context.Background())
	t := &run{
		runner: r, key: k, task: task, plan: r.plans[k.Group][task], given: a.given, hold: hold,
		ctx: ctx, cancel: cancel, launched: make(chan struct{}), beside: newBeside(),
		first: !slices.ContainsFunc(a.runs, func(other *run) bool { return other != nil }),
	}
	a.runs[task] = t
	if t.plan.fetches() {
		// What is fetched may take long and costs little here: not a worker's work.
		go func() {
			r.inbox.put(lifecycle.Preparing{Key: k, Task: task})
			if t.prepare() {
				r.enqueue(t)
			}
		}()
		return
	}
	r.enqueue(t)
}

func (r *runner) enqueue(t *run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = append(r.queue, t)
	if r.workers < maxWorkers() {
		r.workers++
		go r.work()
	}
}

// work starts queued tasks until there are none.
func (r *runner) work() {
	for {
		r.mu.Lock()
		if len(r.queue) == 0 {
			r.workers--
			r.mu.Unlock()
			return
		}
		t := r.queue[0]
		r.queue[0] = nil
		r.queue = r.queue[1:]
		r.mu.Unlock()
		t.begin()
	}
}

// release lets a task run that was prepared; see lifecycle.Go.
func (r *runner) release(k lifecycle.Key, task int) {
	if a := r.attempts[k]; a != nil && a.runs[task] != nil && a.runs[task].unhold() {
		r.enqueue(a.runs[task])
	}
}

// stop ends a task; see lifecycle.Stop.
func (r *runner) stop(k lifecycle.Key, task int, grace time.Duration) {
	if a := r.attempts[k]; a != nil && a.runs[task] != nil {
		a.runs[task].stop(grace)
	}
}

// adopt takes a job.
func (r *runner) adopt(job *model.Job, a *execpb.Adopt) {
	r.job, r.name = job, a.Job
	r.address = cmp.Or(a.Attributes[addressAttribute], localAddress)
	if r.pool.rel == "" {
		r.pool.rel = a.Cgroup
	}
	r.sandboxes = &sandboxes{jobDir: a.Dir, nursery: newNursery(a.Dir)}
	store := artifact.NewStore(filepath.Join(a.Dir, artifactsDir), artifact.DefaultLimits)
	r.plans = make([][]*plan, len(job.Groups))
	for g := range job.Groups {
		for t := range job.Groups[g].Tasks {
			r.plans[g] = append(r.plans[g], newPlan(a, job, store, g, t))
		}
	}
}
