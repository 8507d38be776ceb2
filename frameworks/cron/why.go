package cron

import (
	"fmt"
	"strings"
	"time"

	"github.com/tender-scheduler/tender/core/model"
)

// explain says what a schedule waits for.
func (f *Framework) explain(e *entry, now time.Time) []model.Explanation {
	if e.ended() {
		return []model.Explanation{}
	}
	x := model.Explanation{Demand: string(e.ID), Label: e.Job.Name, Tier: model.TierBlocked, At: now}
	add := func(reason model.Reason, text, clears string) {
		x.Why = append(x.Why, model.WhyReason{Reason: reason, Tier: x.Tier, Text: text, Clears: clears})
	}
	if going := e.running(); len(e.Waiting) > 0 {
		x.Asked = len(e.Waiting)
		text := fmt.Sprintf("the run due %s waits for the one before", f.moment(e, e.Waiting[0].Due, now))
		if len(going) > 0 {
			text = fmt.Sprintf("the run due %s is held back because run %d (%s) still goes on (overlap = %q)",
				f.moment(e, e.Waiting[0].Due, now), going[0].N, e.jobOf(going[0].N), e.Job.Periodic.Overlap)
		}
		if n := len(e.Waiting) - 1; n > 0 {
			text += fmt.Sprintf(", and %d more behind it", n)
		}
		add(model.WaitOverlap, text, "that run's end")
	} else if len(going) > 0 && e.Job.Periodic.Overlap == model.OverlapForbid {
		add(model.WaitOverlap, fmt.Sprintf("run %d (%s) goes on; what is due before it ends is skipped (overlap = %q)",
			going[0].N, e.jobOf(going[0].N), e.Job.Periodic.Overlap), "that run's end")
	}
	switch {
	case e.paused():
		text := "it is paused, so no run is due"
		if e.Paused {
			text = "its file says enabled = false, so no run is due"
		}
		add(model.WaitPaused, text, "tender cron resume "+e.Job.Name)
	case e.fault != "":
		x.Tier = model.TierNever
		add(model.WaitScheduled, e.fault, "")
	case e.chained():
		f.explainParents(e, &x)
	case !e.next.IsZero():
		x.Expected = e.next
		add(model.WaitScheduled, "the next run is due "+f.moment(e, e.next, now), "")
	}
	if len(x.Why) == 0 {
		return []model.Explanation{}
	}
	x.Summary = x.Why[0].Text
	if r := e.last(); r != nil {
		x.Summary += fmt.Sprintf("; the last, run %d, %s", r.N, r.words(now))
	}
	return []model.Explanation{x}
}

// explainParents says which runs a chained schedule waits for.
func (f *Framework) explainParents(e *entry, x *model.Explanation) {
	for i := range e.Job.DependsOn {
		d := &e.Job.DependsOn[i]
		r := model.WhyReason{Reason: model.WaitParents, Tier: model.TierBlocked, Clears: fmt.Sprintf("a run of %s", d.Job)}
		p := f.parent(d)
		switch {
		case p == nil:
			x.Tier, r.Tier, r.Reason = model.TierNever, model.TierNever, model.WaitNeverDepends
			r.Text = fmt.Sprintf("it runs after %q, and there is no such schedule any more", d.Job)
			r.Clears = "submit that one again"
		case p.paused():
			r.Text = fmt.Sprintf("it runs after %q, which is paused", d.Job)
			r.Clears = "tender cron resume " + d.Job
		case e.latest(d, time.Time{}) != nil:
			continue // that one has run
		default:
			r.Text = fmt.Sprintf("it runs after %q (%s)", d.Job, d.Kind)
			if going := p.running(); len(going) > 0 {
				r.Text += fmt.Sprintf(", whose run %d goes on", going[len(going)-1].N)
			} else if !p.next.IsZero() {
				r.Text += ", which is due " + f.moment(p, p.next, x.At)
			}
		}
		x.Why = append(x.Why, r)
	}
}

// moment says when something is, on the schedule's clock and from now.
func (f *Framework) moment(e *entry, t, now time.Time) string {
	switch d := t.Sub(now); {
	case d > 0:
		return fmt.Sprintf("%s, in %s", e.inZone(f, t), span(d))
	default:
		return fmt.Sprintf("%s, %s ago", e.inZone(f, t), span(-d))
	}
}

// words says how a run stands.
func (r *run) words(now time.Time) string {
	switch {
	case r.State == model.RunRefused:
		return "could not be submitted: " + r.Message
	case r.active():
		return "goes on since " + span(now.Sub(r.Created))
	case r.State == model.JobFailed:
		return fmt.Sprintf("failed %s ago with exit code %d", span(now.Sub(r.Ended)), r.Code)
	}
	return fmt.Sprintf("%s %s ago", r.State, span(now.Sub(r.Ended)))
}

// span writes a duration in its two largest units.
func span(d time.Duration) string {
	d = d.Round(time.Second)
	days := d / (24 * time.Hour)
	var parts []string
	for _, u := range []struct {
		n    int64
		name string
	}{
		{int64(days), "d"}, {int64(d/time.Hour) % 24, "h"}, {int64(d/time.Minute) % 60, "min"}, {int64(d/time.Second) % 60, "s"},
	} {
		if u.n > 0 || len(parts) > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", u.n, u.name))
		}
	}
	if len(parts) == 0 {
		return "0 s"
	}
	if len(parts) > 1 && strings.HasPrefix(parts[1], "0 ") {
		parts = parts[:1]
	}
	return strings.Join(parts[:min(len(parts), 2)], " ")
}
