package apitest

import (
	"context"
	"net"

	"github.com/tender-scheduler/tender/api/session"
	"github.com/tender-scheduler/tender/api/sessionpb"
	"github.com/tender-scheduler/tender/core/model"
)

// Attach implements httpapi.Backend with a command that says what it was called
// with, gives back its input, and exits with as many as it had arguments.
func (m *Master) Attach(_ context.Context, a model.Attach) (session.Stream, *model.Refusal) {
	m.mu.Lock()
	defer m.mu.Unlock()
	j, refusal := m.find(a.Selector)
	if refusal != nil {
		return nil, refusal
	}
	t, refusal := slotOf(j, model.ReadLog{Selector: a.Selector, Group: a.Group, Index: a.Index})
	if refusal != nil {
		return nil, refusal
	}
	if t.State != "running" {
		return nil, model.Refuse(model.ReasonConflict, "task %s is %s", t.ID, t.State)
	}
	near, far := net.Pipe()
	go echo(session.NewConn(far, nil))
	return session.NewConn(near, nil), nil
}

func echo(s session.Stream) {
	defer s.Close()
	var open *sessionpb.Open
	for {
		f, err := s.Recv()
		if err != nil {
			return
		}
		var answers []*sessionpb.Frame
		switch k := f.Kind.(type) {
		case *sessionpb.Frame_Open:
			open = k.Open
			answers = append(answers, &sessionpb.Frame{Kind: &sessionpb.Frame_Started{Started: &sessionpb.Started{Pid: 1}}})
			for _, arg := range open.Args {
				answers = append(answers, &sessionpb.Frame{Kind: &sessionpb.Frame_Stderr{Stderr: []byte(arg + "\n")}})
			}
			if !open.Stdin {
				answers = append(answers, echoEnd(open))
			}
		case *sessionpb.Frame_Stdin:
			answers = append(answers, &sessionpb.Frame{Kind: &sessionpb.Frame_Stdout{Stdout: k.Stdin}},
				&sessionpb.Frame{Kind: &sessionpb.Frame_Credit{Credit: &sessionpb.Credit{Bytes: int64(len(k.Stdin))}}})
		case *sessionpb.Frame_Eof:
			answers = append(answers, echoEnd(open))
		}
		for _, a := range answers {
			if s.Send(a) != nil || session.Last(a) {
				return
			}
		}
	}
}

func echoEnd(open *sessionpb.Open) *sessionpb.Frame {
	return &sessionpb.Frame{Kind: &sessionpb.Frame_Ended{Ended: &sessionpb.Ended{ExitCode: int32(len(open.GetArgs()))}}}
}
