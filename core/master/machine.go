package master

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/offers"
)

// Timing is the machine's share of the configuration.
type Timing struct {
	PingInterval time.Duration // to each agent
	// SilentAfter without a pong, a session counts as dead.
	SilentAfter time.Duration
	// UnreachableAfter a disconnect, the agent's tasks are reported UNREACHABLE.
	UnreachableAfter time.Duration
	// FenceAfter out of contact, an agent kills its own tasks.
	FenceAfter time.Duration
	// FenceSlack is how much longer than FenceAfter the master waits before it
	// calls those tasks gone: it covers the kill itself and clock rates.
	FenceSlack time.Duration
	// OfferTimeout rescinds an offer that was neither accepted nor declined.
	OfferTimeout time.Duration
}

// DefaultTiming suits a cluster on one network.
func DefaultTiming() Timing {
	return Timing{
		PingInterval: 2 * time.Second, SilentAfter: 10 * time.Second, UnreachableAfter: 5 * time.Second,
		FenceAfter: 2 * time.Minute, FenceSlack: 20 * time.Second, OfferTimeout: 30 * time.Second,
	}
}

// Validate reports the first value that cannot work.
func (t Timing) Validate() error {
	for _, d := range []struct {
		name string
		v    time.Duration
	}{
		{"ping interval", t.PingInterval}, {"silent after", t.SilentAfter}, {"unreachable after", t.UnreachableAfter},
		{"fence after", t.FenceAfter}, {"fence slack", t.FenceSlack}, {"offer timeout", t.OfferTimeout},
	} {
		if d.v <= 0 {
			return fmt.Errorf("validate timing: %s is %v, it must be positive", d.name, d.v)
		}
	}
	if t.SilentAfter <= t.PingInterval {
		return errors.New("validate timing: silent after must be longer than the ping interval")
	}
	return nil
}

// Machine is the master's decisions. See the package comment for who owns it.
type Machine struct {
	timing Timing
	state  state
	book   *offers.Book
	// allocator is how the book is configured, also the one of the next term.
	allocator offers.Settings

	frameworks map[model.FrameworkID]model.Framework
	order      []model.FrameworkID // sorted, so that a turn is deterministic

	// What follows is a leader's own and not in the journal.
	leading  bool
	epoch    int64
	sessions map[SessionID]*session
	byAgent  map[model.AgentID][]*session // oldest first
	links    map[model.AgentID]*link
	wakes    map[model.FrameworkID]time.Time
	kills    map[model.TaskID]model.Kill          // wanted; sent again when the agent comes back
	watch    map[model.JobID]model.FrameworkID    // spawned jobs, and who is told of them
	inverse  map[model.OfferID]model.InverseOffer // out, until their deadline
	overdue  []model.InverseOffer                 // past it, while their tasks end
	drains   map[string]*drainRun                 // that are on, by the node's name
	services services
	hosts    map[string]*hostWatch // by framework and its name for it
	now      time.Time
	out      *Effects
	calls    []pendingCall
	nextPing time.Time
	lostDue  time.Time // when an absent agent next needs looking at
	tally    tally
	// timePass runs a pass of the allocator, and may time it; nil = just runs it.
	timePass func(pass func())
}

// pendingCall is a call a framework made that has not been carried out yet.
type pendingCall struct {
	framework model.FrameworkID
	call      any // a model.Call or a changedCall
}

// NewMachine returns a machine with an empty state.
func NewMachine(t Timing, frameworks ...model.Framework) (*Machine, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	m := &Machine{
		timing: t, state: newState(), book: offers.NewBook(), allocator: offers.DefaultSettings(),
		frameworks: map[model.FrameworkID]model.Framework{},
		sessions:   map[SessionID]*session{}, byAgent: map[model.AgentID][]*session{}, links: map[model.AgentID]*link{},
		wakes: map[model.FrameworkID]time.Time{}, kills: map[model.TaskID]model.Kill{},
		inverse: map[model.OfferID]model.InverseOffer{}, watch: map[model.JobID]model.FrameworkID{},
		tally:  newTally(),
		drains: map[string]*drainRun{}, hosts: map[string]*hostWatch{}, services: newServices(),
	}
	for _, f := range frameworks {
		if m.frameworks[f.ID()] != nil {
			return nil, fmt.Errorf("new machine: two frameworks are called %q", f.ID())
		}
		m.frameworks[f.ID()] = f
		m.order = append(m.order, f.ID())
	}
	slices.Sort(m.order)
	return m, nil
}

// Configure replaces the allocator's settings. They are no part of the journal and
// may differ between masters.
func (m *Machine) Configure(s offers.Settings) {
	m.allocator = s
	m.book.Configure(s)
}

// TimePasses lets f run each pass of the allocator: a machine has no clock to time
// them by.
func (m *Machine) TimePasses(f func(pass func())) { m.timePass = f }

