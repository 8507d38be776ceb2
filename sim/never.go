package sim

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// checkNever compares what Why says can never start with what the hosts have, when
// all are back, no role has a limit and nothing else is left.
func (w *world) checkNever(j *model.JobView, why []model.Explanation) {
	o := w.people.byJob[j.ID]
	if o == nil {
		return
	}
	for i := range o.plan.job.Groups {
		g := &o.plan.job.Groups[i]
		demand := fmt.Sprintf("%s/%d", j.ID, i)
		for _, e := range why {
			if e.Demand == demand && e.Tier == model.TierNever && w.wouldFit(g) {
				w.fail("never is never", "group %d of job %s (%s) fits on the hosts, but: %s", i, j.Name, j.ID, e.Summary)
			}
		}
	}
}

// wouldFit reports whether a gang, or one task of what is none, fits on empty hosts.
func (w *world) wouldFit(g *model.Group) bool {
	want, room := 1, 0
	if g.Gang != nil {
		want = g.Size()
	}
	one := g.Exclusive || slices.ContainsFunc(g.Constraints, func(c model.Constraint) bool { return c.Operator == "distinct_hosts" })
	for _, h := range w.hosts {
		if slices.ContainsFunc(g.Constraints, func(c model.Constraint) bool { return !h.meets(c) }) {
			continue
		}
		has, asks := h.info.Capacity, g.Tasks[0].Resources
		n := int(min(has.CPUMilli/max(asks.CPUMilli, 1), has.MemoryBytes/max(asks.MemoryBytes, 1)))
		if one {
			n = min(n, 1)
		}
		room += n
	}
	return room >= want
}

// meets reports whether h meets one of the constraints that plans are drawn with.
func (h *host) meets(c model.Constraint) bool {
	if c.Operator == "distinct_hosts" {
		return true
	}
	have, ok := h.info.Attributes[c.Attribute[len("${"):len(c.Attribute)-len("}")]]
	switch c.Operator {
	case "is_set":
		return ok
	case "=":
		return have == c.Value
	case "!=":
		return have != c.Value
	case "regexp":
		return regexp.MustCompile(c.Value).MatchString(have)
	}
	panic("no plan has a constraint with " + c.Operator)
}
