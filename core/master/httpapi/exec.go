package httpapi

import (
	"bufio"
	"context"
	"math"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/api/session"
	"github.com/tender-scheduler/tender/core/model"
)

// maxSessionBytes bounds a session's id.
const maxSessionBytes = 64

// exec upgrades the connection to a session beside a running task. What can be
// refused before is refused with a status; after that, frames tell (api/session).
func (a *api) exec(w http.ResponseWriter, r *http.Request) {
	sel, refusal := selector(r)
	q := readQuery(r.URL.RawQuery)
	ask := model.Attach{
		Selector: sel,
		Group:    q.text("group"),
		Index:    uint32(q.integer("index", 0, math.MaxUint32, 0)),
		Task:     q.text("task"),
		User:     q.text("user"),
		Session:  r.Header.Get(session.IDHeader),
		Resume:   q.flag("resume"),
	}
	if refusal == nil {
		refusal = q.done()
	}
	if refusal == nil {
		refusal = plain("user", ask.User, maxUserBytes)
	}
	if refusal == nil {
		refusal = plain("session", ask.Session, maxSessionBytes)
	}
	if refusal == nil && ask.Resume && ask.Session == "" {
		refusal = model.Refuse(model.ReasonBadRequest, "resume: want session, the id that the session was begun with")
	}
	if refusal == nil && !strings.EqualFold(r.Header.Get("Upgrade"), session.Protocol) {
		refusal = model.Refuse(model.ReasonBadRequest,
			"a command beside a task needs the connection upgraded: send Connection: Upgrade and Upgrade: %s", session.Protocol)
	}
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), a.RequestTimeout)
	s, refusal := a.Backend.Attach(ctx, ask)
	cancel()
	if refusal != nil {
		writeRefusal(w, refusal)
		return
	}
	defer s.Close()
	c, in, err := http.NewResponseController(w).Hijack()
	if err != nil {
		writeRefusal(w, model.Refuse(model.ReasonInternal, "upgrade the connection: %v", err))
		return
	}
	defer c.Close()
	defer context.AfterFunc(r.Context(), func() { c.Close() })() // the server's end
	if _, err := c.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + session.Protocol + "\r\n\r\n")); err != nil {
		return
	}
	caller := newCaller(c, in.Reader)
	returns := session.ReturnWithin
	if r.Header.Get(forwardedHeader) != "" {
		returns = session.ReturnForwarded
	}
	session.Relay(session.Announce(caller, returns), s)
	caller.linger()
}

// caller is the stream to who asked for a session.
type caller struct {
	*session.Conn
	tcp net.Conn
}

// lingerFor is how long a caller may take to close after the last frame.
const lingerFor = 5 * time.Second

func newCaller(c net.Conn, in *bufio.Reader) *caller {
	_ = c.SetDeadline(time.Time{}) // the server's are for requests
	return &caller{Conn: session.NewConn(c, in), tcp: c}
}

// Close implements session.Stream. The caller closes first: it might lose the
// last frame if the connection ended with something of its own unread.
func (c *caller) Close() error { return c.tcp.SetDeadline(time.Now().Add(lingerFor)) }

func (c *caller) linger() {
	_ = c.Close()
	c.Drain()
}
