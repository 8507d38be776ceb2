package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// streamQuiet is how many times longer than an answer an open stream may bring nothing.
const streamQuiet = 3

// errHung says that a master's machine takes connections and its process is stopped, or
// so busy that it is no use.
var errHung = errors.New("it takes connections, but does not answer")

// pulse is what is known of whether a master's process works. A process that is
// stopped keeps all its connections: only that it answers nothing gives it away.
type pulse struct {
	client *http.Client
	url    string
	quiet  time.Duration // how long an answer may keep one waiting before it is asked
	within time.Duration // how long it may take to say that it is there

	mu   sync.Mutex
	felt time.Time
}

// check asks the master, unless it has answered within the time given.
func (p *pulse) check(ctx context.Context, recent time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.felt) < recent {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, p.within)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, nil)
	if err != nil {
		return false
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10))
	if err == nil {
		p.felt = time.Now()
	}
	return err == nil
}

// watch ends a try when nothing comes and the master does not work.
type watch struct {
	pulse  *pulse
	cancel context.CancelCauseFunc
	over   chan struct{}
	once   sync.Once
	heard  atomic.Int64 // when something came last, Unix ns
	quiet  atomic.Int64
	felt   atomic.Bool // the master has been asked, and has answered
}

// watchOver watches a try at a master until it is stopped. The context ends with
// errHung if the master does not work.
func watchOver(ctx context.Context, p *pulse) (context.Context, *watch) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watch{pulse: p, cancel: cancel, over: make(chan struct{})}
	w.hear(p.quiet)
	go w.run(ctx)
	return ctx, w
}

// hear takes note that something came. For so long nothing more need come.
func (w *watch) hear(quiet time.Duration) {
	w.quiet.Store(int64(quiet))
	w.heard.Store(time.Now().UnixNano())
}

func (w *watch) stop() { w.once.Do(func() { close(w.over) }) }

func (w *watch) run(ctx context.Context) {
	t := time.NewTimer(w.pulse.quiet)
	defer t.Stop()
	for {
		select {
		case <-w.over:
			return
		case <-ctx.Done():
			return
		case <-t.C:
		}
		quiet := time.Duration(w.quiet.Load())
		heard := w.heard.Load()
		left := quiet - time.Since(time.Unix(0, heard))
		if left <= 0 {
			if !w.pulse.check(ctx, quiet/2) {
				select {
				case <-w.over:
					return
				default:
				}
				if w.heard.Load() == heard {
					w.cancel(errHung)
					return
				}
			}
			w.felt.Store(true)
			left = quiet
		}
		t.Reset(left)
	}
}

// hung replaces the error of a try that was ended because the master does not work.
func hung(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errHung) {
		return errHung
	}
	return err
}
