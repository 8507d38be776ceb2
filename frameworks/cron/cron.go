package cron

import (
	"fmt"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// ID is the name under which the framework registers.
const ID model.FrameworkID = "cron"

// Framework is the cron policy. Make one with New.
type Framework struct {
	cfg Config
	state

	// Transient.
	out    *outbox // what the present Step asks for; nil while folding the journal
	box    outbox
	timers sdk.Timers[alarm]
	turns  uint64 // counts timers
	zones  map[string]*time.Location
	ahead  time.Duration // of the wall clock, by which schedules go
}

var (
	_ model.Framework = (*Framework)(nil)
	_ model.Querier   = (*Framework)(nil)
)

// New returns a framework with no schedules.
func New(cfg Config) (*Framework, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	f := &Framework{cfg: cfg, zones: map[string]*time.Location{}}
	f.state.init()
	return f, nil
}

// ID returns "cron".
func (f *Framework) ID() model.FrameworkID { return ID }

// Step takes one input and returns what should happen, in order.
func (f *Framework) Step(now time.Time, in model.Input) model.Effects {
	if w, ok := in.(model.WallClock); ok {
		f.ahead = w.Ahead
	}
	f.box = outbox{Outbox: sdk.Outbox{Now: now.Add(f.ahead).UTC().Truncate(time.Microsecond)}, touched: f.box.touched[:0]}
	f.out = &f.box
	defer func() { f.out = nil }()
	switch in := in.(type) {
	case model.Leading:
		f.lead()
	case model.Request:
		f.request(in)
	case model.Spawned:
		f.spawned(&in)
	case model.JobChanged:
		f.jobChanged(&in)
	case model.Offers:
		for i := range in { // none was asked for
			f.out.Decline(&in[i], 0)
		}
	}
	f.settle()
	f.runTimers()
	f.boundEnded()
	clear(f.out.touched)
	wake := f.timers.Next()
	if !wake.IsZero() {
		wake = wake.Add(-f.ahead)
	}
	return f.out.Effects(wake)
}

// Apply folds one journaled event. The framework has no tasks, so there are only its own.
func (f *Framework) Apply(e model.JournalEvent) error {
	own, ok := e.(model.OwnEvent)
	if !ok {
		return fmt.Errorf("apply to cron framework: no such event %T", e)
	}
	return events.Fold(f, own)
}

// emit journals an event of this framework's own and folds it.
func (f *Framework) emit(e any) { f.out.Events = append(f.out.Events, events.Record(f, e)) }

// enter journals an encoded event and folds it.
func (f *Framework) enter(b model.OwnEvent) { f.out.Events = append(f.out.Events, events.Enter(f, b)) }

// lead starts a leader's term: timers are set anew, and the jobs of runs that have not
// ended are watched again. What fell due meanwhile is then decided as its catch_up says.
func (f *Framework) lead() {
	f.timers.Reset()
	var watch []model.JobID
	for _, e := range f.order {
		for _, r := range e.running() {
			watch = append(watch, e.jobOf(r.N))
		}
		if !e.ended() {
			f.compile(e)
			f.arm(e)
			f.out.touch(e)
			if e.Job.Periodic.Overlap == model.OverlapReplace && len(e.Waiting) > 0 {
				f.stopRuns(e)
			}
		}
	}
	if watch != nil {
		f.out.Call(model.WatchJobs{Jobs: watch})
	}
}

// settle looks at the schedules that have changed until nothing follows any more: runs
// that waited start, rounds of the DAG complete, a repetition that is through ends.
func (f *Framework) settle() {
	for i := 0; i < len(f.out.touched); i++ {
		e := f.out.touched[i]
		if e.ended() {
			continue
		}
		f.startWaiting(e)
		f.completeRounds(e)
		f.endIfThrough(e)
	}
	f.out.touched = f.out.touched[:0]
}
