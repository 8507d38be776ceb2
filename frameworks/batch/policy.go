package batch

import (
	"fmt"
	"math"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// Policy names the order in which jobs of one role and one priority go.
type Policy string

// The policies. A higher priority goes first under all of them.
const (
	// PolicyDefault puts first what holds up the others least: see score. A job
	// that was overtaken for Config.OvertakeLimit goes before all.
	PolicyDefault Policy = "default"
	// PolicyEASY and PolicyConservative are first come, first served. They differ
	// in how many holds the allocator gives: see Holds.
	PolicyEASY         Policy = "easy"
	PolicyConservative Policy = "conservative"
	// PolicySAF and PolicySJF put the smallest area (CPUs × time limit) and the
	// shortest time limit first, and let the others wait for ever. They are here to
	// be compared with.
	PolicySAF Policy = "saf"
	PolicySJF Policy = "sjf"
)

// Policies lists all policies.
func Policies() []Policy {
	return []Policy{PolicyDefault, PolicyEASY, PolicyConservative, PolicySAF, PolicySJF}
}

// Holds is for how many waiting demands the allocator should hold room under
// the policy; negative = for all.
func (p Policy) Holds() int {
	switch p {
	case PolicyConservative:
		return -1
	case PolicyDefault:
		return 2 // one for a job that was overtaken too long, one for the first of the others
	}
	return 1
}

// ordered reports whether the policy has an order of its own, beside that of
// submission; promotes, whether that order spares those who are overtaken too long.
func (p Policy) ordered() bool  { return p != PolicyEASY && p != PolicyConservative }
func (p Policy) promotes() bool { return p == PolicyDefault }

// Known reports whether there is such a policy.
func (p Policy) Known() bool { return slices.Contains(Policies(), p) }

func (p Policy) validate() error {
	if p.Known() {
		return nil
	}
	return fmt.Errorf("check batch limits: no such policy %q; there are %v", p, Policies())
}

// A rank is, from its highest bit: the priority, whether the job goes before all
// others of its priority, and its score. Demands of equal rank go in order of
// submission.
const (
	rankPriority = 48 // shifts
	rankPromoted = 47
	scoreBits    = 38 // of a score's logarithm behind the point; there are at most 8 before
)

// RankShift is by how many bits a job's priority is shifted in its demands' ranks,
// for frameworks that share a queue with this one.
func (p Policy) RankShift() uint {
	if !p.ordered() {
		return 0
	}
	return rankPriority
}

// rank is the group's place among its role's demands: higher goes first.
func (f *Framework) rank(g *group) int64 {
	prio := int64(g.job.spec.Priority)
	if !f.cfg.Policy.ordered() {
		return prio
	}
	r := prio << rankPriority
	if g.promoted || g.front() {
		return r | 1<<rankPromoted // in order of submission
	}
	s := g.score
	if s == 0 {
		s = f.score(g)
	}
	return r | (1<<rankPromoted - 1 - s)
}

// unknownRun is how long a task is taken to run of which nothing is known: no
// limit, and no history of its user's.
const unknownRun = 24 * 3600.0

// score is what a group's rank falls with, as a logarithm in fixed point; never 0.
//
// The mean slowdown is a weighted sum of waiting times, with weights 1/run time.
// Of such sums Smith's rule (1956) makes the least: first the job with the least
// processing time by weight. With area for processing time, and the means of what
// the history leads to expect for both, that is
//
//	CPUs × E[run] / E[1/run]
//
// so a user whose last jobs ended at once, as those of a user who is looking for
// a mistake do, goes early even if the means are long.
func (f *Framework) score(g *group) int64 {
	size := float64(max(weigh(g.spec), 1)) * float64(max(g.size, 1)) / 1000
	limit := g.job.spec.TimeLimit.Std().Seconds()
	var s float64
	switch f.cfg.Policy {
	case PolicySAF:
		s = size * orElse(limit, unknownRun)
	case PolicySJF:
		s = orElse(limit, unknownRun)
	default:
		e := f.habits.expect(g.habitKeys(), limit)
		s = size * e.run * e.likely
	}
	return int64((math.Log2(max(s, 1e-6)) + 32) * (1 << scoreBits))
}

func orElse(v, other float64) float64 {
	if v > 0 {
		return v
	}
	return other
}

// gpuWorth is how many CPUs a GPU counts as when work is summed up. Slurm has a
// setting for that, TRESBillingWeights; a rough figure does here, as sums are
// only compared with each other.
const gpuWorth = 16

// weigh is what a task of the group counts as, in thousandths of a CPU.
func weigh(g *model.Group) int64 {
	s := g.Shape()
	return s.CPUMilli + gpuWorth*s.GPUMilli
}
