package httpapi

import (
	"context"
	"io"
	"iter"

	"github.com/tender-scheduler/tender/api/session"
	"github.com/tender-scheduler/tender/core/model"
)

// Backend is the master as this package needs it. All methods may be called at
// the same time from many goroutines and return soon after ctx ends.
type Backend interface {
	// Do carries out a request or query of core/model (Submit, CancelJob,
	// RetryJob, ListJobs, GetJob, ListTasks, Why, PlanJob, ListNodes,
	// ListOffers, ListServices, DrainNode, SetEligibility, GetStatus), given as a value. The answer is the type that
	// core/model names for it, also as a value.
	Do(ctx context.Context, body any) (any, *model.Refusal)
	// Wait returns a job's view once the job has ended, or with ended=false as
	// it is when ctx is done.
	Wait(ctx context.Context, selector string) (view model.JobView, ended bool, refusal *model.Refusal)
	// Events returns the event stream after entry since (0 = from now on), in
	// order, of one job or (empty) of all. The iterator blocks between entries
	// and ends when ctx does, or when this master stops leading.
	Events(ctx context.Context, since uint64, job model.JobID) (iter.Seq[Event], *model.Refusal)
	// ReadLog streams a task's output. With Follow set it first waits for the
	// task to start. A read error that is a *model.Refusal reaches the client.
	ReadLog(ctx context.Context, r model.ReadLog) (io.ReadCloser, *model.Refusal)
	// Attach opens a session beside a running task. What comes over it is relayed
	// to the caller as it is; the caller's first frame is an Open.
	Attach(ctx context.Context, a model.Attach) (session.Stream, *model.Refusal)
	// Service returns a service as it is, or with an index that is its own, as it
	// is after the next change or when ctx is done.
	Service(ctx context.Context, q model.GetService, index uint64) (model.ServiceView, *model.Refusal)
	// Leader returns the address of the master that leads ("" = none does, or
	// it is not known yet) and whether it is this one.
	Leader() (address string, self bool)
}

// Event is one entry of the event stream. Exactly one of Gap and Live is true
// for an entry without a Notice.
type Event struct {
	// ID ascends along the stream; what a client passes as since to resume.
	ID uint64
	// Gap comes first when entries after since are no longer kept; ID is then
	// that of the last entry that is missing.
	Gap bool
	// Live comes once, when all entries that existed at the call have been
	// sent; ID is then the newest entry's (since, if there is none after it).
	Live   bool
	Notice model.Notice
}
