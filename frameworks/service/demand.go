package service

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
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

// everyCount is the count of a demand for all agents that there are.
const everyCount = model.MaxCount

// ready reports whether an allocation is to be launched as soon as there is room.
func (f *Framework) ready(s *slot, a *alloc) bool {
	return a != nil && a.waiting() && !a.claimed && !a.due.After(f.out.Now) && (a != s.Next || !s.After || s.Cur == nil)
}

// wantDemands brings a job's demands up to date.
func (f *Framework) wantDemands(j *job) {
	counts := map[string]int{}
	if !j.stopping() {
		for _, g := range j.Groups {
			switch {
			case g.want() == nil || g.refusals.Until.After(f.out.Now):
			case j.system():
				f.wantEvery(g, counts)
			default:
				f.wantSlots(g, counts)
			}
		}
	}
	for _, id := range sortedKeys(j.buckets) {
		if counts[id] == 0 {
			f.book.Want(id, 0, nil)
			delete(j.buckets, id)
			delete(f.bucket, id)
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
	for _, id := range sortedKeys(j.buckets) {
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
		d.Grace = sdk.LongestKill(run)
	}
	dg := model.DemandGroup{Count: count, Shape: run.Shape(), Exclusive: run.Exclusive}
	dg.Constraints, dg.MaxPerAgent = sdk.Constraints(spec, run)
	dg.Affinities, dg.Spreads = sdk.Affinities(now, want), sdk.Spreads(now, want)
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

// apart is preferred where the job file says nothing of where: a service is there to
// outlive a node, so its tasks are not packed onto one as those of a batch job are.
// Nomad's job anti-affinity is for the same.
func apart() []model.Spread {
	return []model.Spread{{Attribute: "${node.unique.id}", Weight: 50}}
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.SortFunc(out, strings.Compare)
	return out
}
