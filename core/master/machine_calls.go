package master

import (
	"fmt"

	"github.com/tender-scheduler/tender/api/agentpb"
	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/offers"
)

// maxSettleRounds bounds how often one turn goes round between the allocator
// and the frameworks. A framework that declines and asks again without end
// would otherwise stop the master; what is left over waits for the next turn.
const maxSettleRounds = 64

// settle makes offers and carries out what the frameworks answer, until nothing
// more can be placed.
func (m *Machine) settle() {
	for range maxSettleRounds {
		m.tellWithdrawn()
		m.tellHosts()
		made := m.pass()
		if asked := m.tellInverse(); len(made) == 0 && !asked {
			return
		}
		byFramework := map[model.FrameworkID]model.Offers{}
		for _, o := range made {
			byFramework[o.Framework] = append(byFramework[o.Framework], o)
			m.tally.of(o.Framework).Made++
		}
		for _, id := range m.order {
			if o := byFramework[id]; o != nil {
				m.stepFramework(id, o)
				m.carryOut()
			}
		}
	}
}

// pass is one pass of the allocator.
func (m *Machine) pass() (made []model.Offer) {
	if m.timePass == nil {
		return m.book.Plan(m.now)
	}
	m.timePass(func() { made = m.book.Plan(m.now) })
	return made
}

// tellWithdrawn passes on which offers the allocator has taken back.
func (m *Machine) tellWithdrawn() {
	for _, w := range m.book.Withdrawn() {
		m.tally.of(w.Offer.Framework).Rescinded++
		if m.frameworks[w.Offer.Framework] != nil {
			m.stepFramework(w.Offer.Framework, model.Rescind{Offer: w.Offer.ID, Reason: w.Reason})
		}
	}
	m.carryOut()
}

// carryOut works off the calls that frameworks have made, and those that the
// answers give rise to.
func (m *Machine) carryOut() {
	for len(m.calls) > 0 {
		c := m.calls[0]
		m.calls = m.calls[1:]
		m.call(c.framework, c.call)
	}
	m.calls = nil
}

func (m *Machine) call(fw model.FrameworkID, c any) {
	switch c := c.(type) {
	case model.Demands:
		for i := range c.Set {
			c.Set[i].Framework = fw
			m.book.SetDemand(c.Set[i])
		}
		for _, id := range c.Drop {
			m.book.DropDemand(fw, id)
		}
	case model.Subscribe:
		if len(c.Roles) == 0 {
			m.book.Unsubscribe(fw)
			return
		}
		m.book.Subscribe(offers.Subscription{Framework: fw, Roles: c.Roles, Suppressed: c.Suppressed, GPUs: c.GPUs})
	case model.Accept:
		m.accept(fw, c)
	case model.Decline:
		if _, ok := m.book.DeclineFor(m.now, c.Offer, c.RefuseFor); ok {
			m.tally.of(fw).Declined++
		}
	case model.AcceptInverse, model.DeclineInverse:
		// Either way the tasks are stopped at the deadline; see runInverse.
	case model.Suppress:
		m.book.Suppress(fw, c.Roles)
	case model.Revive:
		m.book.Revive(fw, c.Roles)
	case model.Kill:
		m.kill(c)
	case model.Withdraw:
		m.unlist(c)
	case model.JobDone:
		m.jobDone(c.Job)
	case model.Spawn:
		m.spawn(fw, c)
	case model.WatchJobs:
		m.watchJobs(fw, c.Jobs)
	case model.WatchHosts:
		m.watchHosts(fw, c)
	case model.Ask:
		_, _ = m.askInner(c.Body) // what is refused has ended
	case changedCall:
		m.tellWatcher(c.job)
	default:
		panic(fmt.Sprintf("master: framework %s made unknown call %T", fw, c))
	}
}

// accept launches what passes the allocator's check: all of it or none.
func (m *Machine) accept(fw model.FrameworkID, a model.Accept) {
	if r := m.checkAttempts(a.Launches); r != nil {
		m.book.Decline(a.Offer)
		m.tally.of(fw).Refused++
		m.stepFramework(fw, model.Refused{Call: a, Refusal: r})
		return
	}
	done, refusal := m.book.Accept(m.now, fw, a)
	if refusal != nil {
		m.tally.of(fw).Refused++
		m.stepFramework(fw, model.Refused{Call: a, Refusal: refusal})
		return
	}
	m.tally.of(fw).Accepted++
	m.planGang(&done.Offer, a.Launches)
	for i := range a.Launches {
		l := &a.Launches[i]
		l.Facts = nil
		if l.Spec != nil {
			l.Facts = model.FactsOf(l.Spec, int(l.Group))
		}
		rec := stagedRecord{Claim: done.Claims[i], At: m.now, Launch: *l}
		m.record(jsonRecord(recStaged, &rec))
		if err := m.state.stage(rec.batch(), l); err != nil {
			panic("master: " + err.Error()) // checkAttempts and the book have looked
		}
		m.tally.launched += uint64(len(l.Tasks))
		m.indexServices(l)
		m.sendLaunch(l)
		m.stepFramework(fw, model.Staged{Launches: []model.Launch{*l}, At: m.now})
	}
}

