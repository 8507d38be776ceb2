package batch

import (
	"fmt"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// why explains what this framework holds back, and names the demands that the
// allocator has to explain.
func (f *Framework) why(now time.Time, q *model.Why) (v model.WhyView, err *model.Refusal) {
	j, err := f.find(q.Selector)
	if err != nil {
		return v, err
	}
	v = model.WhyView{Job: f.view(j, false), Explanations: []model.Explanation{}}
	if ex := f.whyBlocked(j, now); ex != nil {
		v.Explanations = append(v.Explanations, *ex)
		return v, nil
	}
	for i := range j.groups {
		g := &j.groups[i]
		v.Explanations = append(v.Explanations, g.explain(now)...)
		if n := g.startable(); n > 0 {
			if v.Turn == nil && !q.Brief {
				v.Turn = f.turn(g, now)
			}
			v.Demands = append(v.Demands, f.buildDemand(g.demand(), g, n))
		} else if g.hosts != nil && g.filled() == 0 && j.active() {
			v.Demands = append(v.Demands, f.anyHost(g.demand(), g))
		}
	}
	return v, nil
}

// whyBlocked explains a blocked job, nil if it is not.
func (f *Framework) whyBlocked(j *job, now time.Time) *model.Explanation {
	if j.state != model.JobBlocked {
		return nil
	}
	return f.explainDeps(j.deps, j.spec.Name, j.id, j.slotCounts().Waiting, now)
}

// explainDeps explains the conditions that have not come true, nil if all have.
func (f *Framework) explainDeps(deps []dependency, label string, id model.JobID, asked int, now time.Time) *model.Explanation {
	ex := &model.Explanation{Demand: string(id), Label: label, Tier: model.TierBlocked, Asked: asked, At: now}
	var never, open []model.WhyReason
	for _, d := range deps {
		if d.Met {
			continue
		}
		if r := f.explainDep(&d, id); r.Tier == model.TierNever {
			never = append(never, r)
		} else {
			open = append(open, r)
		}
	}
	ex.Why = append(never, open...)
	if len(ex.Why) == 0 {
		return nil
	}
	ex.Tier = ex.Why[0].Tier
	ex.Summary = ex.Why[0].Text
	if n := len(ex.Why) - 1; n > 0 {
		ex.Summary += fmt.Sprintf(" (and %d more)", n)
	}
	if ex.Tier == model.TierNever {
		ex.Fix = ex.Why[0].Clears
	}
	return ex
}

var dependWants = map[model.DependencyKind]string{
	model.DependOK:      "succeed",
	model.DependFailed:  "fail",
	model.DependAny:     "end",
	model.DependStarted: "start",
}

func (f *Framework) explainDep(d *dependency, id model.JobID) model.WhyReason {
	who := fmt.Sprintf("job %q (%s)", d.Name, d.Job)
	other := f.jobs[d.Job]
	if stands(d.Kind, other) != standingNever {
		return model.WhyReason{
			Reason: model.WaitDependency, Tier: model.TierBlocked,
			Text:   fmt.Sprintf("waits for %s to %s; it is %s", who, dependWants[d.Kind], other.standing()),
			Clears: fmt.Sprintf("%s %ss", who, dependWants[d.Kind]),
		}
	}
	r := model.WhyReason{Reason: model.WaitNeverDepends, Tier: model.TierNever}
	cancel := "cancel this job"
	if id != "" {
		cancel += ": tender cancel " + string(id)
	}
	if other == nil {
		r.Text = fmt.Sprintf("waits for %s to %s, which is not known any more", who, dependWants[d.Kind])
		r.Clears = cancel
		return r
	}
	r.Text = fmt.Sprintf("waits for %s to %s, but it %s", who, dependWants[d.Kind], other.fate())
	retry := "tender retry " + string(d.Job)
	if other.state == model.JobSucceeded {
		retry += " --all"
	}
	r.Clears = fmt.Sprintf("run that job again: %s; or %s", retry, cancel)
	return r
}

// standing says where a job is that has not ended.
func (j *job) standing() string {
	if c := j.slotCounts(); j.state == model.JobRunning && c.Total > 1 {
		return fmt.Sprintf("%s, %d of %d tasks done", j.state, c.Succeeded+c.Failed+c.Killed+c.Lost, c.Total)
	}
	return string(j.state)
}

// fate says how a job ended.
func (j *job) fate() string {
	switch j.state {
	case model.JobSucceeded:
		return "succeeded"
	case model.JobCancelled:
		return "was cancelled"
	}
	return fmt.Sprintf("failed with exit code %d", j.outcome.ExitCode)
}

// explain says what this framework holds back of a group's waiting slots.
func (g *group) explain(now time.Time) (out []model.Explanation) {
	if !g.job.active() {
		return nil
	}
	add := func(reason model.Reason, asked int, expected time.Time, summary, clears string) {
		out = append(out, model.Explanation{
			Demand: g.demand(), Label: g.job.spec.Name + "." + g.spec.Name, Tier: model.TierBlocked,
			Summary: summary, Expected: expected, Asked: asked, At: now,
			Why: []model.WhyReason{{Reason: reason, Tier: model.TierBlocked, Text: summary, Clears: clears}},
		})
	}
	waiting := g.counts[classWaiting] + g.counts[classDelayed]
	delayed := waiting - g.ready.Len() - g.claimed
	if delayed > 0 {
		due := g.nextDue()
		add(model.WaitRetryDelay, delayed, due,
			fmt.Sprintf("%s after a failure; the first is tried again at %s", tasksWait(delayed), due.Format(time.RFC3339)),
			"the end of the restart delay")
	}
	n := g.ready.Len()
	if r := &g.refusals; !r.Until.IsZero() && n > 0 {
		add(model.WaitRetryDelay, n, r.Until,
			fmt.Sprintf("%s: the master refused the last %d launches (%s)", tasksWait(n), r.Count, r.Why),
			"another attempt at "+r.Until.UTC().Format(time.RFC3339))
		return out
	}
	if k := n - g.startable(); k > 0 && !g.gang() {
		text := fmt.Sprintf("%s: the array's limit is %d at once", tasksWait(k), g.spec.Array.Limit)
		if l := g.live(); l > 0 {
			text += fmt.Sprintf(", %d are started", l)
		}
		add(model.WaitArrayLimit, k, time.Time{}, text, "a task of the array ends")
	}
	return out
}

func tasksWait(n int) string {
	if n == 1 {
		return "1 task waits"
	}
	return fmt.Sprintf("%d tasks wait", n)
}

// nextDue returns when the first of the group's retry delays ends.
func (g *group) nextDue() (first time.Time) {
	for n, t := range g.tries {
		if t.since == 0 || g.peek(int(n)).state != slotDelayed {
			continue
		}
		if d := t.dueTime(); first.IsZero() || d.Before(first) {
			first = d
		}
	}
	return first
}
