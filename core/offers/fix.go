package offers

import (
	"cmp"
	"fmt"
	"slices"
	"sort"

	"github.com/tender-scheduler/tender/core/model"
)

// change is one change to a demand. Size orders changes, 0 being none and 1
// everything: the share of tasks or of a resource that is given up, or a guess
// at how much a rule that is given up matters.
type change struct {
	size  float64
	text  string
	apply func(d *model.Demand)
}

// How much it matters to give up a rule.
const (
	sizeSpelling   = 0.01
	sizeCap        = 0.45
	sizeExclusive  = 0.5
	sizeConstraint = 0.6
	// What leaves less than this is another demand, not a change to this one.
	sizeMost = 0.9
)

// fix returns the smallest single change to the demand that would start it now,
// in words; empty if there is none.
func (q *inquiry) fix() string {
	c, ok := q.smallestChange()
	if !ok {
		return ""
	}
	return "would start now " + c.text
}

func (q *inquiry) smallestChange() (change, bool) {
	var all []change
	for i := range q.groups {
		if q.wants[i] == 0 || q.groups[i].fault() != "" {
			continue
		}
		all = append(all, q.fewerTasks(i)...)
		for _, dim := range dimensions {
			all = append(all, q.lessOf(i, dim)...)
		}
		all = append(all, q.looser(i)...)
		all = append(all, q.fewerRules(i)...)
	}
	all = slices.DeleteFunc(all, func(c change) bool { return c.size > sizeMost })
	if len(all) == 0 {
		return change{}, false
	}
	return slices.MinFunc(all, func(x, y change) int { return cmp.Compare(x.size, y.size) }), true
}

// helps reports whether the demand would start now after the change.
func (q *inquiry) helps(apply func(d *model.Demand)) bool {
	d := *q.d
	d.Groups = slices.Clone(d.Groups)
	apply(&d)
	groups := slices.Clone(q.groups)
	wants := slices.Clone(q.wants)
	for i := range d.Groups {
		if sameGroup(&d.Groups[i], &q.d.Groups[i]) {
			continue
		}
		g := plainGroup(&d, i)
		g.room = newRoom(&d.Groups[i])
		groups[i] = g
		wants[i] -= q.d.Groups[i].Count - d.Groups[i].Count
	}
	if !d.AllOrNothing {
		for i := range wants {
			wants[i] = min(wants[i], 1)
		}
	}
	t := try(q.agents, groups, wants, d.AllOrNothing)
	return t.starts(d.AllOrNothing) > 0
}

func sameGroup(a, b *model.DemandGroup) bool {
	return a.Count == b.Count && a.MaxPerAgent == b.MaxPerAgent && a.Exclusive == b.Exclusive &&
		a.Shape.Equal(&b.Shape) && slices.Equal(a.Constraints, b.Constraints)
}

// of names group i where there are several.
func (q *inquiry) of(i int) string {
	if len(q.groups) > 1 {
		return fmt.Sprintf(" in group %d", i)
	}
	return ""
}

// fewerTasks asks for as many of a gang's as fit.
func (q *inquiry) fewerTasks(i int) []change {
	n, want := q.now.placed[i], q.d.Groups[i].Count
	if !q.d.AllOrNothing || n == 0 || n >= want {
		return nil
	}
	apply := func(d *model.Demand) { d.Groups[i].Count = n }
	if !q.helps(apply) {
		return nil
	}
	return []change{{1 - float64(n)/float64(want), fmt.Sprintf("with count ≤ %d%s", n, q.of(i)), apply}}
}

// lessOf asks for the most of a resource with which the demand starts.
func (q *inquiry) lessOf(i int, dim dimension) []change {
	want := *dim.of(&q.groups[i].kind.shape)
	if want <= 0 {
		return nil
	}
	set := func(v int64) func(d *model.Demand) {
		return func(d *model.Demand) { *dim.of(&d.Groups[i].Shape.Resources) = v }
	}
	steps := sizesBelow(want, dim.name == "cpus")
	n := sort.Search(len(steps), func(n int) bool { return !q.helps(set(steps[n])) })
	if n == 0 {
		return nil
	}
	v := steps[n-1]
	return []change{{float64(want-v) / float64(want), fmt.Sprintf("with %s ≤ %s%s", dim.name, dim.format(v), q.of(i)), set(v)}}
}

// sizesBelow returns amounts below want that a person might write, ascending:
// tenths of a core, and sizes in steps of about a sixteenth.
func sizesBelow(want int64, cpu bool) []int64 {
	var out []int64
	if cpu {
		step := int64(100)
		for step > 1 && want <= 10*step {
			step /= 10
		}
		for want/step > 1000 {
			step *= 10
		}
		for v := step; v < want; v += step {
			out = append(out, v)
		}
		return out
	}
	for unit := int64(1); unit < want; unit *= 2 {
		for k := int64(16); k < 32; k++ {
			if v := unit * k / 16; v < want && unit*k%16 == 0 {
				out = append(out, v)
			}
		}
	}
	return out
}

// looser gives up where the group's tasks must be by where others are.
func (q *inquiry) looser(i int) []change {
	dg := &q.d.Groups[i]
	var out []change
	add := func(size float64, text string, apply func(d *model.Demand)) {
		if q.helps(apply) {
			out = append(out, change{size, text + q.of(i), apply})
		}
	}
	if g := &q.groups[i]; dg.MaxPerAgent > 0 && g.caps != nil {
		raise := func(n int) func(d *model.Demand) {
			return func(d *model.Demand) { d.Groups[i].MaxPerAgent = n }
		}
		from, to := dg.MaxPerAgent+1, max(dg.MaxPerAgent, g.caps.perAgent)+q.wants[i]
		n := from + sort.Search(to-from+1, func(n int) bool { return q.helps(raise(from + n)) })
		if n <= to {
			add(sizeCap, fmt.Sprintf("with at most %d tasks on an agent", n), raise(n))
		}
	}
	if dg.Exclusive {
		add(sizeExclusive, "without exclusive", func(d *model.Demand) { d.Groups[i].Exclusive = false })
	}
	return out
}

// fewerRules gives up one constraint, or corrects the name in it.
func (q *inquiry) fewerRules(i int) []change {
	var out []change
	for n, c := range q.d.Groups[i].Constraints {
		if right, name := q.respell(c); name != "" {
			apply := func(d *model.Demand) {
				d.Groups[i].Constraints = slices.Clone(d.Groups[i].Constraints)
				d.Groups[i].Constraints[n] = right
			}
			if q.helps(apply) {
				out = append(out, change{sizeSpelling, "with " + name + " in place of " + bare(c.Attribute) + q.of(i), apply})
			}
		}
		apply := func(d *model.Demand) {
			d.Groups[i].Constraints = slices.Delete(slices.Clone(d.Groups[i].Constraints), n, n+1)
		}
		if q.helps(apply) {
			out = append(out, change{sizeConstraint, "without constraint " + describe(c) + q.of(i), apply})
		}
	}
	return out
}

// respell corrects the attribute of a constraint where no agent has it and the
// name of one that agents have is near.
func (q *inquiry) respell(c model.Constraint) (right model.Constraint, name string) {
	wrong := bare(c.Attribute)
	known := q.b.attributeNames()
	if wrong == c.Attribute || slices.Contains(known, wrong) {
		return c, ""
	}
	name = nearest(wrong, known)
	c.Attribute = "${" + name + "}"
	return c, name
}
