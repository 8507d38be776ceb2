package cli

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/model"
)

// insistWithin is how soon a second Ctrl-C means it.
const insistWithin = 2 * time.Second

// runSignals is what a person wants with a command that runs.
type runSignals struct {
	*app
	client *client.Client
	job    model.SubmitReply
	leave  context.CancelFunc // stops the waiting
	done   chan struct{}
	over   sync.WaitGroup

	mu        sync.Mutex
	cancelled syscall.Signal // by what; 0 = not
}

// heedSignals listens to signals until stop; the context ends when nobody is to
// wait for the job any more.
func (a *app) heedSignals(ctx context.Context, c *client.Client, job model.SubmitReply) (context.Context, *runSignals) {
	ctx, cancel := context.WithCancel(ctx)
	s := &runSignals{app: a, client: c, job: job, leave: cancel, done: make(chan struct{})}
	ch := make(chan os.Signal, 8)
	signal.Notify(ch, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	s.over.Go(func() {
		defer signal.Stop(ch)
		s.listen(ctx, ch)
	})
	return ctx, s
}

func (s *runSignals) stop() {
	close(s.done)
	s.leave()
	s.over.Wait()
}

// code is 128 plus the signal that cancelled the job; 0 if none did.
func (s *runSignals) code() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancelled == 0 {
		return 0
	}
	return 128 + int(s.cancelled)
}

func (s *runSignals) listen(ctx context.Context, ch <-chan os.Signal) {
	var warned time.Time
	for {
		select {
		case <-s.done:
			return
		case sig := <-ch:
			n, _ := sig.(syscall.Signal)
			switch {
			case n == syscall.SIGQUIT, s.code() != 0:
				s.leave()
			case n != syscall.SIGINT, !warned.IsZero() && s.Now().Sub(warned) < insistWithin:
				s.cancel(ctx, n)
			default:
				warned = s.Now()
				s.warn("job %s (%s) goes on: Ctrl-C again within %s cancels it, Ctrl-\\ leaves it running",
					s.job.Name, s.job.ID, durationText(insistWithin))
			}
		}
	}
}

// cancel stops the job; its end is still waited for.
func (s *runSignals) cancel(ctx context.Context, n syscall.Signal) {
	s.mu.Lock()
	s.cancelled = n
	s.mu.Unlock()
	s.note("cancelling job %s (%s)", s.job.Name, s.job.ID)
	s.over.Go(func() {
		if _, err := s.client.Cancel(ctx, model.CancelJob{Selector: string(s.job.ID)}); err != nil && ctx.Err() == nil {
			s.complain(err)
		}
	})
}
