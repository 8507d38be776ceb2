package client

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/tender-scheduler/tender/api/session"
	"github.com/tender-scheduler/tender/core/model"
)

// Attach opens a session beside a running task, or with Resume another road to one
// that is there. Without a session id the caller sends an Open first; with one the
// first frame that comes is a Claim, and the rest is for a session.Durable to carry.
// The stream lives on when ctx ends, until it is closed.
func (c *Client) Attach(ctx context.Context, a model.Attach) (session.Stream, error) {
	q := url.Values{}
	setText(q, "group", a.Group)
	setInt(q, "index", int64(a.Index))
	setText(q, "task", a.Task)
	setText(q, "user", a.User)
	if a.Resume {
		q.Set("resume", "1")
	}
	header := map[string]string{"Connection": "Upgrade", "Upgrade": session.Protocol}
	if a.Session != "" {
		header[session.IDHeader] = a.Session
	}
	// Repeatable: nothing runs before the Open.
	resp, err := c.send(ctx, call{ //nolint:bodyclose // the session's Close closes it
		method: http.MethodPost, path: jobPath(a.Selector, "/exec"), query: q, repeatable: true, header: header,
	})
	if err != nil {
		return nil, err
	}
	if closing, ok := resp.Body.(*closing); ok {
		if body, ok := closing.ReadCloser.(io.ReadWriteCloser); ok && resp.StatusCode == http.StatusSwitchingProtocols {
			return session.NewConn(body, nil), nil
		}
	}
	resp.Body.Close()
	return nil, &ProtocolError{Address: resp.Request.URL.Host, Status: resp.Status, Text: "the connection was not upgraded to a session"}
}
