package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// call is one request of the API.
type call struct {
	method     string
	path       string // escaped, from /v1
	query      url.Values
	header     map[string]string
	body       []byte
	repeatable bool          // a second copy does no harm
	timeout    time.Duration // of each try; 0 = none, for streams
}

// unaryTimeout bounds one try of a request with a short answer; the master
// gives up on it after 30 s.
const unaryTimeout = 40 * time.Second

// maxAnswerBytes bounds an answer that is decoded as a whole.
const maxAnswerBytes = 256 << 20

// get carries out a query and decodes its answer into out.
func (c *Client) get(ctx context.Context, path string, query url.Values, out any) error {
	return c.unary(ctx, call{method: http.MethodGet, path: path, query: query, repeatable: true, timeout: unaryTimeout}, out)
}

// post carries out a change and decodes its answer into out.
func (c *Client) post(ctx context.Context, path string, body any, repeatable bool, out any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return c.unary(ctx, call{method: http.MethodPost, path: path, body: b, repeatable: repeatable, timeout: unaryTimeout}, out)
}

func (c *Client) unary(ctx context.Context, call call, out any) error {
	resp, err := c.send(ctx, call)
	if err != nil {
		return err
	}
	return decode(resp, out)
}

func decode(resp *http.Response, out any) error {
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswerBytes)).Decode(out); err != nil {
		if isContext(err) {
			return err
		}
		return &ProtocolError{Address: resp.Request.URL.Host, Status: resp.Status, Text: "decode the answer: " + err.Error()}
	}
	// Read to the end, so that the connection is used again.
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10))
	return nil
}

