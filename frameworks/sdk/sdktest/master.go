package sdktest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// Start is the time at which every Master's clock begins.
var Start = time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)

// Master hosts one framework.
type Master struct {
	Now time.Time
	// Refuse, if set, is asked about every accept; a refusal is what comes back.
	Refuse func(model.Accept) *model.Refusal
	// RefuseSpawn, if set, is asked about every spawned job.
	RefuseSpawn func(model.Submit) *model.Refusal
	// Log, if set, is called with what each Step was given and what it asked for.
	Log func(model.Input, model.Effects)

	make   func() model.Framework
	f      model.Framework
	shadow model.Framework

	agents    []*Agent
	demands   map[string]*model.Demand // as the framework asked; counts go down with accepts
	refused   map[string]time.Time     // by demand, as after Decline
	tasks     map[model.TaskID]*Task
	launched  map[model.TaskID]bool
	journal   [][]byte
	replies   []model.Reply
	calls     []model.Call
	wake      time.Time
	lastOffer model.OfferID
	jobs      map[model.JobID]*model.JobView // spawned
	watched   []model.JobID                  // by who spawned them, in this term
	hosts     map[string]*hostWatch
	err       error
}

// Agent is one agent of the played cluster.
type Agent struct {
	ID       model.AgentID
	Capacity model.Resources
	Down     bool // nothing more is placed there
	Away     bool // out of contact
	Gone     bool // for good
	draining model.OfferID
	used     model.Resources
}

// Task is one live attempt.
type Task struct {
	ID    model.TaskID
	Agent model.AgentID
	State model.TaskState
	Env   map[string]string
	shape model.Resources
	kin   string // of its demand
}

// NewMaster returns a master that leads the framework which make returns. make
// is called again for the shadow and at every failover.
func NewMaster(make func() model.Framework) *Master {
	m := &Master{Now: Start, make: make, f: make(), shadow: make(), tasks: map[model.TaskID]*Task{}, launched: map[model.TaskID]bool{}}
	m.lead()
	return m
}

// Framework returns the hosted framework.
func (m *Master) Framework() model.Framework { return m.f }

// Err returns the first broken rule.
func (m *Master) Err() error { return m.err }

func (m *Master) fail(format string, args ...any) {
	if m.err == nil {
		m.err = fmt.Errorf(format, args...)
	}
}

// AddAgent adds an agent with nothing on it.
func (m *Master) AddAgent(id model.AgentID, capacity model.Resources) {
	m.agents = append(m.agents, &Agent{ID: id, Capacity: capacity})
	m.tellHosts()
}

// Live returns the live tasks, ordered by id.
func (m *Master) Live() []*Task {
	out := make([]*Task, 0, len(m.tasks))
	for _, t := range m.tasks {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b *Task) int { return a.ID.Compare(b.ID) })
	return out
}

// Demands returns the demands that stand, highest rank first.
func (m *Master) Demands() []model.Demand {
	out := make([]model.Demand, 0, len(m.demands))
	for _, d := range m.demands {
		out = append(out, *d)
	}
	slices.SortFunc(out, func(a, b model.Demand) int {
		return cmp.Or(cmp.Compare(b.Rank, a.Rank), cmp.Compare(a.Seq, b.Seq))
	})
	return out
}

// Do sends the framework a request and returns its reply.
func (m *Master) Do(body any) model.Reply {
	m.replies = nil
	m.turn(model.Request{ID: 1, Body: body})
	if len(m.replies) != 1 || m.replies[0].ID != 1 {
		m.fail("request %T got %d replies", body, len(m.replies))
		return model.Reply{}
	}
	return m.replies[0]
}

// Report tells the framework of statuses; those of terminal states free their
// agents. Missing times are now, missing agents the tasks' own.
func (m *Master) Report(sts ...model.TaskStatus) {
	for i := range sts {
		s := &sts[i]
		t := m.tasks[s.Task]
		if s.At.IsZero() {
			s.At = m.Now
		}
		if t == nil {
			continue
		}
		if s.Agent == "" {
			s.Agent = t.Agent
		}
		next, err := t.State.Next(s.State)
		if err != nil {
			continue
		}
		if t.State = next; next.Terminal() {
			a := m.agent(t.Agent)
			a.used = a.used.Sub(t.shape)
			delete(m.tasks, t.ID)
		}
	}
	m.record(model.Statuses(sts))
	m.turn(model.Statuses(sts))
}

