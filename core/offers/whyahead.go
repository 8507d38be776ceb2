package offers

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/tender-scheduler/tender/core/model"
	"github.com/tender-scheduler/tender/core/offers/shares"
)

// What is in a demand's way that is not the agents: holds of others, its role's
// limit, those that go first.

// label is what people call a demand.
func (d *demand) label() string { return cmp.Or(d.Label, d.ID) }

func (q *inquiry) whyHeld(r *rejects) model.WhyReason {
	w := model.WhyReason{Reason: model.WaitHeld, Tier: model.TierWaiting}
	first := int64(never)
	for _, a := range r.agents {
		for _, p := range a.holds {
			if !q.win.bars(p) {
				continue
			}
			if name := p.hold.d.label(); !slices.Contains(w.For, name) {
				w.For = append(w.For, name)
			}
			if p.hold.estimated {
				first = 0
			} else {
				first = min(first, p.from)
			}
		}
	}
	slices.Sort(w.For)
	names, has, waits := list(w.For, 3), "has", "goes first and waits"
	if len(w.For) > 1 {
		has, waits = "have", "go first and wait"
	}
	w.For = w.For[:min(maxNamed, len(w.For))]
	if first == 0 {
		w.Text = "what is free there is kept for " + names + ", which " + waits + " for tasks without a time limit"
		w.Clears = "when " + names + " " + has + " started, or with a short time_limit"
		return w
	}
	w.Until = timeOf(first)
	w.Text = fmt.Sprintf("held for %s from %s on", names, w.Until.Format(time.TimeOnly))
	w.Clears = fmt.Sprintf("with a time_limit that ends before, or when %s %s started", names, has)
	return w
}

// whyLimited says whose limit is in the way.
func (q *inquiry) whyLimited() model.WhyReason {
	shape := q.asIf.groups[q.asIf.firstWanted()].kind.shape
	if q.d.AllOrNothing {
		want := 0
		for i := range q.groups {
			if q.groups[i].kind.shape == shape {
				want += q.wants[i]
			}
		}
		shape = shape.Times(int64(want))
	}
	_, at, kind := q.asIf.class.node.Headroom(shape, 1)
	w := model.WhyReason{Reason: model.WaitRoleLimit, Tier: model.TierBlocked, Clears: "when tasks of the role end, or with a higher limit (tender role set)"}
	if at == nil {
		w.Text = "a limit of its role is in the way"
		return w
	}
	w.Role = at.Path()
	for _, dim := range dimensions {
		if dim.name == kind {
			used, limit := at.Used(), limitOf(at, kind)
			if *dim.of(&shape) > limit {
				w.Tier, w.Clears = model.TierNever, "ask for less, or raise the limit (tender role set)"
				w.Text = fmt.Sprintf("role %s may use %s %s in all; this would take %s",
					roleName(at), dim.format(limit), kind, dim.format(*dim.of(&shape)))
				continue
			}
			w.Text = fmt.Sprintf("role %s may use %s %s in all and uses %s; this would take %s more",
				roleName(at), dim.format(limit), kind, dim.format(*dim.of(&used)), dim.format(*dim.of(&shape)))
		}
	}
	return w
}

// limitNever reports whether a limit is in the way that no end of others clears.
func (q *inquiry) limitNever(e *model.Explanation) bool {
	return slices.ContainsFunc(e.Why, func(w model.WhyReason) bool {
		return w.Reason == model.WaitRoleLimit && w.Tier == model.TierNever
	})
}

// whyPreempting says that tasks are being stopped for the demand.
func (q *inquiry) whyPreempting() model.WhyReason {
	w := model.WhyReason{Reason: model.WaitPreempting, Tier: model.TierHeld}
	n := 0
	for _, v := range q.b.inverses {
		if v.d.ID == q.d.ID && v.d.Framework == q.d.Framework {
			n += v.left
			w.Until = earlier(w.Until, v.Deadline)
		}
	}
	w.Text = plural(n, "task is", "%d tasks are") + " being stopped to make room for it"
	w.Clears = "when they have ended, at the latest at " + w.Until.Format(time.TimeOnly)
	return w
}

// limitOf returns a role's limit of a resource, by the name in job files.
func limitOf(n *shares.Node, kind string) int64 {
	c, _ := n.Config()
	l := map[string]*int64{"cpus": c.Limit.CPUMilli, "memory": c.Limit.MemoryBytes, "disk": c.Limit.DiskBytes, "gpus": c.Limit.GPUMilli}[kind]
	if l == nil {
		return 0
	}
	return *l
}

func roleName(n *shares.Node) string {
	if n.Path() == "" {
		return "(all)"
	}
	return n.Path()
}

// addAhead says who goes first where that may matter: where something fits on no
// agent, or is held.
func (q *inquiry) addAhead(e *model.Explanation) {
	if q.ahead.count == 0 || q.total() == 0 || e.Fits > q.offered {
		return
	}
	w := model.WhyReason{Reason: model.WaitBehind, Tier: model.TierWaiting, Clears: "as those start, end or are cancelled"}
	first, node := q.ahead.first[0], q.asIf.class.node
	theirs, ours := shares.Parting(first.class.node, node)
	for _, d := range q.ahead.first[:min(maxNamed, len(q.ahead.first))] {
		w.For = append(w.For, d.label())
	}
	go1 := plural(q.ahead.count, "demand goes", "%d demands go") + " first: " + listOf(w.For, q.ahead.count, 3)
	switch {
	case first.preempting > 0:
		w.Text = go1
	case first.Role != q.d.Role && first.class.node.Below(first.asks()) && !node.Below(q.asIf.asks()):
		w.Reason, w.Role = model.WaitGuarantee, first.Role
		w.Text = fmt.Sprintf("%s (role %s has less than it is guaranteed)", go1, first.Role)
	case first.Role != q.d.Role && theirs.Share < ours.Share:
		w.Reason, w.Role = model.WaitShare, first.Role
		w.Text = fmt.Sprintf("%s (role %s uses %s of the cluster by its weight, %s %s)", go1, partName(&theirs),
			percent(theirs.Share), cmp.Or(partName(&ours), "this role"), percent(ours.Share))
	default:
		w.Text = go1
	}
	e.Why = append(e.Why, w)
}

// partName is what people call one of two roles that are compared.
func partName(p *shares.Part) string {
	if p.Own && p.Role != "" {
		return p.Role + " itself"
	}
	return p.Role
}

func percent(share float64) string { return fmt.Sprintf("%.3g%%", 100*share) }

// listOf is list where words are only the first of total.
func listOf(words []string, total, limit int) string {
	if total <= limit {
		return list(words, limit)
	}
	shown := words[:min(limit, len(words))]
	return fmt.Sprintf("%s and %d more", joined(shown), total-len(shown))
}

func reservedFor(n *shares.Node, agents []*agent) []string {
	var out []string
	for _, a := range agents {
		for _, r := range a.reserved {
			if !within(n, r.node) && !slices.Contains(out, roleName(r.node)) {
				out = append(out, roleName(r.node))
			}
		}
	}
	slices.Sort(out)
	return out
}
