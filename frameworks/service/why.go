package service

import (
	"fmt"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// why explains what this framework holds back, and names the demands that the
// allocator has to explain.
func (f *Framework) why(now time.Time, q *model.Why) (v model.WhyView, err *model.Refusal) {
	j, err := f.selected(q.Selector)
	if err != nil {
		return v, err
	}
	v = model.WhyView{Job: f.view(j, false), Explanations: []model.Explanation{}}
	launches := map[model.JobID]bool{}
	j.allocs(func(_ *group, _ *slot, a *alloc) {
		if id := a.launchID(j); a.Live && !launches[id] {
			launches[id] = true
			v.Launches = append(v.Launches, id)
		}
	})
	if j.stopping() {
		return v, nil
	}
	for _, g := range j.Groups {
		v.Explanations = append(v.Explanations, f.explain(g, now)...)
	}
	if d := j.deployment(); d != nil {
		if e := f.explainDeployment(j, d, now); e != nil {
			v.Explanations = append(v.Explanations, *e)
		}
	}
	for _, id := range sortedKeys(j.buckets) {
		if n := f.book.Wanted(id); n > 0 && n != everyCount {
			v.Demands = append(v.Demands, f.buildDemand(j.buckets[id], n))
		}
	}
	if j.system() {
		v.Demands = append(v.Demands, f.whyNotThere(j, now)...)
	}
	return v, nil
}

// whyNotThere returns what a system job's tasks that wait for room on their agents
// ask for, one demand for each agent: the job's own is for all agents there are.
func (f *Framework) whyNotThere(j *job, now time.Time) (out []model.Demand) {
	for _, g := range j.Groups {
		for _, s := range g.Slots {
			a := s.target()
			if s.Cur.Live || !a.waiting() || a.Base != g.Base || a.Since != 0 && a.dueTime().After(now) {
				continue
			}
			b := &bucket{id: fmt.Sprintf("%s/%s/%d", j.ID, g.Name, s.Index), g: g, base: a.Base, prefer: s.Agent}
			out = append(out, f.buildDemand(b, 1))
		}
	}
	return out
}

// explain says what is held back of a group's waiting allocations.
func (f *Framework) explain(g *group, now time.Time) (out []model.Explanation) {
	add := func(reason model.Reason, asked int, expected time.Time, summary, clears string) {
		out = append(out, model.Explanation{
			Demand: string(g.job.ID) + "/" + g.Name, Label: g.job.spec().Name + "." + g.Name, Tier: model.TierBlocked,
			Summary: summary, Expected: expected, Asked: asked, At: now,
			Why: []model.WhyReason{{Reason: reason, Tier: model.TierBlocked, Text: summary, Clears: clears}},
		})
	}
	delayed, after, ready := 0, 0, 0
	var first time.Time
	for _, s := range g.Slots {
		for _, a := range s.shown() {
			switch {
			case !a.waiting():
			case a == s.Next && s.After:
				after++
			case a.Since != 0 && a.dueTime().After(now):
				delayed++
				if due := a.dueTime(); first.IsZero() || due.Before(first) {
					first = due
				}
			default:
				ready++
			}
		}
	}
	if delayed > 0 {
		add(model.WaitRetryDelay, delayed, first, fmt.Sprintf("%s after a failure; the first is tried again at %s", tasksWait(delayed), first.Format(time.RFC3339)),
			"the end of the delay that restart or reschedule sets")
	}
	if after > 0 {
		add(model.WaitBehind, after, time.Time{}, fmt.Sprintf("%s for the end of what it replaces, as both need the same room", tasksWait(after)), "its end, at the latest after shutdown_delay and kill_timeout")
	}
	if r := &g.refusals; r.Until.After(now) && ready > 0 {
		add(model.WaitRetryDelay, ready, r.Until, fmt.Sprintf("%s: the master refused the last %d launches (%s)", tasksWait(ready), r.Count, r.Why),
			"another attempt at "+r.Until.UTC().Format(time.RFC3339))
	}
	if g.job.system() && len(g.Slots) == 0 {
		e := model.Explanation{Demand: string(g.job.ID) + "/" + g.Name, Label: g.job.spec().Name + "." + g.Name, Tier: model.TierWaiting, At: now, Asked: 1,
			Summary: "no agent runs one: none that meets its constraints has room", Why: []model.WhyReason{{
				Reason: model.WaitConstraint, Tier: model.TierWaiting, Text: "no agent fits now", Clears: "an agent that fits joins, or gets room"}}}
		out = append(out, e)
	}
	return out
}

// explainDeployment says what a deployment waits for, or why it came to nothing;
// nil if there is nothing to say.
func (f *Framework) explainDeployment(j *job, d *deployment, now time.Time) *model.Explanation {
	v := f.deploymentView(j, d)
	e := &model.Explanation{Label: j.spec().Name, Tier: model.TierBlocked, At: now}
	what := fmt.Sprintf("deployment %d of version %d", d.Number, d.Version)
	reason := model.WhyReason{Reason: model.WaitDeployment, Tier: model.TierBlocked}
	switch {
	case d.State == model.DeploymentFailed:
		e.Summary = what + " failed: " + d.Message
		reason.Clears = "a new version: tender submit, or tender rollback " + j.spec().Name
	case d.State == model.DeploymentPaused:
		e.Summary, reason.Clears = what+" is paused", "tender deployment resume "+j.spec().Name
	case v.NeedsPromotion:
		e.Summary, reason.Clears = what+" waits for the promotion of its canaries", "tender deployment promote "+j.spec().Name
	default:
		return nil
	}
	reason.Text = e.Summary
	e.Why = []model.WhyReason{reason}
	return e
}

func tasksWait(n int) string {
	if n == 1 {
		return "1 task waits"
	}
	return fmt.Sprintf("%d tasks wait", n)
}
