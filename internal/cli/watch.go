package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

// watch waits for one job's end and shows what happens meanwhile.
type watch struct {
	*app
	client  *client.Client
	id      model.JobID
	began   time.Time
	pending time.Duration // give up on a job that has not started by then; 0 = never
	timeout time.Duration // give up waiting; 0 = never
	follow  bool
	// brief is for who sees the output come and nothing else: a word while the job
	// waits, and at the end only what the output does not tell.
	brief       bool
	told        string                                    // why it waits, if that has been said
	prefix      func(g *model.Group, index uint32) string // of lines; nil = GROUP[INDEX]
	maxFollowed int                                       // tasks whose output is copied; 0 = 16

	progress progress
	last     model.JobView
	asked    time.Time // when the reason for waiting was asked for last
	lost     time.Time // since when no master answers
}

// The rhythm of looking again: quick where a person watches, slow for a log
// file, and slower for a job that takes long.
const (
	pollTerminal = 200 * time.Millisecond
	pollPlain    = time.Second
	pollLong     = 5 * time.Second
	longAfter    = 2 * time.Minute
	// quietStart lets short jobs end without any progress shown.
	quietStart = 300 * time.Millisecond
	// outageLimit is for how long a job is waited for while no master answers:
	// as long as the restart of a machine takes. The job does not notice.
	outageLimit = 5 * time.Minute
	// whyEvery is how often a waiting job's reason is asked for.
	whyEvery = 5 * time.Second
)

// run returns the job's last view once it has ended. Interrupted, it says that
// the job goes on.
func (w *watch) run(ctx context.Context) (model.JobView, error) {
	w.progress = w.newProgress()
	var streams *followed
	if w.follow {
		w.progress = newLineProgress(w.app)
		if w.brief {
			w.progress = &waitProgress{app: w.app, told: w.told}
		}
		var err error
		if streams, err = w.startFollowing(ctx); err != nil {
			return w.last, w.gaveUp(ctx, err)
		}
	}
	view, err := w.untilEnd(ctx)
	w.progress.stop()
	if streams != nil {
		if ferr := streams.wait(err != nil); ferr != nil && err == nil {
			w.warn("the output may be incomplete: %v", ferr)
		}
	}
	if err != nil {
		return view, w.gaveUp(ctx, err)
	}
	w.printEnd(ctx, view)
	return view, nil
}

func (w *watch) untilEnd(ctx context.Context) (model.JobView, error) {
	for {
		view, ended, err := w.client.Wait(ctx, string(w.id), w.patience())
		if err != nil && w.outage(ctx, err) {
			continue
		}
		if err != nil {
			return w.last, err
		}
		w.last, w.lost = view, time.Time{}
		if ended {
			w.progress.show(view, "")
			return view, nil
		}
		waited := w.Now().Sub(w.began)
		if w.pending > 0 && view.Started.IsZero() && waited >= w.pending {
			return view, &exitError{code: model.ExitPending, err: fmt.Errorf(
				"job %s (%s) has not started within %s; it stays queued: tender why %s, tender cancel %s", view.Name, view.ID, durationText(w.pending), view.ID, view.ID)}
		}
		if w.timeout > 0 && waited >= w.timeout {
			return view, &exitError{code: model.ExitPending, err: fmt.Errorf(
				"job %s (%s) has not ended within %s; it goes on", view.Name, view.ID, durationText(w.timeout))}
		}
		w.progress.show(view, w.reason(ctx, view))
	}
}

// outage reports whether to go on although no master answers, and tells the
// user once. The client has tried for a while each time.
func (w *watch) outage(ctx context.Context, err error) bool {
	_, silent := errors.AsType[*client.UnreachableError](err)
	refusal, refused := errors.AsType[*model.Refusal](err)
	if ctx.Err() != nil || !silent && (!refused || refusal.Reason != model.ReasonUnavailable && refusal.Reason != model.ReasonNotLeader) {
		return false
	}
	if w.lost.IsZero() {
		w.lost = w.Now()
		w.progress.stop()
		w.note("the cluster does not answer, still waiting; the job goes on meanwhile: %v", err)
	}
	return w.Now().Sub(w.lost) < outageLimit
}

// patience is how long to wait for the end before looking around again.
func (w *watch) patience() time.Duration {
	waited := w.Now().Sub(w.began)
	d := pollPlain
	switch {
	case w.Poll > 0:
		d = w.Poll
	case w.last.ID == "":
		d = quietStart
	case w.StderrColumns > 0 && !w.quiet:
		d = pollTerminal
	case waited > longAfter:
		d = pollLong
	}
	for _, end := range []time.Duration{w.pending, w.timeout} {
		if end > waited {
			d = min(d, end-waited)
		}
	}
	return d
}

// reason is why the job does not start, in a line; it is only asked for once
// the job has waited for a while.
func (w *watch) reason(ctx context.Context, view model.JobView) string {
	if w.quiet || view.State != model.JobQueued && view.State != model.JobBlocked {
		return ""
	}
	now := w.Now()
	if now.Sub(w.asked) < whyEvery {
		return w.progress.reason()
	}
	w.asked = now
	why, err := w.client.Why(ctx, string(w.id))
	if err != nil || len(why.Explanations) == 0 {
		return ""
	}
	e := why.Explanations[0]
	if e.Expected.IsZero() {
		return e.Summary
	}
	return e.Summary + ", expected to start at " + clock(now, e.Expected)
}

// gaveUp turns an interruption into a word on what becomes of the job.
func (w *watch) gaveUp(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	name := string(w.id)
	fmt.Fprintf(w.Stderr, "no longer waiting; job %s goes on: tender wait %s waits again, tender cancel %s stops it\n", name, name, name)
	if w.output == formatJSON && w.last.ID != "" {
		_ = w.printJSON(w.last)
	}
	return &exitError{code: exitInterrupted}
}

// followed is the log streams of a job that is being followed.
type followed struct {
	wg     sync.WaitGroup
	cancel context.CancelFunc
	mu     sync.Mutex
	err    error
}

// wait returns once all output has been printed; now = drop what has not come yet.
func (f *followed) wait(now bool) error {
	if now {
		f.cancel()
	}
	f.wg.Wait()
	f.cancel()
	return f.err
}

func (f *followed) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}
