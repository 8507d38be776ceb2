package executor

import (
	"fmt"
	"net"

	"github.com/tender-scheduler/tender/api/session"
	"github.com/tender-scheduler/tender/api/sessionpb"
	"github.com/tender-scheduler/tender/core/model"
)

// DialRemote asks at a task's door for a session in the allocation of its gang
// that host names.
func DialRemote(sock, token, host string) (session.Stream, error) {
	var c net.Conn
	err := withShortPath(sock, func(path string) (err error) {
		c, err = net.Dial("unix", path)
		return err
	})
	if err != nil {
		return nil, model.Refuse(model.ReasonAgentGone, "reach host %q: this task's executor does not answer: %v", host, err)
	}
	s := session.NewConn(c, nil)
	err = s.Send(&sessionpb.Frame{Kind: &sessionpb.Frame_Reach{Reach: &sessionpb.Reach{Host: host, Token: token}}})
	if err == nil {
		err = claimed(s, host)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func claimed(s session.Stream, host string) error {
	f, err := s.Recv()
	switch {
	case err != nil:
		return model.Refuse(model.ReasonUnavailable, "reach host %q: the executor broke off: %v", host, err)
	case f.GetClaim() == nil:
		return fmt.Errorf("reach host %q: the executor answered with %T", host, f.GetKind())
	case f.GetClaim().Refused != nil:
		return session.RefusalOf(f.GetClaim().Refused)
	}
	return nil
}
