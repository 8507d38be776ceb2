package offers

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/tender-scheduler/tender/core/model"
)

// Explain asks why a demand waits, one in the book or another, and holds the
// answer to what the oracle would do for that demand alone.
func (m *machine) Explain(t *rapid.T) {
	d := drawDemand(t, m.now)
	if all := m.b.Demands(); len(all) > 0 && rapid.Bool().Draw(t, "booked") {
		d = rapid.SampledFrom(all).Draw(t, "which")
	}
	booked := m.w.demands[demandID{d.Framework, d.ID}]
	asleep := d.EarliestStart.After(m.now) || booked != nil && booked.refused.After(m.now)
	asked, offered := 0, 0
	wants := make([]int, len(d.Groups))
	for g := range wants {
		asked += d.Groups[g].Count
		wants[g] = d.Groups[g].Count
		if booked != nil && g < len(booked.Groups) {
			out := booked.Groups[g].Count - m.w.outstanding(booked, g)
			wants[g] = max(d.Groups[g].Count-(booked.Groups[g].Count-out), 0)
		}
		offered += d.Groups[g].Count - wants[g]
	}
	e := m.b.Explain(m.now, d)
	if e.Asked != asked {
		t.Fatalf("asked %d, want %d", e.Asked, asked)
	}
	fit := offered
	if !asleep {
		fit += m.starts(m.w, &d, wants)
	}
	if e.Fits != fit {
		t.Fatalf("%d fit, want %d of %+v: %+v", e.Fits, fit, d, e)
	}
	m.checkNever(t, &d, &e, wants, asked-offered)
	if e.Fits < e.Asked && len(e.Why) == 0 || e.Summary == "" {
		t.Fatalf("no reason: %+v", e)
	}
	for _, w := range e.Why {
		if w.Text == "" || w.Clears == "" || w.Reason == "" {
			t.Fatalf("a reason without words: %+v", w)
		}
	}
	if e.Fix != "" {
		m.checkFix(t, d)
	}
	if !e.Expected.IsZero() && !asleep {
		m.checkExpected(t, &d, wants, e.Expected)
	}
}

// outstanding is how many tasks of d's group are on offer.
func (w *world) outstanding(d *wDemand, group int) int {
	n := 0
	for _, o := range w.offers {
		for _, p := range o.Parts {
			if o.Framework == d.Framework && o.Demand == d.ID && p.Group == group {
				n += p.Count
			}
		}
	}
	return n
}

// starts is how many of d's tasks would start in w now.
func (m *machine) starts(w *world, d *model.Demand, wants []int) int {
	stakes, _ := w.serve(d, wants, order(m.b))
	return len(stakes)
}

func (m *machine) checkNever(t *rapid.T, d *model.Demand, e *model.Explanation, wants []int, total int) {
	empty := newWorld()
	known := 0
	for id, a := range m.w.agents {
		empty.agents[id] = &wAgent{a.info, a.known, true}
		if a.known {
			known++
		}
	}
	never := total > 0 && known > 0 && m.starts(empty, d, wants) == 0
	if never != (e.Tier == model.TierNever) {
		t.Fatalf("tier is %s, want never=%v, of %+v: %+v", e.Tier, never, *d, e)
	}
	if total == e.Asked && m.b.Never(*d) != never {
		t.Fatalf("Never is %v, want %v, of %+v", !never, never, *d)
	}
	if known == 0 && e.Fits < e.Asked && e.Why[len(e.Why)-1].Reason != model.WaitNoAgents {
		t.Fatalf("no agent is known: %+v", e)
	}
}

// checkFix makes the change that is advised, which must start the demand.
func (m *machine) checkFix(t *rapid.T, d model.Demand) {
	d.Groups = slices.Clone(d.Groups)
	c, ok := m.b.inquire(m.now, d).smallestChange()
	if !ok {
		t.Fatalf("no change behind the advice")
	}
	c.apply(&d)
	if e := m.b.Explain(m.now, d); e.Fits == 0 {
		t.Fatalf("advised %q, and then: %+v", c.text, e)
	}
}

// checkExpected ends tasks by their time limits: by the time expected the demand
// starts, and not a moment earlier.
func (m *machine) checkExpected(t *rapid.T, d *model.Demand, wants []int, at time.Time) {
	w := m.w.clone()
	w.tasks = map[model.TaskID]wStake{}
	before := m.w.clone()
	before.tasks = map[model.TaskID]wStake{}
	for id, s := range m.w.tasks {
		if s.until.IsZero() || s.until.After(at) {
			w.tasks[id] = s
		}
		if s.until.IsZero() || !s.until.Before(at) {
			before.tasks[id] = s
		}
	}
	if m.starts(w, d, wants) == 0 {
		t.Fatalf("expected at %s, and does not start then: %+v", at, *d)
	}
	if at.After(m.now) && m.starts(before, d, wants) > 0 {
		t.Fatalf("expected at %s, and starts earlier: %+v", at, *d)
	}
}
