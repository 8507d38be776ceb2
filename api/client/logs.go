package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Logs streams a task's output. With Follow it first waits for the task to
// start and ends when the task has. A stream that breaks goes on where it broke
// off, unless Offset is negative and bytes have come already: then their place
// is not known, and Read fails.
//
// Offsets count from the start of what the agent keeps, so a resumed stream may
// miss bytes if the log was rotated in between.
func (c *Client) Logs(ctx context.Context, r model.ReadLog) (io.ReadCloser, error) {
	s := &logStream{c: c, ctx: ctx, want: r}
	if err := s.open(); err != nil {
		return nil, err
	}
	return s, nil
}

type logStream struct {
	c    *Client
	ctx  context.Context
	want model.ReadLog
	resp *http.Response
	read int64 // bytes handed out so far
	pace pace
	last time.Time // when bytes came last
}

func (s *logStream) open() error {
	q := url.Values{}
	setText(q, "group", s.want.Group)
	setInt(q, "index", int64(s.want.Index))
	setText(q, "task", s.want.Task)
	if s.want.Rank != nil {
		q.Set("rank", strconv.FormatUint(uint64(*s.want.Rank), 10))
	}
	offset := s.want.Offset
	if offset >= 0 {
		offset += s.read
	}
	setInt(q, "offset", offset)
	if s.want.Attempt != nil {
		q.Set("attempt", strconv.Itoa(int(*s.want.Attempt)))
	}
	if s.want.Stderr {
		q.Set("stderr", "1")
	}
	if s.want.Follow {
		q.Set("follow", "1")
	}
	var err error
	s.resp, err = s.c.send(s.ctx, call{method: http.MethodGet, path: jobPath(s.want.Selector, "/logs"), query: q, repeatable: true}) //nolint:bodyclose // Close closes it
	s.last = time.Now()
	return err
}

func (s *logStream) Read(p []byte) (int, error) {
	for {
		n, err := s.resp.Body.Read(p)
		if n > 0 {
			s.read += int64(n)
			s.last = time.Now()
			s.pace = pace{} // the next failure is not one in a row
			return n, nil
		}
		if err == nil {
			continue
		}
		if errors.Is(err, io.EOF) {
			if err = trailerError(s.resp); err == nil {
				return 0, io.EOF
			}
		}
		if !s.resumable(err) {
			return 0, err
		}
		s.resp.Body.Close()
		if !s.pace.wait(s.ctx, s.c.patience, time.Since(s.last)) {
			return 0, err
		}
		if oerr := s.open(); oerr != nil {
			s.resp = &http.Response{Body: http.NoBody}
			return 0, oerr
		}
	}
}

// resumable reports whether opening the stream again may bring more.
func (s *logStream) resumable(err error) bool {
	if s.ctx.Err() != nil || s.want.Offset < 0 && s.read > 0 {
		return false
	}
	refusal, ok := errors.AsType[*model.Refusal](err)
	return !ok || temporary(refusal)
}

func (s *logStream) Close() error { return s.resp.Body.Close() }

// trailerError returns what a stream that ended in good form says went wrong.
func trailerError(resp *http.Response) error {
	t := resp.Trailer.Get("Tender-Error")
	if t == "" {
		return nil
	}
	var r model.Refusal
	if err := json.Unmarshal([]byte(t), &r); err != nil {
		return &ProtocolError{Address: resp.Request.URL.Host, Status: resp.Status, Text: "decode the trailer: " + err.Error()}
	}
	return &r
}
