package offers

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
)

// machine drives a book and the oracle through the same random calls.
type machine struct {
	b    *Book
	w    *world
	now  time.Time
	next uint32 // index of the next task
}

var (
	agentIDs   = []model.AgentID{"a1", "a2", "a3", "a4"}
	demandIDs  = []string{"d1", "d2", "d3", "d4"}
	frameworks = []model.FrameworkID{"batch", "service"}
)

func drawAgent(t *rapid.T) model.AgentInfo {
	id := rapid.SampledFrom(agentIDs).Draw(t, "agent")
	a := model.AgentInfo{ID: id, Name: "name-" + string(id), Attributes: map[string]string{"node.unique.name": string(id)}}
	a.Capacity = model.Resources{CPUMilli: rapid.Int64Range(0, 5).Draw(t, "cpu"), MemoryBytes: rapid.Int64Range(0, 5).Draw(t, "memory")}
	if r := rapid.SampledFrom([]string{"", "r1", "r2"}).Draw(t, "rack"); r != "" {
		a.Attributes["meta.zone"] = r
	}
	return a
}

func drawShape(t *rapid.T) model.Shape {
	s := model.Shape{Resources: model.Resources{
		CPUMilli: rapid.Int64Range(0, 3).Draw(t, "cpu"), MemoryBytes: rapid.Int64Range(0, 3).Draw(t, "memory")}}
	if rapid.IntRange(0, 30).Draw(t, "odd") == 0 {
		if rapid.Bool().Draw(t, "gpu") {
			s.GPUs = []model.GPURequest{{Count: 1}}
		} else {
			s.CPUMilli = -1
		}
	}
	return s
}

var someConstraints = []model.Constraint{
	{Attribute: "${meta.zone}", Operator: "=", Value: "r1"},
	{Attribute: "${meta.zone}", Operator: "!=", Value: "r1"},
	{Attribute: "${meta.zone}", Operator: "is_set"},
	{Attribute: "${meta.zone}", Operator: "regexp", Value: "^r2$"},
	{Attribute: "${meta.zone}", Operator: "regexp", Value: "("},
	{Attribute: "${node.unique.name}", Operator: "=", Value: "a2"},
	{Attribute: "${node.unique.name}", Operator: "near", Value: "a2"},
	{Operator: "distinct_hosts"},
	{Attribute: "${meta.zone}", Operator: "distinct_property"},
	{Attribute: "${meta.zone}", Operator: "distinct_property", Value: "2"},
}

func drawDemand(t *rapid.T, now time.Time) model.Demand {
	d := model.Demand{
		Framework: rapid.SampledFrom(frameworks).Draw(t, "framework"),
		ID:        rapid.SampledFrom(demandIDs).Draw(t, "demand"),
		Rank:      rapid.Int64Range(0, 2).Draw(t, "rank"),
		Seq:       rapid.Uint64Range(0, 2).Draw(t, "seq"),
	}
	d.AllOrNothing = rapid.Bool().Draw(t, "gang")
	if rapid.IntRange(0, 9).Draw(t, "later") == 0 {
		d.EarliestStart = now.Add(time.Duration(rapid.IntRange(-1, 3).Draw(t, "start")) * time.Second)
	}
	for range rapid.SampledFrom([]int{1, 1, 1, 2}).Draw(t, "groups") {
		g := model.DemandGroup{Count: rapid.IntRange(0, 5).Draw(t, "count"), Shape: drawShape(t)}
		g.MaxPerAgent = rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "max_per_agent")
		g.Exclusive = rapid.IntRange(0, 5).Draw(t, "exclusive") == 0
		if rapid.IntRange(0, 2).Draw(t, "constrained") == 0 {
			g.Constraints = rapid.SliceOfNDistinct(rapid.SampledFrom(someConstraints), 1, 2, rapid.ID[model.Constraint]).Draw(t, "constraints")
		}
		d.Groups = append(d.Groups, g)
	}
	return d
}

func drawLimit(t *rapid.T) model.Duration {
	return model.Duration(rapid.SampledFrom([]time.Duration{0, time.Second, 3 * time.Second, 9 * time.Second}).Draw(t, "time_limit"))
}

func (m *machine) SetAgent(t *rapid.T) {
	info := drawAgent(t)
	m.b.SetAgent(info)
	a := m.w.agents[info.ID]
	if a == nil {
		a = &wAgent{}
		m.w.agents[info.ID] = a
	}
	a.info = info
	if !a.known {
		a.known, a.available = true, true
	}
}

