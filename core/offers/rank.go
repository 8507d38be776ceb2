package offers

import (
	"github.com/tender-scheduler/tender/core/model"
)

// ranker scores agents for the tasks of one group of a demand: what the placer
// says, the group's affinities and its spreads, each with equal part, as Nomad's
// scheduler does (scheduler/rank.go, ScoreNormalizationIterator).
type ranker struct {
	placer     placer
	want       wanted
	affinities []preference
	affinity   float64 // sum of the affinities' weights, without signs
	spreads    []*spreading
	spread     float64 // sum of the spreads' weights
}

// preference is an affinity: a rule that is preferred rather than required.
type preference struct {
	rule   rule
	weight float64
}

// newRanker compiles g's preferences. What cannot be understood prefers nothing,
// and fault says why. tasks is how many of the group are wanted in all.
func newRanker(p placer, w wanted, g *model.DemandGroup) (r *ranker, fault string) {
	r = &ranker{placer: p, want: w}
	for _, a := range g.Affinities {
		rule, f := compileRule(a.Constraint)
		if f != "" || a.Weight == 0 {
			fault = firstOf(fault, f)
			continue
		}
		r.affinities = append(r.affinities, preference{rule, float64(a.Weight)})
		r.affinity += max(float64(a.Weight), -float64(a.Weight))
	}
	for i := range g.Spreads {
		if s := &g.Spreads[i]; s.Weight > 0 {
			r.spreads = append(r.spreads, newSpreading(s, g.Count))
			r.spread += float64(s.Weight)
		}
	}
	return r, fault
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// score is from -1 to 1, more is better.
func (r *ranker) score(c *candidate) float64 {
	sum, parts := r.placer.score(c, &r.want), 1.0
	if len(r.affinities) > 0 {
		sum += r.prefers(c.attributes)
		parts++
	}
	if len(r.spreads) > 0 {
		s := 0.0
		for _, sp := range r.spreads {
			s += sp.score(c.attributes) * sp.weight
		}
		sum += s / r.spread
		parts++
	}
	return sum / parts
}

// prefers is the sum of the weights of the affinities that an agent meets, as a
// part of what it could be: -1..1.
func (r *ranker) prefers(attributes map[string]string) float64 {
	sum := 0.0
	for i := range r.affinities {
		if r.affinities[i].rule.met(attributes) {
			sum += r.affinities[i].weight
		}
	}
	return sum / r.affinity
}

// count notes n tasks of the group that are placed on an agent; negative takes them
// back.
func (r *ranker) count(attributes map[string]string, n int) {
	for _, s := range r.spreads {
		s.count(attributes, n)
	}
}

// found notes n tasks that were there before.
func (r *ranker) found(attributes map[string]string, n int) {
	for _, s := range r.spreads {
		s.found(attributes, n)
	}
}

// sees notes that an agent may be used, even if nothing of the group is there:
// an even spread is over the values of all of these.
func (r *ranker) sees(attributes map[string]string) { r.count(attributes, 0) }
