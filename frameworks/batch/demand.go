package batch

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/frameworks/sdk"
)

// startable returns how many tasks of the group could be launched now.
func (g *group) startable() int {
	if !g.job.active() || !g.refusals.Until.IsZero() {
		return 0
	}
	n := g.ready.Len()
	if g.gang() {
		if n < g.size {
			return 0
		}
		return n
	}
	if a := g.spec.Array; a != nil && a.Limit > 0 {
		n = min(n, a.Limit-g.live()-g.claimed)
	}
	return max(n, 0)
}

// wantDemand brings the group's demand up to date.
func (f *Framework) wantDemand(g *group) {
	if g.score == 0 && g.place.in {
		g.score = f.score(g)
	}
	if g.build == nil { // once: demands change often
		g.build = func(count int) model.Demand { return f.buildDemand(g.demand(), g, count) }
	}
	n := g.startable()
	if h := g.hosts; h != nil {
		f.watchHosts(g)
		if only := g.only(); n > 0 && !slices.Equal(only, h.asked) {
			h.asked = only
			f.book.Forget(g.demand())
		}
	}
	f.book.Want(g.demand(), n, g.build)
}

// demand returns the id of the group's demand: JOB/GROUP.
func (g *group) demand() string {
	if g.demandID == "" {
		g.demandID = string(g.job.id) + "/" + strconv.Itoa(int(g.num))
	}
	return g.demandID
}

// groupOf is the inverse of group.demand; nil if there is no such group.
func (f *Framework) groupOf(demand string) *group {
	id, num, ok := strings.Cut(demand, "/")
	n, err := strconv.ParseUint(num, 10, 16)
	j := f.jobs[model.JobID(id)]
	if !ok || err != nil || j == nil || int(n) >= len(j.groups) {
		return nil
	}
	return &j.groups[n]
}

// buildDemand makes the demand for count tasks of a group.
func (f *Framework) buildDemand(id string, of *group, count int) model.Demand {
	spec, g := of.job.spec, of.spec
	d := model.Demand{
		Framework:    ID,
		ID:           id,
		Label:        spec.Name + "." + g.Name,
		Role:         spec.Role,
		Rank:         f.rank(of),
		Seq:          of.job.seq*model.MaxGroups + uint64(of.num),
		AllOrNothing: g.Gang != nil,
		TimeLimit:    spec.TimeLimit,
		Priority:     spec.Priority,
		Preemptible:  spec.Preemptible,
		Placement:    spec.Placement,
	}
	if spec.Preemptible {
		d.Grace = sdk.LongestKill(g)
	}
	dg := model.DemandGroup{Count: count, Shape: g.Shape(), Exclusive: g.Exclusive}
	if g.Gang != nil {
		dg.Topology = g.Gang.Topology
	}
	dg.Constraints, dg.MaxPerAgent = sdk.Constraints(spec, g)
	dg.Affinities, dg.Spreads = sdk.Affinities(spec, g), sdk.Spreads(spec, g)
	if of.hosts != nil {
		// Each waits for an agent of its own: nothing is held or preempted for it.
		d.Every, dg.MaxPerAgent, dg.Only = true, 1, of.only()
	}
	d.Groups = []model.DemandGroup{dg}
	return d
}
