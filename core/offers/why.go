package offers

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tender-scheduler/tender/core/model"
)

// maxNamed is how many agents a reason names.
const maxNamed = 10

// rejects are the agents that a group's filter turned down for one reason.
type rejects struct {
	verdict verdict
	// detail says which constraint: the rule's position, or that of the
	// property after all rules.
	detail int
	agents []*agent
	what   missing // of devices and ports, what is in the way on the first agent
}

// whyNot says what is in the way of the tasks that are not placed.
func (q *inquiry) whyNot() []model.WhyReason {
	var out []model.WhyReason
	for i := range q.groups {
		if q.now.placed[i] == q.wants[i] {
			continue
		}
		for _, r := range q.survey(i) {
			w := q.describe(i, r)
			w.Count = len(r.agents)
			for _, a := range r.agents[:min(maxNamed, len(r.agents))] {
				w.Agents = append(w.Agents, a.info.Name)
			}
			if len(q.groups) > 1 {
				w.Text = fmt.Sprintf("group %d: %s", i, w.Text)
			}
			out = append(out, w)
		}
	}
	if q.d.AllOrNothing && !q.now.whole && (q.now.total() > 0 || !q.empty.whole && q.empty.total() > 0) {
		out = append(out, q.whyGang())
	}
	return out
}

// survey asks of every agent whether one more task of group i fits there beside
// those that do, and gathers the refusals.
func (q *inquiry) survey(i int) []*rejects {
	g := &q.groups[i]
	if g.fault() != "" {
		return []*rejects{{verdict: constrained, agents: q.agents}}
	}
	byReason := map[[2]int]*rejects{}
	var out []*rejects
	for at, a := range q.now.agents {
		_, v := g.check(a, 1, q.now.tallies[i], &q.win)
		if v == fits {
			continue // a gang of several groups that fit only one at a time
		}
		detail := 0
		var what missing
		switch {
		case v == lacking:
			if what = g.room.named.whyEmpty(a.names()); what.none() {
				what = g.room.named.why(a.names())
			} else {
				v = noGPU
			}
			detail = q.numberOf(what.text(&g.room.shape))
		case v == constrained:
			detail = g.firstFailing(a)
		case v == busy && q.agents[at].promise > 0:
			if _, alone := g.check(q.agents[at].unoffered(&g.kind.Key), 1, q.now.tallies[i], &q.win); alone == fits {
				v = behind
			}
		}
		k := [2]int{int(v), detail}
		if byReason[k] == nil {
			byReason[k] = &rejects{verdict: v, detail: detail, what: what}
			out = append(out, byReason[k])
		}
		byReason[k].agents = append(byReason[k].agents, q.agents[at])
	}
	slices.SortStableFunc(out, func(x, y *rejects) int {
		return cmp.Or(cmp.Compare(x.verdict, y.verdict), cmp.Compare(x.detail, y.detail))
	})
	return out
}

// numberOf numbers texts, to gather agents by them.
func (q *inquiry) numberOf(text string) int {
	i := slices.Index(q.texts, text)
	if i < 0 {
		i = len(q.texts)
		q.texts = append(q.texts, text)
	}
	return i
}

// firstFailing returns which of g's constraints a does not meet.
func (g *group) firstFailing(a *agent) int {
	if n := g.room.rules.firstFailing(a.info.Attributes); n >= 0 {
		return n
	}
	n := len(g.room.rules)
	if g.caps != nil {
		for i := range g.caps.spread {
			if _, ok := g.caps.spread[i].name.value(a.info.Attributes); !ok {
				return n + i
			}
		}
	}
	return n
}

// describe puts one reason into words.
func (q *inquiry) describe(i int, r *rejects) model.WhyReason {
	g := &q.groups[i]
	switch r.verdict {
	case constrained:
		return q.whyConstrained(g, r)
	case noGPU, lacking:
		w := model.WhyReason{Reason: r.what.reason(), Tier: model.TierWaiting, Text: r.what.asked(&g.room.shape) + r.what.text(&g.room.shape), Clears: r.what.clears(&g.room.shape)}
		if r.verdict == noGPU {
			w.Tier = model.TierNever
		}
		return w
	case tooBig:
		return q.whyTooBig(g, r)
	case unreachable:
		return model.WhyReason{Reason: model.WaitNodeContact, Tier: model.TierWaiting,
			Text: "the agent is out of contact", Clears: "when it is back"}
	case barred:
		return q.whyBarred(r)
	case capped:
		return q.whyCapped(g)
	case crowded:
		p := g.caps.spread[0].source
		return model.WhyReason{Reason: model.WaitDistinct, Tier: model.TierWaiting,
			Text:   "as many of its tasks run with the same " + bare(p.Attribute) + " as " + describe(p) + " allows",
			Clears: "when one of them ends, or with agents of another " + bare(p.Attribute)}
	case held:
		return q.whyHeld(r)
	case reserved:
		return model.WhyReason{Reason: model.WaitReserved, Tier: model.TierWaiting,
			Text:   "the agent is free, and reserved for " + list(reservedFor(q.win.node, r.agents), 3),
			Clears: "in that role, or if the reservation is taken back (tender role unreserve)"}
	case behind:
		return model.WhyReason{Reason: model.WaitBehind, Tier: model.TierWaiting,
			Text: "the room is on offer to " + list(q.offeredTo(r.agents), 3), Clears: "if the offer is declined or expires"}
	case taken:
		return model.WhyReason{Reason: model.WaitBusy, Tier: model.TierWaiting,
			Text: "an exclusive task has the agent", Clears: frees(r.agents)}
	case notEmpty:
		return model.WhyReason{Reason: model.WaitBusy, Tier: model.TierWaiting,
			Text: "it wants agents for itself, and others run there", Clears: frees(r.agents)}
	}
	return q.whyBusy(i, r)
}