func (m *machine) SetAvailable(t *rapid.T) {
	id, ok := rapid.SampledFrom(agentIDs).Draw(t, "agent"), rapid.Bool().Draw(t, "ok")
	m.b.SetAvailable(id, ok)
	if a := m.w.agents[id]; a != nil && a.known {
		a.available = ok
	}
}

func (m *machine) RemoveAgent(t *rapid.T) {
	id := rapid.SampledFrom(agentIDs).Draw(t, "agent")
	m.b.RemoveAgent(id)
	if a := m.w.agents[id]; a != nil {
		*a = wAgent{}
	}
}

func (m *machine) SetDemand(t *rapid.T) {
	d := drawDemand(t, m.now)
	id := demandID{d.Framework, d.ID}
	// Often the same is wanted again, or by another, with other counts: that is
	// what classes and rooms are for.
	like := demandID{rapid.SampledFrom(frameworks).Draw(t, "likeFramework"), rapid.SampledFrom(demandIDs).Draw(t, "like")}
	if old := m.w.demands[like]; old != nil && rapid.Bool().Draw(t, "sameGroups") {
		d.AllOrNothing = old.AllOrNothing
		d.Groups = slices.Clone(old.Groups)
		for i := range d.Groups {
			if rapid.Bool().Draw(t, "sameCount") {
				continue
			}
			d.Groups[i].Count = rapid.IntRange(0, 5).Draw(t, "count")
		}
	}
	m.b.SetDemand(d)
	if d, kept := m.b.Demand(d.Framework, d.ID); kept {
		old := m.w.demands[id]
		m.w.demands[id] = &wDemand{Demand: d}
		if old != nil && fmt.Sprint(old.Demand) == fmt.Sprint(d) {
			m.w.demands[id].refused = old.refused
		}
	} else {
		delete(m.w.demands, id)
	}
}

func (m *machine) DropDemand(t *rapid.T) {
	fw, id := rapid.SampledFrom(frameworks).Draw(t, "framework"), rapid.SampledFrom(demandIDs).Draw(t, "demand")
	m.b.DropDemand(fw, id)
	delete(m.w.demands, demandID{fw, id})
}

func (m *machine) Refuse(t *rapid.T) {
	fw, id := rapid.SampledFrom(frameworks).Draw(t, "framework"), rapid.SampledFrom(demandIDs).Draw(t, "demand")
	until := m.now.Add(time.Duration(rapid.IntRange(-1, 3).Draw(t, "for")) * time.Second)
	m.b.Refuse(fw, id, until)
	if d := m.w.demands[demandID{fw, id}]; d != nil {
		d.refused = until
	}
}

// Plan compares the offers with the oracle's, and looks that nothing was missed.
func (m *machine) Plan(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "later")) * time.Second)
	agents := order(m.b)
	want := m.w.plan(m.now, agents)
	got := m.b.Plan(m.now)
	if len(got) != len(want) {
		t.Fatalf("planned %+v, want %+v", got, want)
	}
	for i, o := range got {
		if w := want[i]; o.Framework != w.Framework || o.Demand != w.Demand || o.AllOrNothing != w.AllOrNothing || !reflect.DeepEqual(o.Parts, w.Parts) {
			t.Fatalf("offer %d is %+v, want %+v", i, o, w.Offer)
		}
		m.w.offers[o.ID] = wOffer{o, want[i].stakes}
	}
	for _, d := range m.w.demands {
		if d.refused.After(m.now) || d.EarliestStart.After(m.now) {
			continue
		}
		// A gang of several groups is placed by heuristic; the comparison above
		// holds it to that.
		if !(d.AllOrNothing && len(d.Groups) > 1) && m.w.couldServe(d, agents) {
			t.Fatalf("demand %s/%s was left out", d.Framework, d.ID)
		}
	}
	if again := m.b.Plan(m.now); len(again) != 0 {
		t.Fatalf("planned %+v without a change", again)
	}
}

// oldest returns the id of an outstanding offer, 0 if there is none.
func (m *machine) anOffer(t *rapid.T) model.OfferID {
	out := m.b.Offers()
	if len(out) == 0 {
		return 0
	}
	return rapid.SampledFrom(out).Draw(t, "offer").ID
}

