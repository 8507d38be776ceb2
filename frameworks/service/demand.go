package service

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// bucket is the waiting allocations of a group that one demand is for: of one base,
// and with the same wish about an agent.
type bucket struct {
	id     string
	g      *group
	base   uint32
	prefer model.AgentID
	shun   model.AgentID
	avoid  []model.AgentID // of a system job's

	build func(count int) model.Demand
}

// refusals are the launches of a group that were refused in a row. After the
// first the demand is sent again at once, after that with growing pauses.
type refusals struct {
	count int
	until time.Time // no demand before; zero = not held back
	why   string
}

// everyCount is the count of a demand for all agents that there are.
const everyCount = model.MaxCount

// ready reports whether an allocation is to be launched as soon as there is room.
func (f *Framework) ready(s *slot, a *alloc) bool {
	return a != nil && a.waiting() && !a.claimed && !a.due.After(f.out.now) && (a != s.Next || !s.After || s.Cur == nil)
}

// wantDemands brings a job's demands up to date.
func (f *Framework) wantDemands(j *job) {
	counts := map[string]int{}
	if !j.stopping() {
		for _, g := range j.Groups {
			switch {
			case g.want() == nil || g.refusals.until.After(f.out.now):
			case j.system():
				f.wantEvery(g, counts)
			default:
				f.wantSlots(g, counts)
			}
		}
	}
	for id, b := range j.buckets {
		if counts[id] == 0 {
			f.book.Want(id, 0, nil)
			delete(j.buckets, id)
			delete(f.bucket, b.id)
		}
	}
	for _, id := range sortedKeys(counts) {
		b := j.buckets[id]
		f.book.Want(id, counts[id], b.build)
	}
}

func (f *Framework) wantSlots(g *group, counts map[string]int) {
	for _, s := range g.Slots {
		for _, a := range [...]*alloc{s.Cur, s.Next} {
			if f.ready(s, a) {
				counts[f.bucketFor(g, a).id]++
			}
		}
	}
}

// wantEvery asks for a task on every agent that has none, and is not to have one
// just now.
func (f *Framework) wantEvery(g *group, counts map[string]int) {
	var avoid []model.AgentID
	for _, s := range g.Slots {
		a := s.target()
		switch {
		case s.Cur.Live || a.claimed:
			continue // there is one
		case a.Base == g.Base && f.ready(s, a):
			continue
		case f.ready(s, a): // of a version that was not replaced; it goes on where it was
			counts[f.bucketFor(g, &alloc{Base: a.Base, Prefer: s.Agent}).id]++
		}
		avoid = append(avoid, s.Agent)
	}
	slices.Sort(avoid)
	b := f.bucketFor(g, &alloc{Base: g.Base})
	if !slices.Equal(avoid, b.avoid) {
		b.avoid = avoid
		f.book.Forget(b.id)
	}
	counts[b.id] = everyCount
}

// bucketFor returns the bucket that an allocation belongs to.
func (f *Framework) bucketFor(g *group, a *alloc) *bucket {
	id := string(g.job.ID) + "/" + g.Name + "/" + strconv.FormatUint(uint64(a.Base), 10)
	if a.Prefer != "" {
		id += "/+" + string(a.Prefer)
	}
	if a.Shun != "" {
		id += "/-" + string(a.Shun)
	}
	b := f.bucket[id]
	if b == nil {
		b = &bucket{id: id, g: g, base: a.Base, prefer: a.Prefer, shun: a.Shun}
		b.build = func(count int) model.Demand { return f.buildDemand(b, count) }
		f.bucket[id] = b
		if g.job.buckets == nil {
			g.job.buckets = map[string]*bucket{}
		}
		g.job.buckets[id] = b
	}
	return b
}

// withdraw takes back the demands of a job that is not known any more.
func (f *Framework) withdraw(j *job) {
	for id := range j.buckets {
		f.book.Want(id, 0, nil)
		delete(f.bucket, id)
	}
	j.buckets = nil
}