// Step takes one turn's inputs, settles what follows from them, and returns the
// effects. now is UTC and does not go back. Only a leader steps; its first
// input is Lead.
func (m *Machine) Step(now time.Time, inputs []Input) Effects {
	m.now, m.out = now, &Effects{}
	for _, in := range inputs {
		m.handle(in)
		m.carryOut()
	}
	m.runTimers()
	m.settle()
	m.tellServices()
	m.addWarnings()
	m.out.Wake = m.nextWake()
	out := *m.out
	m.out = nil
	return out
}

func (m *Machine) handle(in Input) {
	switch in := in.(type) {
	case Lead:
		m.lead(in)
	case AgentUp:
		m.agentUp(in)
	case AgentSaid:
		m.agentSaid(in)
	case AgentDown:
		m.agentDown(in.Session)
	case Asked:
		m.asked(in)
	case WallClock:
		for _, id := range m.order {
			m.stepFramework(id, model.WallClock{Ahead: in.Ahead})
		}
	case Tick:
		// Every turn looks at the timers.
	default:
		panic(fmt.Sprintf("master: unknown input %T", in))
	}
}

// lead starts the term: what is not journaled is rebuilt from what is.
func (m *Machine) lead(in Lead) {
	m.leading, m.epoch = true, in.Epoch
	clear(m.hosts)
	m.fillBook()
	m.fillServices()
	if m.state.clusterID == "" {
		m.record(jsonRecord(recCluster, clusterRecord{ID: in.ClusterID}))
		m.state.clusterID = in.ClusterID
	}
	for _, id := range m.agentIDs() {
		m.lose(id)
		m.book.SetAvailable(id, false)
	}
	for _, id := range m.order {
		m.stepFramework(id, model.Leading{})
	}
	m.tellDrains()
}

func (m *Machine) asked(in Asked) {
	if m.askedRoles(in) || m.askedNodes(in) {
		return
	}
	id, body, refusal := m.route(m.now, in.Body)
	if refusal != nil {
		m.out.Replies = append(m.out.Replies, model.Reply{ID: in.ID, Err: refusal})
		return
	}
	m.stepFramework(id, model.Request{ID: in.ID, Body: body})
}

// addWarnings tells those who submitted in this turn at once if their job would
// wait for ever. Only jobs that still wait after the turn's offers are looked at.
func (m *Machine) addWarnings() {
	idle := m.book.Idle()
	for i := range m.out.Replies {
		r, ok := m.out.Replies[i].Body.(model.SubmitReply)
		if !ok || r.Existing || idle && r.Version == 0 && m.hosts["batch/"+string(r.ID)+"/0"] == nil {
			continue // with no demand in the book, only what sends none may be without hope
		}
		if e := m.warning(r.ID); e != nil {
			r.Warning = e
			m.out.Replies[i].Body = r
		}
	}
}

func (m *Machine) warning(job model.JobID) *model.Explanation {
	answer, refusal := m.queryFramework(m.now, model.Why{Selector: string(job), Brief: true})
	if refusal != nil {
		return nil
	}
	v := answer.(model.WhyView)
	if v.Job.Schedule != nil {
		if full, refusal := m.queryFramework(m.now, model.GetJob{Selector: string(job)}); refusal == nil {
			for _, e := range m.runsNever(m.now, full.(model.JobView).Spec) {
				return &e
			}
		}
		return nil
	}
	for i := range v.Explanations {
		if v.Explanations[i].Tier == model.TierNever {
			return &v.Explanations[i]
		}
	}
	for _, d := range v.Demands {
		if m.book.Never(d) {
			e := m.book.Explain(m.now, d)
			return &e
		}
	}
	return nil
}

// stepFramework gives a framework one input and takes in its effects; the calls
// it makes wait for carryOut.
func (m *Machine) stepFramework(id model.FrameworkID, in model.Input) {
	e := m.frameworks[id].Step(m.now, in)
	for _, ev := range e.Events {
		m.record(prefixed(recFramework, string(id), ev))
	}
	for _, c := range e.Calls {
		m.calls = append(m.calls, pendingCall{id, c})
	}
	m.out.Replies = append(m.out.Replies, e.Replies...)
	m.out.Notices = append(m.out.Notices, e.Notices...)
	m.tellWatchers(e.Notices)
	if !e.Wake.IsZero() {
		m.wakes[id] = e.Wake
	}
}

func (m *Machine) record(r []byte) { m.out.Records = append(m.out.Records, r) }

func (m *Machine) agentIDs() []model.AgentID {
	ids := make([]model.AgentID, 0, len(m.state.agents))
	for id := range m.state.agents {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Audit checks the invariants that can be seen from inside, for tests and the simulator.
func (m *Machine) Audit() error {
	if err := m.book.Audit(); err != nil {
		return err
	}
	for id, t := range m.state.tasks {
		a := m.state.agents[t.batch.agent]
		if a == nil || a.tasks[id] != t {
			return fmt.Errorf("audit: task %s is not among the tasks of its agent %s", id, t.batch.agent)
		}
	}
	for id, a := range m.state.agents {
		for t := range a.tasks {
			if m.state.tasks[t] == nil {
				return fmt.Errorf("audit: agent %s has task %s, which is not live", id, t)
			}
		}
	}
	return nil
}
