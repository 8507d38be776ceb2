package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Event is one entry of the event stream.
type Event struct {
	ID uint64 `json:"id"`
	// Gap says that entries up to ID were no longer there to be sent.
	Gap bool `json:"gap,omitempty"`
	// Live says that what existed at the start has been sent; what follows is new.
	Live   bool         `json:"live,omitempty"`
	Notice model.Notice `json:"notice,omitzero"`
}

// silence is how long an event stream may bring nothing, not even a heartbeat
// (every 15 s), before it counts as broken.
const silence = 50 * time.Second

// Events returns the event stream after entry since (0 = from now on), of one
// job (id, prefix, name or "last") or of all. It goes on over broken connections
// and failovers, and ends with the error that it could not get over, which is
// ctx's when ctx ends.
func (c *Client) Events(ctx context.Context, since uint64, job string) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		s := &eventStream{c: c, last: since, job: job}
		for {
			began := time.Now()
			err := s.run(ctx, yield)
			switch {
			case errors.Is(err, errStopped):
				return
			case ctx.Err() != nil:
				err = ctx.Err()
			case errors.Is(err, errBroken):
				// The first repetition is at once, further ones have to wait.
				if time.Since(began) > time.Second || s.pace.wait(ctx, c.patience, 0) {
					continue
				}
				if ctx.Err() != nil {
					err = ctx.Err()
				}
			}
			yield(Event{}, err)
			return
		}
	}
}

var (
	errStopped = errors.New("the consumer has had enough")
	errBroken  = errors.New("the event stream broke off")
)

type eventStream struct {
	c    *Client
	job  string
	last uint64 // the newest entry seen
	live bool   // the consumer knows that it is up to date
	pace pace
}

// run reads one connection until it breaks.
func (s *eventStream) run(ctx context.Context, yield func(Event, error) bool) error {
	q := url.Values{}
	setText(q, "job", s.job)
	if s.last > 0 {
		q.Set("since", strconv.FormatUint(s.last, 10))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	resp, err := s.c.send(ctx, call{
		method: http.MethodGet, path: "/v1/events", query: q, repeatable: true,
		header: map[string]string{"Accept": "text/event-stream"},
	})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	watchdog := time.AfterFunc(silence, cancel)
	defer watchdog.Stop()
	return readEvents(resp.Body, func() { watchdog.Reset(silence) }, func(e Event) error {
		s.pace = pace{}
		s.last = max(s.last, e.ID)
		if e.Live && s.live {
			return nil // up to date again, after a reconnect
		}
		s.live = s.live || e.Live
		if !yield(e, nil) {
			return errStopped
		}
		return nil
	})
}

// readEvents parses server-sent events (WHATWG HTML, section 9.2.6).
func readEvents(r io.Reader, heard func(), emit func(Event) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), 4<<20)
	var e Event
	var kind string
	var data strings.Builder
	for lines.Scan() {
		heard()
		field, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "id":
			if id, err := strconv.ParseUint(value, 10, 64); err == nil {
				e.ID = id
			}
		case "event":
			kind = value
		case "data":
			data.WriteString(value)
		}
		if lines.Text() != "" || data.Len() == 0 {
			continue
		}
		e.Gap, e.Live, e.Notice = kind == "gap", kind == "live", model.Notice{}
		if !e.Gap && !e.Live {
			if err := json.Unmarshal([]byte(data.String()), &e.Notice); err != nil {
				return &ProtocolError{Status: "200 OK", Text: "decode event " + strconv.FormatUint(e.ID, 10) + ": " + err.Error()}
			}
		}
		if err := emit(e); err != nil {
			return err
		}
		kind = ""
		data.Reset()
	}
	return errBroken
}
