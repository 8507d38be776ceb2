package batch

import (
	"fmt"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// ID is the name under which the framework registers.
const ID model.FrameworkID = "batch"

// Framework is the batch policy. Make one with New.
type Framework struct {
	cfg Config
	state

	// Transient.
	out    *outbox // what the present Step asks for; nil while folding the journal
	box    outbox  // its memory
	book   sdk.DemandBook
	timers sdk.Timers[alarm]
	rekill time.Time // when kills are next sent again; zero = no kill is wanted
	sweep  time.Time // when the history is next looked at for age; zero = not set
	recent *job      // the job of the last status

	snapshotBytes int // the length of the last snapshot, as a hint for the next
}

var (
	_ model.Framework = (*Framework)(nil)
	_ model.Querier   = (*Framework)(nil)
)

// New returns a framework with no jobs.
func New(cfg Config) (*Framework, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	f := &Framework{cfg: cfg}
	f.state.init()
	return f, nil
}

// ID returns "batch".
func (f *Framework) ID() model.FrameworkID { return ID }

// Step takes one input and returns what should happen, in order.
func (f *Framework) Step(now time.Time, in model.Input) model.Effects {
	f.box = outbox{Outbox: sdk.Outbox{Now: now}, dirty: f.box.dirty[:0]}
	f.out = &f.box
	defer func() { f.out = nil }()
	switch in := in.(type) {
	case model.Leading:
		f.lead()
	case model.Offers:
		for i := range in {
			f.answer(&in[i])
		}
	case model.InverseOffers:
		for i := range in {
			f.giveBack(&in[i])
		}
	case model.Staged:
		f.foldStaged(&in)
	case model.Statuses:
		f.out.Notices = make([]model.Notice, 0, len(in)+1)
		f.foldStatuses(in)
	case model.Hosts:
		f.hostsAre(in.ID, &in)
	case model.Refused:
		f.refused(&in)
	case model.Request:
		f.request(in)
	case model.Tick, model.Rescind, model.RescindInverse:
		// Due timers are run below. An offer is answered in the step that
		// brings it, so there is nothing to give back; so is an inverse one,
		// and what was told to stop cannot be told not to.
	}
	f.runTimers()
	f.recheckHosts()
	f.boundHistory()
	return f.finish()
}

// Apply folds one journaled event.
func (f *Framework) Apply(e model.JournalEvent) error {
	switch e := e.(type) {
	case model.Staged:
		f.foldStaged(&e)
	case model.Statuses:
		f.foldStatuses(e)
	case model.OwnEvent:
		return events.Fold(f, e)
	default:
		return fmt.Errorf("apply to batch framework: no such event %T", e)
	}
	return nil
}

// emit journals an event of this framework's own and folds it.
func (f *Framework) emit(e any) {
	if f.cfg.Unjournaled {
		if err := events.Take(f, e); err != nil {
			panic(fmt.Sprintf("batch: %v", err))
		}
		return
	}
	f.out.Events = append(f.out.Events, events.Record(f, e))
}

// enter journals an encoded event and folds it.
func (f *Framework) enter(b model.OwnEvent) { f.out.Events = append(f.out.Events, events.Enter(f, b)) }
