package executor

import (
	"fmt"
	"net"

	"github.com/tender-scheduler/tender/api/session"
	"github.com/tender-scheduler/tender/api/sessionpb"
	"github.com/tender-scheduler/tender/core/model"
)

// DialRemote asks at a task's door for a session in the allocation of its gang
// that to names, and returns the answer.
func DialRemote(sock string, to *sessionpb.Reach) (session.Stream, *sessionpb.Claim, error) {
	var c net.Conn
	err := withShortPath(sock, func(path string) (err error) {
		c, err = net.Dial("unix", path)
		return err
	})
	if err != nil {
		return nil, nil, model.Refuse(model.ReasonAgentGone, "reach host %q: this task's executor does not answer: %v", to.Host, err)
	}
	s := session.NewConn(c, nil)
	var claim *sessionpb.Claim
	if err = s.Send(&sessionpb.Frame{Kind: &sessionpb.Frame_Reach{Reach: to}}); err == nil {
		claim, err = claimed(s, to.Host)
	}
	if err != nil {
		s.Close()
		return nil, nil, err
	}
	return s, claim, nil
}

func claimed(s session.Stream, host string) (*sessionpb.Claim, error) {
	f, err := s.Recv()
	switch {
	case err != nil:
		return nil, model.Refuse(model.ReasonUnavailable, "reach host %q: the executor broke off: %v", host, err)
	case f.GetClaim() == nil:
		return nil, fmt.Errorf("reach host %q: the executor answered with %T", host, f.GetKind())
	case f.GetClaim().Refused != nil:
		return nil, session.RefusalOf(f.GetClaim().Refused)
	}
	return f.GetClaim(), nil
}