// TakeBack rescinds an inverse offer.
func (m *Master) TakeBack(id model.OfferID) { m.turn(model.RescindInverse{Offer: id}) }

// AskBack makes an inverse offer.
func (m *Master) AskBack(o model.InverseOffer) model.OfferID {
	m.lastOffer++
	o.ID, o.Framework, o.MadeAt = m.lastOffer, m.f.ID(), m.Now
	for _, id := range o.Tasks {
		if t := m.tasks[id]; t != nil {
			o.Agents = append(o.Agents, t.Agent)
		}
	}
	m.turn(model.InverseOffers{o})
	return o.ID
}

// Advance moves the clock by d, waking the framework when it asked for it.
func (m *Master) Advance(d time.Duration) {
	end := m.Now.Add(d)
	for !m.wake.IsZero() && !m.wake.After(end) {
		if m.wake.After(m.Now) {
			m.Now = m.wake
		}
		m.wake = time.Time{}
		m.turn(model.Tick{})
	}
	m.Now = end
}

// Failover makes a new framework from a snapshot of the present one, or with
// replay from the whole journal, and has it lead.
func (m *Master) Failover(replay bool) {
	was := m.snapshot(m.f)
	next := m.make()
	if replay {
		for i, e := range m.journal {
			if err := apply(next, e); err != nil {
				m.fail("replay event %d: %w", i, err)
				return
			}
		}
	} else if err := next.Restore(was); err != nil {
		m.fail("restore: %w", err)
		return
	}
	if is := m.snapshot(next); !bytes.Equal(was, is) {
		m.fail("failover (replay %v) changed the state: %d bytes, then %d", replay, len(was), len(is))
	}
	m.f = next
	m.lead()
}

func (m *Master) lead() {
	m.demands, m.refused = map[string]*model.Demand{}, map[string]time.Time{}
	m.calls, m.watched, m.wake, m.hosts = nil, nil, time.Time{}, map[string]*hostWatch{}
	m.turn(model.Leading{})
}

// turn is one input with all that follows from it but offers.
func (m *Master) turn(in model.Input) {
	m.step(in)
	m.carryOut()
	m.check()
	m.tellHosts()
}

func (m *Master) step(in model.Input) {
	e := m.f.Step(m.Now, in)
	if m.Log != nil {
		m.Log(in, e)
	}
	for _, ev := range e.Events {
		m.record(ev)
	}
	m.calls = append(m.calls, e.Calls...)
	m.replies = append(m.replies, e.Replies...)
	if !e.Wake.IsZero() {
		m.wake = e.Wake
	}
}

// check compares the framework with its shadow.
func (m *Master) check() {
	if a, b := m.snapshot(m.f), m.snapshot(m.shadow); !bytes.Equal(a, b) {
		m.fail("the state after Step is not the state after Apply:\n%q\n%q", a, b)
	}
}

func (m *Master) snapshot(f model.Framework) []byte {
	b, err := f.Snapshot()
	if err != nil {
		m.fail("snapshot: %w", err)
	}
	return b
}

// record journals an event in a form that shares no memory with the original.
func (m *Master) record(e model.JournalEvent) {
	var b []byte
	var err error
	switch e := e.(type) {
	case model.OwnEvent:
		b = append([]byte("O"), e...)
	case model.Staged:
		b, err = json.Marshal(e)
		b = append([]byte("S"), b...)
	case model.Statuses:
		b, err = json.Marshal(e)
		b = append([]byte("U"), b...)
	}
	if err == nil {
		m.journal = append(m.journal, b)
		err = apply(m.shadow, b)
	}
	if err != nil {
		m.fail("journal %T: %w", e, err)
	}
}

func apply(f model.Framework, b []byte) error {
	switch b[0] {
	case 'S':
		var e model.Staged
		if err := json.Unmarshal(b[1:], &e); err != nil {
			return err
		}
		return f.Apply(e)
	case 'U':
		var e model.Statuses
		if err := json.Unmarshal(b[1:], &e); err != nil {
			return err
		}
		return f.Apply(e)
	}
	return f.Apply(model.OwnEvent(bytes.Clone(b[1:])))
}