// checkAttempts refuses a task that is live already: a task is one attempt.
func (m *Machine) checkAttempts(ls []model.Launch) *model.Refusal {
	for i := range ls {
		for n := range ls[i].Tasks {
			if id := ls[i].ID(n); m.state.tasks[id] != nil {
				return model.Refuse(model.ReasonDuplicateTask, "launch task %s: it is live already", id)
			}
		}
	}
	return nil
}

// sendLaunch sends a launch to an agent that is connected. To one that is not,
// nothing is sent: when it registers without these tasks they are dropped.
func (m *Machine) sendLaunch(l *model.Launch) {
	lk := m.links[l.Agent]
	if lk == nil || lk.session == nil {
		return
	}
	m.sendSpec(lk.session, l)
	w := &agentpb.Launch{
		Job: string(l.Job), Group: uint32(l.Group), TimeLimitNs: int64(l.TimeLimit), Env: l.Env,
		Indices: make([]uint32, len(l.Tasks)),
	}
	retried := false
	for i, t := range l.Tasks {
		w.Indices[i] = t.Index
		retried = retried || t.Attempt != 0
	}
	if retried {
		w.Attempts = make([]uint32, len(l.Tasks))
		for i, t := range l.Tasks {
			w.Attempts[i] = uint32(t.Attempt)
		}
	}
	w.Grants, w.Gang = grantsToWire(l.Grants), gangToWire(l.Gang)
	m.send(lk.session, &agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Launch{Launch: w}})
}

// sendSpec sends a job's description once per session.
func (m *Machine) sendSpec(s *session, l *model.Launch) {
	if _, sent := s.specs[l.Job]; sent || l.Spec == nil {
		return
	}
	s.specs[l.Job] = struct{}{}
	spec := jsonRecord('{', l.Spec)[1:]
	m.send(s, &agentpb.MasterMessage{Kind: &agentpb.MasterMessage_JobSpec{
		JobSpec: &agentpb.JobSpec{Job: string(l.Job), Spec: spec}}})
}

// kill passes a kill on, and remembers it for an agent that is out of contact.
func (m *Machine) kill(k model.Kill) {
	t := m.state.tasks[k.Task]
	if t == nil {
		return
	}
	m.kills[k.Task] = k
	m.services.touch(t)
	if lk := m.links[t.batch.agent]; lk != nil && lk.session != nil {
		m.sendKill(lk.session, k)
	}
}

// sendKill adds to the kill that was sent last if it is for the same agent and
// reason, so that cancelling an array is one message.
func (m *Machine) sendKill(s *session, want model.Kill) {
	if n := len(m.out.Sends); n > 0 && m.out.Sends[n-1].Session == s.id {
		if k, ok := m.out.Sends[n-1].Message.Kind.(*agentpb.MasterMessage_Kill); ok && k.Kill.Reason == uint32(want.Reason) && k.Kill.GraceNs == int64(want.Grace) {
			k.Kill.Tasks = append(k.Kill.Tasks, taskIDToWire(want.Task))
			return
		}
	}
	m.send(s, &agentpb.MasterMessage{Kind: &agentpb.MasterMessage_Kill{
		Kill: &agentpb.Kill{Tasks: []*agentpb.TaskId{taskIDToWire(want.Task)}, Reason: uint32(want.Reason), GraceNs: int64(want.Grace)}}})
}

func (m *Machine) jobDone(job model.JobID) {
	agents := m.state.jobAgents[job]
	if len(agents) == 0 {
		return
	}
	for _, id := range agents {
		if lk := m.links[id]; lk != nil && lk.session != nil {
			delete(lk.session.specs, job)
			m.send(lk.session, &agentpb.MasterMessage{Kind: &agentpb.MasterMessage_JobDone{
				JobDone: &agentpb.JobDone{Job: string(job)}}})
		}
	}
	m.record(jsonRecord(recJobDone, jobDoneRecord{Job: job}))
	m.state.jobDone(job)
}

func (m *Machine) send(s *session, msg *agentpb.MasterMessage) {
	m.out.Sends = append(m.out.Sends, Send{Session: s.id, Message: msg})
}
