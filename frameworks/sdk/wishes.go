package sdk

import (
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// distinctHosts is the constraint that becomes model.DemandGroup.MaxPerAgent.
const distinctHosts = "distinct_hosts"

// Constraints gathers what a job, one of its groups and the group's tasks ask of an
// agent, each once. distinct_hosts is about the other tasks rather than the agent;
// of a job it holds within each group.
func Constraints(spec *model.Job, g *model.Group) (cs []model.Constraint, maxPerAgent int) {
	add := func(more []model.Constraint) {
		for _, c := range more {
			switch {
			case c.Operator == distinctHosts:
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

// Affinities gathers what the job, the group and its tasks prefer, each once.
func Affinities(spec *model.Job, g *model.Group) (out []model.Affinity) {
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

// Spreads gathers the spreads of the group and of the job; over the same attribute
// the group's counts.
func Spreads(spec *model.Job, g *model.Group) []model.Spread {
	out := slices.Clone(g.Spreads)
	for _, s := range spec.Spreads {
		if !slices.ContainsFunc(out, func(o model.Spread) bool { return o.Attribute == s.Attribute }) {
			out = append(out, s)
		}
	}
	return out
}

// LongestKill is how long a group's tasks may take to end once they are told to.
func LongestKill(g *model.Group) (d model.Duration) {
	for i := range g.Tasks {
		d = max(d, g.Tasks[i].KillTimeout)
	}
	return d
}
