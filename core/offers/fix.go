package offers

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// change is one change to a demand. Size orders changes, 0 being none and 1
// everything: the share of tasks or of a resource that is given up, or a guess
// at how much a rule that is given up matters.
type change struct {
	model.Change
	size  float64
	text  string
	apply func(d *model.Demand)
}

// How much it matters to give up a rule.
const (
	sizeSpelling   = 0.01
	sizeUnlimited  = 0.3 // to give a time limit where there was none
	sizeCap        = 0.45
	sizeExclusive  = 0.5
	sizeConstraint = 0.6
	// What leaves less than this is another demand, not a change to this one.
	sizeMost = 0.9
)

// smallestChange returns the smallest single change to the demand that would
// start it now.
func (q *inquiry) smallestChange() (change, bool) {
	all := q.shorter()
	for i := range q.groups {
		if q.wants[i] == 0 || q.groups[i].fault() != "" {
			continue
		}
		all = append(all, q.fewerTasks(i)...)
		for _, dim := range dimensions[:3] {
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
	w := q.win
	w.until = endOf(q.at.UnixNano(), d.TimeLimit)
	if !d.AllOrNothing {
		for i := range wants {
			wants[i] = min(wants[i], 1)
		}
	}
	t := try(q.agents, groups, wants, d.AllOrNothing, &w)
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

// maxPoints is how many beginnings of holds are tried as an end.
const maxPoints = 256

// shorter asks for a time limit that ends before what is held is wanted: the
// longest with which the demand starts.
func (q *inquiry) shorter() []change {
	now := q.at.UnixNano()
	var ends []int64
	for _, a := range q.b.held {
		for _, p := range a.holds {
			if p.from > now && q.win.bars(p) && !slices.Contains(ends, p.from) && len(ends) < maxPoints {
				ends = append(ends, p.from)
			}
		}
	}
	slices.SortFunc(ends, func(x, y int64) int { return cmp.Compare(y, x) })
	apply := func(end int64) func(d *model.Demand) {
		return func(d *model.Demand) { d.TimeLimit = model.Duration(wholeLimit(time.Duration(end - now))) }
	}
	n := sort.Search(len(ends), func(n int) bool { return ends[n]-now >= int64(time.Second) && q.helps(apply(ends[n])) })
	if n == len(ends) {
		return nil
	}
	limit := wholeLimit(time.Duration(ends[n] - now))
	size := sizeUnlimited
	if q.d.TimeLimit > 0 {
		// Whatever was asked for, this is what starts it before those ahead.
		size = min(1-float64(limit)/float64(q.d.TimeLimit), sizeMost)
	}
	text := shortDuration(limit)
	return []change{{model.Change{Kind: model.ChangeTimeLimit, Value: text}, size, "with time_limit ≤ " + text, apply(ends[n])}}
}

// wholeLimit rounds a time limit down to what a person would write.
func wholeLimit(d time.Duration) time.Duration {
	switch {
	case d >= 10*time.Minute:
		return d.Truncate(time.Minute)
	case d >= time.Second:
		return d.Truncate(time.Second)
	}
	return d
}

// shortDuration prints a duration as a job file has it: 1h29m, not 1h29m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if t, ok := strings.CutSuffix(s, "m0s"); ok {
		s = t + "m"
	}
	if t, ok := strings.CutSuffix(s, "h0m"); ok {
		s = t + "h"
	}
	return s
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
	return []change{{model.Change{Kind: model.ChangeCount, Group: i, Value: strconv.Itoa(n)},
		1 - float64(n)/float64(want), fmt.Sprintf("with count ≤ %d%s", n, q.of(i)), apply}}
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
	return []change{{model.Change{Kind: model.ChangeKind(dim.name), Group: i, Value: dim.format(v)},
		float64(want-v) / float64(want), fmt.Sprintf("with %s ≤ %s%s", dim.name, dim.format(v), q.of(i)), set(v)}}
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
	add := func(kind model.ChangeKind, value string, size float64, text string, apply func(d *model.Demand)) {
		if q.helps(apply) {
			out = append(out, change{model.Change{Kind: kind, Group: i, Value: value}, size, text + q.of(i), apply})
		}
	}
	if g := &q.groups[i]; dg.MaxPerAgent > 0 && g.caps != nil {
		raise := func(n int) func(d *model.Demand) {
			return func(d *model.Demand) { d.Groups[i].MaxPerAgent = n }
		}
		from, to := dg.MaxPerAgent+1, max(dg.MaxPerAgent, g.caps.perAgent)+q.wants[i]
		n := from + sort.Search(to-from+1, func(n int) bool { return q.helps(raise(from + n)) })
		if n <= to {
			add(model.ChangePerAgent, strconv.Itoa(n), sizeCap, fmt.Sprintf("with at most %d tasks on an agent", n), raise(n))
		}
	}
	if dg.Exclusive {
		add(model.ChangeExclusive, "false", sizeExclusive, "without exclusive", func(d *model.Demand) { d.Groups[i].Exclusive = false })
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
				out = append(out, change{model.Change{Kind: model.ChangeConstraint, Group: i, Value: name, Old: describe(c)},
					sizeSpelling, "with " + name + " in place of " + bare(c.Attribute) + q.of(i), apply})
			}
		}
		apply := func(d *model.Demand) {
			d.Groups[i].Constraints = slices.Delete(slices.Clone(d.Groups[i].Constraints), n, n+1)
		}
		if q.helps(apply) {
			out = append(out, change{model.Change{Kind: model.ChangeConstraint, Group: i, Old: describe(c)},
				sizeConstraint, "without constraint " + describe(c) + q.of(i), apply})
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
