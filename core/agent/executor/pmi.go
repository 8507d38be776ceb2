package executor

import (
	"time"

	"github.com/tender-scheduler/tender/api/execpb"
	"github.com/tender-scheduler/tender/core/agent/executor/lifecycle"
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/mpi"
)

// Events about the ranks of a gang that is started over PMI.
type (
	pmiOpened struct {
		at   attemptID
		rank int
		end  *pmiEnd
	}
	pmiLine struct {
		at   attemptID
		rank int
		text string
	}
	pmiClosed struct {
		at   attemptID
		rank int
	}
	pmiWake struct{ at attemptID }
)

// attemptID is one attempt at a gang.
type attemptID struct{ group, attempt uint16 }

func attemptOf(k lifecycle.Key) attemptID { return attemptID{k.Group, k.Attempt} }

// pmiServer serves PMI to the ranks of one attempt at a gang that run here. The
// loop owns it.
type pmiServer struct {
	loop    *loop
	at      attemptID
	plan    *model.GangPlan
	ranks   int // in each allocation
	node    int
	machine *mpi.Machine
	ends    map[int]*pmiEnd
	allocs  int // attempts here that have not ended
	timer   *time.Timer
}

// servePMI makes ready for an allocation whose ranks will speak PMI.
func (l *loop) servePMI(k lifecycle.Key, plan *model.GangPlan) {
	if plan == nil || int(k.Group) >= len(l.runner.job.Groups) {
		return
	}
	g := &l.runner.job.Groups[k.Group]
	if g.Gang == nil || g.Gang.Launch != model.LaunchPMI || int(k.Index) >= plan.Size {
		return
	}
	s := l.pmi[attemptOf(k)]
	if s == nil {
		s = newPMIServer(l, k, g, plan)
		l.pmi[s.at] = s
	}
	s.allocs++
}

func newPMIServer(l *loop, k lifecycle.Key, g *model.Group, plan *model.GangPlan) *pmiServer {
	s := &pmiServer{
		loop: l, at: attemptOf(k), plan: plan, ranks: g.Ranks(), node: plan.NodeOf(int(k.Index)), ends: map[int]*pmiEnd{},
	}
	o := mpi.Options{
		Name: "tender_" + l.job, World: plan.Size * s.ranks,
		Node: s.node, Nodes: len(plan.Nodes), Mapping: mpi.Mapping(plan, s.ranks),
	}
	alloc := 0
	for _, r := range plan.Runs {
		for range r.Count {
			for i := range s.ranks {
				if r.Node == s.node {
					o.Ranks = append(o.Ranks, alloc*s.ranks+i)
				}
			}
			alloc++
		}
	}
	s.machine = mpi.New(o)
	return s
}

// forgetPMI notes that an allocation is over.
func (l *loop) forgetPMI(k lifecycle.Key) {
	s := l.pmi[attemptOf(k)]
	if s == nil {
		return
	}
	if s.allocs--; s.allocs == 0 {
		if s.timer != nil {
			s.timer.Stop()
		}
		for _, end := range s.ends {
			end.close()
		}
		delete(l.pmi, s.at)
	}
}

// pmiEvent serves an event about PMI.
func (l *loop) pmiEvent(e any) {
	switch e := e.(type) {
	case pmiOpened:
		if s := l.pmi[e.at]; s != nil {
			s.ends[e.rank] = e.end
		}
	case pmiLine:
		l.stepPMI(e.at, mpi.Line{Rank: e.rank, Text: e.text})
	case pmiClosed:
		l.stepPMI(e.at, mpi.Closed{Rank: e.rank})
	case pmiLook:
		l.lookForForeign(e)
	case pmiForeign:
		l.foreign(e)
	case pmiWake:
		l.stepPMI(e.at, mpi.TimeUp{})
	}
}

// jobMessage takes in what the executor of another node says.
func (l *loop) jobMessage(in *execpb.JobMessage) {
	from, to := taskKey(in.From), taskKey(in.To)
	s := l.pmi[attemptOf(to)]
	if s != nil && attemptOf(from) == s.at {
		l.stepPMI(s.at, mpi.Message{Node: s.plan.NodeOf(int(from.Index)), Data: in.Data})
	}
}

func (l *loop) stepPMI(at attemptID, in mpi.Input) {
	s := l.pmi[at]
	if s == nil {
		return
	}
	now := time.Now()
	for _, e := range s.machine.Step(now, in) {
		switch e := e.(type) {
		case mpi.Reply:
			if end := s.ends[e.Rank]; end != nil {
				end.reply(e.Text)
			}
		case mpi.Send:
			s.send(e)
		case mpi.Fault:
			k := lifecycle.Key{Group: at.group, Index: uint32(e.Rank / s.ranks), Attempt: at.attempt}
			l.runner.blame(k, e.Rank%s.ranks, e)
		case mpi.Wake:
			if s.timer != nil {
				s.timer.Stop()
			}
			s.timer = time.AfterFunc(e.At.Sub(now), func() { l.inbox.put(pmiWake{at}) })
		}
	}
}

// send gives a message for another node to the agent. It goes from and to the
// first allocations of the nodes; without an agent it is lost, and sent again.
func (s *pmiServer) send(e mpi.Send) {
	first := func(node int) *execpb.Task {
		return &execpb.Task{Group: uint32(s.at.group), Index: uint32(s.plan.FirstOn(node)), Attempt: uint32(s.at.attempt)}
	}
	s.loop.send(&execpb.FromExecutor{Kind: &execpb.FromExecutor_JobMessage{JobMessage: &execpb.JobMessage{
		From: first(s.node), To: first(e.Node), Data: e.Data,
	}}})
}