func (q *inquiry) whyBarred(r *rejects) model.WhyReason {
	w := model.WhyReason{Reason: model.WaitIneligible, Tier: model.TierWaiting, Clears: "when it is eligible again (tender node eligible)"}
	for _, a := range r.agents {
		if w.Text != "" && w.Text != a.barred {
			w.Text = "the node is being drained, or was made ineligible"
			break
		}
		w.Text = a.barred
	}
	return w
}

func (q *inquiry) whyConstrained(g *group, r *rejects) model.WhyReason {
	w := model.WhyReason{Reason: model.WaitConstraint, Tier: model.TierNever}
	if f := g.fault(); f != "" {
		w.Text, w.Clears = f, "correct it"
		return w
	}
	var c model.Constraint
	var side operand
	if n := len(g.room.rules); r.detail < n {
		rule := &g.room.rules[r.detail]
		c, side = rule.source, rule.left
	} else {
		p := &g.caps.spread[r.detail-n]
		c, side = p.source, p.name
	}
	w.Text = "constraint " + describe(c)
	w.Clears = "change the constraint, or add agents that meet it"
	for _, name := range side.names() {
		if known := q.b.attributeNames(); !slices.Contains(known, name) {
			w.Text += fmt.Sprintf(": no agent has %s%s", name, didYouMean(name, known))
			w.Clears = "correct the attribute's name, or add agents that have it"
			return w
		}
	}
	if _, literal := side.literal(); literal {
		w.Text += fmt.Sprintf(": %q is plain text; an agent's attribute is written ${attr.…}, ${node.…} or ${meta.…}", side.text)
		return w
	}
	w.Text += ": " + values(&side, r.agents)
	return w
}

// values says what the agents have instead, the most frequent first.
func values(side *operand, agents []*agent) string {
	counts := map[string]int{}
	for _, a := range agents {
		v, ok := side.value(a.info.Attributes)
		if v = "have " + v; !ok {
			v = "do not have it"
		}
		counts[v]++
	}
	names := slices.SortedFunc(maps.Keys(counts), func(x, y string) int {
		return cmp.Or(cmp.Compare(counts[y], counts[x]), cmp.Compare(x, y))
	})
	for i, n := range names {
		names[i] = plural(counts[n], "agent ", "%d agents ") + n
		if counts[n] == 1 {
			names[i] = strings.NewReplacer("agent have ", "agent has ", "agent do not", "agent does not").Replace(names[i])
		}
	}
	return list(names, 3)
}

// attributeNames returns the attributes that any agent has, sorted.
func (b *Book) attributeNames() []string {
	set := map[string]bool{}
	for _, a := range b.agents {
		if a != nil {
			for name := range a.info.Attributes {
				set[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

func (q *inquiry) whyCapped(g *group) model.WhyReason {
	w := model.WhyReason{Reason: model.WaitDistinct, Tier: model.TierWaiting,
		Text:   fmt.Sprintf("the agent has %s of it already, as many as may be", plural(g.caps.perAgent, "task", "%d tasks")),
		Clears: "when one of them ends, with more agents, or with more tasks on an agent"}
	if g.caps.perAgent == 1 {
		w.Text = "the agent has a task of it already, and they must be on distinct agents"
	}
	if q.empty.placed[g.kind.Group] < q.wants[g.kind.Group] && q.d.AllOrNothing {
		w.Tier = model.TierNever
	}
	return w
}

// whyGang says how many of a gang fit, now and ever.
func (q *inquiry) whyGang() model.WhyReason {
	w := model.WhyReason{Reason: model.WaitGang, Tier: model.TierWaiting,
		Text:   fmt.Sprintf("%d of %d tasks fit now, and all must start at once", q.now.total(), q.total()),
		Clears: "when there is room for the other " + fmt.Sprint(q.total()-q.now.total())}
	if !q.empty.whole {
		w.Tier = model.TierNever
		w.Text = fmt.Sprintf("all %d tasks must start at once, and on empty agents %d fit", q.total(), q.empty.total())
		w.Clears = fmt.Sprintf("ask for at most count=%d, or add agents", q.empty.total())
	}
	return w
}

// maxSearched is how many agents are searched for whose tasks they run.
const maxSearched = 1000

// frees says whose end makes room on agents.
func frees(agents []*agent) string {
	ending, lasting := map[string]int{}, map[string]int{}
	for _, a := range agents[:min(maxSearched, len(agents))] {
		for _, s := range a.running {
			if name := cmp.Or(s.Label, string(s.job)); s.lasts() {
				lasting[name] += s.count
			} else {
				ending[name] += s.count
			}
		}
	}
	switch {
	case len(ending) > 0:
		return "frees when tasks of " + list(byCount(ending), 3) + " end"
	case len(lasting) > 0:
		return "not by itself: tasks of " + list(byCount(lasting), 3) + " are not expected to end"
	}
	return "when offers come back, or with more agents, or when some of its own tasks end"
}

// offeredTo names the other demands with room on offer on agents.
func (q *inquiry) offeredTo(agents []*agent) []string {
	var out []string
	for _, a := range agents {
		for _, s := range a.onOffer {
			if s.Framework == q.d.Framework && s.Demand == cmp.Or(q.d.Kin, q.d.ID) {
				continue
			}
			if name := cmp.Or(s.offer.Label, s.Demand); !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	slices.Sort(out)
	return out
}

func joined(words []string) string { return strings.Join(words, ", ") }

// list joins up to limit words, and counts the others.
func list(words []string, limit int) string {
	if more := len(words) - limit; more > 0 {
		return joined(words[:limit]) + fmt.Sprintf(" and %d more", more)
	}
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}
