package executor

import (
	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/api/session"
)

// DialSession connects to the executor that listens at sock for one session. The
// first frame that comes is a Claim.
func DialSession(sock string, ask *execpb.Session) (session.Stream, error) {
	c, err := Dial(sock)
	if err != nil {
		return nil, err
	}
	if err := c.Send(&execpb.ToExecutor{Kind: &execpb.ToExecutor_Session{Session: ask}}); err != nil {
		c.Close()
		return nil, err
	}
	return session.NewConn(c.c, c.in), nil
}