func (m *machine) Decline(t *rapid.T) {
	id := m.anOffer(t)
	_, ok := m.b.Decline(id)
	if _, out := m.w.offers[id]; ok != out {
		t.Fatalf("declined %v, want %v", ok, out)
	}
	delete(m.w.offers, id)
}

// Accept takes a random part of an offer, at times a wrong one.
func (m *machine) Accept(t *rapid.T) {
	id := m.anOffer(t)
	o, ok := m.w.offers[id]
	if !ok {
		return
	}
	a := model.Accept{Offer: id}
	d := m.w.demands[demandID{o.Framework, o.Demand}]
	valid := true
	for _, p := range o.Parts {
		n := rapid.IntRange(0, p.Count).Draw(t, "take")
		if o.AllOrNothing && rapid.IntRange(0, 5).Draw(t, "whole") > 0 {
			n = p.Count
		}
		valid = valid && !(o.AllOrNothing && n < p.Count)
		if n == 0 {
			continue
		}
		l := model.Launch{Agent: p.Agent, Job: "job", Group: uint16(p.Group), Shape: d.Groups[p.Group].Shape}
		l.TimeLimit = drawLimit(t)
		for range n {
			l.Tasks = append(l.Tasks, model.Attempt{Index: m.next})
			m.next++
		}
		a.Launches = append(a.Launches, l)
	}
	valid = valid && len(a.Launches) > 0
	if len(a.Launches) > 0 && rapid.IntRange(0, 4).Draw(t, "wrong") == 0 {
		valid = false
		m.spoil(t, &a.Launches[rapid.IntRange(0, len(a.Launches)-1).Draw(t, "launch")], d)
	}
	done, refusal := m.b.Accept(m.now, o.Framework, a)
	if (refusal == nil) != valid {
		t.Fatalf("accepted %+v of %+v: %v, want valid=%v", a, o.Offer, refusal, valid)
	}
	delete(m.w.offers, id)
	if !valid {
		return
	}
	for i := range a.Launches {
		l := &a.Launches[i]
		for n := range l.Tasks {
			m.w.tasks[l.ID(n)] = wStake{l.Agent, done.Claims[i], l.Shape.Resources, m.until(l)}
		}
		if c := done.Claims[i]; c.Group != int(l.Group) || c.Framework != o.Framework || c.Demand != o.Demand || c.Exclusive != d.Groups[l.Group].Exclusive {
			t.Fatalf("launch %+v claimed as %+v", l, c)
		}
		d.Groups[l.Group].Count = max(d.Groups[l.Group].Count-len(l.Tasks), 0)
	}
	m.forgetEmpty()
}

func (m *machine) spoil(t *rapid.T, l *model.Launch, d *wDemand) {
	switch rapid.IntRange(0, 4).Draw(t, "how") {
	case 0:
		l.Agent = "a9"
	case 1:
		l.Shape.CPUMilli += 100
	case 2:
		l.Tasks = append(l.Tasks, l.Tasks[0])
	case 3:
		l.Tasks = nil
	case 4:
		for range 100 {
			l.Tasks = append(l.Tasks, model.Attempt{Index: m.next})
			m.next++
		}
	}
}

// forgetEmpty drops the oracle's demands that want nothing and have no offer out.
func (m *machine) forgetEmpty() {
	for id, d := range m.w.demands {
		wants := slices.ContainsFunc(d.Groups, func(g model.DemandGroup) bool { return g.Count > 0 })
		for _, o := range m.w.offers {
			wants = wants || o.Framework == id.framework && o.Demand == id.id
		}
		if !wants {
			delete(m.w.demands, id)
		}
	}
}

func (m *machine) Use(t *rapid.T) {
	l := model.Launch{Agent: rapid.SampledFrom(agentIDs).Draw(t, "agent"), Job: "job",
		Shape: model.Shape{Resources: model.Resources{CPUMilli: rapid.Int64Range(0, 2).Draw(t, "cpu"), MemoryBytes: rapid.Int64Range(0, 2).Draw(t, "memory")}}}
	c := Claim{Key: Key{rapid.SampledFrom(frameworks).Draw(t, "framework"), rapid.SampledFrom(demandIDs).Draw(t, "demand"), 0},
		Exclusive: rapid.IntRange(0, 9).Draw(t, "exclusive") == 0}
	l.TimeLimit = drawLimit(t)
	for range rapid.IntRange(1, 2).Draw(t, "count") {
		l.Tasks = append(l.Tasks, model.Attempt{Index: m.next})
		m.next++
	}
	m.b.Use(&l, c, m.now)
	m.b.Use(&l, c, m.now) // a repetition is nothing new
	if m.w.agents[l.Agent] == nil {
		m.w.agents[l.Agent] = &wAgent{}
	}
	for n := range l.Tasks {
		m.w.tasks[l.ID(n)] = wStake{l.Agent, c, l.Shape.Resources, m.until(&l)}
	}
}