// send returns the answer of the first master that gives one. While a failover
// is on it goes around again, up to the client's patience.
func (c *Client) send(ctx context.Context, call call) (*http.Response, error) {
	var p pace
	for {
		began := time.Now()
		resp, again, lived, err := c.round(ctx, call)
		if err == nil || !again || ctx.Err() != nil {
			return resp, err
		}
		patience := c.patience
		if !c.answered.Load() {
			patience = 0
		}
		// An answer is bounded in time, so that only a stream may have waited for its
		// beginning for long, at a master that was there.
		var lasted time.Duration
		if lived && call.timeout == 0 {
			lasted = time.Since(began)
		}
		if !p.wait(ctx, patience, lasted) {
			if u, ok := errors.AsType[*UnreachableError](err); ok {
				u.For = p.elapsed()
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, err
		}
	}
}

// round tries every address once, beginning with the one that answered last.
// again says that trying once more is safe and may help, lived that a master kept the
// request for a while and was there.
func (c *Client) round(ctx context.Context, call call) (_ *http.Response, again, lived bool, _ error) {
	failed := &UnreachableError{Addresses: c.Addresses(), Errs: make([]error, len(c.bases))}
	var unavailable *model.Refusal
	first := int(c.prefer.Load())
	for i := range c.bases {
		n := (first + i) % len(c.bases)
		resp, felt, err := c.try(ctx, n, call)
		if err == nil {
			c.prefer.Store(int32(n))
			return resp, false, felt, nil
		}
		lived = lived || felt
		if ctx.Err() != nil {
			return nil, false, lived, ctx.Err()
		}
		failed.Errs[n] = err
		maybe, isMaybe := errors.AsType[*tentative](err)
		if isMaybe {
			failed.Errs[n], unavailable = maybe.refusal, maybe.refusal
		}
		switch {
		case final(err):
			c.prefer.Store(int32(n))
			return nil, false, lived, err
		case call.repeatable || isMaybe && maybe.safe || neverSent(err):
		default:
			return nil, false, lived, &BrokenError{Address: failed.Addresses[n], Err: failed.Errs[n]}
		}
	}
	if unavailable != nil { // a master is there, only none that leads
		return nil, true, lived, unavailable
	}
	return nil, true, lived, failed
}

// final reports whether err is an answer that no other master would give differently.
func final(err error) bool {
	_, refused := errors.AsType[*model.Refusal](err)
	_, strange := errors.AsType[*ProtocolError](err)
	return refused || strange
}

// tentative is a refusal that a leader may not repeat. safe says that the
// request has had no effect.
type tentative struct {
	refusal *model.Refusal
	safe    bool
}

func (t *tentative) Error() string { return t.refusal.Message }

// try sends the call to one master once. felt says that the master took its time, and
// was there.
func (c *Client) try(ctx context.Context, n int, call call) (_ *http.Response, felt bool, _ error) {
	stop := func() {}
	if call.timeout > 0 {
		ctx, stop = context.WithTimeout(ctx, call.timeout)
	}
	ctx, w := watchOver(ctx, c.pulses[n])
	cancel := func() {
		w.stop()
		w.cancel(nil)
		stop()
	}
	target := c.bases[n] + call.path
	if len(call.query) > 0 {
		target += "?" + call.query.Encode()
	}
	var body io.Reader
	if call.body != nil {
		body = bytes.NewReader(call.body)
	}
	req, err := http.NewRequestWithContext(ctx, call.method, target, body)
	if err != nil {
		cancel()
		return nil, false, err
	}
	req.Header.Set("User-Agent", c.agent)
	if call.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range call.header {
		req.Header.Set(k, v)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		err = hung(ctx, err)
		cancel()
		return nil, w.felt.Load(), err
	}
	c.answered.Store(true)
	w.hear(streamQuiet * w.pulse.quiet)
	if call.timeout > 0 || resp.StatusCode == http.StatusSwitchingProtocols {
		w.stop() // the one is over soon, the other has a heartbeat
	}
	resp.Body = &closing{ReadCloser: resp.Body, ctx: ctx, watch: w, done: cancel}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 || resp.StatusCode == http.StatusSwitchingProtocols {
		return resp, w.felt.Load(), nil
	}
	defer resp.Body.Close()
	return nil, w.felt.Load(), refused(resp)
}

// refused reads the refusal that a master answers with.
func refused(resp *http.Response) error {
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	var r model.Refusal
	if json.Unmarshal(b, &r) != nil || r.Reason == "" {
		kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
		return &ProtocolError{Address: resp.Request.URL.Host, Status: resp.Status, Text: "the answer's type is " + orNone(kind)}
	}
	if temporary(&r) {
		return &tentative{refusal: &r, safe: resp.StatusCode == http.StatusServiceUnavailable}
	}
	return &r
}

func orNone(s string) string {
	if s == "" {
		return "not given"
	}
	return s
}

// closing ends a try's context when its answer has been read.
type closing struct {
	io.ReadCloser
	ctx   context.Context
	watch *watch
	done  func()
}

func (c *closing) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	if n > 0 {
		c.watch.hear(streamQuiet * c.watch.pulse.quiet)
	}
	return n, hung(c.ctx, err)
}

func (c *closing) Close() error {
	err := c.ReadCloser.Close()
	c.done()
	return err
}

// pace spaces the repetitions of a request: 25 ms, then doubling to 1 s, each
// lengthened by up to half at random so that clients do not come in step.
type pace struct {
	since time.Time // of the first failure in a row
	next  time.Duration
}

// wait pauses and reports whether to try again. A try that lasted long, at a master
// that was there and then was cut off, was no failure in a row: it begins a new one.
func (p *pace) wait(ctx context.Context, patience, lasted time.Duration) bool {
	now := time.Now()
	if p.since.IsZero() || lasted > patience/4 {
		p.since, p.next = now, 25*time.Millisecond
	}
	if patience == 0 || now.Sub(p.since) >= patience {
		return false
	}
	t := time.NewTimer(p.next + rand.N(p.next/2))
	defer t.Stop()
	p.next = min(2*p.next, time.Second)
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (p *pace) elapsed() time.Duration {
	if p.since.IsZero() {
		return 0
	}
	return time.Since(p.since)
}
