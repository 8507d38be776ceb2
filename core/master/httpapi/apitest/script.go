package apitest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/tender-scheduler/tender/core/model"
)

// Play carries out one command of a transcript on the master:
//
//	leader [address=HOST:PORT] [self]     who leads from now on
//	advance by=3s                         move the clock
//	start job=SEL [index=(1,2)] [agent=A] waiting tasks run
//	end job=SEL [index=(1,2)] [code=N] [signal=N] [cause=C]   running tasks end
//	print job=SEL [index=N] [stderr]      a task prints the input
//	break-log job=SEL [index=N]           its output ends with an error, the input
//	explain job=SEL                       why it waits: an Explanation as JSON
//	warn job=NAME                         why all of that name wait, likewise
//	nodes, offers, shares                 what there is: []NodeView, OfferList, ShareList as JSON
//	rollout job=SEL                       {"status": ServiceStatus, "versions": []VersionView}
//	services                              what there is: []ServiceView as JSON
//
// handled is false for any other command.
func (m *Master) Play(d *datadriven.TestData) (handled bool, err error) {
	s := script{d: d}
	job, index := s.text("job"), s.indices()
	switch d.Cmd {
	case "leader":
		m.SetLeader(s.text("address"), d.HasArg("self"))
	case "advance":
		by, err := time.ParseDuration(s.text("by"))
		if err != nil {
			return true, err
		}
		m.Advance(by)
	case "start":
		agent := s.text("agent")
		if agent == "" {
			agent = "node-1"
		}
		m.Start(job, agent, index...)
	case "end":
		m.End(job, s.result(), index...)
	case "print":
		m.Print(job, first(index), d.HasArg("stderr"), d.Input+"\n")
	case "break-log":
		m.BreakLog(job, first(index), d.HasArg("stderr"), model.Refuse(model.ReasonAgentGone, "%s", d.Input))
	case "explain":
		var e []model.Explanation
		s.json(&e)
		m.Explain(job, e...)
	case "warn":
		var e model.Explanation
		s.json(&e)
		m.Warn(job, e)
	case "nodes":
		var n []model.NodeView
		s.json(&n)
		m.SetNodes(n...)
	case "offers":
		var l model.OfferList
		s.json(&l)
		m.SetOffers(l)
	case "rollout":
		var r struct {
			Status   model.ServiceStatus
			Versions []model.VersionView
		}
		s.json(&r)
		m.SetRollout(job, r.Status, r.Versions...)
	case "services":
		var v []model.ServiceView
		s.json(&v)
		m.SetServices(v...)
	case "shares":
		var l model.ShareList
		s.json(&l)
		m.SetShares(l)
	default:
		return false, nil
	}
	return true, s.err
}

type script struct {
	d   *datadriven.TestData
	err error
}

func (s *script) text(name string) string {
	for _, a := range s.d.CmdArgs {
		if a.Key == name && len(a.Vals) > 0 {
			return a.Vals[0]
		}
	}
	return ""
}

func (s *script) number(name string) int {
	t := s.text(name)
	if t == "" {
		return 0
	}
	n, err := strconv.Atoi(t)
	if err != nil {
		s.err = fmt.Errorf("argument %s=%q: %w", name, t, err)
	}
	return n
}

func (s *script) indices() (out []uint32) {
	for _, a := range s.d.CmdArgs {
		if a.Key != "index" {
			continue
		}
		for _, v := range a.Vals {
			n, err := strconv.ParseUint(v, 10, 32)
			if err != nil {
				s.err = err
			}
			out = append(out, uint32(n))
		}
	}
	return out
}

func (s *script) result() model.Result {
	r := model.Result{Cause: model.Cause(s.text("cause")), ExitCode: s.number("code"), Signal: s.number("signal"), Task: s.text("task")}
	switch {
	case r.Cause != "":
	case r.Code() == 0:
		r.Cause = model.CauseFinished
	default:
		r.Cause = model.CauseFailed
	}
	return r
}

func (s *script) json(v any) {
	if err := json.Unmarshal([]byte(s.d.Input), v); err != nil {
		s.err = err
	}
}

func first(indices []uint32) uint32 {
	if len(indices) == 0 {
		return 0
	}
	return indices[0]
}