func (m *machine) until(l *model.Launch) time.Time {
	if l.TimeLimit == 0 {
		return time.Time{}
	}
	return m.now.Add(l.TimeLimit.Std())
}

func (m *machine) Release(t *rapid.T) {
	if len(m.w.tasks) == 0 {
		return
	}
	ids := make([]model.TaskID, 0, len(m.w.tasks))
	for id := range m.w.tasks {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, model.TaskID.Compare)
	id := rapid.SampledFrom(ids).Draw(t, "task")
	if !m.b.Release(id) || m.b.Release(id) {
		t.Fatalf("task %s was not there once", id)
	}
	delete(m.w.tasks, id)
}

// "" is the check after every call.
func (m *machine) check(t *rapid.T) {
	for _, w := range m.b.Withdrawn() {
		if _, ok := m.w.offers[w.Offer.ID]; !ok {
			t.Fatalf("offer %s was withdrawn and not out", w.Offer.ID)
		}
		delete(m.w.offers, w.Offer.ID)
	}
	m.forgetEmpty()
	if err := m.b.Audit(); err != nil {
		t.Fatal(err)
	}
	if a, b := len(m.b.Offers()), len(m.w.offers); a != b {
		t.Fatalf("%d offers out, want %d", a, b)
	}
	if a, b := len(m.b.Demands()), len(m.w.demands); a != b {
		t.Fatalf("%d demands, want %d", a, b)
	}
	for _, d := range m.b.Demands() {
		if w := m.w.demands[demandID{d.Framework, d.ID}]; w == nil || fmt.Sprint(w.Demand) != fmt.Sprint(d) {
			t.Fatalf("demand is %+v, want %+v", d, w)
		}
	}
	m.checkUsage(t)
}

// checkUsage compares what is allocated and offered on each agent.
func (m *machine) checkUsage(t *rapid.T) {
	used, offered := map[model.AgentID]model.Resources{}, map[model.AgentID]model.Resources{}
	tasks := map[model.AgentID]int{}
	for _, s := range m.w.tasks {
		used[s.agent] = used[s.agent].Add(s.shape)
		tasks[s.agent]++
	}
	for _, o := range m.w.offers {
		for _, s := range o.stakes {
			offered[s.agent] = offered[s.agent].Add(s.shape)
		}
	}
	for id, a := range m.w.agents {
		u, ok := m.b.Agent(id)
		if ok != (a.known || tasks[id] > 0) {
			t.Fatalf("agent %s in the book: %v, has %d tasks", id, ok, tasks[id])
		}
		if u.Allocated != used[id] || u.Offered != offered[id] || u.Tasks != tasks[id] {
			t.Fatalf("agent %s: %+v, want %s, %s, %d", id, u, used[id], offered[id], tasks[id])
		}
	}
}

// TestBookAgainstOracle holds every invariant of the package after every one of
// random calls, and every pass against a pass done by hand.
func TestBookAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{b: withoutHolds(), w: newWorld(), now: epoch}
		t.Repeat(map[string]func(*rapid.T){
			"SetAgent": m.SetAgent, "SetAvailable": m.SetAvailable, "RemoveAgent": m.RemoveAgent,
			"SetDemand": m.SetDemand, "SetDemand2": m.SetDemand, "DropDemand": m.DropDemand, "Refuse": m.Refuse,
			"Plan": m.Plan, "Plan2": m.Plan, "Accept": m.Accept, "Accept2": m.Accept, "Decline": m.Decline,
			"Use": m.Use, "Release": m.Release, "Explain": m.Explain, "": m.check,
		})
	})
}

// withoutHolds returns a book that serves whoever fits: what the first oracle
// knows. Holds have an oracle of their own.
func withoutHolds() *Book {
	b := NewBook()
	s := DefaultSettings()
	s.Holds = 0
	b.Configure(s)
	return b
}
