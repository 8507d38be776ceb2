package sim

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/tender-scheduler/tender/core/agent"
	"github.com/tender-scheduler/tender/core/master"
	"github.com/tender-scheduler/tender/frameworks/batch"
)

// world is everything that is in a run. One goroutine owns it.
type world struct {
	schedule
	options Options
	random  random // of the run itself
	trace   trace
	stats   Stats
	failure *Failure

	timing master.Timing
	keep   agent.Keep
	rough  bool // replies get lost, messages are sometimes very late
	limits batch.Config

	network  network
	etcd     *etcd
	masters  []*masterNode
	hosts    []*host
	people   people
	operator operator
	steward  steward
	keepers  []*keeper
	tenants  []*tenant
	truth    *truth
	auditor  *auditor
	checks   checks
}

// Run carries a run out, until all has settled or something did not hold.
func Run(o Options) (Result, error) {
	if err := o.Validate(); err != nil {
		return Result{}, err
	}
	asked := o
	w := newWorld(o.withDefaults())
	w.play()
	w.stats.Events = w.ran
	if w.failure != nil {
		w.failure.Trace = w.trace.last()
	}
	return Result{Options: asked, Hash: w.trace.hash, Virtual: w.now, Stats: w.stats, Failure: w.failure}, nil
}

// play turns a panic of a machine into a failure, with the trace that led to it.
func (w *world) play() {
	defer func() {
		if p := recover(); p != nil {
			w.fail("no panic", "%v\n%s", p, debug.Stack())
		}
	}()
	w.begin()
	for w.failure == nil && w.next(w.options.Length) {
	}
	if w.failure == nil {
		w.settle()
	}
}

func newWorld(o Options) *world {
	r := newRandom(o.Seed, forCluster)
	w := &world{options: o, random: newRandom(o.Seed, forRun), rough: o.Flavour != Calm}
	w.trace.log = o.Log
	w.stats.Faults = map[string]int{}
	w.timing = master.DefaultTiming()
	w.timing.FenceAfter = pick(r, []time.Duration{20 * time.Second, 30 * time.Second, 60 * time.Second, 2 * time.Minute})
	w.timing.FenceSlack = pick(r, []time.Duration{10 * time.Second, 20 * time.Second})
	w.keep = agent.Keep{For: pick(r, []time.Duration{0, 20 * time.Second, time.Minute})}
	if w.keep.For > 0 && r.chance(0.3) {
		w.keep.MaxTasks = 50
	}
	w.limits = batch.DefaultConfig()
	if r.chance(0.2) {
		w.limits.MaxHistory = 4
	}
	w.etcd = newEtcd(w)
	w.truth = newTruth(w)
	w.auditor = newAuditor(w)
	masters := r.count(2, 3)
	w.network.init(o.Agents, masters)
	for n := range masters {
		w.masters = append(w.masters, newMasterNode(w, r, n))
	}
	for n := range o.Agents {
		w.hosts = append(w.hosts, newHost(w, r, n))
	}
	if tightRun(o) {
		for _, h := range w.hosts {
			h.info.Capacity.CPUMilli = 2000
		}
	}
	w.say("world", "seed %d, %s, %d masters, %d agents, fence after %s+%s, keep %+v, history of %d",
		o.Seed, o.Flavour, masters, o.Agents, w.timing.FenceAfter, w.timing.FenceSlack, w.keep, w.limits.MaxHistory)
	return w
}

// begin starts everything and schedules what people and faults will do.
func (w *world) begin() {
	for _, m := range w.masters {
		w.after(w.random.between(0, 50*time.Millisecond), m.start)
	}
	for _, h := range w.hosts {
		w.after(w.random.between(0, 500*time.Millisecond), h.startAgent)
	}
	w.people.init(w, planJobs(w.options, w.hosts))
	w.operator.init(w)
	w.steward.init(w)
	w.beginSchedules()
	w.beginServices()
	w.scheduleFaults()
	w.checks.begin(w)
}

// say adds a line to the trace.
func (w *world) say(actor, format string, args ...any) {
	w.trace.add(w.now, actor, format, args)
}

// fail notes the first thing that does not hold; the run ends.
func (w *world) fail(invariant, format string, args ...any) {
	if w.failure != nil {
		return
	}
	w.failure = &Failure{Invariant: invariant, Message: fmt.Sprintf(format, args...), At: w.now}
	w.say("VIOLATED", "%s: %s", invariant, w.failure.Message)
}