func (f *Framework) buildDemand(b *bucket, count int) model.Demand {
	g := b.g
	spec, num := g.runs(b.base)
	run := &spec.Groups[num]
	now, want := g.job.spec(), g.want() // how it is placed goes by the version in force
	if want == nil {
		want = run
	}
	d := model.Demand{
		Framework: ID, ID: b.id, Label: now.Name + "." + g.Name, Role: spec.Role,
		Rank: int64(now.Priority)<<f.cfg.RankShift | f.first(), Seq: g.job.Seq*model.MaxGroups + uint64(num),
		Priority: now.Priority, Preemptible: spec.Preemptible, Placement: now.Placement,
		Kin:     string(g.job.ID) + "/" + g.Name + "/" + strconv.FormatUint(uint64(b.base), 10),
		Lasting: true,
	}
	if spec.Preemptible {
		d.Grace = longestKill(run)
	}
	dg := model.DemandGroup{Count: count, Shape: run.Shape(), Exclusive: run.Exclusive}
	dg.Constraints, dg.MaxPerAgent = constraintsOf(spec, run)
	dg.Affinities, dg.Spreads = affinitiesOf(now, want), spreadsOf(now, want)
	if len(dg.Spreads) == 0 && now.Placement == "" && want.Count > 1 && dg.MaxPerAgent == 0 {
		dg.Spreads = apart()
	}
	if g.job.system() {
		d.Every, d.Kin = b.prefer == "", string(g.job.ID)+"/"+g.Name
		dg.MaxPerAgent, dg.Avoid, dg.Spreads = 1, b.avoid, nil
		if !d.Every {
			dg.Constraints = append(dg.Constraints, onAgent(b.prefer))
		}
	}
	for _, x := range []struct {
		agent  model.AgentID
		weight int
	}{{b.prefer, 100}, {b.shun, -100}} {
		if x.agent != "" {
			dg.Affinities = append(dg.Affinities, model.Affinity{Weight: x.weight, Constraint: onAgent(x.agent)})
		}
	}
	d.Groups = []model.DemandGroup{dg}
	return d
}

func onAgent(id model.AgentID) model.Constraint {
	return model.Constraint{Attribute: "${node.unique.id}", Operator: "=", Value: string(id)}
}

// first puts services before batch jobs of the same priority, where ranks tell
// more than the priority.
func (f *Framework) first() int64 {
	if f.cfg.RankShift == 0 {
		return 0
	}
	return 1 << (f.cfg.RankShift - 1)
}

// constraintsOf gathers what the job, the group and its tasks ask of an agent, each
// once; distinct_hosts becomes a bound on how many may be on one.
func constraintsOf(spec *model.Job, g *model.Group) (cs []model.Constraint, maxPerAgent int) {
	add := func(more []model.Constraint) {
		for _, c := range more {
			switch {
			case c.Operator == "distinct_hosts":
				if c.Value != "false" {
					maxPerAgent = 1
				}
			case !slices.Contains(cs, c):
				cs = append(cs, c)
			}
		}
	}
	add(spec.Constraints)
	add(g.Constraints)
	for i := range g.Tasks {
		add(g.Tasks[i].Constraints)
	}
	return cs, maxPerAgent
}

func affinitiesOf(spec *model.Job, g *model.Group) (out []model.Affinity) {
	add := func(more []model.Affinity) {
		for _, a := range more {
			if !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	add(spec.Affinities)
	add(g.Affinities)
	for i := range g.Tasks {
		add(g.Tasks[i].Affinities)
	}
	return out
}

// spreadsOf gathers the spreads of the group and of the job; over the same
// attribute the group's counts.
func spreadsOf(spec *model.Job, g *model.Group) []model.Spread {
	out := slices.Clone(g.Spreads)
	for _, s := range spec.Spreads {
		if !slices.ContainsFunc(out, func(o model.Spread) bool { return o.Attribute == s.Attribute }) {
			out = append(out, s)
		}
	}
	return out
}

// apart is preferred where the job file says nothing of where: a service is there to
// outlive a node, so its tasks are not packed onto one as those of a batch job are.
// Nomad's job anti-affinity is for the same.
func apart() []model.Spread {
	return []model.Spread{{Attribute: "${node.unique.id}", Weight: 50}}
}

// longestKill is how long a group's tasks may take to end once they are told to.
func longestKill(g *model.Group) (d model.Duration) {
	for i := range g.Tasks {
		d = max(d, g.Tasks[i].KillTimeout)
	}
	return d
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.SortFunc(out, strings.Compare)
	return out
}
