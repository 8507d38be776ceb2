package offers

import (
	"cmp"
	"maps"
	"slices"

	"github.com/tender-scheduler/tender/core/model"
)

// Lasting tasks, those of services and system jobs, do not end by themselves, and
// no hold counts on their end: what is kept beside them for somebody who needs
// their room, too, would stand idle for nothing. Who needs it is told so, for only
// a person can clear it.

// lasts reports whether nothing is known that ends s.
func (s *stake) lasts() bool { return s.Lasting && s.until == never }

// outlasted returns a as it would be in contact, when all has ended that may.
func (a *agent) outlasted() *agent {
	c := *a
	c.running, c.onOffer, c.holds, c.points, c.borrowed = nil, nil, nil, nil, true
	c.known, c.available, c.barred = true, true, ""
	for s := range a.stakes() {
		left := *s
		left.agent = &c
		if left.lasts() {
			left.link()
		} else {
			left.leave()
		}
	}
	return &c
}

// whyLasting says which lasting tasks are in the way, where nothing of the demand
// could start even if all others ended.
func (q *inquiry) whyLasting() (model.WhyReason, bool) {
	if q.d.Every || q.empty.starts(q.d.AllOrNothing) == 0 || !slices.ContainsFunc(q.agents, (*agent).hasLasting) {
		return model.WhyReason{}, false
	}
	left := make([]*agent, len(q.agents))
	for i, a := range q.agents {
		if left[i] = a; len(a.running)+len(a.onOffer) > 0 || !a.usable() {
			left[i] = a.outlasted()
		}
	}
	if t := try(left, q.groups, q.wants, q.d.AllOrNothing, nil); t.starts(q.d.AllOrNothing) > 0 {
		return model.WhyReason{}, false
	}
	w := model.WhyReason{Reason: model.WaitLasting, Tier: model.TierWaiting}
	tasks := map[string]int{}
	giving := false
	for i, a := range q.agents {
		if !q.loses(a, left[i]) {
			continue
		}
		if w.Count++; w.Count <= maxNamed {
			w.Agents = append(w.Agents, a.info.Name)
		}
		for s := range a.stakes() {
			if s.lasts() {
				tasks[cmp.Or(s.Label, string(s.job))] += s.count
				giving = giving || s.Preemptible
			}
		}
	}
	names := byCount(tasks)
	w.For = names[:min(maxNamed, len(names))]
	w.Text = "could start only if tasks of " + list(names, 3) + " ended, which are not expected to; nothing is held for it"
	w.Clears = "with fewer tasks of it (tender scale, tender cancel), or with them elsewhere (tender node drain), or with more agents"
	if giving {
		w.Clears += "; some are preemptible, by a higher priority"
	}
	return w, true
}

func (a *agent) hasLasting() bool {
	for s := range a.stakes() {
		if s.lasts() {
			return true
		}
	}
	return false
}

// loses reports whether lasting tasks take room on a from the demand; left is a
// with only those on it.
func (q *inquiry) loses(a, left *agent) bool {
	if !a.hasLasting() {
		return false
	}
	for i := range q.groups {
		g := &q.groups[i]
		empty, _ := g.check(a.vacated(), max(q.wants[i], 1), nil, nil)
		if n, _ := g.check(left, empty, nil, nil); n < empty {
			return true
		}
	}
	return false
}

// byCount returns names, that with the largest count first.
func byCount(counts map[string]int) []string {
	return slices.SortedFunc(maps.Keys(counts), func(x, y string) int {
		return cmp.Or(cmp.Compare(counts[y], counts[x]), cmp.Compare(x, y))
	})
}
